/* number_check.c - the records `number`: which cannot work, and what one does, for people. */
#include "call/route/number.h"
#include "call/route/route.h"

#include <glib.h>
#include <string.h>

/* ── Rows ── */

static const struct cw_conf_trunk *trunk_by(const cw_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->trunk_n; i++)
        if (g_strcmp0(conf->trunk[i].name, name) == 0)
            return &conf->trunk[i];
    return NULL;
}

static bool who_ok(const cw_conf *conf, const char *who, bool out)
{
    if (strcmp(who, "*") == 0)
        return true;
    if (g_str_has_prefix(who, "trunk:"))
        return trunk_by(conf, who + 6) != NULL;
    return !out && (strcmp(who, "user") == 0 || strcmp(who, "peer") == 0 ||
                    (g_str_has_prefix(who, "user:") && who[5]));
}

static bool is_made_of(const char *text, const char *chars)
{
    return strspn(text, chars) == strlen(text);
}

/* What its `match` says of the beginning: a row that makes E.164 must keep or put a + there. */
static bool makes_e164(const struct cw_conf_number *row)
{
    size_t strip = (size_t)row->strip;

    if (row->prepend[0])
        return row->prepend[0] == '+';
    return strip == 0 && (row->match[0] == '+' || strcmp(row->match, "*") == 0);
}

static const char *row_fault(const cw_conf *conf, const struct cw_conf_number *row)
{
    static const char *const contexts[] = { "international", "national", "short", "service", NULL };

    if (row->from && row->to)
        return "from and to in one row";
    if (row->to ? !who_ok(conf, row->to, true) : row->from && !who_ok(conf, row->from, false))
        return row->to ? "to is neither trunk:NAME of a trunk nor *"
                       : "from is no user, user:NAME, trunk:NAME of a trunk, peer or *";
    if (!row->match || !*row->match)
        return "match is missing";
    if (!is_made_of(row->match, "+0123456789*#XZN"))
        return "match holds other than digits, + * # X Z N";
    if (strchr(row->match + 1, '+'))
        return "match has a + inside";
    if (!is_made_of(row->prepend, "+0123456789*#") ||
        (row->prepend[0] && strchr(row->prepend + 1, '+')))
        return "prepend holds other than digits, * #, and a + in front";
    if (row->digits_min > row->digits_max)
        return "digits_min is above digits_max";
    if (row->strip == 0 && row->prepend[0] && row->match[0] == '+')
        return "prepend comes before the + of match: strip it";
    if (!g_strv_contains(contexts, row->context))
        return "context is none of international, national, short, service";
    if (row->to && row->phone_context)
        return "phone_context is for rows with from";
    if (!row->to && strcmp(row->context, "international") == 0 && !makes_e164(row))
        return "no number with a + can come of it: prepend one, or say another context";
    return NULL;
}

cw_err cw_numbers_check(const cw_conf *conf, char why[static 128])
{
    char place[64];

    for (size_t i = 0; i < conf->number_n; i++) {
        const struct cw_conf_number *row = &conf->number[i];
        const char *fault = row_fault(conf, row);

        if (!fault)
            continue;
        g_snprintf(why, 128, "%s: number: %s", cw_conf_place(conf, row->line, place), fault);
        return CW_E_CONF;
    }
    for (size_t i = 0; i < conf->trunk_n; i++) {
        static const char *const forms[] = { "sip", "phone", "tel", NULL };

        if (g_strv_contains(forms, conf->trunk[i].number_form))
            continue;
        g_snprintf(why, 128, "%s: number_form must be sip, phone or tel",
                   cw_conf_place(conf, conf->trunk[i].line, place));
        return CW_E_CONF;
    }
    return CW_OK;
}

/* ── For people ── */

static cw_err writer_of(const cw_conf *conf, const char *from, cw_writer *ret)
{
    const char *name = from ?: "user:";

    *ret = (cw_writer){ 0 };
    if (strcmp(name, "peer") == 0)
        return CW_OK;
    if (g_str_has_prefix(name, "trunk:")) {
        ret->trunk = trunk_by(conf, name + 6);
        return ret->trunk ? CW_OK : CW_E_PARAMS;
    }
    if (g_str_has_prefix(name, "user:"))
        ret->user = name + 5;
    else
        ret->trunk = trunk_by(conf, name);
    if (!ret->trunk && !ret->user)
        ret->user = name;
    return CW_OK;
}

static json_t *row_json(const cw_conf *conf, const struct cw_conf_number *row)
{
    char place[64];

    if (!row)
        return json_null();
    return json_pack("{s:s s:s* s:s* s:s s:s}", "at", cw_conf_place(conf, row->line, place), "from",
                     row->from, "to", row->to, "match", row->match, "context", row->context);
}

static void add_way(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *number,
                    const char *params, json_t *into)
{
    const struct cw_conf_number *row;
    char written[CW_NUMBER_STR];
    g_autofree char *ruri = NULL;

    if (cw_number_write(conf, trunk, number, written, &row))
        return;
    ruri = cw_number_ruri(trunk, written, params);
    json_object_set_new(into, "trunk", json_string(trunk->name ?: trunk->address));
    json_object_set_new(into, "written", json_string(written));
    json_object_set_new(into, "written_row", row_json(conf, row));
    json_object_set_new(into, "ruri", json_string(ruri));
}

cw_err cw_number_test(const cw_conf *conf, const char *text, const char *from, json_t **ret,
                      char why[static 128])
{
    const struct cw_conf_number *row;
    const struct cw_conf_trunk *trunk;
    char meant[CW_NUMBER_STR];
    cw_writer writer;
    cw_number number;
    bool uri = g_ascii_strncasecmp(text, "tel:", 4) == 0;
    cw_err err;

    if (writer_of(conf, from, &writer)) {
        g_snprintf(why, 128, "no trunk of this name");
        return CW_E_PARAMS;
    }
    if (!(uri ? cw_number_read_uri(text + 4, &number) : cw_number_read(text, &number))) {
        g_snprintf(why, 128, "not a telephone number");
        return CW_E_PARAMS;
    }
    err = cw_number_mean(conf, &writer, &number, meant, &row);
    *ret = json_pack("{s:s s:s? s:s? s:o}", "read", number.text, "phone_context",
                     number.context[0] ? number.context : NULL, "number", err ? NULL : meant, "row",
                     row_json(conf, row));
    trunk = err || writer.trunk ? NULL : cw_route_trunk(conf, meant);
    if (trunk)
        add_way(conf, trunk, meant, number.params, *ret);
    return CW_OK;
}
