/* Who a client is: digest as a server (RFC 7616, RFC 8760), or a bearer token (RFC 8898). A nonce
 * is good on the connection that got it only, for a short while, each count once. */
#include "sip/web/web_priv.h"

#include "base/ident.h"
#include "base/log.h"
#include "sip/text/uri.h"

#include <string.h>

#define NONCE_MS  60000
#define TOKEN_MAX 4096

const char *cw_sip_web_realm(const cw_sip *sip)
{
    const char *realm = sip->conf->web.sip_realm;

    return realm && *realm ? realm : sip->domain;
}

/* --- the challenge --- */

/* Some are good at a time: a client may send several requests before it is answered. */
static const cw_sip_nonce *fresh_nonce(cw_sip_web *web) CW_ON_LOOP
{
    cw_sip_nonce *oldest = &web->nonces[0];

    for (unsigned i = 1; i < CW_SIP_NONCES; i++)
        if (web->nonces[i].at_ms < oldest->at_ms)
            oldest = &web->nonces[i];
    cw_random_text(oldest->text, sizeof oldest->text - 1);
    oldest->at_ms = cw_now_ms();
    oldest->nc = 0;
    return oldest;
}

static void add_line(GString *out, const char *line)
{
    g_string_append_printf(out, "%s%s", out->len ? "\r\n" : "", line);
}

char *cw_sip_web_challenge(cw_sip_web *web, bool stale)
{
    const cw_sip *sip = web->sip;
    const char *realm = cw_sip_web_realm(sip);
    const cw_sip_nonce *nonce = fresh_nonce(web);
    GString *out = g_string_new(NULL);

    if (sip->conf->key_n) {
        g_autofree char *line = g_strdup_printf("WWW-Authenticate: Bearer realm=\"%s\"", realm);

        add_line(out, line);
    }
    for (char **name = sip->conf->web.sip_digest; name && *name; name++) {
        g_autofree char *line = g_strdup_printf(
            "WWW-Authenticate: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s",
            realm, nonce->text, *name, stale ? ", stale=true" : "");

        add_line(out, line);
    }
    return g_string_free(out, FALSE);
}

/* --- the digest --- */

typedef struct answer {
    char *username, *realm, *nonce, *uri, *response, *algorithm, *qop, *nc, *cnonce;
} answer;

static void answer_clear(answer *a)
{
    g_free(a->username);
    g_free(a->realm);
    g_free(a->nonce);
    g_free(a->uri);
    g_free(a->response);
    g_free(a->algorithm);
    g_free(a->qop);
    g_free(a->nc);
    g_free(a->cnonce);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(answer, answer_clear)

static bool read_answer(const char *const *params, answer *ret)
{
    ret->username = cw_sip_digest_param(params, "username");
    ret->realm = cw_sip_digest_param(params, "realm");
    ret->nonce = cw_sip_digest_param(params, "nonce");
    ret->uri = cw_sip_digest_param(params, "uri");
    ret->response = cw_sip_digest_param(params, "response");
    ret->algorithm = cw_sip_digest_param(params, "algorithm") ?: g_strdup("MD5");
    ret->qop = cw_sip_digest_param(params, "qop");
    ret->nc = cw_sip_digest_param(params, "nc");
    ret->cnonce = cw_sip_digest_param(params, "cnonce");
    return ret->username && ret->realm && ret->nonce && ret->uri && ret->response && ret->qop &&
           ret->nc && ret->cnonce && strcmp(ret->qop, "auth") == 0 &&
           strspn(ret->nc, "0123456789abcdefABCDEF") == 8 && strlen(ret->nc) == 8;
}

/* CW_E_EXPIRED: it was good once; CW_E_AUTH: never, or this count was used. */
static cw_err use_nonce(cw_sip_web *web, const answer *a) CW_ON_LOOP
{
    uint32_t nc = (uint32_t)g_ascii_strtoull(a->nc, NULL, 16);

    for (unsigned i = 0; i < CW_SIP_NONCES; i++) {
        cw_sip_nonce *nonce = &web->nonces[i];

        if (!nonce->at_ms || strcmp(nonce->text, a->nonce) != 0)
            continue;
        if (cw_now_ms() - nonce->at_ms > NONCE_MS)
            return CW_E_EXPIRED;
        if (nc <= nonce->nc)
            return CW_E_AUTH;
        nonce->nc = nc;
        return CW_OK;
    }
    return CW_E_EXPIRED;
}

/* RFC 7616 3.4.6: the uri is the request's, whichever way it is written. */
static bool is_for(const char *uri, const sip_t *message)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    bool same;
    url_t *url;

    su_home_init(home);
    url = url_hdup(home, (const url_t *)uri);
    same = url && url_cmp(url, message->sip_request->rq_url) == 0;
    su_home_deinit(home);
    return same;
}

