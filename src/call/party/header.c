#include "call/party/header.h"

#include "call/party/party.h"
#include "sip/address.h"
#include "sip/header.h"

#include <string.h>

#define SHOWN_MAX       32   /* names */
#define SHOWN_BYTES_MAX 8192 /* names and values together */
#define URIS_MAX        8
#define TEXT_MAX        256 /* bytes of a subject */

/* ── Set by clients ── */

static cw_err check_one(const char *name, const json_t *value, char *const *allowed,
                        GPtrArray *lines, char why[static 128])
{
    g_autofree char *line = NULL;
    cw_err err;

    if (!json_is_string(value)) {
        g_snprintf(why, 128, "headers: %.64s is no text", name);
        return CW_E_PARAMS;
    }
    err = cw_sip_header_make(CW_SIP_BY_ANYBODY, name, json_string_value(value), &line);
    if (!err && !cw_sip_header_listed(allowed, name))
        err = CW_E_PARAMS;
    if (err == CW_E_PARAMS)
        g_snprintf(why, 128, "headers: this name may not be set");
    else if (err)
        g_snprintf(why, 128, "headers: %s", cw_err_text(err));
    if (!err)
        g_ptr_array_add(lines, g_steal_pointer(&line));
    return err;
}

/* JSON's keys are told apart by case, SIP's names are not. */
static bool has_twins(const json_t *headers)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)headers, name,
                        value) if (!g_hash_table_add(seen, g_ascii_strdown(name, -1))) return true;
    return false;
}

cw_err cw_headers_check(const json_t *headers, char *const *allowed, char ***ret,
                        char why[static 128])
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    json_t *value;

    if (!headers)
        return CW_OK;
    if (!json_is_object(headers) || json_object_size(headers) > CW_HEADERS_MAX ||
        has_twins(headers)) {
        g_snprintf(why, 128, "headers: at most %d, each once, in an object", CW_HEADERS_MAX);
        return CW_E_PARAMS;
    }
    json_object_foreach((json_t *)headers, name, value)
    {
        cw_err err = check_one(name, value, allowed, lines, why);

        if (err)
            return err;
    }
    g_ptr_array_add(lines, NULL);
    *ret = (char **)g_ptr_array_free(g_steal_pointer(&lines), FALSE);
    return CW_OK;
}

char **cw_headers_allowed(char *const *lines, char *const *allowed)
{
    GPtrArray *kept = g_ptr_array_new();

    for (; lines && *lines; lines++) {
        g_autofree char *name = g_strndup(*lines, strcspn(*lines, ":"));

        if (cw_sip_header_listed(allowed, name))
            g_ptr_array_add(kept, g_strdup(*lines));
    }
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(kept, FALSE);
}

char **cw_headers_pass(const json_t *shown, char *const *allowed)
{
    GPtrArray *lines = g_ptr_array_new();
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)shown, name, value)
    {
        char *line;

        if (cw_sip_header_listed(allowed, name) &&
            cw_sip_header_make(CW_SIP_BY_ANYBODY, name, json_string_value(value), &line) == CW_OK)
            g_ptr_array_add(lines, line);
    }
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

/* ── Shown to them ── */

typedef struct showing {
    char *const *shown;
    json_t *all;
    size_t bytes;
} showing;

/* The name as it is shown already, in whatever case; NULL: not yet. */
static const char *shown_as(const json_t *all, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)all, key,
                        value) if (g_ascii_strcasecmp(key, name) == 0) return key;
    return NULL;
}

static void show(void *arg, const char *name, const char *value)
{
    showing *s = arg;
    const char *have;

    if (strlen(value) > CW_SIP_VALUE_MAX || strlen(name) > CW_SIP_NAME_MAX)
        return;
    if (cw_sip_header_setter(name) != CW_SIP_BY_ANYBODY || !cw_sip_header_listed(s->shown, name))
        return;
    s->bytes += strlen(name) + strlen(value);
    if (s->bytes > SHOWN_BYTES_MAX)
        return;
    if (!s->all)
        s->all = json_object();
    have = shown_as(s->all, name);
    if (have) {
        g_autofree char *both =
            g_strdup_printf("%s, %s", json_string_value(json_object_get(s->all, have)), value);

        if (strlen(both) <= CW_SIP_VALUE_MAX)
            json_object_set_new(s->all, have, json_string(both));
    } else if (json_object_size(s->all) < SHOWN_MAX) {
        json_object_set_new(s->all, name, json_string(value));
    }
}

json_t *cw_headers_shown(const cw_sip_message *message, char *const *shown)
{
    showing s = { .shown = shown };

    if (shown && *shown)
        cw_sip_message_each(message, show, &s);
    return s.all;
}

/* ── What the call is about ── */

static bool is_uri(const char *text, size_t len)
{
    size_t scheme =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (len == 0 || len > 512 || scheme == 0 || scheme >= len || text[scheme] != ':')
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || strchr("<>\"\\^`{|}", text[i]))
            return false;
    return true;
}

json_t *cw_uris_json(const char *list, bool purposes)
{
    json_t *all = json_array();
    const char *open = list, *close;

    while (json_array_size(all) < URIS_MAX && (open = strchr(open, '<')) &&
           (close = strchr(open, '>'))) {
        g_autofree char *params = g_strndup(close + 1, strcspn(close + 1, ",<"));
        g_autofree char *purpose = purposes ? cw_sip_param(g_strstrip(params), "purpose") : NULL;
        size_t len = (size_t)(close - open - 1);
        g_autofree char *uri = is_uri(open + 1, len) ? g_strndup(open + 1, len) : NULL;

        open = close + 1;
        if (uri && purposes)
            json_array_append_new(all, json_pack("{s:s s:s*}", "uri", uri, "purpose",
                                                 purpose && *purpose ? purpose : NULL));
        else if (uri)
            json_array_append_new(all, json_string(uri));
    }
    return all;
}

static CW_ON_LOOP void add_uris(const cw_sip_message *message, const char *name, const char *key,
                                bool purposes, json_t *into)
{
    g_autofree char *list = cw_message_all(message, name);
    g_autoptr(json_t) uris = list ? cw_uris_json(list, purposes) : NULL;

    if (json_array_size(uris))
        json_object_set(into, key, uris);
}

static CW_ON_LOOP void add_text(const cw_sip_message *message, const char *name, const char *key,
                                json_t *into)
{
    g_autofree char *text = cw_sip_message_header(message, name, 0);
    const char *end;

    if (!text || !*text)
        return;
    if (strlen(text) > TEXT_MAX)
        text[TEXT_MAX] = '\0';
    g_utf8_validate(text, -1, &end); /* a character cut in two goes */
    text[end - text] = '\0';
    json_object_set_new(into, key, json_string(text));
}

void cw_headers_about(const cw_sip_message *message, json_t *into)
{
    add_text(message, "Subject", "subject", into);
    add_text(message, "Priority", "priority", into);
    add_uris(message, "Alert-Info", "alert", false, into);
    add_uris(message, "Call-Info", "info", true, into);
}
