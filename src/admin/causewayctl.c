/* causewayctl.c - the command line of a running gateway. */
#include <config.h>

#include "admin/place.h"
#include "admin/print.h"
#include "base/conf.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX    (64u << 20)
#define REPLY_WAIT_S 10

typedef struct options {
    bool json;
    const char *socket; /* NULL: look for it */
} options;

/* ── Asking the gateway ── */

static int try_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    const struct timeval wait = { .tv_sec = REPLY_WAIT_S };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (strlen(path) < sizeof addr.sun_path) {
        g_strlcpy(addr.sun_path, path, sizeof addr.sun_path);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
            return fd;
    } else {
        errno = ENAMETOOLONG;
    }
    int failed = errno;

    close(fd);
    errno = failed;
    return -1;
}

/* The gateway's socket; -1 and a word on standard error. */
static int connect_gateway(const char *given)
{
    g_autofree char *dir = cw_admin_demo_dir();
    g_autofree char *demo = g_build_filename(dir, "ctl", NULL);
    cw_conf *conf = cw_conf_defaults();
    g_autofree char *installed = g_strdup(conf->admin.socket);
    const char *path = given ?: g_getenv("CAUSEWAY_SOCKET");
    int fd = try_connect(path ?: installed);

    cw_conf_free(conf);

    if (fd < 0 && !path)
        fd = try_connect(demo);
    if (fd >= 0)
        return fd;
    if (path)
        fprintf(stderr, "causewayctl: %s: %s\n", path, g_strerror(errno));
    else
        fprintf(stderr, "causewayctl: no gateway at %s or %s (%s); use -s SOCKET\n", installed,
                demo, g_strerror(errno));
    return -1;
}

static bool send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* One line, without its end; NULL when the gateway went silent. */
static GString *read_line(int fd)
{
    GString *line = g_string_new(NULL);
    char buf[16384];

    while (line->len < REPLY_MAX) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        char *end;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        end = memchr(buf, '\n', (size_t)n);
        g_string_append_len(line, buf, end ? end - buf : n);
        if (end)
            return line;
    }
    g_string_free(line, TRUE);
    return NULL;
}

static json_t *request(int fd, cw_ctl cmd, json_t *params)
{
    g_autofree char *method = cw_ctl_method(cmd);
    g_autoptr(json_t) message = json_pack("{s:s s:i s:s s:O}", "jsonrpc", "2.0", "id", 1, "method",
                                          method, "params", params);
    char *text = cw_json_print(message);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    GString *reply;
    json_t *value;

    free(text);
    if (!send_all(fd, line, strlen(line)))
        return NULL;
    reply = read_line(fd);
    if (!reply)
        return NULL;
    value = json_loadb(reply->str, reply->len, 0, NULL);
    g_string_free(reply, TRUE);
    return value;
}

static int refused(const json_t *error)
{
    const char *message = json_string_value(json_object_get(error, "message")) ?: "refused";
    const char *why = json_string_value(json_object_get(json_object_get(error, "data"), "why"));
    g_autofree char *text = cw_ctl_clean(message);
    g_autofree char *more = why ? cw_ctl_clean(why) : NULL;

    fprintf(stderr, "causewayctl: %s%s%s\n", text, more ? ": " : "", more ?: "");
    return CW_EXIT_REFUSED;
}

static int show(const options *opt, cw_ctl cmd, const json_t *reply)
{
    const json_t *error = json_object_get(reply, "error");
    const json_t *result = json_object_get(reply, "result");

    if (error || !result)
        return refused(error);
    if (opt->json) {
        json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
    } else {
        cw_ctl_print(cmd, result, stdout);
    }
    return CW_EXIT_OK;
}

static int ask(const options *opt, cw_ctl cmd, json_t *params)
{
    g_autoptr(json_t) reply = NULL;
    int fd = connect_gateway(opt->socket);

    if (fd < 0)
        return CW_EXIT_NO_GATEWAY;
    reply = request(fd, cmd, params);
    close(fd);
    if (!reply) {
        fprintf(stderr, "causewayctl: no reply from the gateway\n");
        return CW_EXIT_NO_GATEWAY;
    }
    return show(opt, cmd, reply);
}

/* ── Done here ── */

static int config_check(const json_t *params)
{
    const char *path = json_string_value(json_object_get(params, "file"));
    cw_conf *conf = NULL;
    char *why = NULL;
    cw_err err = cw_conf_load(path, NULL, &conf, &why);

    if (err)
        fprintf(stderr, "%s\n", why ? g_strchomp(why) : cw_err_text(err));
    else
        printf("%s: good\n", path);
    g_free(why);
    cw_conf_free(conf);
    return err ? CW_EXIT_REFUSED : CW_EXIT_OK;
}

static int run(const options *opt, int argc, char *const *argv)
{
    g_autoptr(json_t) params = NULL;
    char why[128];
    cw_ctl cmd;
    int used;
    cw_err err = cw_ctl_find(argc, argv, &cmd, &used, why);

    if (!err)
        err = cw_ctl_params(cmd, argc - used, argv + used, &params, why);
    if (err) {
        fprintf(stderr, "causewayctl: %s\n", why);
        return CW_EXIT_USAGE;
    }
    if (cmd == CW_CTL_config_check)
        return config_check(params);
    return ask(opt, cmd, params);
}

static void help(FILE *out)
{
    fprintf(out, "Usage: causewayctl [-j] [-s SOCKET] COMMAND\n\n"
                 "Options:\n"
                 "  -j, --json           print the answer as JSON\n"
                 "  -s, --socket SOCKET  the gateway's socket; default: $CAUSEWAY_SOCKET, "
                 "/run/causeway/ctl, the demo's\n"
                 "  -h, --help           this text\n"
                 "  -V, --version\n\n");
    cw_ctl_print_help(out);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "json", no_argument, NULL, 'j' },       { "socket", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },       { "version", no_argument, NULL, 'V' },
        { "print-docs", no_argument, NULL, 'D' }, { NULL, 0, NULL, 0 },
    };
    options opt = { 0 };
    int c;

    while ((c = getopt_long(argc, argv, "+js:hV", longs, NULL)) != -1) {
        switch (c) {
        case 'j':
            opt.json = true;
            break;
        case 's':
            opt.socket = optarg;
            break;
        case 'h':
            help(stdout);
            return CW_EXIT_OK;
        case 'V':
            printf("causewayctl %s\n", PACKAGE_VERSION);
            return CW_EXIT_OK;
        case 'D':
            cw_ctl_print_docs(stdout);
            return CW_EXIT_OK;
        default:
            return CW_EXIT_USAGE;
        }
    }
    if (optind == argc) {
        help(stderr);
        return CW_EXIT_USAGE;
    }
    return run(&opt, argc - optind, argv + optind);
}
