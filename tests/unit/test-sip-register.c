/* test-sip-register.c - registrations against a registrar that says what the test wants. */
#include "sip/register.h"
#include "sip-raw.h"

#include <stdlib.h>

typedef struct fix {
    rig r;
    raw p;
    cw_sip_registrar *registrar;
    cw_sip_reg *reg;
    unsigned changes;
} fix;

static void on_changed(void *arg)
{
    ((fix *)arg)->changes++;
}

static const cw_sip_reg_ops reg_ops = { .changed = on_changed };
static const cw_sip_credentials secret = { .username = "anna", .password = "pw", .realm = "home" };

static void start_reg(fix *f, const cw_sip_credentials *credentials)
{
    cw_sip_reg_conf who = { .name = "anna", .user = "anna" };

    cw_assert_on_loop();
    if (credentials)
        who.credentials = *credentials;
    g_assert_cmpint(cw_sip_reg_new(f->registrar, &who, &reg_ops, f, &f->reg), ==, CW_OK);
}

static void open_fix(fix *f)
{
    cw_sip_registrar_conf conf = { .domain = "home.test",
                                   .expires_s = 3600,
                                   .retry_s = 1,
                                   .retry_max_s = 60,
                                   .outbound = true,
                                   .gruu = true };
    g_autofree char *proxy = NULL;

    *f = (fix){ 0 };
    rig_start(&f->r, "127.0.0.1", NULL, NULL);
    raw_open(&f->p, &f->r, &f->r.a);
    proxy = g_strdup_printf("127.0.0.1:%u", f->p.port);
    conf.proxy = proxy;
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_registrar_new(f->r.a.sip, &conf, &f->registrar), ==, CW_OK);
}

static void close_fix(fix *f)
{
    cw_assert_on_loop();
    cw_sip_registrar_free(f->registrar);
    g_assert_cmpint(cw_stat_get(CW_STAT_registrations), ==, 0);
    raw_done(&f->r, &f->p);
}

static cw_sip_reg_info info_of(fix *f)
{
    cw_sip_reg_info info;

    cw_assert_on_loop();
    cw_sip_reg_info_of(f->reg, &info);
    return info;
}

#define STATUS(f) (info_of(f).status)

/* The REGISTER that comes next. */
static char *get(fix *f)
{
    return raw_expect(&f->p, "REGISTER sip:home.test SIP/2.0");
}

static char *param_of(const char *text, const char *name)
{
    g_autofree char *key = g_strdup_printf("%s=", name);
    const char *at = text ? strstr(text, key) : NULL;

    if (!at)
        return NULL;
    at += strlen(key);
    at += *at == '"';
    return g_strndup(at, strcspn(at, "\", \r"));
}

static char *auth_param(const char *msg, const char *name)
{
    g_autofree char *line = raw_header(msg, "Authorization");

    return param_of(line, name);
}

static void challenge(fix *f, const char *request, const char *nonce, const char *more)
{
    g_autofree char *line = g_strdup_printf(
        "WWW-Authenticate: Digest realm=\"home\", nonce=\"%s\", qop=\"auth\"%s\r\n", nonce, more);

    raw_reply(&f->p, request, "401 Unauthorized", "r", line, NULL);
}

/* 200 with the request's own Contact and Expires, and `extra` lines. */
static void accept_it(fix *f, const char *request, unsigned expires_s, const char *extra)
{
    g_autofree char *contact = raw_header(request, "Contact");
    g_autofree char *lines =
        g_strdup_printf("Contact: %s;expires=%u\r\n%s", contact, expires_s, extra ? extra : "");

    raw_reply(&f->p, request, "200 OK", "r", lines, NULL);
}

static void accept_next(fix *f, unsigned expires_s, const char *extra)
{
    g_autofree char *request = get(f);

    accept_it(f, request, expires_s, extra);
}

static void reply_next(fix *f, const char *status, const char *extra)
{
    g_autofree char *request = get(f);

    raw_reply(&f->p, request, status, "r", extra, NULL);
}

/* ── What is sent ── */

