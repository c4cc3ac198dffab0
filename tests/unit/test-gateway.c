/* The whole gateway in this process: built, asked, ended; nothing of it is left. */
#include "base/json.h"
#include "base/log.h"
#include "base/stats.h"
#include "gateway.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned count(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    g_assert_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Threads that have ended leave /proc a moment later than pthread_join() returns. */
static unsigned threads(unsigned want)
{
    for (int i = 0; i < 1000000 && count("/proc/self/task") != want; i++)
        g_thread_yield();
    return count("/proc/self/task");
}

typedef struct place {
    char *dir, *socket;
} place;

static void place_init(place *p)
{
    p->dir = g_dir_make_tmp("causeway-XXXXXX", NULL);
    g_assert_nonnull(p->dir);
    p->socket = g_build_filename(p->dir, "ctl", NULL);
}

static void place_clear(place *p)
{
    g_assert_cmpint(access(p->socket, F_OK), ==, -1);
    g_assert_cmpint(rmdir(p->dir), ==, 0);
    g_free(p->dir);
    g_free(p->socket);
}

static cw_conf *make_conf(const char *socket, const char *more)
{
    g_autofree char *text =
        g_strdup_printf("admin: { socket = \"%s\"; };\n"
                        "log: { level = \"error\"; };\n"
                        "web: { listen = ( \"127.0.0.1:0\" ); };\n"
                        "sip: { listen = ( \"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\" ); };\n"
                        "media: { workers = 2; browser_port = %d; };\n%s",
                        socket, g_random_int_range(10240, 19999), more);
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    if (cw_conf_load("test", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

/* A port may be taken by somebody else on this machine: another is tried. */
static cw_gateway *build(const char *socket, cw_conf **conf)
{
    for (int tries = 0; tries < 20; tries++) {
        g_autofree char *why = NULL;
        cw_gateway *gateway;

        *conf = make_conf(socket, "");
        if (cw_gateway_new(*conf, NULL, &gateway, &why) == CW_OK)
            return gateway;
        g_test_message("%s", why);
        cw_conf_free(*conf);
    }
    g_error("no gateway can be built");
}

static void up_and_down(void)
{
    unsigned fds = 0, tasks = 0;
    place p;

    cw_assert_on_loop();
    /* The first round leaves what libraries keep for good. */
    for (int round = 0; round < 4; round++) {
        cw_gateway *gateway;
        cw_conf *conf;

        place_init(&p);
        gateway = build(p.socket, &conf);
        for (int i = 0; i < 5; i++)
            cw_loop_step(cw_gateway_loop(gateway), 2);
        cw_gateway_free(gateway);
        cw_conf_free(conf);
        place_clear(&p);
        if (round == 0) {
            fds = count("/proc/self/fd");
            tasks = count("/proc/self/task");
            g_assert_cmpuint(threads(tasks), <=, tasks);
            continue;
        }
        g_assert_cmpuint(count("/proc/self/fd"), ==, fds);
        g_assert_cmpuint(threads(1), <=, tasks);
    }
    g_assert_cmpint(cw_stat_get(CW_STAT_calls), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_sip_calls), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_transports), ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_rtp_ports), ==, 0);
}

/* ── What cannot be had ── */

