#include "sip/dialog/call.h"

#include <string.h>

/* With whomever: whether with this peer, the layers above know. */
static bool knows_preconditions(const cw_conf *conf)
{
    bool known = strcmp(conf->sip.preconditions, "off") != 0;

    for (size_t i = 0; i < conf->trunk_n; i++)
        known |= conf->trunk[i].preconditions && strcmp(conf->trunk[i].preconditions, "off");
    return known;
}

/* What was required is held to, also where we would not ask for it. */
static bool is_known(const cw_conf *all, const char *tag)
{
    const bool timer = true, precondition = knows_preconditions(all);
    const struct cw_conf_sip *conf = &all->sip;

#define CW_SIP_OPTION(name, when)                                                                  \
    if (g_ascii_strcasecmp(tag, name) == 0)                                                        \
        return (when);
#include "sip/text/option.def"
#undef CW_SIP_OPTION
    return false;
}

char *cw_sip_supported_line(const cw_sip *sip, const cw_sip_call *call)
{
    const bool timer = call ? cw_sip_timer_wanted(call) : sip->conf->sip.session_expires_s > 0;
    const bool precondition = call ? call->preconditions : knows_preconditions(sip->conf);
    const struct cw_conf_sip *conf = &sip->conf->sip;
    GString *line = g_string_new("Supported:");

#define CW_SIP_OPTION(name, when)                                                                  \
    if (when)                                                                                      \
        g_string_append_printf(line, "%s " name, line->str[line->len - 1] == ':' ? "" : ",");
#include "sip/text/option.def"
#undef CW_SIP_OPTION
    (void)conf;
    return g_string_free(line, FALSE);
}

char *cw_sip_unsupported_line(const cw_sip *sip, const sip_t *message)
{
    char const *const *item =
        message->sip_require ? (char const *const *)message->sip_require->k_items : NULL;
    GString *line = g_string_new(NULL);

    for (; item && *item && line->len < 512; item++)
        if (!is_known(sip->conf, *item))
            g_string_append_printf(line, "%s%s", line->len ? ", " : "Unsupported: ", *item);
    if (line->len == 0) {
        g_string_free(line, TRUE);
        return NULL;
    }
    return g_string_free(line, FALSE);
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

cw_err cw_sip_dialog_check(const cw_conf *conf, char why[static 128])
{
    static const char *const reliable[] = { "off", "required", "supported", "always", NULL };
    static const char *const reoffer[] = { "invite", "update", NULL };

    if (!is_one_of(conf->sip.reliable, reliable)) {
        g_snprintf(why, 128, "sip.reliable: \"%.40s\" is not off, required, supported or always",
                   conf->sip.reliable);
        return CW_E_CONF;
    }
    if (!is_one_of(conf->sip.reoffer_by, reoffer)) {
        g_snprintf(why, 128, "sip.reoffer_by: \"%.40s\" is not invite or update",
                   conf->sip.reoffer_by);
        return CW_E_CONF;
    }
    return CW_OK;
}

static bool lists(const msg_list_t *list, const char *tag)
{
    for (char const *const *item = list ? (char const *const *)list->k_items : NULL; item && *item;
         item++)
        if (g_ascii_strcasecmp(*item, tag) == 0)
            return true;
    return false;
}

bool cw_sip_requires_option(const sip_t *message, const char *tag)
{
    return lists(message->sip_require, tag);
}

bool cw_sip_offers_option(const sip_t *message, const char *tag)
{
    return lists(message->sip_supported, tag) || lists(message->sip_require, tag);
}
