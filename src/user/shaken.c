#include "user/shaken.h"

#include "base/log.h"
#include "base/stats.h"
#include "user/passport.h"
#include "user/shaken_cert.h"

#include <cjose/cjose.h>
#include <openssl/x509.h>
#include <string.h>

#define IDENTITIES_MAX 8 /* that are read */

/* What is known of a URL. */
typedef struct entry {
    char *url;
    cw_shaken_cert *cert; /* NULL: not there yet, or `err` */
    cw_err err;
    bool pending;
    uint64_t until_ms; /* monotonic */
    GQueue waits;      /* of cw_shaken_wait */
    GList link;        /* in shaken->recent */
    cw_shaken *shaken;
} entry;

struct cw_shaken {
    cw_loop *loop;
    const struct cw_conf_shaken *conf;
    cw_fetch_rules rules;
    cw_fetch *fetch;
    X509_STORE *authorities; /* NULL: nobody is trusted */
    cjose_jwk_t *key;        /* NULL: nothing is signed */
    GHashTable *certs;       /* url to entry, owned */
    GQueue recent;           /* of entry, asked for last at the end */
};

struct cw_shaken_wait {
    cw_shaken *shaken;
    entry *entry;
    cw_passport passport;
    cw_shaken_fn *fn;
    void *arg;
    cw_timer *timer;
    GList link; /* in entry->waits */
};

/* ── Made ── */

static void entry_free(void *data)
{
    entry *e = data;

    cw_shaken_cert_free(e->cert);
    g_free(e->url);
    g_free(e);
}

static cw_err load(const struct cw_conf_shaken *conf, X509_STORE **authorities, cjose_jwk_t **key,
                   char why[static 128])
{
    cw_err err = CW_OK;

    *authorities = NULL;
    *key = NULL;
    if (conf->authorities)
        err = cw_shaken_authorities(conf->authorities, authorities, why);
    if (!err && conf->key)
        err = cw_shaken_key(conf->key, key, why);
    return err;
}

static void unload(X509_STORE *authorities, cjose_jwk_t *key)
{
    X509_STORE_free(authorities);
    if (key)
        cjose_jwk_release(key);
}

static cw_err fault(char why[static 128], const char *what)
{
    g_strlcpy(why, what, 128);
    return CW_E_CONF;
}

cw_err cw_shaken_check_conf(const cw_conf *conf, char why[static 128])
{
    const struct cw_conf_shaken *own = &conf->shaken;
    const cw_fetch_rules any = { 0 };
    X509_STORE *authorities;
    cjose_jwk_t *key;
    char said[128];
    cw_err err;

    if (!own->key != !own->certificate_url)
        return fault(why, "shaken: key and certificate_url go together");
    if (own->certificate_url && !cw_fetch_url_ok(&any, own->certificate_url))
        return fault(why, "shaken.certificate_url is no https: URL");
    if (own->origid && !g_uuid_string_is_valid(own->origid))
        return fault(why, "shaken.origid is no UUID");
    err = load(own, &authorities, &key, said);
    if (err)
        g_snprintf(why, 128, "shaken: %.110s", said);
    unload(authorities, key);
    return err;
}

cw_err cw_shaken_new(cw_loop *loop, const cw_conf *conf,
                     bool (*may)(void *arg, const cw_addr *addr), void *arg, cw_shaken **ret,
                     char why[static 128])
{
    const struct cw_conf_shaken *own = &conf->shaken;
    X509_STORE *authorities;
    cjose_jwk_t *key;
    cw_err err = load(own, &authorities, &key, why);

    if (err) {
        unload(authorities, key);
        return err;
    }
    *ret = g_new0(cw_shaken, 1);
    (*ret)->loop = loop;
    (*ret)->conf = own;
    (*ret)->authorities = authorities;
    (*ret)->key = key;
    (*ret)->rules = (cw_fetch_rules){ .hosts = own->hosts,
                                      .authorities = own->fetch_authorities,
                                      .timeout_ms = (unsigned)own->fetch_timeout_ms,
                                      .bytes_max = (size_t)own->certificate_max_bytes,
                                      .waiting_max = (unsigned)own->fetches_max,
                                      .may = may,
                                      .arg = arg };
    (*ret)->fetch = cw_fetch_new(loop, &(*ret)->rules);
    (*ret)->certs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    g_queue_init(&(*ret)->recent);
    return CW_OK;
}

