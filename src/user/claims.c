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

/* `use`: NULL for a log-in. No token serves as the other kind (RFC 8725 3.12). */
static cw_err check_parties(const struct cw_conf_auth *auth, const json_t *claims, const char *use,
                            char why[static 128])
{
    const json_t *said = json_object_get(claims, "use");

    if (use ? g_strcmp0(json_string_value(said), use) != 0 : said != NULL)
        return refuse(why, "a token for something else (use)", CW_E_AUTH);
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

/* "numbers": what the user may call from, a text or a list of them. */
static cw_err read_numbers(const json_t *numbers, cw_identity *ret)
{
    size_t n = json_is_array(numbers) ? json_array_size(numbers) : 1;

    if (!numbers)
        return CW_OK;
    if (n > CW_NUMBERS_MAX)
        return CW_E_AUTH;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(numbers) ? json_array_get(numbers, i) : numbers;
        size_t len = json_string_length(one);

        if (len == 0 || len > 40 || !cw_text_is_safe(json_string_value(one), len))
            return CW_E_AUTH;
        ret->number[ret->number_n++] = g_strdup(json_string_value(one));
    }
    return CW_OK;
}

static bool is_hex(const json_t *text, size_t len)
{
    const char *s = json_string_value(text);

    return json_string_length(text) == len && strspn(s, "0123456789abcdefABCDEF") == len;
}

static bool read_sip_text(const json_t *sip, const char *name, char ret[CW_SIP_CLAIM_MAX + 1])
{
    const json_t *text = json_object_get(sip, name);
    size_t len = json_string_length(text);

    if (!text)
        return true;
    if (len == 0 || len > CW_SIP_CLAIM_MAX || !cw_text_is_safe(json_string_value(text), len))
        return false;
    g_strlcpy(ret, json_string_value(text), CW_SIP_CLAIM_MAX + 1);
    return true;
}

static bool read_hash(const json_t *sip, const char *name, size_t len, char *ret)
{
    const json_t *hash = json_object_get(sip, name);

    if (!hash)
        return true;
    if (!is_hex(hash, len))
        return false;
    g_strlcpy(ret, json_string_value(hash), len + 1);
    return true;
}

/* The claim "sip": a name of a line in `accounts`, or identity and hashes. No password: whoever
 * sees the token would see it. */
static cw_err read_sip(const json_t *sip, cw_identity *ret)
{
    static const char *const known[] = { "registrar", "account",    "identity", "username",
                                         "ha1_md5",   "ha1_sha256", NULL };
    cw_sip_claim *claim;
    const json_t *value;
    const char *name;

    if (!sip)
        return CW_OK;
    if (!json_is_object(sip) || json_object_size(sip) == 0)
        return CW_E_AUTH;
    json_object_foreach((json_t *)sip, name,
                        value) if (!g_strv_contains(known, name)) return CW_E_AUTH;
    ret->sip = claim = g_new0(cw_sip_claim, 1);
    if (!read_sip_text(sip, "registrar", claim->registrar) ||
        !read_sip_text(sip, "account", claim->account) ||
        !read_sip_text(sip, "identity", claim->identity) ||
        !read_sip_text(sip, "username", claim->username) ||
        !read_hash(sip, "ha1_md5", 32, claim->ha1_md5) ||
        !read_hash(sip, "ha1_sha256", 64, claim->ha1_sha256))
        return CW_E_AUTH;
    return *claim->account &&
                   (*claim->identity || *claim->username || *claim->ha1_md5 || *claim->ha1_sha256)
               ? CW_E_AUTH
               : CW_OK;
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

/* A whole number from 1 on; 0 when there is none. */
static bool read_count(const json_t *call, const char *name, unsigned *ret)
{
    const json_t *n = json_object_get(call, name);

    *ret = 0;
    if (!n)
        return true;
    if (!json_is_integer(n) || json_integer_value(n) < 1 || json_integer_value(n) > 1000000000)
        return false;
    *ret = (unsigned)json_integer_value(n);
    return true;
}

/* The claim "call". What it holds and we do not know would bound nothing: it is refused. */
static cw_err read_limits(const json_t *call, const char *const *known, cw_call_limits *ret,
                          char why[static 128])
{
    const json_t *cost = json_object_get(call, "cost"), *value;
    const char *name;

    if (!call)
        return CW_OK;
    if (!json_is_object(call))
        return refuse(why, "call is no object", CW_E_AUTH);
    json_object_foreach(
        (json_t *)call, name,
        value) if (!g_strv_contains(known,
                                    name)) return refuse(why, "call has a member that is not known",
                                                         CW_E_AUTH);
    if (!read_count(call, "at_once", &ret->at_once) || !read_count(call, "seconds", &ret->seconds))
        return refuse(why, "call.at_once or call.seconds is no count", CW_E_AUTH);
    if (cost && (!json_is_string(cost) || json_string_length(cost) == 0 ||
                 json_string_length(cost) > CW_COST_MAX))
        return refuse(why, "call.cost is no cost class", CW_E_AUTH);
    g_strlcpy(ret->cost, cost ? json_string_value(cost) : "", sizeof ret->cost);
    return CW_OK;
}

static bool read_list(const json_t *list, cw_grant *ret)
{
    if (list && (!json_is_array(list) || json_array_size(list) == 0))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (!text || strchr(text, ' ') || cw_grant_parse(text, ret) || ret->n != i + 1)
            return false;
    }
    return true;
}

