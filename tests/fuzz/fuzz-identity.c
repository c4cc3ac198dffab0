/* fuzz-identity.c - Identity values; headers, claims and parameters of some, a line each; chains of
 * certificates. */
#include "base/json.h"
#include "user/passport.h"
#include "user/shaken_cert.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_number(const char *text)
{
    if (!*text || strlen(text) >= CW_TN_STR || strspn(text, "0123456789*#") != strlen(text))
        abort();
}

static void read_exact(const char *text, size_t len)
{
    char *exact = g_memdup2(text, len), why[128] = "";
    cw_passport passport;

    if (cw_passport_read(exact, len, &passport, why) == CW_OK) {
        is_number(passport.orig);
        for (unsigned i = 0; i < passport.dest_n; i++)
            is_number(passport.dest[i]);
        if (passport.dest_n < 1 || passport.dest_n > CW_DESTS_MAX || passport.iat < 0 ||
            !strchr("ABC", passport.attest) || !passport.x5u || !passport.token ||
            strlen(passport.token) + strlen(passport.x5u) > len)
            abort();
        (void)!cw_passport_fits(&passport, &(cw_passport_call){ .from = "1", .to = "2", .now = 1 },
                                why);
    } else if (passport.x5u || passport.token) {
        abort();
    }
    cw_passport_clear(&passport);
    g_free(exact);
}

static char *base64(const char *text)
{
    char *coded = g_base64_encode((const guchar *)text, strlen(text));

    g_strdelimit(g_strdelimit(coded, "+", '-'), "/", '_');
    coded[strcspn(coded, "=")] = '\0';
    return coded;
}

/* Header, claims and parameters as lines: deeper than what is coded would lead. */
static void read_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    g_autofree char *head = NULL, *claims = NULL, *value = NULL;

    if (g_strv_length(lines) < 3)
        return;
    head = base64(lines[0]);
    claims = base64(lines[1]);
    value = g_strdup_printf("%s.%s.AAAA%s", head, claims, lines[2]);
    read_exact(value, strlen(value));
}

static void read_chain(const char *text, size_t len)
{
    static X509_STORE *store;
    cw_shaken_cert *cert = NULL;
    char *exact = g_memdup2(text, len), why[128];

    if (!store)
        store = X509_STORE_new();
    if (cw_shaken_cert_read(exact, len, &(cw_cert_rules){ .authorities = store }, &cert, why) ==
        CW_OK)
        abort(); /* nobody is trusted */
    g_free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    read_exact((const char *)data, size);
    read_lines(text);
    read_chain((const char *)data, size);
    return 0;
}
