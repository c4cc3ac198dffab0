/* wsload.c - many WebSocket clients in one thread, for measuring servers.
 *
 * Commands are lines of JSON on standard input, each answered by one on standard output:
 *
 *   open   {to, path, protocol, count, at_once, sources, say or says, expect}  → {opened, failed,
 * ms} ping   {count, say, expect}: one after the other; without say, ping frames   → {p50_us,
 * p99_us} relay  {rate, ms, say}: each second client to another one                    → {sent,
 * got, p50_us, p99_us} close  {} → {}
 *
 * In `say`, "%u" is the number of the client (of relay: of the other one), "%t" the time. Clients
 * have addresses 127.1.0.1 and on, so that ports suffice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      256
#define READ_BYTES  65536
#define CLIENTS_MAX 200000
#define WAIT_US     60000000 /* for what is outstanding */

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
typedef enum state { CONNECTING, UPGRADING, OPENING, UP, DEAD } state;

typedef struct client {
    int fd;
    state state;
    unsigned index;
    GByteArray *rest; /* of a frame or an answer not whole yet; NULL: none */
} client;

static int epoll_fd;
static client *clients;
static unsigned client_n;

/* What the command under way waits for. */
static struct {
    json_t *args;
    unsigned started, opened, failed;
    const char *expect;
    bool frames;     /* ping frames, not messages */
    client *pinged;  /* who is to answer */
    GArray *took_us; /* of unsigned */
    unsigned got;
} job;

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ── Out ── */

static void fail(client *c)
{
    if (c->state == DEAD)
        return;
    if (c->state < UP)
        job.failed++;
    close(c->fd);
    c->state = DEAD;
}

static void put(client *c, const void *data, size_t len)
{
    if (c->state != DEAD && send(c->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail(c);
}

/* With a mask of zeros (RFC 6455 5.3), which changes nothing. */
static void put_frame(client *c, int kind, const char *data, size_t len)
{
    uint8_t frame[8 + 65535] = { (uint8_t)(0x80 | kind) };
    size_t at = 2;

    if (len < 126) {
        frame[1] = (uint8_t)(0x80 | len);
    } else {
        frame[1] = 0x80 | 126;
        frame[at++] = (uint8_t)(len >> 8);
        frame[at++] = (uint8_t)len;
    }
    memset(frame + at, 0, 4);
    memcpy(frame + at + 4, data, len);
    put(c, frame, at + 4 + len);
}

static void say(client *c, const char *text, unsigned number)
{
    GString *out = g_string_new(text);
    g_autofree char *u = g_strdup_printf("%u", number);
    g_autofree char *t = g_strdup_printf("%016" G_GUINT64_FORMAT, now_us());

    g_string_replace(out, "%u", u, 0);
    g_string_replace(out, "%t", t, 0);
    put_frame(c, TEXT, out->str, out->len);
    g_string_free(out, TRUE);
}

/* ── Opening ── */

static const char *arg(const char *name)
{
    return json_string_value(json_object_get(job.args, name));
}

static unsigned number(const char *name, unsigned fallback)
{
    json_t *value = json_object_get(job.args, name);

    return value ? (unsigned)json_integer_value(value) : fallback;
}

static void start(void)
{
    client *c = &clients[client_n];
    g_auto(GStrv) to = g_strsplit(arg("to"), ":", 2);
    struct sockaddr_in from = { .sin_family = AF_INET }, peer = { .sin_family = AF_INET };
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
    int on = 1;

    *c = (client){ .index = client_n, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) };
    client_n++;
    job.started++;
    from.sin_addr.s_addr = htonl(0x7f010001 + c->index % number("sources", 1));
    peer.sin_port = htons((uint16_t)atoi(to[1]));
    inet_pton(AF_INET, to[0], &peer.sin_addr);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&from, sizeof from) ||
        (connect(c->fd, (struct sockaddr *)&peer, sizeof peer) && errno != EINPROGRESS) ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
        fail(c);
}

