#include "sip/auth.h"

#include "base/ident.h"
#include "base/json.h"

#include <string.h>

/* The value of "name=value" with its quotes and escapes taken off. */
static char *unquote(const char *value)
{
    GString *out = g_string_new(NULL);
    bool quoted = *value == '"';

    for (value += quoted; *value && !(quoted && *value == '"'); value++) {
        if (quoted && *value == '\\' && value[1])
            value++;
        g_string_append_c(out, *value);
    }
    return g_string_free(out, FALSE);
}

static char *param(const char *const *params, const char *name)
{
    size_t len = strlen(name);

    for (; params && *params; params++)
        if (g_ascii_strncasecmp(*params, name, len) == 0 && (*params)[len] == '=')
            return unquote(*params + len + 1);
    return NULL;
}

static bool list_has(const char *list, const char *word)
{
    g_auto(GStrv) items = g_strsplit(list, ",", 16);

    for (char **item = items; *item; item++)
        if (g_ascii_strcasecmp(g_strstrip(*item), word) == 0)
            return true;
    return false;
}

static bool is_safe(const char *text)
{
    return !text || (strlen(text) <= 512 && cw_text_is_safe(text, strlen(text)));
}

cw_err cw_sip_challenge_parse(const char *const *params, cw_sip_challenge *ret)
{
    g_auto(cw_sip_challenge) challenge = { .hash = G_CHECKSUM_MD5 };
    g_autofree char *algorithm = param(params, "algorithm");
    g_autofree char *qop = param(params, "qop");
    g_autofree char *stale = param(params, "stale");

    challenge.realm = param(params, "realm");
    challenge.nonce = param(params, "nonce");
    challenge.opaque = param(params, "opaque");
    if (!challenge.realm || !challenge.nonce || !is_safe(challenge.realm) ||
        !is_safe(challenge.nonce) || !is_safe(challenge.opaque))
        return CW_E_PARSE;
    if (algorithm) {
        challenge.has_algorithm = true;
        if (g_ascii_strcasecmp(algorithm, "SHA-256") == 0)
            challenge.hash = G_CHECKSUM_SHA256;
        else if (g_ascii_strcasecmp(algorithm, "MD5") != 0)
            return CW_E_UNSUPPORTED;
    }
    if (qop && !list_has(qop, "auth"))
        return CW_E_UNSUPPORTED;
    challenge.qop_auth = qop != NULL;
    challenge.stale = stale && g_ascii_strcasecmp(stale, "true") == 0;
    *ret = challenge;
    challenge = (cw_sip_challenge){ 0 };
    return CW_OK;
}

void cw_sip_challenge_clear(cw_sip_challenge *challenge)
{
    g_free(challenge->realm);
    g_free(challenge->nonce);
    g_free(challenge->opaque);
    *challenge = (cw_sip_challenge){ 0 };
}

static char *hash_of(GChecksumType type, const char *a, const char *b, const char *c)
{
    g_autofree char *text = c ? g_strconcat(a, ":", b, ":", c, NULL) : g_strconcat(a, ":", b, NULL);

    return g_compute_checksum_for_string(type, text, -1);
}

static void append_quoted(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, ", %s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *value);
    }
    g_string_append_c(out, '"');
}

char *cw_sip_challenge_answer(const cw_sip_challenge *challenge, const char *username,
                              const char *password, const char *method, const char *uri,
                              unsigned nc, const char *cnonce)
{
    /* RFC 7616 3.4.1: KD(H(A1), nonce:nc:cnonce:qop:H(A2)) */
    g_autofree char *a1 = hash_of(challenge->hash, username, challenge->realm, password);
    g_autofree char *a2 = hash_of(challenge->hash, method, uri, NULL);
    g_autofree char *middle = challenge->qop_auth
                                  ? g_strdup_printf("%s:%08x:%s:auth", challenge->nonce, nc, cnonce)
                                  : g_strdup(challenge->nonce);
    g_autofree char *response = hash_of(challenge->hash, a1, middle, a2);
    GString *out = g_string_new("Digest ");
    g_autoptr(GString) user = g_string_new(NULL);

    append_quoted(user, "username", username);
    g_string_append(out, user->str + 2);
    append_quoted(out, "realm", challenge->realm);
    append_quoted(out, "nonce", challenge->nonce);
    append_quoted(out, "uri", uri);
    append_quoted(out, "response", response);
    if (challenge->has_algorithm)
        g_string_append_printf(out, ", algorithm=%s",
                               challenge->hash == G_CHECKSUM_SHA256 ? "SHA-256" : "MD5");
    if (challenge->qop_auth)
        g_string_append_printf(out, ", qop=auth, nc=%08x, cnonce=\"%s\"", nc, cnonce);
    if (challenge->opaque)
        append_quoted(out, "opaque", challenge->opaque);
    return g_string_free(out, FALSE);
}

cw_sip_account *cw_sip_account_new(const cw_sip_credentials *credentials)
{
    cw_sip_account *account;

    if (!credentials->username)
        return NULL;
    account = g_rc_box_new0(cw_sip_account);
    account->username = g_strdup(credentials->username);
    account->password = g_strdup(credentials->password ? credentials->password : "");
    account->realm = g_strdup(credentials->realm);
    return account;
}

cw_sip_account *cw_sip_account_ref(cw_sip_account *account)
{
    return account ? g_rc_box_acquire(account) : NULL;
}

static void account_clear(void *data)
{
    cw_sip_account *account = data;

    g_free(account->username);
    g_free(account->password);
    g_free(account->realm);
    cw_sip_challenge_clear(&account->asked[0].challenge);
    cw_sip_challenge_clear(&account->asked[1].challenge);
}

void cw_sip_account_unref(cw_sip_account *account)
{
    if (account)
        g_rc_box_release_full(account, account_clear);
}

cw_err cw_sip_account_ask(cw_sip_account *account, bool proxy, cw_sip_challenge *challenge)
{
    struct cw_sip_asked *asked = &account->asked[proxy];

    if (account->realm && strcmp(account->realm, challenge->realm) != 0)
        return CW_E_AUTH;
    if (asked->known && strcmp(asked->challenge.nonce, challenge->nonce) == 0)
        return CW_E_AUTH;
    if (!account->realm)
        account->realm = g_strdup(challenge->realm);
    cw_sip_challenge_clear(&asked->challenge);
    asked->challenge = *challenge;
    *challenge = (cw_sip_challenge){ 0 };
    asked->known = true;
    asked->nc = 0;
    return CW_OK;
}

char *cw_sip_account_answer(cw_sip_account *account, bool proxy, const char *method,
                            const char *uri)
{
    struct cw_sip_asked *asked = &account->asked[proxy];
    g_autofree char *value = NULL;
    char cnonce[17];

    if (!asked->known)
        return NULL;
    cw_random_text(cnonce, 16);
    value = cw_sip_challenge_answer(&asked->challenge, account->username, account->password, method,
                                    uri, ++asked->nc, cnonce);
    return g_strconcat(proxy ? "Proxy-Authorization: " : "Authorization: ", value, NULL);
}