void cw_shaken_free(cw_shaken *shaken)
{
    if (!shaken)
        return;
    cw_fetch_free(shaken->fetch);
    g_hash_table_unref(shaken->certs);
    unload(shaken->authorities, shaken->key);
    g_free(shaken);
}

/* ── Certificates ── */

static int64_t seconds(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

static void forget(cw_shaken *shaken, entry *e)
{
    g_queue_unlink(&shaken->recent, &e->link);
    g_hash_table_remove(shaken->certs, e->url);
}

/* Those asked for longest ago make room; whoever is waited for stays. */
static CW_ON_LOOP void make_room(cw_shaken *shaken)
{
    GList *i = shaken->recent.head;

    while (i && g_hash_table_size(shaken->certs) >= (guint)shaken->conf->cache_max) {
        entry *e = i->data;

        i = i->next;
        if (!e->pending)
            forget(shaken, e);
    }
}

static CW_ON_LOOP entry *entry_of(cw_shaken *shaken, const char *url)
{
    entry *e = g_hash_table_lookup(shaken->certs, url);

    if (e && !e->pending && cw_now_ms() >= e->until_ms) {
        forget(shaken, e);
        e = NULL;
    }
    if (!e) {
        make_room(shaken);
        e = g_new0(entry, 1);
        e->url = g_strdup(url);
        e->shaken = shaken;
        e->link.data = e;
        g_queue_init(&e->waits);
        g_hash_table_insert(shaken->certs, e->url, e);
        g_queue_push_tail_link(&shaken->recent, &e->link);
    } else {
        g_queue_unlink(&shaken->recent, &e->link);
        g_queue_push_tail_link(&shaken->recent, &e->link);
    }
    return e;
}

/* ── The verdict ── */

static void settle(const cw_passport *passport, const entry *e, cw_verdict *ret)
{
    ret->err = e->err;
    if (!ret->err && !cw_shaken_cert_covers(e->cert, passport->orig))
        ret->err = CW_E_CREDENTIAL;
    if (!ret->err)
        ret->err = cw_passport_signed_by(passport, e->cert->key);
    if (ret->err)
        return;
    ret->attest = passport->attest;
    g_strlcpy(ret->number, passport->orig, sizeof ret->number);
    g_strlcpy(ret->origid, passport->origid, sizeof ret->origid);
}

static void count(const cw_verdict *verdict)
{
    cw_stat_inc(verdict->err == CW_OK              ? CW_STAT_verified_passed
                : verdict->err == CW_E_NO_IDENTITY ? CW_STAT_verified_none
                                                   : CW_STAT_verified_failed);
}

static CW_ON_LOOP void wait_free(cw_shaken_wait *wait)
{
    g_queue_unlink(&wait->entry->waits, &wait->link);
    cw_timer_free(wait->timer);
    cw_passport_clear(&wait->passport);
    g_free(wait);
}

void cw_shaken_cancel(cw_shaken_wait *wait)
{
    if (wait)
        wait_free(wait);
}

static CW_ON_LOOP void tell(cw_shaken_wait *wait, const cw_verdict *verdict)
{
    cw_shaken_fn *fn = wait->fn;
    void *arg = wait->arg;

    count(verdict);
    wait_free(wait);
    fn(arg, verdict);
}

static void on_too_late(void *arg)
{
    cw_assert_on_loop();
    tell(arg, &(cw_verdict){ .err = CW_E_IDENTITY_INFO });
}

static CW_ON_LOOP void keep(entry *e, const char *body, size_t len)
{
    const struct cw_conf_shaken *conf = e->shaken->conf;
    const cw_cert_rules rules = { .authorities = e->shaken->authorities,
                                  .now = seconds(),
                                  .tn_auth_list = conf->tn_auth_list };
    int64_t good_s = conf->cache_s;
    char why[128];

    e->err = cw_shaken_cert_read(body, len, &rules, &e->cert, why);
    if (e->err)
        cw_log(CW_LOG_INFO, CW_MOD_CALL, "shaken.certificate", "url", e->url, "why", why, NULL);
    else
        good_s = CLAMP(e->cert->until - rules.now, 0, good_s);
    e->until_ms = cw_now_ms() + 1000 * (uint64_t)(e->err ? conf->cache_bad_s : good_s);
}

static CW_ON_LOOP void fail(entry *e, cw_err err)
{
    cw_log(CW_LOG_INFO, CW_MOD_CALL, "shaken.fetch", "url", e->url, "error", cw_err_kind(err),
           NULL);
    e->err = CW_E_IDENTITY_INFO;
    e->until_ms = cw_now_ms() + 1000 * (uint64_t)e->shaken->conf->cache_bad_s;
}

static void on_fetched(void *arg, cw_err err, const char *body, size_t len)
{
    entry *e = arg;
    cw_shaken_wait *wait;

    cw_assert_on_loop();
    if (err)
        fail(e, err);
    else
        keep(e, body, len);
    while ((wait = g_queue_peek_head(&e->waits))) {
        cw_verdict verdict = { 0 };

        settle(&wait->passport, e, &verdict);
        tell(wait, &verdict);
    }
    e->pending = false; /* not before: whoever was told may ask again */
}

static CW_ON_LOOP cw_shaken_wait *wait_new(entry *e, cw_passport *passport, cw_shaken_fn *fn,
                                           void *arg)
{
    cw_shaken_wait *wait = g_new0(cw_shaken_wait, 1);

    wait->shaken = e->shaken;
    wait->entry = e;
    wait->passport = *passport;
    *passport = (cw_passport){ 0 };
    wait->fn = fn;
    wait->arg = arg;
    wait->link.data = wait;
    wait->timer = cw_timer_new(e->shaken->loop, on_too_late, wait);
    cw_timer_start(wait->timer, (uint64_t)e->shaken->conf->wait_ms);
    g_queue_push_tail_link(&e->waits, &wait->link);
    return wait;
}

/* The first SHAKEN PASSporT; others are of no matter to us (RFC 8224 6.2). */
static CW_ON_LOOP cw_err find(const cw_shaken_call *call, cw_passport *ret)
{
    cw_err err = CW_E_NO_IDENTITY;
    char why[128];

    for (unsigned i = 0; call->identities && call->identities[i] && i < IDENTITIES_MAX; i++) {
        cw_err one = cw_passport_read(call->identities[i], strlen(call->identities[i]), ret, why);

        if (one == CW_OK)
            return CW_OK;
        if (one == CW_E_UNSUPPORTED)
            continue;
        cw_log(CW_LOG_INFO, CW_MOD_CALL, "shaken.identity", "why", why, NULL);
        err = one;
    }
    return err;
}

static CW_ON_LOOP cw_err check(const cw_shaken *shaken, const cw_shaken_call *call,
                               cw_passport *ret)
{
    char from[CW_TN_STR], to[CW_TN_STR], why[128];
    const cw_passport_call about = {
        .from = call->from && cw_passport_number(call->from, from) ? from : NULL,
        .to = call->to && cw_passport_number(call->to, to) ? to : NULL,
        .now = seconds(),
        .max_age_s = shaken->conf->max_age_s,
    };
    cw_err err = find(call, ret);

    if (err)
        return err;
    err = cw_passport_fits(ret, &about, why);
    if (err)
        cw_log(CW_LOG_INFO, CW_MOD_CALL, "shaken.identity", "why", why, NULL);
    return err;
}

cw_shaken_wait *cw_shaken_verify(cw_shaken *shaken, const cw_shaken_call *call, cw_shaken_fn *fn,
                                 void *arg, cw_verdict *ret)
{
    cw_shaken_wait *wait = NULL;
    cw_passport passport = { 0 };
    entry *e = NULL;

    *ret = (cw_verdict){ .err = check(shaken, call, &passport) };
    if (!ret->err && !shaken->authorities)
        ret->err = CW_E_CREDENTIAL;
    if (!ret->err) {
        e = entry_of(shaken, passport.x5u);
        if (!e->pending && !e->until_ms) {
            cw_err err = cw_fetch_get(shaken->fetch, e->url, on_fetched, e);

            e->pending = !err;
            if (err)
                fail(e, err);
        }
    }
    if (e && e->pending)
        wait = wait_new(e, &passport, fn, arg);
    else if (e)
        settle(&passport, e, ret);
    if (!wait)
        count(ret);
    cw_passport_clear(&passport);
    return wait;
}

/* ── For people and programs ── */

json_t *cw_verdict_json(const cw_verdict *verdict, bool number)
{
    const char attest[] = { verdict->attest, '\0' };
    const char *status = verdict->err == CW_OK              ? "passed"
                         : verdict->err == CW_E_NO_IDENTITY ? "none"
                                                            : "failed";
    json_t *json = json_pack("{s:s s:s*}", "status", status, "attest", *attest ? attest : NULL);

    if (number && verdict->number[0])
        json_object_set_new(json, "number", json_sprintf("+%s", verdict->number));
    if (verdict->err && verdict->err != CW_E_NO_IDENTITY)
        json_object_set_new(json, "reason", json_string(cw_err_kind(verdict->err)));
    return json;
}

/* ── Signing ── */

/* A UUID that is the same each time for one name (RFC 9562 5.5). */
static void uuid_of(const char *base, const char *name, char ret[static CW_ORIGID_STR])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 b[20];
    gsize len = sizeof b;

    g_checksum_update(sum, (const guchar *)base, -1);
    g_checksum_update(sum, (const guchar *)"\n", 1);
    g_checksum_update(sum, (const guchar *)name, -1);
    g_checksum_get_digest(sum, b, &len);
    g_snprintf(ret, CW_ORIGID_STR,
               "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
               b[2], b[3], b[4], b[5], (b[6] & 0x0f) | 0x50, b[7], (b[8] & 0x3f) | 0x80, b[9],
               b[10], b[11], b[12], b[13], b[14], b[15]);
}