static bool same_text(const char *a, const char *b)
{
    size_t len = strlen(a);
    unsigned wrong = len != strlen(b);

    for (size_t i = 0; !wrong && i < len; i++)
        wrong |= (unsigned)(g_ascii_tolower(a[i]) ^ g_ascii_tolower(b[i]));
    return wrong == 0;
}

static bool is_offered(const cw_sip *sip, const char *algorithm, bool *sha256)
{
    for (char **name = sip->conf->web.sip_digest; name && *name; name++)
        if (g_ascii_strcasecmp(*name, algorithm) == 0) {
            *sha256 = g_ascii_strcasecmp(algorithm, "SHA-256") == 0;
            return true;
        }
    return false;
}

static bool is_right(const cw_sip *sip, const answer *a, const char *method) CW_ON_LOOP
{
    g_autofree char *want = NULL;
    char ha1[CW_SIP_HA1_MAX];
    bool sha256, ok;

    if (!is_offered(sip, a->algorithm, &sha256) || !sip->ops->secret ||
        !sip->ops->secret(sip->arg, a->username, a->realm, sha256, ha1))
        return false;
    want = cw_sip_digest(sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5, ha1, method, a->uri, a->nonce,
                         a->nc, a->cnonce);
    ok = same_text(want, a->response);
    explicit_bzero(ha1, sizeof ha1);
    return ok;
}

static int login(cw_sip_web *web, const char *user, const char *token, size_t len,
                 char **lines) CW_ON_LOOP
{
    cw_err err = web->sip->ops->web_login
                     ? web->sip->ops->web_login(web->sip->arg, web, user, token, len)
                     : CW_E_AUTH;

    if (err == CW_E_AUTH || err == CW_E_EXPIRED) {
        *lines = cw_sip_web_challenge(web, false);
        return 401;
    }
    if (err == CW_E_OVERLOAD)
        *lines = g_strdup("Retry-After: 5");
    return err ? cw_err_sip(err) : 0;
}

static int prove_digest(cw_sip_web *web, const sip_t *message, char **lines) CW_ON_LOOP
{
    const char *const *params = (const char *const *)message->sip_authorization->au_params;
    const char *method = message->sip_request->rq_method_name;
    g_auto(answer) a = { 0 };
    cw_err err;

    if (!read_answer(params, &a) || strcmp(a.realm, cw_sip_web_realm(web->sip)) != 0 ||
        !is_for(a.uri, message)) {
        *lines = cw_sip_web_challenge(web, false);
        return 401;
    }
    err = use_nonce(web, &a);
    if (err || !is_right(web->sip, &a, method)) {
        *lines = cw_sip_web_challenge(web, err == CW_E_EXPIRED);
        return 401;
    }
    return login(web, a.username, NULL, 0, lines);
}

/* RFC 8898 2.2. */
static int prove_token(cw_sip_web *web, const sip_t *message, char **lines) CW_ON_LOOP
{
    const msg_param_t *params = message->sip_authorization->au_params;
    size_t len = params && params[0] ? strlen(params[0]) : 0;

    if (len == 0 || len > TOKEN_MAX || params[1]) {
        *lines = cw_sip_web_challenge(web, false);
        return 401;
    }
    return login(web, NULL, params[0], len, lines);
}

int cw_sip_web_prove(cw_sip_web *web, const sip_t *message, char **lines)
{
    const char *scheme = message->sip_authorization->au_scheme;

    if (scheme && g_ascii_strcasecmp(scheme, "Digest") == 0)
        return prove_digest(web, message, lines);
    if (scheme && g_ascii_strcasecmp(scheme, "Bearer") == 0)
        return prove_token(web, message, lines);
    *lines = cw_sip_web_challenge(web, false);
    return 401;
}
