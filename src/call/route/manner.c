#include "call/route/manner.h"

#include "call/route/number.h"
#include "sip/header.h"

#include <glib.h>
#include <string.h>

static bool is_way(const char *trust, const char *way)
{
    return strcmp(trust, way) == 0 || strcmp(trust, "both") == 0;
}

bool cw_manner_trusts(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return is_way(trunk ? trunk->trust : conf->sip.trust, "in");
}

bool cw_manner_tells(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return is_way(trunk ? trunk->trust : conf->sip.trust, "out");
}

char *const *cw_manner_headers_in(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return trunk ? trunk->headers_in : conf->sip.headers_in;
}

char *const *cw_manner_headers_out(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return trunk ? trunk->headers_out : conf->sip.headers_out;
}

char *const *cw_manner_forwarded(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return trunk ? trunk->forwarded : conf->sip.forwarded;
}

bool cw_manner_wants_names(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    return trunk ? trunk->reject_anonymous : conf->sip.reject_anonymous;
}

static bool fits_name(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strcmp(pattern, name) == 0;
}

const struct cw_conf_identity *cw_manner_user(const cw_conf *conf, const char *user)
{
    for (size_t i = 0; user && i < conf->identity_n; i++)
        if (conf->identity[i].user && fits_name(conf->identity[i].user, user))
            return &conf->identity[i];
    return NULL;
}

/* ── Checks ── */

static bool trust_ok(const char *trust)
{
    static const char *const words[] = { "none", "in", "out", "both", NULL };

    return g_strv_contains(words, trust);
}

static bool connected_ok(const char *how)
{
    static const char *const words[] = { "off", "asserted", "from", "auto", NULL };

    return g_strv_contains(words, how);
}

static bool all_of(char *const *list, const char *const *words)
{
    for (; list && *list; list++)
        if (!g_strv_contains(words, *list))
            return false;
    return true;
}

/* A name, or one with a * behind that does not stand for a name of the stack's or the calls' own by
 * itself: what it would fit of those is never let through anyway. */
static bool patterns_ok(char *const *list)
{
    for (; list && *list; list++) {
        size_t len = strlen(*list);
        g_autofree char *name = g_strdup(*list);

        if (len > 0 && name[len - 1] == '*')
            name[len - 1] = 'x';
        if (strlen(name) < 2 || cw_sip_header_setter(name) != CW_SIP_BY_ANYBODY)
            return false;
    }
    return true;
}

static bool number_ok(const char *text)
{
    cw_number number;

    return !text || cw_number_read(text, &number);
}

static const char *trunk_fault(const struct cw_conf_trunk *trunk)
{
    static const char *const places[] = { "from", "pai", "ppi", "rpid", NULL };
    static const char *const headers[] = { "diversion", "history-info", NULL };

    if (!trust_ok(trunk->trust))
        return "trust must be none, in, out or both";
    if (!all_of(trunk->caller, places))
        return "caller must be of from, pai, ppi, rpid";
    if (trunk->caller && g_strv_contains((const char *const *)trunk->caller, "pai") &&
        !is_way(trunk->trust, "out"))
        return "caller pai is for a trunk with trust out or both";
    if (!all_of(trunk->forwarded, headers))
        return "forwarded must be of diversion, history-info";
    if (!patterns_ok(trunk->headers_in) || !patterns_ok(trunk->headers_out))
        return "headers_in or headers_out names a field that has a meaning of its own";
    if (!connected_ok(trunk->connected))
        return "connected must be off, asserted, from or auto";
    if (!number_ok(trunk->default_number))
        return "default_number is no telephone number";
    return NULL;
}

static const char *identity_fault(const struct cw_conf_identity *identity)
{
    if (!identity->user || !*identity->user)
        return "user is missing";
    for (char **number = identity->numbers; number && *number; number++) {
        g_autofree char *text = g_strdup(*number);
        size_t len = strlen(text);

        if (len > 1 && text[len - 1] == '*')
            text[len - 1] = '0';
        if (!number_ok(text))
            return "numbers holds what is no telephone number";
    }
    return NULL;
}

static cw_err refuse(const cw_conf *conf, unsigned line, const char *what, const char *fault,
                     char why[static 128])
{
    char place[64];

    g_snprintf(why, 128, "%s: %s: %s", cw_conf_place(conf, line, place), what, fault);
    return CW_E_CONF;
}

cw_err cw_manner_check(const cw_conf *conf, char why[static 128])
{
    static const char *const headers[] = { "diversion", "history-info", NULL };

    for (size_t i = 0; i < conf->trunk_n; i++) {
        const char *fault = trunk_fault(&conf->trunk[i]);

        if (fault)
            return refuse(conf, conf->trunk[i].line, "trunk", fault, why);
    }
    for (size_t i = 0; i < conf->identity_n; i++) {
        const char *fault = identity_fault(&conf->identity[i]);

        if (fault)
            return refuse(conf, conf->identity[i].line, "identity", fault, why);
    }
    if (!trust_ok(conf->sip.trust) || !all_of(conf->sip.forwarded, headers) ||
        !patterns_ok(conf->sip.headers_in) || !patterns_ok(conf->sip.headers_out) ||
        !connected_ok(conf->sip.connected)) {
        g_snprintf(why, 128,
                   "sip: trust, forwarded, headers_in, headers_out or connected: see a trunk's");
        return CW_E_CONF;
    }
    return CW_OK;
}
