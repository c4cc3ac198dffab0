#include "sip/register/reginfo.h"

#include "sip/text/xml.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX 86400u

static const struct {
    const char *event;
    cw_reginfo_what what;
    const char *seconds; /* the attribute that says how long */
} events[] = {
    { "rejected", CW_REGINFO_REJECTED, NULL },
    { "deactivated", CW_REGINFO_RENEW, NULL },
    { "expired", CW_REGINFO_RENEW, NULL },
    { "probation", CW_REGINFO_PROBATION, "retry-after" },
    { "shortened", CW_REGINFO_SHORTENED, "expires" },
    { "unregistered", CW_REGINFO_NOTHING, NULL },
};

static unsigned seconds(const xmlNode *node, const char *name)
{
    g_autofree char *text = name ? cw_xml_attribute(node, name) : NULL;
    unsigned long n = text && g_ascii_isdigit(*text) ? strtoul(text, NULL, 10) : 0;

    return (unsigned)MIN(n, WAIT_MAX);
}

static bool is_equal(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = cw_xml_attribute(node, name);

    return text && g_ascii_strcasecmp(text, value) == 0;
}

/* "sip:user@host;…" has this user part. */
static bool is_ours(const xmlNode *contact, const char *user)
{
    const xmlNode *node = cw_xml_find(contact->children, "uri");
    g_autofree char *uri = node ? cw_xml_text(node) : NULL;
    const char *at = uri ? strchr(uri, ':') : NULL;
    size_t len = strlen(user);

    return at && strncmp(at + 1, user, len) == 0 && at[1 + len] == '@';
}

static const xmlNode *own_contact(const xmlNode *registration, const char *user)
{
    const xmlNode *contact = registration->children;

    while ((contact = cw_xml_find(contact, "contact")) && !is_ours(contact, user))
        contact = contact->next;
    return contact;
}

static cw_reginfo of_contact(const xmlNode *contact, bool ended)
{
    cw_reginfo info = { .what = ended ? CW_REGINFO_REJECTED : CW_REGINFO_NOTHING };

    for (unsigned i = 0; i < G_N_ELEMENTS(events); i++)
        if (is_equal(contact, "event", events[i].event) &&
            (ended || events[i].what == CW_REGINFO_SHORTENED)) {
            info.what = events[i].what;
            info.wait_s = seconds(contact, events[i].seconds);
        }
    return info;
}

static cw_reginfo of_registration(const xmlNode *registration, const char *user)
{
    const xmlNode *contact = own_contact(registration, user);
    bool ended = is_equal(registration, "state", "terminated");

    if (contact)
        return of_contact(contact, ended || is_equal(contact, "state", "terminated"));
    return (cw_reginfo){ .what = ended ? CW_REGINFO_REJECTED : CW_REGINFO_NOTHING };
}

cw_err cw_reginfo_parse(const char *body, size_t len, const char *aor, const char *user,
                        cw_reginfo *ret)
{
    const xmlNode *root, *registration;
    xmlDoc *doc;
    cw_err err = cw_xml_read(body, len, &doc);

    if (err)
        return err;
    *ret = (cw_reginfo){ 0 };
    root = cw_xml_find(xmlDocGetRootElement(doc), "reginfo");
    registration = root ? root->children : NULL;
    while ((registration = cw_xml_find(registration, "registration"))) {
        if (is_equal(registration, "aor", aor)) {
            *ret = of_registration(registration, user);
            break;
        }
        registration = registration->next;
    }
    xmlFreeDoc(doc);
    return root ? CW_OK : CW_E_SYNTAX;
}