static const struct {
    const char *name, *conf, *why;
} wrong[] = {
    { "web-address", "web: { listen = ( \"192.0.2.1:80\" ); };", "192.0.2.1" },
    { "sip-address", "sip: { listen = ( \"udp:192.0.2.1:5060\" ); };", "192.0.2.1" },
    { "media-address", "media: { browser_listen = ( \"192.0.2.1\" ); };", "192.0.2.1" },
    { "media-name", "media: { browser_listen = ( \"example.com\" ); };", "example.com" },
    { "rtp-twice", "media: { rtp_listen = ( \"127.0.0.1\", \"127.0.0.2\" ); };", "127.0.0.2" },
    { "rtp-ports", "media: { rtp_port_min = 30000; rtp_port_max = 20000; };", "rtp_port_max" },
    { "public-name", "media: { public_address = ( \"here\" ); };", "here" },
    { "public-twice", "media: { public_address = ( \"192.0.2.1\", \"192.0.2.2\" ); };",
      "192.0.2.2" },
    { "ice-mode", "webrtc: { ice = \"half\"; };", "half" },
    { "ice-ports", "webrtc: { ice = \"full\"; port_min = 5000; port_max = 4000; };", "port_max" },
    { "stun-name", "webrtc: { stun = \"a b:1\"; };", "webrtc.stun" },
    { "turn-address", "turn = ( { username = \"u\"; password = \"p\"; } );", "host[:port]" },
    { "turn-port", "turn = ( { address = \"host:99999\"; username = \"u\"; password = \"p\"; } );",
      "99999" },
    { "turn-transport", "turn = ( { address = \"host\"; transport = \"sctp\"; } );",
      "udp, tcp or tls" },
    { "turn-login", "turn = ( { address = \"host\"; } );", "username and password" },
    { "key-file", "key = ( { algorithm = \"ES256\"; public_key = \"/nonexistent\"; } );",
      "public_key" },
    { "web-name", "web: { listen = ( \"example.com:80\" ); };", "web.listen" },
    { "tls-half", "web: { tls_certificate = \"x.pem\"; };", "tls_key" },
    { "sip-no-transport", "sip: { listen = ( \"127.0.0.1:5060\" ); };", "sip.listen" },
    { "sip-nowhere", "sip: { listen = ( ); };", "sip.listen" },
    { "sip-peer", "sip: { peers = ( \"10.0.0.0/99\" ); };", "sip.peers" },
    { "trunk-no-name", "trunk = ( { address = \"192.0.2.1\"; } );", "name is missing" },
    { "trunk-no-address", "trunk = ( { name = \"t\"; } );", "address is missing" },
    { "trunk-transport", "trunk = ( { name = \"t\"; address = \"x\"; transport = \"sctp\"; } );",
      "transport must be" },
    { "trunk-twice",
      "trunk = ( { name = \"t\"; address = \"x\"; }, { name = \"t\"; address = \"y\"; } );",
      "two of this name" },
    { "inbound-no-match", "inbound = ( { to = \"user:ann\"; } );", "match is missing" },
    { "inbound-to", "inbound = ( { match = \"1*\"; to = \"room:x\"; } );", "room:x" },
    { "inbound-no-trunk", "inbound = ( { match = \"+*\"; to = \"tel:$\"; } );", "tel:$" },
    { "inbound-no-host", "inbound = ( { match = \"*\"; to = \"sip:$@\"; } );", "sip:$@" },
    { "log-level", "log: { level = \"loud\"; };", "loud" },
    { "socket-folder", "admin: { socket = \"/nonexistent/ctl\"; };", "/nonexistent" },
};

static void refuse(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    g_autofree char *why = NULL;
    cw_gateway *gateway = NULL;
    cw_conf *conf;

    if (cw_conf_load("test", wrong[i].conf, &conf, &why)) { /* found even sooner */
        g_assert_nonnull(strstr(why, wrong[i].why));
        return;
    }
    g_clear_pointer(&why, g_free);
    if (!strstr(wrong[i].conf, "browser_listen"))
        conf->media.browser_port = g_random_int_range(10240, 19999);
    g_assert_cmpint(cw_gateway_new(conf, NULL, &gateway, &why), !=, CW_OK);
    g_assert_nonnull(why);
    if (!strstr(why, wrong[i].why))
        g_error("%s: said \"%s\"", wrong[i].name, why);
    cw_conf_free(conf);
}

/* ── The admin socket ── */

static int connect_to(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(addr.sun_path, path, sizeof addr.sun_path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof addr), ==, 0);
    return fd;
}

