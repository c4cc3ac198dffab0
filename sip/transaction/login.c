#include "sip/transaction/login.h"

#include "base/ident.h"
#include "base/json.h"
#include "sip/transaction/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAMP_LEN 16 /* hex digits: seconds, a random number */
#define SEAL_LEN  32 /* of the HMAC that are told */
#define NONCE_LEN (STAMP_LEN + SEAL_LEN)
#define KNOWN_MAX 10000 /* nonces in use that are kept */

typedef struct account {
    const char *user;            /* the configuration's */
    char ha1[2][CW_SIP_HA1_MAX]; /* MD5, SHA-256; "": none */
} account;

/* A nonce that was answered rightly. */
typedef struct known {
    char nonce[NONCE_LEN + 1];
    uint32_t made_s;
    unsigned count; /* the highest nc */
} known;

struct cw_sip_logins {
    const cw_conf *conf;
    char *realm;
    GHashTable *accounts; /* user to account, owned */
    GHashTable *nonces;   /* known.nonce to known, owned */
    GQueue by_age;        /* of known, the first used first */
    uint32_t floor_s;     /* nonces made until then are too old, whatever their time to live */
    uint8_t secret[32];
    double tokens; /* challenges that may be sent now */
    uint64_t tokens_ms;
};

static const struct {
    const char *name;
    GChecksumType hash;
} algorithms[] = { { "MD5", G_CHECKSUM_MD5 }, { "SHA-256", G_CHECKSUM_SHA256 } };