static void test_message(void)
{
    fix f;
    g_autofree char *first = NULL, *to = NULL, *contact = NULL, *supported = NULL, *expires = NULL;
    cw_sip_reg_info info;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    first = get(&f);
    to = raw_header(first, "To");
    contact = raw_header(first, "Contact");
    supported = raw_header(first, "Supported");
    expires = raw_header(first, "Expires");
    info = info_of(&f);
    g_assert_cmpstr(to, ==, "<sip:anna@home.test>");
    g_assert_cmpstr(supported, ==, "path, gruu, outbound");
    g_assert_cmpstr(expires, ==, "3600");
    g_assert_true(g_str_has_prefix(contact + 5, info.contact));
    g_assert_nonnull(strstr(contact, ">;+sip.instance=\"<urn:uuid:"));
    g_assert_nonnull(strstr(contact, ";reg-id=1"));
    g_assert_cmpint(STATUS(&f), ==, CW_SIP_REG_TRYING);
    g_assert_cmpuint(f.changes, ==, 0);
    accept_it(&f, first, 600, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    info = info_of(&f);
    g_assert_cmpuint(f.changes, ==, 1);
    g_assert_cmpuint(info.expires_s, ==, 600);
    g_assert_cmpstr(info.identity, ==, "sip:anna@home.test");
    g_assert_true(cw_sip_reg_find(f.r.a.sip, info.contact) == &f);
    g_assert_null(cw_sip_reg_find(f.r.a.sip, "anna"));
    close_fix(&f);
}

/* Instance and Contact are the same after a restart, and differ between users. */
static void test_instance(void)
{
    g_autofree char *before = NULL;
    cw_sip_reg_conf bert = { .name = "bert", .user = "anna" };
    cw_sip_reg *other;
    cw_sip_reg_info info;

    for (unsigned i = 0; i < 2; i++) {
        fix f;
        g_autofree char *first = NULL, *second = NULL, *contact = NULL;

        open_fix(&f);
        cw_assert_on_loop();
        start_reg(&f, NULL);
        first = get(&f);
        contact = raw_header(first, "Contact");
        g_assert_cmpint(cw_sip_reg_new(f.registrar,
                                       &(cw_sip_reg_conf){ .name = "anna", .user = "anna" },
                                       &reg_ops, &f, &other),
                        ==, CW_E_EXISTS);
        g_assert_cmpint(cw_sip_reg_new(f.registrar, &bert, &reg_ops, &f, &other), ==, CW_OK);
        second = get(&f);
        cw_sip_reg_info_of(other, &info);
        g_assert_null(strstr(first, info.contact));
        g_assert_nonnull(strstr(second, info.contact));
        g_free(before);
        before = g_strdup(info_of(&f).contact);
        close_fix(&f);
    }
}

/* ── Digest ── */

static void test_strongest(void)
{
    fix f;
    g_autofree char *first = NULL, *second = NULL, *algorithm = NULL, *response = NULL, *uri = NULL;
    g_autofree char *cnonce = NULL, *a1 = NULL, *a2 = NULL, *all = NULL, *want = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    first = get(&f);
    g_assert_null(strstr(first, "Authorization"));
    raw_reply(
        &f.p, first, "401 Unauthorized", "r",
        "WWW-Authenticate: Digest realm=\"home\", nonce=\"m\", algorithm=MD5, qop=\"auth\"\r\n"
        "WWW-Authenticate: Digest realm=\"home\", nonce=\"x\", algorithm=SHA-512-256, "
        "qop=\"auth\"\r\n"
        "WWW-Authenticate: Digest realm=\"else\", nonce=\"e\", algorithm=SHA-256, "
        "qop=\"auth\"\r\n"
        "WWW-Authenticate: Digest realm=\"home\", nonce=\"s\", algorithm=SHA-256, "
        "qop=\"auth\"\r\n",
        NULL);
    second = get(&f);
    algorithm = auth_param(second, "algorithm");
    response = auth_param(second, "response");
    uri = auth_param(second, " uri");
    cnonce = auth_param(second, "cnonce");
    g_assert_cmpstr(algorithm, ==, "SHA-256");
    g_assert_cmpstr(uri, ==, "sip:home.test");
    a1 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "anna:home:pw", -1);
    a2 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "REGISTER:sip:home.test", -1);
    all = g_strdup_printf("%s:s:00000001:%s:auth:%s", a1, cnonce, a2);
    want = g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
    g_assert_cmpstr(response, ==, want);
    accept_it(&f, second, 600, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    close_fix(&f);
}