/* Send the text, then the next line that comes, or NULL when the gateway hangs up. */
static char *talk(cw_gateway *gateway, int fd, const char *text, size_t len)
{
    g_autoptr(GString) reply = g_string_new(NULL);
    size_t sent = 0;

    cw_assert_on_loop();
    for (int i = 0; i < 2000; i++) {
        char buf[4096];
        ssize_t n = sent < len ? send(fd, text + sent, len - sent, MSG_NOSIGNAL) : 0;

        sent += n > 0 ? (size_t)n : 0;
        cw_loop_step(cw_gateway_loop(gateway), 2);
        n = recv(fd, buf, sizeof buf, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return NULL;
        if (n < 0)
            continue;
        g_string_append_len(reply, buf, n);
        if (strchr(reply->str, '\n'))
            return g_strdup(reply->str);
    }
    g_error("no reply to %.40s", text);
}

static const struct {
    const char *name, *line, *wants;
} asked[] = {
    { "status", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n", "\"version\"" },
    { "calls", "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"calls\"}\n", "\"id\":\"x\"" },
    { "no-json", "hello\n", "\"parse\"" },
    { "no-method", "{\"id\":1}\n", "\"bad-request\"" },
    { "unknown", "{\"id\":1,\"method\":\"reboot\"}\n", "\"unknown-method\"" },
    { "local", "{\"id\":1,\"method\":\"config.check\"}\n", "\"unknown-method\"" },
    { "no-such-call", "{\"id\":1,\"method\":\"call.show\",\"params\":{\"id\":\"0000000000001\"}}\n",
      "\"no-call\"" },
    { "id-of-number", "{\"id\":1,\"method\":\"call.show\",\"params\":{\"id\":7}}\n",
      "\"bad-params\"" },
    { "array", "[]\n", "\"bad-request\"" },
    { "two-in-one", "{\"id\":1,\"method\":\"calls\"}\n{\"id\":2,\"method\":\"calls\"}\n",
      "\"id\":1" },
};

static void ask(void)
{
    cw_gateway *gateway;
    cw_conf *conf;
    place p;
    int fd;

    cw_assert_on_loop();
    place_init(&p);
    gateway = build(p.socket, &conf);
    for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autofree char *reply = NULL;

        fd = connect_to(p.socket);
        reply = talk(gateway, fd, asked[i].line, strlen(asked[i].line));
        g_assert_nonnull(reply);
        if (!strstr(reply, asked[i].wants))
            g_error("%s: got %s", asked[i].name, reply);
        close(fd);
    }
    cw_gateway_free(gateway);
    cw_conf_free(conf);
    place_clear(&p);
}

static void ask_without_end(void)
{
    g_autofree char *line = g_strnfill(100000, ' ');
    cw_gateway *gateway;
    cw_conf *conf;
    place p;
    int fd;

    cw_assert_on_loop();
    place_init(&p);
    gateway = build(p.socket, &conf);
    fd = connect_to(p.socket);
    g_assert_null(talk(gateway, fd, line, strlen(line)));
    close(fd);
    cw_gateway_free(gateway);
    cw_conf_free(conf);
    place_clear(&p);
}

static void second_gateway(void)
{
    g_autofree char *why = NULL;
    cw_conf *conf, *other;
    cw_gateway *gateway, *second;
    place p;

    cw_assert_on_loop();
    place_init(&p);
    gateway = build(p.socket, &conf);
    other = make_conf(p.socket, "");
    g_assert_cmpint(cw_gateway_new(other, NULL, &second, &why), !=, CW_OK);
    g_assert_cmpint(access(p.socket, F_OK), ==, 0); /* the first one's stays */
    cw_conf_free(other);
    cw_gateway_free(gateway);
    cw_conf_free(conf);
    place_clear(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_loop);
    g_assert_cmpint(cw_log_set_level(NULL, "error"), ==, CW_OK);
    g_test_add_func("/gateway/up-and-down", up_and_down);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *path = g_strdup_printf("/gateway/refuse/%s", wrong[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), refuse);
    }
    g_test_add_func("/gateway/ask", ask);
    g_test_add_func("/gateway/ask-without-end", ask_without_end);
    g_test_add_func("/gateway/second", second_gateway);
    return g_test_run();
}
