#include "call/party/caller.h"

#include "call/route/manner.h"
#include "sip/header.h"

#include <string.h>

/* ── A user's own numbers ── */

static bool fits(const char *pattern, const char *number)
{
    size_t len = strlen(pattern);

    if (len > 1 && pattern[len - 1] == '*')
        return strncmp(pattern, number, len - 1) == 0;
    return strcmp(pattern, number) == 0;
}

/* What one of a list means; one with a * stays as it is. NULL: no number. g_free it. */
static char *own_number(const cw_conf *conf, const cw_writer *writer, const char *text)
{
    return g_str_has_suffix(text, "*") ? g_strdup(text) : cw_party_number(conf, writer, text);
}

/* All of them, the first that is whole by itself before. g_ptr_array_unref. */
static GPtrArray *own_numbers(const cw_conf *conf, const cw_identity *who,
                              const cw_call_grant *grant, const cw_writer *writer)
{
    const struct cw_conf_identity *record = cw_manner_user(conf, who->user);
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    char *own;

    for (unsigned i = 0; grant && i < grant->from.n; i++)
        if ((own = own_number(conf, writer, grant->from.scope[i])))
            g_ptr_array_add(all, own);
    if (grant && grant->from.n)
        return all;
    for (unsigned i = 0; i < who->number_n; i++)
        if ((own = own_number(conf, writer, who->number[i])))
            g_ptr_array_add(all, own);
    for (char **number = record ? record->numbers : NULL; number && *number; number++)
        if ((own = own_number(conf, writer, *number)))
            g_ptr_array_add(all, own);
    /* A guest's name is anybody's choice. */
    if (!who->guest && (own = cw_party_number(conf, writer, who->user)))
        g_ptr_array_add(all, own);
    return all;
}

static cw_err choose(const GPtrArray *own, const char *wanted, char **ret)
{
    for (guint i = 0; i < own->len; i++) {
        const char *number = own->pdata[i];

        if (wanted ? !fits(number, wanted) : g_str_has_suffix(number, "*"))
            continue;
        *ret = g_strdup(wanted ?: number);
        return CW_OK;
    }
    return wanted ? CW_E_FORBIDDEN : CW_OK;
}

cw_err cw_caller_of_user(const cw_conf *conf, const cw_identity *who, const cw_call_grant *grant,
                         const char *from, bool anonymous, cw_party *ret, char why[static 128])
{
    const cw_writer writer = { .user = who->user };
    g_autoptr(GPtrArray) own = own_numbers(conf, who, grant, &writer);
    g_autofree char *wanted = from ? cw_party_number(conf, &writer, from) : NULL;

    if (from && (!wanted || strpbrk(wanted, "*#") || choose(own, wanted, &ret->number))) {
        g_snprintf(why, 128, "from: not one of your numbers");
        return CW_E_FORBIDDEN;
    }
    if (!from && choose(own, NULL, &ret->number))
        return CW_E_INTERNAL;
    ret->uri = g_strdup_printf("user:%s", who->user);
    ret->user = g_strdup(who->user);
    ret->guest = who->guest;
    if (who->display[0])
        ret->display = g_utf8_make_valid(who->display, -1);
    ret->asserted = ret->number != NULL;
    ret->withheld = anonymous;
    return CW_OK;
}

/* ── To a trunk ── */

static void add_line(GStrvBuilder *lines, const char *name, const char *value)
{
    g_autofree char *line = NULL;

    if (cw_sip_header_make(CW_SIP_BY_CALLS, name, value, &line) == CW_OK)
        g_strv_builder_add(lines, line);
}

static bool is_told_in(const struct cw_conf_trunk *trunk, const char *place)
{
    return trunk ? trunk->caller && g_strv_contains((const char *const *)trunk->caller, place)
                 : strcmp(place, "from") == 0;
}

/* "\"Name\" <sip:+331234@host>" or "<tel:+331234>". `number` is as the trunk wants it. g_free it.
 */
static char *address_of(const struct cw_conf_trunk *trunk, const char *domain, const char *number,
                        const char *display)
{
    const char *form = trunk ? trunk->number_form : "sip";
    g_auto(GStrv) parts = g_strsplit(number, "#", -1);
    g_autofree char *user = g_strjoinv("%23", parts), *name = NULL;

    if (display && *display) {
        g_auto(GStrv) slashes = g_strsplit(display, "\\", -1);
        g_autofree char *once = g_strjoinv("\\\\", slashes);
        g_auto(GStrv) quotes = g_strsplit(once, "\"", -1);
        g_autofree char *twice = g_strjoinv("\\\"", quotes);

        name = g_strdup_printf("\"%s\" ", twice);
    }
    if (strcmp(form, "tel") == 0 && number[0] == '+')
        return g_strdup_printf("%s<tel:%s>", name ?: "", user);
    return g_strdup_printf("%s<sip:%s@%s%s>", name ?: "", user, domain,
                           strcmp(form, "phone") ? "" : ";user=phone");
}

