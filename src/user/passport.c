#include "user/passport.h"

#include "base/json.h"

#include <cjose/cjose.h>
#include <string.h>

#define X5U_MAX 1024

void cw_passport_clear(cw_passport *passport)
{
    g_free(passport->x5u);
    g_free(passport->token);
    memset(passport, 0, sizeof *passport);
}

bool cw_passport_number(const char *text, char ret[static CW_TN_STR])
{
    size_t n = 0;

    for (const char *c = *text == '+' ? text + 1 : text; *c; c++) {
        if (strchr("-.() ", *c))
            continue;
        if ((!g_ascii_isdigit(*c) && *c != '*' && *c != '#') || n + 1 >= CW_TN_STR)
            return false;
        ret[n++] = *c;
    }
    ret[n] = '\0';
    return n > 0;
}

static cw_err refuse(char why[static 128], const char *what)
{
    g_strlcpy(why, what, 128);
    return CW_E_BAD_IDENTITY;
}

/* ── The header field: token;info=<URL>;alg=ES256;ppt="shaken" (RFC 8224 4) ── */

typedef struct field {
    char *token, *info, *alg, *ppt; /* info to ppt NULL: not there */
} field;

static void field_clear(field *f)
{
    g_free(f->token);
    g_free(f->info);
    g_free(f->alg);
    g_free(f->ppt);
}

