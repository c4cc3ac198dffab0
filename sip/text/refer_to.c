/* Refer-To, Replaces, Target-Dialog and message/sipfrag as text. */
#include "sip/refer.h"

#include "base/json.h"
#include "sip/text/uri.h"

#include <glib.h>
#include <string.h>

#define ID_MAX 256 /* bytes of a Call-ID or tag; what is longer is none of ours */

/* RFC 3261 25.1: token, and word, which a Call-ID consists of. */
static bool is_token(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-.!%*_+`'~") == strlen(text);
}

static bool is_call_id(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-.!%*_+`'~()<>:\\\"/[]?{}@") == strlen(text);
}

/* --- Replaces --- */

void cw_sip_replaces_clear(cw_sip_replaces *replaces)
{
    g_free(replaces->call_id);
    g_free(replaces->to_tag);
    g_free(replaces->from_tag);
    *replaces = (cw_sip_replaces){ 0 };
}

cw_sip_replaces *cw_sip_replaces_dup(const cw_sip_replaces *replaces)
{
    cw_sip_replaces *copy = g_new(cw_sip_replaces, 1);

    *copy = *replaces;
    copy->call_id = g_strdup(replaces->call_id);
    copy->to_tag = g_strdup(replaces->to_tag);
    copy->from_tag = g_strdup(replaces->from_tag);
    return copy;
}

void cw_sip_replaces_free(cw_sip_replaces *replaces)
{
    if (replaces)
        cw_sip_replaces_clear(replaces);
    g_free(replaces);
}

char *cw_sip_uri_user(const char *uri)
{
    const char *user = strchr(uri, ':'), *at = strchr(uri, '@');
    char *plain =
        user && at > user ? cw_sip_user_unescape(user + 1, (size_t)(at - user - 1)) : NULL;

    if (plain && !*plain)
        g_clear_pointer(&plain, g_free);
    return plain;
}

/* The value of parameter `name`, NULL: this is another. */
static const char *value_of(const char *param, const char *name)
{
    size_t len = strlen(name);

    return g_ascii_strncasecmp(param, name, len) == 0 && param[len] == '=' ? param + len + 1 : NULL;
}

static bool take_tag(const char *value, char **ret)
{
    if (*ret || !is_token(value) || strlen(value) > ID_MAX)
        return false;
    *ret = g_strdup(value);
    return true;
}

static bool take_param(const char *param, const char *to, const char *from, cw_sip_replaces *ret)
{
    const char *value;

    if ((value = value_of(param, to)))
        return take_tag(value, &ret->to_tag);
    if ((value = value_of(param, from)))
        return take_tag(value, &ret->from_tag);
    if (g_ascii_strcasecmp(param, "early-only") == 0)
        ret->early_only = true;
    return true;
}

static cw_err parse_dialog(const char *text, const char *to, const char *from, cw_sip_replaces *ret)
{
    g_auto(cw_sip_replaces) found = { 0 };
    g_auto(GStrv) parts = g_strsplit(text, ";", 32);

    for (char **part = parts; *part; part++)
        g_strstrip(*part);
    if (!parts[0] || !is_call_id(parts[0]) || strlen(parts[0]) > ID_MAX)
        return CW_E_PARSE;
    found.call_id = g_strdup(parts[0]);
    for (char **part = parts + 1; *part; part++)
        if (!take_param(*part, to, from, &found))
            return CW_E_PARSE;
    if (!found.to_tag || !found.from_tag)
        return CW_E_PARSE;
    *ret = found;
    found = (cw_sip_replaces){ 0 };
    return CW_OK;
}

cw_err cw_sip_replaces_parse(const char *text, cw_sip_replaces *ret)
{
    return parse_dialog(text, "to-tag", "from-tag", ret);
}

cw_err cw_sip_target_dialog_parse(const char *text, cw_sip_replaces *ret)
{
    return parse_dialog(text, "remote-tag", "local-tag", ret);
}

char *cw_sip_replaces_print(const cw_sip_replaces *replaces)
{
    return g_strdup_printf("%s;to-tag=%s;from-tag=%s%s", replaces->call_id, replaces->to_tag,
                           replaces->from_tag, replaces->early_only ? ";early-only" : "");
}

/* --- Refer-To --- */

void cw_sip_refer_to_clear(cw_sip_refer_to *to)
{
    g_free(to->uri);
    cw_sip_replaces_clear(&to->replaces);
    *to = (cw_sip_refer_to){ 0 };
}