/* A registrar may ask again at once with another nonce: once. */
static void test_asked_twice(void)
{
    for (unsigned asked = 2; asked <= 3; asked++) {
        static const char *const nonces[] = { "one", "two", "three" };
        fix f;

        open_fix(&f);
        cw_assert_on_loop();
        start_reg(&f, &secret);
        for (unsigned i = 0; i < asked; i++) {
            g_autofree char *request = get(&f);

            challenge(&f, request, nonces[i], "");
        }
        if (asked == 2) {
            accept_next(&f, 600, NULL);
            WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
        } else {
            WAIT(&f.r, STATUS(&f) == CW_SIP_REG_REFUSED);
            g_assert_cmpint(info_of(&f).sip_status, ==, 401);
            g_assert_cmpint(info_of(&f).err, ==, CW_E_AUTH);
            raw_silence(&f.p, "REGISTER", 100);
        }
        close_fix(&f);
    }
}

static const struct {
    const char *name, *lines;
} unanswered[] = {
    { "other-realm",
      "WWW-Authenticate: Digest realm=\"evil\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n" },
    { "other-scheme", "WWW-Authenticate: Basic realm=\"home\"\r\n" },
    { "nothing", "" },
};

static void test_unanswered(gconstpointer data)
{
    fix f;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    reply_next(&f, "401 Unauthorized", unanswered[GPOINTER_TO_INT(data)].lines);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_REFUSED);
    raw_silence(&f.p, "REGISTER", 100);
    close_fix(&f);
}

/* The same nonce again means that the password is wrong. */
static void test_bad_password(void)
{
    fix f;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *request = get(&f);

        challenge(&f, request, "same", "");
    }
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_REFUSED);
    g_assert_cmpint(info_of(&f).err, ==, CW_E_AUTH);
    raw_silence(&f.p, "REGISTER", 100);
    close_fix(&f);
}

/* A challenge from another address than the registrar's is not answered. */
static void test_other_source(void)
{
    fix f;
    struct sockaddr_in elsewhere = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
    g_autofree char *request = NULL;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), own;

    open_fix(&f);
    cw_assert_on_loop();
    g_assert_cmpint(bind(fd, (struct sockaddr *)&elsewhere, sizeof elsewhere), ==, 0);
    start_reg(&f, &secret);
    request = get(&f);
    own = f.p.fd;
    f.p.fd = fd;
    challenge(&f, request, "n", "");
    f.p.fd = own;
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_REFUSED);
    raw_silence(&f.p, "REGISTER", 100);
    close(fd);
    close_fix(&f);
}

/* ── Refreshing ── */