static int algorithm_of(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++)
        if (g_ascii_strcasecmp(algorithms[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ── Accounts ── */

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static cw_err check_trunk(const cw_conf *conf, size_t i, char why[static 128])
{
    const struct cw_conf_trunk *t = &conf->trunk[i];
    bool hashed = t->in_ha1_md5 || t->in_ha1_sha256;

    if (!t->in_username)
        return hashed || t->in_password
                   ? WHY(why, "trunk \"%.40s\": in_password and in_ha1_* need in_username", t->name)
                   : CW_OK;
    if (!*t->in_username || !cw_text_is_safe(t->in_username, strlen(t->in_username)))
        return WHY(why, "trunk \"%.40s\": in_username is no user name", t->name);
    if (hashed == (t->in_password != NULL))
        return WHY(why, "trunk \"%.40s\": in_username needs in_password, or in_ha1_*", t->name);
    if ((t->in_ha1_md5 && !cw_sip_ha1_ok(G_CHECKSUM_MD5, t->in_ha1_md5)) ||
        (t->in_ha1_sha256 && !cw_sip_ha1_ok(G_CHECKSUM_SHA256, t->in_ha1_sha256)))
        return WHY(why, "trunk \"%.40s\": in_ha1_* is not as many hex digits as its hash", t->name);
    for (size_t other = 0; other < i; other++)
        if (g_strcmp0(conf->trunk[other].in_username, t->in_username) == 0)
            return WHY(why, "trunk \"%.40s\": in_username of another trunk", t->name);
    return CW_OK;
}

cw_err cw_sip_logins_check(const cw_conf *conf, char why[static 128])
{
    const char *realm = conf->sip.challenge_realm;
    char *const *name = conf->sip.challenge_algorithms;
    cw_err err = CW_OK;

    if (realm && (!cw_text_is_safe(realm, strlen(realm)) || strpbrk(realm, "\"\\")))
        return WHY(why, "sip.challenge_realm: no quotes, no control characters");
    if (!name || !*name)
        return WHY(why, "sip.challenge_algorithms is empty");
    for (; *name; name++)
        if (algorithm_of(*name) < 0)
            return WHY(why, "sip.challenge_algorithms: \"%.24s\" is not MD5 or SHA-256", *name);
    for (size_t i = 0; !err && i < conf->trunk_n; i++)
        err = check_trunk(conf, i, why);
    return err;
}

static void account_free(void *data)
{
    explicit_bzero(data, sizeof(account));
    g_free(data);
}

static void add(cw_sip_logins *logins, const struct cw_conf_trunk *trunk)
{
    account *a = g_new0(account, 1);
    const char *const given[] = { trunk->in_ha1_md5, trunk->in_ha1_sha256 };

    a->user = trunk->in_username;
    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (trunk->in_password) {
            cw_sip_ha1(algorithms[i].hash, a->user, logins->realm, trunk->in_password, a->ha1[i]);
        } else if (given[i]) {
            g_autofree char *lower = g_ascii_strdown(given[i], -1);

            g_strlcpy(a->ha1[i], lower, CW_SIP_HA1_MAX);
        }
    }
    g_hash_table_insert(logins->accounts, (void *)a->user, a);
}

cw_sip_logins *cw_sip_logins_new(const cw_conf *conf, const char *domain)
{
    cw_sip_logins *logins = g_new0(cw_sip_logins, 1);

    logins->conf = conf;
    logins->realm = g_strdup(conf->sip.challenge_realm ?: domain);
    logins->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, account_free);
    logins->nonces = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    logins->tokens = (double)conf->sip.challenges_per_s;
    cw_random(logins->secret, sizeof logins->secret);
    for (size_t i = 0; i < conf->trunk_n; i++)
        if (conf->trunk[i].in_username)
            add(logins, &conf->trunk[i]);
    if (g_hash_table_size(logins->accounts) > 0)
        return logins;
    cw_sip_logins_free(logins);
    return NULL;
}

void cw_sip_logins_free(cw_sip_logins *logins)
{
    if (!logins)
        return;
    g_hash_table_unref(logins->accounts);
    g_hash_table_unref(logins->nonces);
    g_queue_clear(&logins->by_age);
    explicit_bzero(logins->secret, sizeof logins->secret);
    g_free(logins->realm);
    g_free(logins);
}

/* ── Nonces ── */

/* Behind its stamp, the proof that it is ours. */
static void seal(const cw_sip_logins *logins, char nonce[static NONCE_LEN + 1])
{
    g_autofree char *mac = g_compute_hmac_for_data(
        G_CHECKSUM_SHA256, logins->secret, sizeof logins->secret, (const guchar *)nonce, STAMP_LEN);

    memcpy(nonce + STAMP_LEN, mac, SEAL_LEN);
    nonce[NONCE_LEN] = 0;
}

static bool is_equal(const char *a, const char *b, size_t len)
{
    uint8_t differs = 0;

    for (size_t i = 0; i < len; i++)
        differs |= (uint8_t)(a[i] ^ b[i]);
    return differs == 0;
}

static bool is_ours(const cw_sip_logins *logins, const char *nonce, uint32_t *made_s)
{
    char again[NONCE_LEN + 1], stamp[9] = "";

    if (strlen(nonce) != NONCE_LEN)
        return false;
    memcpy(again, nonce, STAMP_LEN);
    seal(logins, again);
    if (!is_equal(again, nonce, NONCE_LEN))
        return false;
    memcpy(stamp, nonce, 8);
    *made_s = (uint32_t)strtoul(stamp, NULL, 16);
    return true;
}

static uint32_t seconds(uint64_t now_ms)
{
    return (uint32_t)(now_ms / 1000);
}

static bool is_old(const cw_sip_logins *logins, uint32_t made_s, uint64_t now_ms)
{
    return seconds(now_ms) - made_s > (uint32_t)logins->conf->sip.challenge_s ||
           (logins->floor_s && made_s <= logins->floor_s);
}

static void forget(cw_sip_logins *logins, known *k)
{
    g_queue_remove(&logins->by_age, k);
    g_hash_table_remove(logins->nonces, k->nonce);
}

static void make_room(cw_sip_logins *logins, uint64_t now_ms)
{
    known *k;

    while ((k = g_queue_peek_head(&logins->by_age)) && is_old(logins, k->made_s, now_ms))
        forget(logins, k);
    if (g_queue_get_length(&logins->by_age) < KNOWN_MAX)
        return;
    k = g_queue_peek_head(&logins->by_age);
    logins->floor_s = MAX(logins->floor_s, k->made_s); /* or it could be answered again */
    forget(logins, k);
}

/* Each count once, and rising (RFC 7616 3.4.6). */
static cw_err take_count(cw_sip_logins *logins, const char *nonce, uint32_t made_s, unsigned count,
                         uint64_t now_ms)
{
    known *k = g_hash_table_lookup(logins->nonces, nonce);

    if (is_old(logins, made_s, now_ms) || (k && count <= k->count))
        return CW_E_EXPIRED;
    if (!k) {
        make_room(logins, now_ms);
        k = g_new0(known, 1);
        memcpy(k->nonce, nonce, sizeof k->nonce);
        k->made_s = made_s;
        g_queue_push_tail(&logins->by_age, k);
        g_hash_table_insert(logins->nonces, k->nonce, k);
    }
    k->count = count;
    return CW_OK;
}

/* ── The answer to a challenge ── */

typedef struct answer {
    char *user, *realm, *nonce, *uri, *response, *algorithm, *qop, *nc, *cnonce;
} answer;

static void answer_clear(answer *a)
{
    char *const all[] = { a->user,      a->realm, a->nonce,  a->uri, a->response,
                          a->algorithm, a->qop,   a->cnonce, a->nc };

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        g_free(all[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(answer, answer_clear)

static void read_answer(const char *const *params, answer *ret)
{
    ret->user = cw_sip_digest_param(params, "username");
    ret->realm = cw_sip_digest_param(params, "realm");
    ret->nonce = cw_sip_digest_param(params, "nonce");
    ret->uri = cw_sip_digest_param(params, "uri");
    ret->response = cw_sip_digest_param(params, "response");
    ret->algorithm = cw_sip_digest_param(params, "algorithm");
    ret->qop = cw_sip_digest_param(params, "qop");
    ret->nc = cw_sip_digest_param(params, "nc");
    ret->cnonce = cw_sip_digest_param(params, "cnonce");
}

/* Whole, and one of those we ask for. */
static bool is_whole(const cw_sip_logins *logins, const answer *a, int algorithm)
{
    char *const *name = logins->conf->sip.challenge_algorithms;

    if (!a->user || !a->nonce || !a->uri || !a->response || !a->cnonce || !a->qop || !a->nc ||
        algorithm < 0 || g_ascii_strcasecmp(a->qop, "auth") || strlen(a->nc) != 8 ||
        strspn(a->nc, "0123456789abcdefABCDEF") != 8 || strlen(a->cnonce) > 256)
        return false;
    for (; name && *name; name++)
        if (algorithm_of(*name) == algorithm)
            return true;
    return false;
}

/* Whoever is unknown takes as long. */
static bool is_right(const cw_sip_logins *logins, const answer *a, int algorithm,
                     const char *method, const account **ret)
{
    static const account nobody = { .ha1 = { "0", "0" } };
    const account *who = g_hash_table_lookup(logins->accounts, a->user) ?: &nobody;
    const GChecksumType hash = algorithms[algorithm].hash;
    g_autofree char *want =
        cw_sip_digest(hash, who->ha1[algorithm], method, a->uri, a->nonce, a->nc, a->cnonce);
    g_autofree char *said = g_ascii_strdown(a->response, -1);
    bool same = strlen(said) == strlen(want) && is_equal(said, want, strlen(want));

    *ret = who;
    return same && who != &nobody && *who->ha1[algorithm];
}

cw_err cw_sip_logins_judge(cw_sip_logins *logins, const char *const *params, const char *method,
                           const char *uri, uint64_t now_ms, const char **user)
{
    g_auto(answer) a = { 0 };
    const account *who;
    uint32_t made_s;
    int algorithm;
    cw_err err;

    read_answer(params, &a);
    if (g_strcmp0(a.realm, logins->realm) != 0)
        return CW_E_NOT_FOUND;
    algorithm = algorithm_of(a.algorithm ?: "MD5");
    if (!is_whole(logins, &a, algorithm) || strcmp(a.uri, uri) != 0)
        return CW_E_AUTH;
    if (!is_right(logins, &a, algorithm, method, &who))
        return CW_E_AUTH;
    if (!is_ours(logins, a.nonce, &made_s)) /* of another start of ours, perhaps */
        return CW_E_EXPIRED;
    err = take_count(logins, a.nonce, made_s, (unsigned)strtoul(a.nc, NULL, 16), now_ms);
    if (!err)
        *user = who->user;
    return err;
}

/* ── The challenge ── */

static bool may_ask(cw_sip_logins *logins, uint64_t now_ms)
{
    double most = (double)logins->conf->sip.challenges_per_s;

    logins->tokens = MIN(most, logins->tokens + most * (double)(now_ms - logins->tokens_ms) / 1000);
    logins->tokens_ms = now_ms;
    if (logins->tokens < 1)
        return false;
    logins->tokens -= 1;
    return true;
}

char *cw_sip_logins_ask(cw_sip_logins *logins, bool stale, uint64_t now_ms)
{
    char nonce[NONCE_LEN + 1];
    GString *lines;
    uint32_t random;

    if (!may_ask(logins, now_ms))
        return NULL;
    cw_random(&random, sizeof random);
    snprintf(nonce, sizeof nonce, "%08x%08x", seconds(now_ms), random);
    seal(logins, nonce);
    lines = g_string_new(NULL);
    for (char *const *name = logins->conf->sip.challenge_algorithms; name && *name; name++)
        g_string_append_printf(lines,
                               "%sWWW-Authenticate: Digest realm=\"%s\", nonce=\"%s\", "
                               "algorithm=%s, qop=\"auth\"%s",
                               lines->len ? "\r\n" : "", logins->realm, nonce, *name,
                               stale ? ", stale=true" : "");
    return g_string_free(lines, FALSE);
}
