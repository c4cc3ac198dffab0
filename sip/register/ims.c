#include "sip/register/ims.h"

#include "base/ident.h"

#include <string.h>

#define ICID_LEN                                                                                   \
    24 /* characters of an icid-value: unique for each dialog or transaction (RFC 7315 4.6) */

cw_sip_ims *cw_sip_ims_new(const cw_sip_registrar_conf *conf)
{
    cw_sip_ims *ims;

    if (conf->ims.access == CW_SIP_ACCESS_NONE)
        return NULL;
    ims = g_new0(cw_sip_ims, 1);
    ims->access = conf->ims.access;
    ims->vouched = conf->ims.vouched;
    ims->visited = conf->ims.visited ? g_strdup(conf->ims.visited)
                                     : g_strndup(conf->domain, strcspn(conf->domain, ":"));
    ims->network = g_strdup(conf->ims.network);
    ims->services = g_strdupv((char **)conf->ims.services);
    return ims;
}

void cw_sip_ims_free(cw_sip_ims *ims)
{
    if (!ims)
        return;
    g_free(ims->visited);
    g_free(ims->network);
    g_strfreev(ims->services);
    g_free(ims);
}

static void add(GStrvBuilder *lines, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GStrvBuilder *lines, const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    g_strv_builder_add(lines, line);
}

/* "urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel", … (TS 24.229 7.9.2); NULL: no service. */
static char *tags_of(const cw_sip_ims *ims)
{
    g_autofree char *all = ims->services && *ims->services ? g_strjoinv(",", ims->services) : NULL;
    g_auto(GStrv) parts = all ? g_strsplit(all, ":", -1) : NULL;

    return parts ? g_strjoinv("%3A", parts) : NULL;
}

char *cw_sip_ims_contact(const cw_sip_ims *ims)
{
    g_autofree char *tags = tags_of(ims);

    return tags ? g_strdup_printf(";+g.3gpp.icsi-ref=\"%s\"", tags) : g_strdup("");
}

static void add_charging(const cw_sip_registrar *r, GStrvBuilder *lines)
{
    char icid[ICID_LEN + 1];

    add(lines, "P-Charging-Vector: icid-value=\"%s\";icid-generated-at=%.*s",
        cw_random_text(icid, ICID_LEN), (int)strcspn(r->contact, ":"), r->contact);
}

/* Before any challenge the core learns here whose private identity it is (TS 24.229 5.1.1.2.2), or
 * that we know him
 * ("auth-done", TS 24.371 6.1). */
static void add_authorization(const cw_sip_reg *reg, GStrvBuilder *lines)
{
    const cw_sip_registrar *r = reg->registrar;

    add(lines,
        "Authorization: Digest username=\"%s\", realm=\"%s\", uri=\"sip:%s\", nonce=\"\", "
        "response=\"\"%s",
        reg->private_identity, r->realm, r->domain,
        r->ims->vouched ? ", integrity-protected=\"auth-done\"" : "");
}

static void add_network(const cw_sip_ims *ims, GStrvBuilder *lines)
{
    if (ims->network)
        add(lines, "P-Access-Network-Info: %s", ims->network);
}

void cw_sip_ims_register(const cw_sip_reg *reg, bool authorized, GStrvBuilder *lines)
{
    const cw_sip_registrar *r = reg->registrar;

    if (!authorized)
        add_authorization(reg, lines);
    add_network(r->ims, lines);
    if (r->ims->access != CW_SIP_ACCESS_MW)
        return;
    add(lines, "Path: <sip:%s@%s;lr%s>", reg->token, r->contact, cw_sip_registrar_param(r));
    add(lines, "Require: path");
    add(lines, "P-Visited-Network-ID: \"%s\"", r->ims->visited);
    add_charging(r, lines);
}

/* The identities a request is from: the default one, and its other kind when there is one (RFC
 * 3325 9.1). */
static void add_identities(const cw_sip_reg *reg, const char *name, bool both, GStrvBuilder *lines)
{
    GStrv all = reg->binding.associated;
    const char *first = all ? all[0] : reg->aor;
    bool tel = g_ascii_strncasecmp(first, "tel:", 4) == 0;

    add(lines, "%s: <%s>", name, first);
    for (; both && all && *all; all++)
        if ((g_ascii_strncasecmp(*all, "tel:", 4) == 0) != tel) {
            add(lines, "%s: <%s>", name, *all);
            return;
        }
}

GStrv cw_sip_ims_initial(const cw_sip_reg *reg)
{
    const cw_sip_registrar *r = reg->registrar;
    const cw_sip_ims *ims = r->ims;
    g_autoptr(GStrvBuilder) lines = NULL;
    g_autofree char *tags = NULL;
    bool mw;

    if (!ims)
        return NULL;
    lines = g_strv_builder_new();
    mw = ims->access == CW_SIP_ACCESS_MW;
    tags = tags_of(ims);
    add_identities(reg, mw ? "P-Asserted-Identity" : "P-Preferred-Identity", mw, lines);
    if (tags) {
        add(lines, "Accept-Contact: *;+g.3gpp.icsi-ref=\"%s\"", tags);
        add(lines, "P-%s-Service: %s", mw ? "Asserted" : "Preferred", ims->services[0]);
    }
    if (mw)
        add_charging(r, lines);
    return g_strv_builder_end(lines);
}

GStrv cw_sip_ims_every(const cw_sip_reg *reg)
{
    const cw_sip_ims *ims = reg->registrar->ims;
    g_autoptr(GStrvBuilder) lines = NULL;

    if (!ims || !ims->network)
        return NULL;
    lines = g_strv_builder_new();
    add_network(ims, lines);
    return g_strv_builder_end(lines);
}