static bool e164(const char *number, char ret[static CW_TN_STR])
{
    return number && number[0] == '+' && cw_passport_number(number, ret) && !strpbrk(ret, "*#");
}

char *cw_shaken_sign(const cw_shaken *shaken, char attest, const char *from, const char *to,
                     const char *source, int64_t now)
{
    const struct cw_conf_shaken *conf = shaken->conf;
    cw_passport passport = { .attest = attest, .dest_n = 1, .iat = now };
    char *value;

    if (!shaken->key || !e164(from, passport.orig) || !e164(to, passport.dest[0]))
        return NULL;
    if (!source && conf->origid)
        g_strlcpy(passport.origid, conf->origid, sizeof passport.origid);
    else
        uuid_of(conf->origid ?: conf->certificate_url, source ?: "", passport.origid);
    passport.x5u = conf->certificate_url;
    value = cw_passport_sign(&passport, shaken->key);
    if (value)
        cw_stat_inc(CW_STAT_calls_signed);
    return value;
}

bool cw_shaken_is_about(const char *identity, const char *from, const char *to)
{
    char orig[CW_TN_STR], dest[CW_TN_STR], why[128];
    cw_passport passport;
    bool is = false;

    if (!from || !to || !cw_passport_number(from, orig) || !cw_passport_number(to, dest))
        return false;
    if (cw_passport_read(identity, strlen(identity), &passport, why) == CW_OK &&
        strcmp(passport.orig, orig) == 0)
        for (unsigned i = 0; i < passport.dest_n; i++)
            is = is || strcmp(passport.dest[i], dest) == 0;
    cw_passport_clear(&passport);
    return is;
}
