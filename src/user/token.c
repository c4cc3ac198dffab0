#include "user/priv.h"

#include <jwt.h>
#include <stdlib.h>
#include <string.h>

static cw_err refuse(char why[static 128], const char *text)
{
    g_strlcpy(why, text, 128);
    return CW_E_AUTH;
}

/* base64url (RFC 4648 5) of `len` bytes as JSON. NULL: it is not. */
static json_t *decode_json(const char *text, size_t len)
{
    g_autofree char *base64 = g_strdup_printf("%.*s===", (int)len, text);
    g_autofree guchar *bytes = NULL;
    char why[128];
    json_t *json;
    gsize n;

    base64[len + (4 - len % 4) % 4] = '\0';
    bytes = g_base64_decode(g_strdelimit(g_strdelimit(base64, "-", '+'), "_", '/'), &n);
    return cw_json_parse((const char *)bytes, n, &json, why) == CW_OK ? json : NULL;
}

/* The key is chosen by kid from the configured ones, and must be of the algorithm the token names:
 * the token chooses neither (RFC 8725 3.1). */
static const cw_key *choose_key(const cw_tokens *tokens, const json_t *head, char why[static 128])
{
    const json_t *kid = json_object_get(head, "kid");
    const char *alg = json_string_value(json_object_get(head, "alg"));

    if (json_object_get(head, "crit") || (kid && !json_is_string(kid)) || !alg) {
        g_strlcpy(why, "header not understood", 128);
        return NULL;
    }
    for (guint i = 0; i < tokens->keys->len; i++) {
        const cw_key *key = tokens->keys->pdata[i];

        if (g_strcmp0(key->id, json_string_value(kid)))
            continue;
        if (!strcmp(key->algorithm, alg))
            return key;
        g_strlcpy(why, "algorithm is not the key's", 128);
        return NULL;
    }
    g_strlcpy(why, "unknown key (kid)", 128);
    return NULL;
}

/* libjwt compares HMACs with strcmp(), whose time tells how much was right; here every byte counts
 * before it gets that far. */
static bool hmac_ok(const cw_key *key, const char *token, size_t signed_len)
{
    guint8 want[32];
    gsize want_len = sizeof want;
    g_autofree char *base64 = NULL;
    const char *have = token + signed_len + 1;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)key->material, key->len);
    unsigned wrong = 0;

    g_hmac_update(hmac, (const guchar *)token, (gssize)signed_len);
    g_hmac_get_digest(hmac, want, &want_len);
    g_hmac_unref(hmac);
    base64 = g_base64_encode(want, want_len);
    g_strdelimit(g_strdelimit(base64, "+", '-'), "/", '_');
    base64[43] = '\0'; /* 32 bytes are 43 characters without padding */
    if (strlen(have) != 43)
        return false;
    for (unsigned i = 0; i < 43; i++)
        wrong |= (unsigned)(base64[i] ^ have[i]);
    return wrong == 0;
}

/* The claims of a token with a good signature, as libjwt read them. */
static json_t *verify(const cw_key *key, const char *token, const char *body_end,
                      char why[static 128])
{
    json_t *claims = NULL;
    jwt_t *jwt = NULL;
    char *text = NULL;

    if (!strcmp(key->algorithm, "HS256") && !hmac_ok(key, token, (size_t)(body_end - token))) {
        refuse(why, "bad signature");
        return NULL;
    }
    if (jwt_decode(&jwt, token, (const unsigned char *)key->material, (int)key->len)) {
        refuse(why, "bad signature");
        return NULL;
    }
    if (!g_strcmp0(jwt_alg_str(jwt_get_alg(jwt)), key->algorithm))
        text = jwt_get_grants_json(jwt, NULL);
    jwt_free(jwt);
    if (!text || cw_json_parse(text, strlen(text), &claims, why))
        refuse(why, "claims cannot be read");
    free(text);
    return claims;
}

/* The claims of a token that a configured key signed. */
static cw_err claims_of(const cw_tokens *tokens, const char *token, size_t len, json_t **ret,
                        char why[static 128])
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) head = NULL;
    const char *body, *signature;
    const cw_key *key;

    *why = '\0';
    if (len == 0 || len > CW_TOKEN_MAX || memchr(token, '\0', len))
        return refuse(why, "empty or too long");
    text = g_strndup(token, len);
    body = strchr(text, '.');
    signature = body ? strchr(body + 1, '.') : NULL;
    if (!signature || strchr(signature + 1, '.'))
        return refuse(why, "not three parts");
    head = decode_json(text, (size_t)(body - text));
    if (!json_is_object(head))
        return refuse(why, "header is not JSON");
    key = choose_key(tokens, head, why);
    if (!key)
        return CW_E_AUTH;
    *ret = verify(key, text, signature, why);
    return *ret ? CW_OK : CW_E_AUTH;
}

cw_err cw_token_verify(const cw_tokens *tokens, const char *token, size_t len, int64_t now,
                       cw_identity *ret, char why[static 128])
{
    g_autoptr(json_t) claims = NULL;
    cw_err err = claims_of(tokens, token, len, &claims, why);

    return err ? err : cw_claims_read(&tokens->conf->auth, claims, now, ret, why);
}

cw_err cw_call_grant_verify(const cw_tokens *tokens, const char *token, size_t len, int64_t now,
                            const char *user, cw_call_grant *ret, char why[static 128])
{
    g_autoptr(json_t) claims = NULL;
    cw_err err = claims_of(tokens, token, len, &claims, why);

    return err ? err : cw_claims_read_grant(&tokens->conf->auth, claims, now, user, ret, why);
}