/* The URI of a name-addr or addr-spec (RFC 3261 20.10); NULL: malformed. */
static char *uri_of(const char *text)
{
    const char *at = text + strspn(text, " \t"), *end;

    if (*at == '"') {
        for (at++; *at && *at != '"'; at++)
            if (*at == '\\' && at[1])
                at++;
        if (!*at)
            return NULL;
        at++;
    }
    end = strchr(at, '<');
    if (end) {
        at = end + 1;
        end = strchr(at, '>');
        return end ? g_strndup(at, (gsize)(end - at)) : NULL;
    }
    /* Without brackets what follows ";" is the header field's, and "?" and "," cannot stand. */
    return strpbrk(at, "?,") ? NULL : g_strndup(at, strcspn(at, "; \t"));
}

/* The first Replaces among the header fields of a URI. */
static cw_err take_headers(const char *text, cw_sip_replaces *ret)
{
    g_auto(GStrv) all = g_strsplit(text, "&", 32);

    for (char **one = all; *one; one++) {
        const char *value = value_of(*one, "Replaces");
        g_autofree char *plain = value ? cw_sip_user_unescape(value, strlen(value)) : NULL;

        if (value && ret->call_id)
            return CW_E_PARSE;
        if (value && (!plain || cw_sip_replaces_parse(plain, ret)))
            return CW_E_PARSE;
    }
    return CW_OK;
}

/* Takes ";method=INVITE" out. CW_E_UNSUPPORTED: it is another method. */
static cw_err drop_method(char *uri)
{
    char *params = strchr(uri, '@');
    cw_err err = CW_OK;

    for (char *at = strchr(params ? params : uri, ';'); at;) {
        size_t len = strcspn(at + 1, ";");
        const char *value = value_of(at + 1, "method");

        if (!value) {
            at = at[1 + len] ? at + 1 + len : NULL;
            continue;
        }
        if ((size_t)(at + 1 + len - value) != 6 || g_ascii_strncasecmp(value, "INVITE", 6) != 0)
            err = CW_E_UNSUPPORTED;
        memmove(at, at + 1 + len, strlen(at + 1 + len) + 1);
        at = *at ? at : NULL;
    }
    return err;
}

cw_err cw_sip_refer_to_parse(const char *text, cw_sip_refer_to *ret)
{
    g_auto(cw_sip_refer_to) found = { 0 };
    char *headers;
    cw_err err;

    found.uri = uri_of(text);
    if (!found.uri || !cw_text_is_safe(found.uri, strlen(found.uri)) ||
        strlen(found.uri) > CW_SIP_HEADER_MAX)
        return CW_E_PARSE;
    if (g_ascii_strncasecmp(found.uri, "sip:", 4) != 0 &&
        g_ascii_strncasecmp(found.uri, "tel:", 4) != 0)
        return CW_E_UNSUPPORTED;
    headers = strchr(found.uri, '?');
    if (headers) {
        *headers = '\0';
        err = take_headers(headers + 1, &found.replaces);
        if (err)
            return err;
    }
    err = drop_method(found.uri);
    if (err)
        return err;
    if (found.uri[4] == '\0')
        return CW_E_PARSE;
    *ret = found;
    found = (cw_sip_refer_to){ 0 };
    return CW_OK;
}

char *cw_sip_refer_to_print(const cw_sip_refer_to *to)
{
    g_autofree char *replaces = NULL, *escaped = NULL;

    if (!to->replaces.call_id)
        return g_strdup_printf("<%s>", to->uri);
    replaces = cw_sip_replaces_print(&to->replaces);
    escaped = g_uri_escape_string(replaces, NULL, FALSE);
    return g_strdup_printf("<%s?Replaces=%s>", to->uri, escaped);
}

/* --- message/sipfrag --- */

cw_err cw_sip_frag_parse(const char *body, size_t len, int *status, char phrase[static 96])
{
    static const char version[] = "SIP/2.0 ";
    const char *end = body + len, *at = body + sizeof version - 1;
    char line[96];
    size_t n;
    int value = 0;

    if (len < sizeof version + 2 || memcmp(body, version, sizeof version - 1) != 0)
        return CW_E_PARSE;
    for (unsigned i = 0; i < 3; i++, at++) {
        if (!g_ascii_isdigit(*at))
            return CW_E_PARSE;
        value = value * 10 + (*at - '0');
    }
    if (value < 100 || value > 699 || (at < end && *at != ' ' && *at != '\r' && *at != '\n'))
        return CW_E_PARSE;
    if (at < end && *at == ' ')
        at++;
    for (n = 0; at + n < end && at[n] != '\r' && at[n] != '\n' && n < sizeof line - 1; n++)
        line[n] = at[n];
    line[n] = '\0';
    if (!cw_text_is_safe(line, n) || !g_utf8_validate(line, (gssize)n, NULL))
        line[0] = '\0';
    *status = value;
    g_strlcpy(phrase, line, 96);
    return CW_OK;
}