static void test_refresh(void)
{
    fix f;
    g_autofree char *first = NULL, *refresh = NULL, *again = NULL, *nc = NULL, *id = NULL;
    g_autofree char *id_again = NULL, *nonce = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    first = get(&f);
    challenge(&f, first, "n1", "");
    accept_next(&f, 2, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    refresh = get(&f); /* after half of it, with what it knows */
    nc = auth_param(refresh, "nc");
    id = raw_header(first, "Call-ID");
    id_again = raw_header(refresh, "Call-ID");
    g_assert_cmpstr(nc, ==, "00000002");
    g_assert_cmpstr(id, ==, id_again);
    challenge(&f, refresh, "n2", ", stale=true");
    again = get(&f);
    nonce = auth_param(again, "nonce");
    g_assert_cmpstr(nonce, ==, "n2");
    accept_it(&f, again, 600, NULL);
    WAIT(&f.r, info_of(&f).expires_s == 600);
    g_assert_cmpint(STATUS(&f), ==, CW_SIP_REG_ON);
    g_assert_cmpuint(f.changes, ==, 2); /* bound; another expiry */
    close_fix(&f);
}

/* A refresh that fails leaves the binding until it ends. */
static void test_lapse(void)
{
    fix f;
    uint64_t bound;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    accept_next(&f, 2, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    bound = cw_now_ms();
    reply_next(&f, "503 Busy", "Retry-After: 5\r\n");
    WAIT(&f.r, info_of(&f).retry_ms > 0);
    g_assert_cmpint(STATUS(&f), ==, CW_SIP_REG_ON);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_FAILED);
    g_assert_cmpuint(cw_now_ms() - bound, >=, 1900);
    g_assert_cmpuint(cw_now_ms() - bound, <, 4000); /* not only when it is tried again */
    g_assert_cmpuint(info_of(&f).expires_s, ==, 0);
    g_assert_cmpuint(f.changes, ==, 2);
    close_fix(&f);
}

/* ── What a 200 says ── */

static const struct {
    const char *name, *lines; /* %s: host and port of our Contact's host part, with the user */
    unsigned expires_s;       /* 0: not bound */
} bindings[] = {
    { "alone", "Contact: <sip:%s>;expires=90\r\n", 90 },
    { "reordered", "Contact: <sip:%s>;reg-id=\"1\";expires=90;q=1\r\n", 90 },
    { "with-transport", "Contact: <sip:%s;transport=udp>;expires=90\r\n", 90 },
    { "others-first",
      "Contact: <sip:else@192.0.2.1>;expires=7, <sip:anna@192.0.2.1>;expires=8\r\n"
      "Contact: <sip:%s>;expires=90\r\n",
      90 },
    { "expires-header", "Expires: 80\r\nContact: <sip:%s>\r\n", 80 },
    { "contact-before-header", "Expires: 80\r\nContact: <sip:%s>;expires=90\r\n", 90 },
    { "no-expiry", "Contact: <sip:%s>\r\n", 3600 },
    { "no-contact", "Expires: 70\r\n", 70 },
    { "only-others", "Contact: <sip:else@192.0.2.1>;expires=7\r\n", 0 },
    { "expired", "Contact: <sip:%s>;expires=0\r\n", 0 },
    { "route-of-no-use", "Contact: <sip:%s>;expires=9\r\nService-Route: <http://evil>\r\n", 0 },
};

static void test_binding(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    const char *place = strstr(bindings[i].lines, "%s");
    g_autofree char *request = NULL, *contact = NULL, *own = NULL, *lines = NULL;
    fix f;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    request = get(&f);
    contact = raw_header(request, "Contact");
    own = g_strndup(contact + 5, strcspn(contact + 5, ">"));
    lines = place ? g_strdup_printf("%.*s%s%s", (int)(place - bindings[i].lines), bindings[i].lines,
                                    own, place + 2)
                  : g_strdup(bindings[i].lines);
    raw_reply(&f.p, request, "200 OK", "r", lines, NULL);
    WAIT(&f.r, STATUS(&f) != CW_SIP_REG_TRYING);
    g_assert_cmpint(STATUS(&f), ==, bindings[i].expires_s ? CW_SIP_REG_ON : CW_SIP_REG_FAILED);
    g_assert_cmpuint(info_of(&f).expires_s, ==, bindings[i].expires_s);
    close_fix(&f);
}

/* Service-Route, P-Associated-URI and GRUU are those of the last 200. */
static void test_service_route(void)
{
    fix f;
    cw_sip_target target = { 0 };
    cw_sip_reg_info info;
    g_autofree char *proxy = NULL, *request = NULL, *contact = NULL, *lines = NULL, *gruu = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    request = get(&f);
    contact = raw_header(request, "Contact");
    lines = g_strdup_printf("Contact: %s;expires=2;pub-gruu=\"sip:anna@home.test;gr=urn:uuid:1\";"
                            "temp-gruu=\"sip:tgruu.7@home.test;gr\"\r\n"
                            "Service-Route: <sip:orig@192.0.2.7:6060;lr>, <sip:192.0.2.8;lr>\r\n"
                            "P-Associated-URI: <tel:+331234>, \"A, <b>\" <sip:+331234@ims.test>\r\n"
                            "P-Associated-URI: <sip:anna@home.test>;x=1\r\n",
                            contact);
    raw_reply(&f.p, request, "200 OK", "r", lines, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    info = info_of(&f);
    g_assert_cmpstr(info.identity, ==, "tel:+331234");
    g_assert_cmpuint(g_strv_length((GStrv)info.associated), ==, 3);
    g_assert_cmpstr(info.associated[1], ==, "sip:+331234@ims.test");
    g_assert_cmpstr(info.temp_gruu, ==, "sip:tgruu.7@home.test;gr");
    cw_sip_reg_target(f.reg, &target);
    proxy = g_strdup_printf("sip:127.0.0.1:%u;lr", f.p.port);
    g_assert_cmpstr(target.route[0], ==, proxy);
    g_assert_cmpstr(target.route[1], ==, "sip:orig@192.0.2.7:6060;lr");
    g_assert_cmpstr(target.route[2], ==, "sip:192.0.2.8;lr");
    g_assert_null(target.route[3]);
    g_assert_cmpstr(target.from_user, ==, "+331234");
    g_assert_cmpstr(target.from_domain, ==, "ims.test");
    g_assert_cmpstr(target.gruu, ==, "sip:anna@home.test;gr=urn:uuid:1");
    g_assert_cmpstr(target.credentials.username, ==, "anna");
    g_assert_null(target.credentials.password);
    g_assert_nonnull(target.credentials.ha1_sha256);
    gruu = g_strdup(target.gruu);

    accept_next(&f, 600, NULL); /* the refresh: none of them */
    WAIT(&f.r, info_of(&f).expires_s == 600);
    cw_sip_reg_target(f.reg, &target);
    g_assert_null(target.route);
    g_assert_null(target.gruu);
    g_assert_cmpstr(target.from_user, ==, "anna");
    g_assert_cmpstr(target.from_domain, ==, "home.test");
    close_fix(&f);
}

/* A call of the user: From, Route, Contact and credentials are the registration's. */
static void test_call_out(void)
{
    fix f;
    cw_sip_target target = { .ruri = "sip:bob@far.test" };
    g_autofree char *line = NULL, *invite = NULL, *from = NULL, *route = NULL, *contact = NULL;
    g_autofree char *again = NULL, *proxy = NULL, *username = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    line = g_strdup_printf("Service-Route: <sip:orig@127.0.0.1:%u;lr>\r\n", f.p.port);
    accept_next(&f, 600, line);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    cw_sip_reg_target(f.reg, &target);
    g_assert_cmpint(cw_sip_call_new(f.r.a.sip, &target, OFFER, strlen(OFFER), &rig_call_ops, &f.r.a,
                                    &f.r.a.call),
                    ==, CW_OK);
    invite = raw_expect(&f.p, "INVITE sip:bob@far.test");
    from = raw_header(invite, "From");
    route = raw_header(invite, "Route");
    contact = raw_header(invite, "Contact");
    g_assert_true(g_str_has_prefix(from, "<sip:anna@home.test>;tag="));
    proxy = g_strdup_printf("<sip:orig@127.0.0.1:%u;lr>", f.p.port); /* begins with the proxy */
    g_assert_cmpstr(route, ==, proxy);
    g_assert_true(g_str_has_prefix(contact + 5, info_of(&f).contact));
    raw_reply(&f.p, invite, "407 Proxy Authentication Required", "x",
              "Proxy-Authenticate: Digest realm=\"home\", nonce=\"i\", algorithm=MD5\r\n", NULL);
    again = raw_expect(&f.p, "INVITE");
    username = param_of(strstr(again, "Proxy-Authorization"), "username");
    g_assert_cmpstr(username, ==, "anna");
    raw_reply(&f.p, again, "486 Busy Here", "x", NULL, NULL);
    WAIT(&f.r, SAW(f.r.a, "ended busy 486"));
    cw_sip_call_free(g_steal_pointer(&f.r.a.call));
    close_fix(&f);
}

/* ── Refusals and failures ── */

static const struct {
    const char *status, *extra;
    cw_sip_reg_status want;
    unsigned least_ms, most_ms; /* until it is tried again */
} answers[] = {
    { "403 Forbidden", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "404 Not Found", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "420 Bad Extension", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "423 Interval Too Brief", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "423 Interval Too Brief", "Min-Expires: 10\r\n", CW_SIP_REG_REFUSED, 0, 0 },
    { "423 Interval Too Brief", "Min-Expires: 4000000000\r\n", CW_SIP_REG_REFUSED, 0, 0 },
    { "302 Moved", "Contact: <sip:evil@192.0.2.1>\r\n", CW_SIP_REG_REFUSED, 0, 0 },
    { "603 Decline", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "501 Not Implemented", NULL, CW_SIP_REG_REFUSED, 0, 0 },
    { "408 Request Timeout", NULL, CW_SIP_REG_FAILED, 900, 2000 },
    { "500 Server Error", NULL, CW_SIP_REG_FAILED, 900, 2000 },
    { "503 Service Unavailable", NULL, CW_SIP_REG_FAILED, 900, 2000 },
    { "503 Service Unavailable", "Retry-After: 20\r\n", CW_SIP_REG_FAILED, 19900, 22000 },
    { "504 Server Time-out", NULL, CW_SIP_REG_FAILED, 900, 2000 },
    { "480 Temporarily Unavailable", "Retry-After: 7\r\n", CW_SIP_REG_FAILED, 6900, 7700 },
};

static void test_answer(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    cw_sip_reg_info info;
    fix f;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    reply_next(&f, answers[i].status, answers[i].extra);
    WAIT(&f.r, STATUS(&f) != CW_SIP_REG_TRYING);
    info = info_of(&f);
    g_assert_cmpint(info.status, ==, answers[i].want);
    g_assert_cmpint(info.sip_status, ==, atoi(answers[i].status));
    g_assert_cmpuint(f.changes, ==, 1);
    if (answers[i].most_ms) {
        g_assert_cmpuint(info.retry_ms, <=, cw_now_ms() + answers[i].most_ms);
        g_assert_cmpuint(info.retry_ms + 100, >=, cw_now_ms() + answers[i].least_ms);
    } else {
        raw_silence(&f.p, "REGISTER", 50);
        cw_sip_reg_again(f.reg); /* the user logs in anew */
        accept_next(&f, 600, NULL);
        WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    }
    close_fix(&f);
}

static void test_too_brief(void)
{
    fix f;
    g_autofree char *second = NULL, *expires = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    reply_next(&f, "423 Interval Too Brief", "Min-Expires: 7200\r\n");
    second = get(&f);
    expires = raw_header(second, "Expires");
    g_assert_cmpstr(expires, ==, "7200");
    accept_it(&f, second, 7200, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    close_fix(&f);
}

/* RFC 5626 6: the first hop cannot do outbound. */
static void test_no_outbound(void)
{
    fix f;
    g_autofree char *second = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    reply_next(&f, "439 First Hop Lacks Outbound Support", NULL);
    second = get(&f);
    g_assert_null(strstr(second, "reg-id"));
    g_assert_nonnull(strstr(second, "+sip.instance"));
    accept_it(&f, second, 600, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    close_fix(&f);
}

/* Nobody answers, then somebody does. The second wait may be longer than the first. */
static void test_silence(void)
{
    fix f;
    g_autofree char *first = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    first = get(&f);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_FAILED); /* after sip.t1x64_ms */
    g_assert_cmpint(info_of(&f).err, ==, CW_E_TIMEOUT);
    g_assert_cmpint(info_of(&f).sip_status, ==, 0);
    for (;;) {
        g_autofree char *next = get(&f), *cseq = raw_header(next, "CSeq");
        g_autofree char *before = raw_header(first, "CSeq");

        if (strcmp(cseq, before) == 0) /* the first one, sent again */
            continue;
        accept_it(&f, next, 600, NULL);
        break;
    }
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    g_assert_cmpuint(f.changes, ==, 2);
    close_fix(&f);
}

static void test_unknown_host(void)
{
    cw_sip_registrar_conf conf = {
        .domain = "nobody.invalid", .expires_s = 60, .retry_s = 5, .retry_max_s = 60
    };
    fix f;

    open_fix(&f);
    cw_assert_on_loop();
    cw_sip_registrar_free(f.registrar);
    g_assert_cmpint(cw_sip_registrar_new(f.r.a.sip, &conf, &f.registrar), ==, CW_OK);
    start_reg(&f, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_FAILED);
    g_assert_cmpint(info_of(&f).err, ==, CW_E_DNS);
    conf.domain = "not a host";
    g_assert_cmpint(cw_sip_registrar_new(f.r.a.sip, &conf, &f.registrar), ==, CW_E_PARAMS);
    close_fix(&f);
}

/* ── Leaving ── */

static unsigned cseq_of(const char *msg)
{
    g_autofree char *cseq = raw_header(msg, "CSeq");

    return (unsigned)atoi(cseq);
}

static void test_leave(void)
{
    fix f;
    g_autofree char *first = NULL, *last = NULL, *expires = NULL, *again = NULL, *contact = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, &secret);
    first = get(&f);
    accept_it(&f, first, 600, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    contact = g_strdup(info_of(&f).contact);
    cw_sip_reg_leave(f.reg);
    last = get(&f);
    expires = raw_header(last, "Expires");
    g_assert_cmpstr(expires, ==, "0");
    g_assert_cmpuint(cseq_of(last), ==, cseq_of(first) + 1);
    g_assert_cmpint(cw_stat_get(CW_STAT_registrations), ==, 0);
    g_assert_null(cw_sip_reg_find(f.r.a.sip, contact));
    challenge(&f, last, "n", "");
    again = get(&f);
    g_assert_nonnull(strstr(again, "Authorization: Digest"));
    raw_reply(&f.p, again, "200 OK", "r", NULL, NULL);
    raw_silence(&f.p, "REGISTER", 50);
    start_reg(&f, &secret); /* nothing is left of it: a new Call-ID */
    g_free(g_steal_pointer(&first));
    first = get(&f);
    g_assert_cmpstr(info_of(&f).contact, ==, contact);
    close_fix(&f);
}

/* Back before the binding is gone: the same Call-ID goes on. */
static void test_return(void)
{
    fix f;
    g_autofree char *first = NULL, *last = NULL, *back = NULL, *id = NULL, *id_back = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    first = get(&f);
    accept_it(&f, first, 600, NULL);
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    cw_sip_reg_leave(f.reg);
    last = get(&f);
    start_reg(&f, NULL);
    back = get(&f);
    id = raw_header(first, "Call-ID");
    id_back = raw_header(back, "Call-ID");
    g_assert_cmpstr(id, ==, id_back);
    g_assert_cmpuint(cseq_of(back), >, cseq_of(last));
    accept_it(&f, back, 600, NULL);
    raw_reply(&f.p, last, "200 OK", "r", NULL, NULL); /* too late */
    WAIT(&f.r, STATUS(&f) == CW_SIP_REG_ON);
    raw_silence(&f.p, "REGISTER", 50);
    g_assert_cmpint(STATUS(&f), ==, CW_SIP_REG_ON);
    close_fix(&f);
}

/* Gone before the first answer; before anything was sent. */
static void test_leave_early(void)
{
    fix f;
    cw_sip_registrar_conf conf = {
        .domain = "nobody.invalid", .expires_s = 60, .retry_s = 5, .retry_max_s = 60
    };
    cw_sip_registrar *lost;
    cw_sip_reg_conf who = { .name = "anna", .user = "anna" };
    g_autofree char *first = NULL, *last = NULL, *expires = NULL;

    open_fix(&f);
    cw_assert_on_loop();
    start_reg(&f, NULL);
    first = get(&f);
    cw_sip_reg_leave(f.reg);
    last = get(&f);
    expires = raw_header(last, "Expires");
    g_assert_cmpstr(expires, ==, "0");
    g_assert_cmpint(cw_sip_registrar_new(f.r.a.sip, &conf, &lost), ==, CW_OK);
    g_assert_cmpint(cw_sip_reg_new(lost, &who, &reg_ops, &f, &f.reg), ==, CW_OK);
    cw_sip_reg_leave(f.reg);
    cw_sip_registrar_free(lost);
    close_fix(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sip/register/message", test_message);
    g_test_add_func("/sip/register/instance", test_instance);
    g_test_add_func("/sip/register/strongest", test_strongest);
    g_test_add_func("/sip/register/asked-twice", test_asked_twice);
    for (int i = 0; i < (int)G_N_ELEMENTS(unanswered); i++) {
        g_autofree char *path = g_strdup_printf("/sip/register/unanswered/%s", unanswered[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_unanswered);
    }
    g_test_add_func("/sip/register/bad-password", test_bad_password);
    g_test_add_func("/sip/register/other-source", test_other_source);
    g_test_add_func("/sip/register/refresh", test_refresh);
    g_test_add_func("/sip/register/lapse", test_lapse);
    for (int i = 0; i < (int)G_N_ELEMENTS(bindings); i++) {
        g_autofree char *path = g_strdup_printf("/sip/register/binding/%s", bindings[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_binding);
    }
    g_test_add_func("/sip/register/service-route", test_service_route);
    g_test_add_func("/sip/register/call-out", test_call_out);
    for (int i = 0; i < (int)G_N_ELEMENTS(answers); i++) {
        g_autofree char *path =
            g_strdup_printf("/sip/register/answer/%.3s-%d", answers[i].status, i);

        g_test_add_data_func(path, GINT_TO_POINTER(i), test_answer);
    }
    g_test_add_func("/sip/register/too-brief", test_too_brief);
    g_test_add_func("/sip/register/no-outbound", test_no_outbound);
    g_test_add_func("/sip/register/silence", test_silence);
    g_test_add_func("/sip/register/unknown-host", test_unknown_host);
    g_test_add_func("/sip/register/leave", test_leave);
    g_test_add_func("/sip/register/return", test_return);
    g_test_add_func("/sip/register/leave-early", test_leave_early);
    return g_test_run();
}