static void upgrade(client *c)
{
    g_autofree char *head = g_strdup_printf(
        "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Protocol: %s\r\n\r\n",
        arg("path"), arg("to"), arg("to"), arg("protocol"));

    c->state = UPGRADING;
    put(c, head, strlen(head));
}

static void up(client *c)
{
    c->state = UP;
    job.opened++;
}

static void greet(client *c)
{
    json_t *says = json_object_get(job.args, "says");
    const char *text = says ? json_string_value(json_array_get(says, c->index)) : arg("say");

    if (!text) {
        up(c);
        return;
    }
    c->state = OPENING;
    say(c, text, c->index);
}

/* ── In ── */

static void took(uint64_t us)
{
    unsigned value = (unsigned)us;

    g_array_append_val(job.took_us, value);
}

static void heard_text(client *c, const char *data, size_t len)
{
    const char *time = g_strstr_len(data, (gssize)len, "t=");
    bool expected = !job.expect || g_strstr_len(data, (gssize)len, job.expect);

    if (c->state == OPENING && expected)
        up(c);
    else if (c->state == OPENING)
        fail(c);
    else if (c == job.pinged && !job.frames && expected)
        job.pinged = NULL;
    else if (time && g_strstr_len(data, (gssize)len, "\"im.message\"")) {
        took(now_us() - g_ascii_strtoull(time + 2, NULL, 10));
        job.got++;
    }
}

static void heard(client *c, int kind, const char *data, size_t len)
{
    if (kind == TEXT)
        heard_text(c, data, len);
    else if (kind == PING)
        put_frame(c, PONG, data, len);
    else if (kind == CLOSE)
        fail(c);
    else if (kind == PONG && c == job.pinged && job.frames)
        job.pinged = NULL;
}

/* Bytes of one answer or frame that is whole, 0: not yet. */
static size_t take(client *c, const uint8_t *data, size_t len)
{
    size_t body, at = 2;

    if (c->state == UPGRADING) {
        const char *end = g_strstr_len((const char *)data, (gssize)len, "\r\n\r\n");

        if (!end)
            return 0;
        if (strncmp((const char *)data, "HTTP/1.1 101", 12))
            fail(c);
        else
            greet(c);
        return (size_t)(end + 4 - (const char *)data);
    }
    if (len < 4)
        return len >= 2 && data[1] == 0 ? (heard(c, data[0] & 15, "", 0), 2) : 0;
    body = data[1];
    if (body == 126) {
        body = (size_t)(data[2] << 8 | data[3]);
        at = 4;
    }
    if (len < at + body)
        return 0;
    heard(c, data[0] & 15, (const char *)data + at, body);
    return at + body;
}

static void keep(client *c, const uint8_t *data, size_t len)
{
    GByteArray *rest = len ? g_byte_array_append(g_byte_array_new(), data, (guint)len) : NULL;

    if (c->rest)
        g_byte_array_unref(c->rest);
    c->rest = rest;
}

static void consume(client *c, const uint8_t *data, size_t len)
{
    size_t n;

    while (len && c->state != DEAD && (n = take(c, data, len))) {
        data += n;
        len -= n;
    }
    keep(c, data, c->state == DEAD ? 0 : len);
}

static void readable(client *c)
{
    static uint8_t buf[READ_BYTES];
    ssize_t n;

    while (c->state != DEAD && (n = recv(c->fd, buf, sizeof buf, 0)) != -1) {
        if (n == 0)
            fail(c);
        else if (c->rest)
            consume(c, g_byte_array_append(c->rest, buf, (guint)n)->data, c->rest->len);
        else
            consume(c, buf, (size_t)n);
    }
    if (c->state != DEAD && errno != EAGAIN)
        fail(c);
}

static void round_of(int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);

    for (int i = 0; i < n; i++) {
        client *c = events[i].data.ptr;

        if (c && c->state == CONNECTING && (events[i].events & EPOLLOUT))
            upgrade(c);
        if (c && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            readable(c);
    }
}

/* ── Commands ── */

static int by_value(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return (x > y) - (x < y);
}

