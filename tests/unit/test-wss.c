/* The listener with TLS: the same guard, behind SSL_read(). */
#include "api/api.h"
#include "base/log.h"
#include "base/stats.h"
#include "tests/unit/fake-call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 5000 };

static cw_loop *loop;
static cw_conf *conf;
static cw_tokens *tokens;
static cw_api *api;
static SSL_CTX *ctx;
static char *dir;

/* ── A certificate ──────────────────────────────────────────────────────────────────────────────
 */

static char *path_of(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static void write_pem(EVP_PKEY *pkey, X509 *cert)
{
    g_autofree char *key_path = path_of("key.pem"), *cert_path = path_of("cert.pem");
    FILE *key_file = fopen(key_path, "w"), *cert_file = fopen(cert_path, "w");

    g_assert_cmpint(PEM_write_PrivateKey(key_file, pkey, NULL, NULL, 0, NULL, NULL), ==, 1);
    g_assert_cmpint(PEM_write_X509(cert_file, cert), ==, 1);
    fclose(key_file);
    fclose(cert_file);
}

static void make_certificate(void)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    dir = g_dir_make_tmp(NULL, NULL);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, pkey);
    g_assert_cmpint(X509_sign(cert, pkey, EVP_sha256()), >, 0);
    write_pem(pkey, cert);
    X509_free(cert);
    EVP_PKEY_free(pkey);
}

/* ── A client ───────────────────────────────────────────────────────────────────────────────────
 */

typedef struct client {
    SSL *ssl;
    int fd;
    GByteArray *in;
    bool gone;
} client;

/* One round: the loop runs, what has come is taken. */
static void step(client *c)
{
    size_t n;
    uint8_t buf[16384];

    cw_assert_on_loop();
    cw_loop_step(loop, 2);
    while (!c->gone && SSL_read_ex(c->ssl, buf, sizeof buf, &n) == 1)
        g_byte_array_append(c->in, buf, (guint)n);
    switch (SSL_get_error(c->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_NONE:
        break;
    default:
        c->gone = true;
    }
}

static void client_open(client *c)
{
    static const unsigned char alpn[] = "\x02h2\x08http/1.1";
    struct sockaddr_in to = { .sin_family = AF_INET };
    uint64_t end = cw_now_ms() + WAIT_MS;
    const unsigned char *chosen;
    unsigned len;

    cw_assert_on_loop();
    to.sin_port = htons((uint16_t)cw_api_port(api));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->in = g_byte_array_new();
    c->gone = false;
    g_assert_cmpint(connect(c->fd, (struct sockaddr *)&to, sizeof to), ==, 0);
    g_assert_cmpint(fcntl(c->fd, F_SETFL, O_NONBLOCK), ==, 0);
    c->ssl = SSL_new(ctx);
    SSL_set_alpn_protos(c->ssl, alpn, sizeof alpn - 1);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    while (SSL_do_handshake(c->ssl) != 1 && cw_now_ms() < end)
        cw_loop_step(loop, 2);
    g_assert_true(SSL_is_init_finished(c->ssl));
    SSL_get0_alpn_selected(c->ssl, &chosen, &len);
    g_assert_cmpuint(len, ==, 8); /* http/1.1, though h2 was offered first */
}

static void client_close(client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    g_byte_array_unref(c->in);
}

static void client_send(client *c, const void *data, size_t len)
{
    size_t n;

    while (SSL_write_ex(c->ssl, data, len, &n) != 1 && !c->gone)
        step(c);
    step(c);
}

static bool until(client *c, const char *needle)
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    while (cw_now_ms() < end) {
        if (c->in->len && memmem(c->in->data, c->in->len, needle, strlen(needle)))
            return true;
        if (c->gone)
            return false;
        step(c);
    }
    return false;
}

