/* protogen.c - print proto.def as documents. Not installed. */
#include "api/gen.h"

#include <stdlib.h>
#include <string.h>

const char *cw_gen_camel(const char *name)
{
    static char ring[16][64];
    static unsigned turn;
    char *buf = ring[turn++ % G_N_ELEMENTS(ring)], *p = buf;
    bool up = true;

    for (; *name && p < buf + sizeof ring[0] - 1; name++) {
        if (*name == '_') {
            up = true;
            continue;
        }
        *p++ = up ? g_ascii_toupper(*name) : *name;
        up = false;
    }
    *p = '\0';
    return buf;
}

/* Errors of parsers inside the gateway share the code of "internal" and never leave it. */
bool cw_gen_err_public(cw_err err)
{
    return err != CW_OK && (err == CW_E_INTERNAL || cw_err_json(err) != -32603);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *option;
        void (*print)(FILE *out);
    } outputs[] = {
        { "schema", cw_gen_schema },
        { "asyncapi", cw_gen_asyncapi },
        { "typescript", cw_gen_typescript },
        { "markdown", cw_gen_markdown },
    };

    for (unsigned i = 0; argc == 2 && i < G_N_ELEMENTS(outputs); i++)
        if (!strcmp(argv[1], outputs[i].option)) {
            outputs[i].print(stdout);
            return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        }
    fputs("usage: protogen schema|asyncapi|typescript|markdown\n", stderr);
    return 2;
}
