#include "user/priv.h"

#include <string.h>

static cw_err refuse(char why[static 128], const char *text, cw_err err)
{
    g_strlcpy(why, text, 128);
    return err;
}

static bool is_audience(const json_t *aud, const char *wanted)
{
    if (json_is_string(aud))
        return !strcmp(json_string_value(aud), wanted);
    for (size_t i = 0; i < json_array_size(aud); i++)
        if (!g_strcmp0(json_string_value(json_array_get(aud, i)), wanted))
            return true;
    return false;
}

/* RFC 7519 4.1.4, 4.1.5. A number beyond any clock must not wrap. */
static cw_err check_times(const struct cw_conf_auth *auth, const json_t *claims, int64_t now,
                          int64_t *expires, char why[static 128])
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    double limit = 1e15;

    if (!json_is_number(exp) || json_number_value(exp) < 0 || json_number_value(exp) > limit)
        return refuse(why, "no exp, or not a time", CW_E_AUTH);
    if (nbf &&
        (!json_is_number(nbf) || json_number_value(nbf) > (double)now + (double)auth->leeway_s))
        return refuse(why, "not valid yet (nbf)", CW_E_AUTH);
    *expires = (int64_t)json_number_value(exp);
    if (*expires + auth->leeway_s <= now)
        return refuse(why, "expired (exp)", CW_E_EXPIRED);
    return CW_OK;
}

static cw_err check_parties(const struct cw_conf_auth *auth, const json_t *claims,
                            char why[static 128])
{
    if (auth->issuer && g_strcmp0(json_string_value(json_object_get(claims, "iss")), auth->issuer))
        return refuse(why, "another issuer (iss)", CW_E_AUTH);
    if (auth->audience && !is_audience(json_object_get(claims, "aud"), auth->audience))
        return refuse(why, "another audience (aud)", CW_E_AUTH);
    return CW_OK;
}

/* "scope": words separated by blanks (RFC 8693 4.2), or a list of words. */
static cw_err read_scope(const struct cw_conf_auth *auth, const json_t *scope, cw_grant *ret)
{
    cw_err err = CW_OK;

    if (!scope)
        return cw_grant_parse(auth->default_scope ? auth->default_scope : "", ret);
    if (json_is_string(scope))
        return cw_grant_parse(json_string_value(scope), ret);
    if (!json_is_array(scope))
        return CW_E_AUTH;
    for (size_t i = 0; !err && i < json_array_size(scope); i++) {
        const char *word = json_string_value(json_array_get(scope, i));

        err = word ? cw_grant_parse(word, ret) : CW_E_AUTH;
    }
    return err;
}

static void read_display(const json_t *name, char *ret, size_t size)
{
    const char *text = json_string_value(name), *end;

    if (!text || !cw_text_is_safe(text, json_string_length(name)))
        return;
    g_strlcpy(ret, text, size);
    g_utf8_validate(ret, -1, &end);
    ret[end - ret] = '\0'; /* a character cut in two goes */
}

cw_err cw_claims_read(const struct cw_conf_auth *auth, const json_t *claims, int64_t now,
                      cw_identity *ret, char why[static 128])
{
    const json_t *sub = json_object_get(claims, "sub");
    cw_identity identity = { 0 };
    cw_err err;

    if (!json_is_string(sub) || !cw_user_name_ok(json_string_value(sub), json_string_length(sub)))
        return refuse(why, "sub is no user name", CW_E_AUTH);
    err = check_parties(auth, claims, why);
    if (!err)
        err = check_times(auth, claims, now, &identity.expires, why);
    if (err)
        return err;
    if (read_scope(auth, json_object_get(claims, "scope"), &identity.grant)) {
        cw_identity_clear(&identity);
        return refuse(why, "scope cannot be read", CW_E_AUTH);
    }
    g_strlcpy(identity.user, json_string_value(sub), sizeof identity.user);
    read_display(json_object_get(claims, "name"), identity.display, sizeof identity.display);
    *ret = identity;
    return CW_OK;
}