static char **place_of(field *f, const char *name, size_t len)
{
    const struct {
        const char *name;
        char **to;
    } all[] = { { "info", &f->info }, { "alg", &f->alg }, { "ppt", &f->ppt } };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        if (strlen(all[i].name) == len && g_ascii_strncasecmp(all[i].name, name, len) == 0)
            return all[i].to;
    return NULL;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The value at `at`: <…>, "…" or plain up to ";". What is behind it, NULL: it has no end. */
static const char *take_value(const char *at, const char *end, char **ret)
{
    const char close = at == end ? 0 : *at == '<' ? '>' : *at == '"' ? '"' : 0;
    const char *stop;

    if (close) {
        stop = memchr(at + 1, close, (size_t)(end - at - 1));
        if (!stop)
            return NULL;
        *ret = g_strndup(at + 1, (size_t)(stop - at - 1));
        return skip_blanks(stop + 1, end);
    }
    stop = memchr(at, ';', (size_t)(end - at)) ?: end;
    *ret = g_strchomp(g_strndup(at, (size_t)(stop - at)));
    return stop;
}

/* One parameter, `at` behind its ";". NULL: malformed, or there twice. */
static const char *take_param(const char *at, const char *end, field *f)
{
    g_autofree char *value = NULL;
    const char *name = skip_blanks(at, end), *stop = name;
    char **place;

    while (stop < end && (g_ascii_isalnum(*stop) || *stop == '-'))
        stop++;
    place = place_of(f, name, (size_t)(stop - name));
    at = skip_blanks(stop, end);
    if (stop == name)
        return NULL;
    if (at < end && *at == '=') {
        at = take_value(skip_blanks(at + 1, end), end, &value);
        if (!at)
            return NULL;
    }
    if (!place)
        return at;
    if (*place || !value)
        return NULL;
    *place = g_steal_pointer(&value);
    return at;
}

static bool field_read(const char *value, size_t len, field *ret)
{
    const char *at = skip_blanks(value, value + len), *end = value + len;
    const char *stop = memchr(at, ';', (size_t)(end - at));

    if (!stop || memchr(value, '\0', len))
        return false;
    ret->token = g_strchomp(g_strndup(at, (size_t)(stop - at)));
    for (at = stop; at && at < end && *at == ';';)
        at = take_param(at + 1, end, ret);
    return at == end && ret->info;
}

/* ── The token ── */

/* base64url (RFC 4648 5) of JSON. NULL: it is not. */
static json_t *decode_json(const char *text, size_t len)
{
    g_autofree char *base64 = g_strdup_printf("%.*s===", (int)len, text);
    g_autofree guchar *bytes = NULL;
    char why[128];
    json_t *json;
    gsize n;

    if (len == 0)
        return NULL;
    base64[len + (4 - len % 4) % 4] = '\0';
    bytes = g_base64_decode(g_strdelimit(g_strdelimit(base64, "-", '+'), "_", '/'), &n);
    return cw_json_parse((const char *)bytes, n, &json, why) == CW_OK ? json : NULL;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool read_tn(const json_t *value, char ret[static CW_TN_STR])
{
    return json_is_string(value) && cw_passport_number(json_string_value(value), ret);
}

static cw_err read_dests(const json_t *dest, cw_passport *ret, char why[static 128])
{
    const json_t *all = json_object_get(dest, "tn");

    if (!json_is_array(all) || json_array_size(all) == 0 || json_array_size(all) > CW_DESTS_MAX)
        return refuse(why, "dest has no numbers, or too many");
    for (size_t i = 0; i < json_array_size(all); i++)
        if (!read_tn(json_array_get(all, i), ret->dest[ret->dest_n++]))
            return refuse(why, "dest has what is no number");
    return CW_OK;
}

static cw_err read_claims(const json_t *claims, cw_passport *ret, char why[static 128])
{
    const char *attest = text_at(claims, "attest"), *origid = text_at(claims, "origid");
    const json_t *iat = json_object_get(claims, "iat");

    if (!attest || strlen(attest) != 1 || !strchr("ABC", *attest))
        return refuse(why, "attest is none of A, B, C");
    if (!json_is_integer(iat) || json_integer_value(iat) < 0)
        return refuse(why, "iat is no time");
    if (!read_tn(json_object_get(json_object_get(claims, "orig"), "tn"), ret->orig))
        return refuse(why, "orig is no number");
    if (!origid || strlen(origid) >= sizeof ret->origid || !cw_text_is_safe(origid, strlen(origid)))
        return refuse(why, "origid is missing or too long");
    ret->attest = *attest;
    ret->iat = json_integer_value(iat);
    g_strlcpy(ret->origid, origid, sizeof ret->origid);
    return read_dests(json_object_get(claims, "dest"), ret, why);
}

/* What the token says of itself must be what the field says (RFC 8224 6.2, RFC 8588 5). */
static cw_err check_head(const json_t *head, const field *f, char why[static 128])
{
    if (g_strcmp0(text_at(head, "alg"), "ES256") || (f->alg && strcmp(f->alg, "ES256")))
        return refuse(why, "alg is not ES256");
    if (g_strcmp0(text_at(head, "ppt"), "shaken"))
        return refuse(why, "ppt is not the field's");
    if (g_strcmp0(text_at(head, "typ"), "passport"))
        return refuse(why, "typ is not passport");
    if (g_strcmp0(text_at(head, "x5u"), f->info) || strlen(f->info) > X5U_MAX)
        return refuse(why, "x5u is not info, or too long");
    return json_object_get(head, "crit") ? refuse(why, "crit is not understood") : CW_OK;
}

static cw_err read_token(const field *f, cw_passport *ret, char why[static 128])
{
    const char *body = strchr(f->token, '.'), *signature = body ? strchr(body + 1, '.') : NULL;
    g_autoptr(json_t) head = NULL;
    g_autoptr(json_t) claims = NULL;
    cw_err err;

    if (!signature || strchr(signature + 1, '.'))
        return refuse(why, "not three parts");
    head = decode_json(f->token, (size_t)(body - f->token));
    claims = decode_json(body + 1, (size_t)(signature - body - 1));
    if (!json_is_object(head) || !json_is_object(claims))
        return refuse(why, "not JSON, or not in full form");
    err = check_head(head, f, why);
    return err ? err : read_claims(claims, ret, why);
}

cw_err cw_passport_read(const char *value, size_t len, cw_passport *ret, char why[static 128])
{
    field f = { 0 };
    cw_err err;

    memset(ret, 0, sizeof *ret);
    if (len == 0 || len > CW_IDENTITY_MAX || !field_read(value, len, &f))
        err = refuse(why, "not an Identity value");
    else if (!f.ppt || strcmp(f.ppt, "shaken"))
        err = CW_E_UNSUPPORTED;
    else
        err = read_token(&f, ret, why);
    if (!err) {
        ret->x5u = g_steal_pointer(&f.info);
        ret->token = g_steal_pointer(&f.token);
    }
    field_clear(&f);
    return err;
}

/* ── Is it true? ── */

cw_err cw_passport_fits(const cw_passport *passport, const cw_passport_call *call,
                        char why[static 128])
{
    if (passport->iat < call->now - call->max_age_s ||
        passport->iat > call->now + call->max_age_s) {
        g_strlcpy(why, "iat is too old, or to come", 128);
        return CW_E_STALE;
    }
    if (!call->from || strcmp(passport->orig, call->from))
        return refuse(why, "orig is not who calls");
    for (unsigned i = 0; call->to && i < passport->dest_n; i++)
        if (strcmp(passport->dest[i], call->to) == 0)
            return CW_OK;
    return refuse(why, "dest is not who is called");
}

cw_err cw_passport_signed_by(const cw_passport *passport, const struct _cjose_jwk_int *key)
{
    cjose_jws_t *jws = cjose_jws_import(passport->token, strlen(passport->token), NULL);
    bool good = jws && cjose_jws_verify(jws, key, NULL);

    if (jws)
        cjose_jws_release(jws);
    return good ? CW_OK : CW_E_BAD_IDENTITY;
}

/* ── Signing. Names in lexicographic order (RFC 8225 9) ── */

static char *print_claims(const cw_passport *passport)
{
    g_autoptr(json_t) dest = json_array();
    g_autoptr(json_t) claims = NULL;
    const char attest[] = { passport->attest, '\0' };

    for (unsigned i = 0; i < passport->dest_n; i++)
        json_array_append_new(dest, json_string(passport->dest[i]));
    claims = json_pack("{s:s s:{s:O} s:I s:{s:s} s:s}", "attest", attest, "dest", "tn", dest, "iat",
                       (json_int_t)passport->iat, "orig", "tn", passport->orig, "origid",
                       passport->origid);
    return claims ? cw_json_print(claims) : NULL;
}

static cjose_jws_t *sign(const cw_passport *passport, const struct _cjose_jwk_int *key)
{
    cjose_header_t *head = cjose_header_new(NULL);
    char *claims = print_claims(passport);
    cjose_jws_t *jws = NULL;

    if (head && claims && cjose_header_set(head, "alg", "ES256", NULL) &&
        cjose_header_set(head, "ppt", "shaken", NULL) &&
        cjose_header_set(head, "typ", "passport", NULL) &&
        cjose_header_set(head, "x5u", passport->x5u, NULL))
        jws = cjose_jws_sign(key, head, (const uint8_t *)claims, strlen(claims), NULL);
    free(claims);
    if (head)
        cjose_header_release(head);
    return jws;
}

char *cw_passport_sign(const cw_passport *passport, const struct _cjose_jwk_int *key)
{
    cjose_jws_t *jws = sign(passport, key);
    const char *text; /* the jws has it */
    char *value = NULL;

    if (jws && cjose_jws_export(jws, &text, NULL))
        value = g_strdup_printf("%s;info=<%s>;alg=ES256;ppt=shaken", text, passport->x5u);
    if (jws)
        cjose_jws_release(jws);
    return value;
}