static cw_err read_grant(const json_t *call, cw_call_grant *ret, char why[static 128])
{
    static const char *const known[] = { "to", "from", "at_once", "seconds", "cost", "uses", NULL };
    cw_err err = read_limits(call, known, &ret->limits, why);

    if (err)
        return err;
    if (!read_list(json_object_get(call, "to"), &ret->to) ||
        !read_list(json_object_get(call, "from"), &ret->from))
        return refuse(why, "call.to or call.from is no list of texts", CW_E_AUTH);
    if (!read_count(call, "uses", &ret->uses))
        return refuse(why, "call.uses is no count", CW_E_AUTH);
    return CW_OK;
}

cw_err cw_claims_read_grant(const struct cw_conf_auth *auth, const json_t *claims, int64_t now,
                            const char *user, cw_call_grant *ret, char why[static 128])
{
    const json_t *sub = json_object_get(claims, "sub"), *id = json_object_get(claims, "jti");
    cw_call_grant grant = { 0 };
    cw_err err = check_parties(auth, claims, "call", why);

    if (!err)
        err = check_times(auth, claims, now, &grant.expires, why);
    if (err)
        return err;
    if (g_strcmp0(json_string_value(sub), user) != 0)
        return refuse(why, "another user's (sub)", CW_E_FORBIDDEN);
    if (!json_is_string(id) || !cw_user_name_ok(json_string_value(id), json_string_length(id)))
        return refuse(why, "jti is missing, or no name", CW_E_AUTH);
    g_strlcpy(grant.id, json_string_value(id), sizeof grant.id);
    if (!json_object_get(claims, "call"))
        return refuse(why, "claim call is missing", CW_E_AUTH);
    err = read_grant(json_object_get(claims, "call"), &grant, why);
    if (err)
        cw_call_grant_clear(&grant);
    else
        *ret = grant;
    return err;
}

cw_err cw_claims_read(const struct cw_conf_auth *auth, const json_t *claims, int64_t now,
                      cw_identity *ret, char why[static 128])
{
    static const char *const known[] = { "at_once", "seconds", "cost", NULL };
    const json_t *sub = json_object_get(claims, "sub");
    cw_identity identity = { 0 };
    cw_err err;

    if (!json_is_string(sub) || !cw_user_name_ok(json_string_value(sub), json_string_length(sub)))
        return refuse(why, "sub is no user name", CW_E_AUTH);
    err = check_parties(auth, claims, NULL, why);
    if (!err)
        err = check_times(auth, claims, now, &identity.expires, why);
    if (!err)
        err = read_limits(json_object_get(claims, "call"), known, &identity.limits, why);
    if (err)
        return err;
    if (read_scope(auth, json_object_get(claims, "scope"), &identity.grant)) {
        cw_identity_clear(&identity);
        return refuse(why, "scope cannot be read", CW_E_AUTH);
    }
    if (read_numbers(json_object_get(claims, "numbers"), &identity)) {
        cw_identity_clear(&identity);
        return refuse(why, "numbers cannot be read", CW_E_AUTH);
    }
    if (read_sip(json_object_get(claims, "sip"), &identity)) {
        cw_identity_clear(&identity);
        return refuse(why, "sip cannot be read", CW_E_AUTH);
    }
    g_strlcpy(identity.user, json_string_value(sub), sizeof identity.user);
    read_display(json_object_get(claims, "name"), identity.display, sizeof identity.display);
    *ret = identity;
    return CW_OK;
}
