#include "sip/priv.h"

#include <string.h>

static bool is_known(const struct cw_conf_sip *conf, const char *tag)
{
#define CW_SIP_OPTION(name, when)                                                                  \
    if (g_ascii_strcasecmp(tag, name) == 0)                                                        \
        return (when);
#include "sip/option.def"
#undef CW_SIP_OPTION
    return false;
}

char *cw_sip_supported_line(const cw_sip *sip)
{
    const struct cw_conf_sip *conf = &sip->conf->sip;
    GString *line = g_string_new("Supported:");

#define CW_SIP_OPTION(name, when)                                                                  \
    if (when)                                                                                      \
        g_string_append_printf(line, "%s " name, line->str[line->len - 1] == ':' ? "" : ",");
#include "sip/option.def"
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
        if (!is_known(&sip->conf->sip, *item))
            g_string_append_printf(line, "%s%s", line->len ? ", " : "Unsupported: ", *item);
    if (line->len == 0) {
        g_string_free(line, TRUE);
        return NULL;
    }
    return g_string_free(line, FALSE);
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