static json_int_t quantile(double q)
{
    if (!job.took_us->len)
        return -1;
    g_array_sort(job.took_us, by_value);
    return g_array_index(job.took_us, unsigned, (guint)(q * (job.took_us->len - 1)));
}

static json_t *do_open(void)
{
    unsigned count = MIN(number("count", 1), CLIENTS_MAX - client_n),
             at_once = number("at_once", 64);
    uint64_t begun = now_us();

    job.expect = arg("expect");
    while (job.opened + job.failed < count && now_us() < begun + 10 * (uint64_t)WAIT_US) {
        while (job.started < count && job.started - job.opened - job.failed < at_once)
            start();
        round_of(100);
    }
    return json_pack("{s:i s:i s:I}", "opened", (int)job.opened, "failed", (int)job.failed, "ms",
                     (json_int_t)((now_us() - begun) / 1000));
}

static json_t *do_ping(void)
{
    unsigned count = number("count", 1000);

    job.expect = arg("expect");
    job.frames = !arg("say");
    for (unsigned i = 0; i < count && client_n; i++) {
        client *c = &clients[(uint64_t)i * 7919 % client_n];
        uint64_t begun = now_us();

        if (c->state != UP)
            continue;
        job.pinged = c;
        if (job.frames)
            put_frame(c, PING, "wsload", 6);
        else
            say(c, arg("say"), c->index);
        while (job.pinged && now_us() < begun + WAIT_US)
            round_of(100);
        took(now_us() - begun);
    }
    job.pinged = NULL;
    return json_pack("{s:I s:I}", "p50_us", quantile(0.5), "p99_us", quantile(0.99));
}

static json_t *do_relay(void)
{
    uint64_t begun = now_us(), ms = number("ms", 1000), rate = number("rate", 1000);
    unsigned sent = 0, wanted;

    do {
        wanted = (unsigned)(MIN(now_us() - begun, ms * 1000) * rate / 1000000);
        for (; sent < wanted; sent++)
            say(&clients[sent % (client_n / 2)], arg("say"), client_n / 2 + sent % (client_n / 2));
        round_of(1);
    } while (now_us() < begun + ms * 1000 ||
             (job.got < sent && now_us() < begun + ms * 1000 + 2000000));
    return json_pack("{s:i s:i s:I s:I}", "sent", (int)sent, "got", (int)job.got, "p50_us",
                     quantile(0.5), "p99_us", quantile(0.99));
}

static json_t *do_close(void)
{
    for (unsigned i = 0; i < client_n; i++) {
        fail(&clients[i]);
        keep(&clients[i], NULL, 0);
    }
    client_n = 0;
    return json_object();
}

static void serve(const char *line)
{
    static const struct {
        const char *name;
        json_t *(*run)(void);
    } commands[] = {
        { "open", do_open }, { "ping", do_ping }, { "relay", do_relay }, { "close", do_close }
    };
    json_t *answer = NULL;
    const char *cmd;

    job.args = json_loads(line, 0, NULL);
    job.started = job.opened = job.failed = job.got = 0;
    g_array_set_size(job.took_us, 0);
    cmd = arg("cmd");
    for (unsigned i = 0; cmd && i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(cmd, commands[i].name))
            answer = commands[i].run();
    json_dumpf(answer, stdout, JSON_COMPACT);
    puts("");
    fflush(stdout);
    json_decref(answer);
    json_decref(job.args);
    job.args = NULL;
    job.expect = NULL;
}

/* Servers' pings are answered while there is nothing to do. */
static bool next_line(GString *line)
{
    char byte;

    g_string_truncate(line, 0);
    for (;;) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);

        if (n == 0)
            return false;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            round_of(20);
        else if (byte == '\n')
            return true;
        else
            g_string_append_c(line, byte);
    }
}

int main(void)
{
    struct rlimit limit = { CLIENTS_MAX + 64, CLIENTS_MAX + 64 };
    GString *line = g_string_new(NULL);

    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = g_new0(client, CLIENTS_MAX);
    job.took_us = g_array_new(FALSE, FALSE, sizeof(unsigned));
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    while (next_line(line))
        serve(line->str);
    return 0;
}