static void ws_open(client *c)
{
    static const char request[] =
        "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Origin: https://localhost\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: causeway.v1\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    client_open(c);
    client_send(c, request, strlen(request));
    g_assert_true(until(c, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    g_assert_true(until(c, "\r\n\r\n"));
    g_byte_array_set_size(c->in, 0);
}

/* A text frame with a mask of zeros. */
static void ws_text(client *c, const char *text)
{
    size_t len = strlen(text);
    uint8_t head[8] = { 0x81, 0xfe, (uint8_t)(len >> 8), (uint8_t)len };
    g_autoptr(GByteArray) f = g_byte_array_new();

    g_byte_array_append(f, head, 8);
    g_byte_array_append(f, (const uint8_t *)text, (guint)len);
    client_send(c, f->data, f->len);
}

static void assert_clean(void)
{
    uint64_t end = cw_now_ms() + WAIT_MS;

    cw_assert_on_loop();
    while (cw_stat_get(CW_STAT_connections) && cw_now_ms() < end)
        cw_loop_step(loop, 5);
    g_assert_cmpint(cw_stat_get(CW_STAT_connections), ==, 0);
    g_assert_cmpuint(fake_call_clients, ==, 0);
}

static void log_in(client *c)
{
    ws_text(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.open\",\"params\":{\"guest\":"
               "\"anna\"}}");
    g_assert_true(until(c, "\"user\":\"anna\""));
}

/* ── Tests ──────────────────────────────────────────────────────────────────────────────────────
 */

static void test_exchange(void)
{
    client c;

    ws_open(&c);
    log_in(&c);
    ws_text(&c, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"session.close\"}");
    g_assert_true(until(&c, "\x88\x0f\x03\xe8")); /* close, 1000 */
    client_close(&c);
    assert_clean();
}

/* More than TLS hands out at once, in one direction and the other. */
static void test_large(void)
{
    g_autofree char *spaces = g_strnfill(60000, ' ');
    g_autofree char *text =
        g_strconcat("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}", spaces, NULL);
    g_autofree char *sdp = g_strnfill(60000, 'x');
    client c;

    ws_open(&c);
    log_in(&c);
    ws_text(&c, text);
    g_assert_true(until(&c, "now_ms"));
    fake_call_notify("call.incoming", json_pack("{ss ss}", "sdp", sdp, "zz", "the end"));
    g_assert_true(until(&c, "the end"));
    client_close(&c);
    assert_clean();
}

static void test_unmasked(void)
{
    client c;

    ws_open(&c);
    client_send(&c, "\x81\x02{}", 4);
    g_assert_true(until(&c, "\x03\xea")); /* 1002 */
    client_close(&c);
    assert_clean();
}

static void test_announced_too_big(void)
{
    client c;

    ws_open(&c);
    client_send(&c, "\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00\x01\x02\x03\x04", 14);
    g_assert_true(until(&c, "\x03\xf1")); /* 1009 */
    client_close(&c);
    assert_clean();
}

static void test_page(void)
{
    client c;

    client_open(&c);
    client_send(&c, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", 35);
    g_assert_true(until(&c, "ok\n"));
    client_close(&c);
}

/* Not TLS at all, and a handshake that never comes: both end, nothing stays. */
static void test_plain(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    uint64_t end = cw_now_ms() + WAIT_MS;
    int fd[2], left = 2;
    char byte;

    cw_assert_on_loop();
    to.sin_port = htons((uint16_t)cw_api_port(api));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned i = 0; i < 2; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(fd[i], (struct sockaddr *)&to, sizeof to), ==, 0);
    }
    g_assert_cmpint(send(fd[0], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), ==, 18);
    while (left > 0 && cw_now_ms() < end) {
        cw_loop_step(loop, 5);
        left = 0;
        for (unsigned i = 0; i < 2; i++)
            if (recvfrom(fd[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK, NULL, NULL) < 0 &&
                errno == EAGAIN)
                left++;
    }
    g_assert_cmpint(left, ==, 0);
    close(fd[0]);
    close(fd[1]);
}

static void run(gconstpointer test)
{
    g_autofree char *text =
        g_strdup_printf("web: { listen = ( \"127.0.0.1:0\" ); resume_ms = 0; root = \"%s\"; "
                        "tls_certificate = \"%s/cert.pem\";\n"
                        "       tls_key = \"%s/key.pem\"; header_timeout_ms = 1000; };\n"
                        "auth: { guests = true; };\n",
                        dir, dir, dir);
    g_autofree char *wrong = NULL;
    char why[128] = "";

    cw_assert_on_loop();
    g_assert_cmpint(cw_conf_load("test", text, &conf, &wrong), ==, CW_OK);
    g_assert_cmpint(cw_tokens_new(conf, &tokens, &wrong), ==, CW_OK);
    g_assert_cmpint(cw_api_new(loop, conf, tokens, NULL, NULL, &api, why), ==, CW_OK);
    ((void (*)(void))test)();
    cw_api_free(api);
    cw_tokens_free(tokens);
    cw_conf_free(conf);
}

static void test_no_certificate(void)
{
    static const char text[] = "web: { listen = ( \"127.0.0.1:0\" ); resume_ms = 0; "
                               "tls_certificate = \"/nonexistent/cert.pem\";\n"
                               "       tls_key = \"/nonexistent/key.pem\"; };\n";
    g_autofree char *wrong = NULL;
    char why[128] = "";

    cw_assert_on_loop();
    g_assert_cmpint(cw_conf_load("test", text, &conf, &wrong), ==, CW_OK);
    g_assert_cmpint(cw_api_new(loop, conf, NULL, NULL, NULL, &api, why), ==, CW_E_IO);
    g_assert_nonnull(strstr(why, "tls_certificate"));
    cw_conf_free(conf);
}

#define ADD(name, test) g_test_add_data_func("/wss/" name, (const void *)test, run)

static void remove_files(void)
{
    static const char *const names[] = { "key.pem", "cert.pem", "" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_free(dir);
}

int main(int argc, char **argv)
{
    int status;

    cw_role_take(&cw_role_loop);
    cw_assert_on_loop();
    g_test_init(&argc, &argv, NULL);
    make_certificate();
    ctx = SSL_CTX_new(TLS_client_method());
    g_assert_cmpint(cw_loop_new(&loop), ==, CW_OK);
    g_assert_cmpint(cw_log_set_level(NULL, "error"), ==, CW_OK);
    ADD("exchange", test_exchange);
    ADD("large", test_large);
    ADD("unmasked", test_unmasked);
    ADD("announced-too-big", test_announced_too_big);
    ADD("page", test_page);
    ADD("plain", test_plain);
    g_test_add_func("/wss/no-certificate", test_no_certificate);
    status = g_test_run();
    SSL_CTX_free(ctx);
    cw_loop_free(loop);
    remove_files();
    return status;
}