/* The number the trunk is told, as it wants it; "": none. */
static void number_for(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *number,
                       char ret[static CW_NUMBER_STR])
{
    ret[0] = '\0';
    if (!number)
        return;
    if (!trunk)
        g_strlcpy(ret, number, CW_NUMBER_STR);
    else if (cw_number_write(conf, trunk, number, ret, NULL))
        ret[0] = '\0';
}

/* The fields that carry a number besides From. An assertion is for what somebody vouches for. */
static void add_identity(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *domain,
                         const cw_party *party, GStrvBuilder *lines)
{
    const bool tells = cw_manner_tells(conf, trunk);
    const char *known = party->asserted ? party->number : NULL;
    const char *display = party->withheld && !tells ? NULL : party->display;
    char number[CW_NUMBER_STR];
    g_autofree char *address = NULL, *rpid = NULL;

    number_for(conf, trunk, known ?: trunk ? trunk->default_number : NULL, number);
    if (!number[0] || (party->withheld && !tells))
        return;
    address = address_of(trunk, domain, number, display);
    if (tells && is_told_in(trunk, "pai"))
        add_line(lines, "P-Asserted-Identity", address);
    if (is_told_in(trunk, "ppi"))
        add_line(lines, "P-Preferred-Identity", address);
    if (is_told_in(trunk, "rpid")) {
        rpid = g_strdup_printf("%s;party=calling;screen=yes;privacy=%s", address,
                               party->withheld ? "full" : "off");
        add_line(lines, "Remote-Party-ID", rpid);
    }
}

static void tell_nobody(cw_caller *ret)
{
    ret->user = g_strdup("anonymous"); /* RFC 3323 4.1.1.3 */
    ret->domain = g_strdup("anonymous.invalid");
    ret->display = g_strdup("Anonymous");
}

static void tell_from(const cw_conf *conf, const struct cw_conf_trunk *trunk, const cw_party *party,
                      const char *user, cw_caller *ret)
{
    char number[CW_NUMBER_STR];
    bool in_from = is_told_in(trunk, "from");

    number_for(conf, trunk, in_from ? party->number : NULL, number);
    if (!number[0] && trunk)
        number_for(conf, trunk, trunk->default_number, number);
    ret->user = g_strdup(trunk && trunk->from_user ? trunk->from_user : number[0] ? number : user);
    ret->domain = g_strdup(trunk ? trunk->from_domain : NULL);
    ret->display = in_from ? g_strdup(party->display) : NULL;
}

void cw_caller_tell(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *domain,
                    const cw_party *party, const char *user, cw_caller *ret)
{
    GStrvBuilder *lines = g_strv_builder_new();

    memset(ret, 0, sizeof *ret);
    if (party->withheld)
        tell_nobody(ret);
    else
        tell_from(conf, trunk, party, user, ret);
    add_identity(conf, trunk, trunk && trunk->from_domain ? trunk->from_domain : domain, party,
                 lines);
    if (party->withheld)
        add_line(lines, "Privacy", "id");
    ret->headers = g_strv_builder_end(lines);
    g_strv_builder_unref(lines);
}

void cw_caller_clear(cw_caller *caller)
{
    g_free(caller->user);
    g_free(caller->domain);
    g_free(caller->display);
    g_strfreev(caller->headers);
    memset(caller, 0, sizeof *caller);
}

char **cw_caller_lines_of_callee(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                                 const char *domain, const cw_party *party)
{
    char number[CW_NUMBER_STR];
    GStrvBuilder *lines;
    char **ret;

    number_for(conf, trunk, party->asserted ? party->number : NULL, number);
    if (!number[0] || !cw_manner_tells(conf, trunk))
        return NULL;
    lines = g_strv_builder_new();
    g_autofree char *address = address_of(
        trunk, trunk && trunk->from_domain ? trunk->from_domain : domain, number, party->display);

    add_line(lines, "P-Asserted-Identity", address);
    if (party->withheld)
        add_line(lines, "Privacy", "id");
    ret = g_strv_builder_end(lines);
    g_strv_builder_unref(lines);
    return ret;
}
