/* A request to somebody new: what cw_sip_target says becomes the dialog it may make. */
#include "sip/priv.h"

#include "base/ident.h"
#include "base/json.h"
#include "sip/header.h"
#include "sip/refer.h"
#include "sip/net/tls.h"
#include "sip/text/uri.h"
#include "sip/web.h"

#include <string.h>

static bool is_uri(const char *text)
{
    return cw_text_is_safe(text, strlen(text)) && strlen(text) <= CW_SIP_URI_MAX &&
           !strpbrk(text, "<>\" ");
}

/* A tel: URI says nothing of where it goes. */
static cw_err check_ruri(const cw_sip_target *target, char **ruri)
{
    if (g_ascii_strncasecmp(target->ruri, "tel:", 4) != 0)
        return cw_sip_uri_check(target->ruri, ruri);
    if (!target->next_hop && !(target->route && *target->route))
        return CW_E_PARAMS;
    *ruri = g_strdup(target->ruri);
    return cw_sip_tel_check(target->ruri);
}

/* To a client that came by WebSocket: To is the user, the request goes to their Contact. */
static cw_err aim_at_web(const cw_sip *sip, cw_sip_dialog *dialog,
                         const cw_sip_target *target) CW_ON_LOOP
{
    const cw_sip_web *web = cw_sip_web_find(sip, target->web);
    const char *contact = cw_sip_web_contact(sip, target->web);

    if (!contact)
        return CW_E_UNAVAILABLE;
    g_free(dialog->target);
    dialog->target = g_strdup(contact);
    cw_sip_web_mark(web, dialog);
    dialog->transport = CW_SIP_WS;
    return CW_OK;
}

static cw_err check(const cw_sip_target *target, char **ruri, cw_sip_host *host)
{
    cw_err err = check_ruri(target, ruri);

    if (err)
        return err;
    if (!target->from_user || !cw_text_is_safe(target->from_user, strlen(target->from_user)))
        return CW_E_UNSAFE;
    for (const char *const *line = target->headers; line && *line; line++)
        if (!cw_sip_header_line_ok(*line))
            return CW_E_UNSAFE;
    if (target->from_domain &&
        cw_sip_host_parse(target->from_domain, strlen(target->from_domain), host))
        return CW_E_PARAMS;
    if (target->referred_by && !is_uri(target->referred_by))
        return CW_E_UNSAFE;
    for (const char *const *uri = target->route; uri && *uri; uri++)
        if (!cw_text_is_safe(*uri, strlen(*uri)) || strpbrk(*uri, "<>,\"") ||
            cw_sip_uri_host(*uri, host))
            return CW_E_PARAMS;
    if (target->next_hop)
        return cw_sip_host_parse(target->next_hop, strlen(target->next_hop), host);
    return target->route && *target->route ? CW_OK : cw_sip_uri_host(*ruri, host);
}

char *cw_sip_name_addr(const cw_sip *sip, const char *user, const char *domain, const char *display)
{
    g_autofree char *escaped = cw_sip_user_escape(user);
    g_autofree char *name = display && *display ? cw_sip_display_quote(display) : g_strdup("");

    if (!name)
        return NULL;
    return g_strdup_printf("%s%s<sip:%s%s%s>", name, *name ? " " : "", escaped, *escaped ? "@" : "",
                           domain ? domain : sip->domain);
}

static cw_err fill(const cw_sip *sip, cw_sip_dialog *dialog, const cw_sip_target *target,
                   const char *ruri, const cw_sip_host *host) CW_ON_LOOP
{
    char id[23];
    g_autofree char *local =
        cw_sip_name_addr(sip, target->from_user, target->from_domain, target->from_display);

    if (!local)
        return CW_E_UNSAFE;
    dialog->caller = true;
    dialog->hops_used = MIN(target->hops_used, CW_SIP_HOPS_MAX);
    dialog->call_id = g_strdup(cw_random_text(id, sizeof id - 1));
    dialog->local_user = cw_sip_user_escape(target->contact_user ?: target->from_user);
    dialog->gruu = g_strdup(target->gruu);
    dialog->local = g_steal_pointer(&local);
    dialog->remote = g_strdup_printf("<%s>", ruri);
    dialog->target = g_strdup(ruri);
    for (const char *const *uri = target->route; uri && *uri; uri++)
        g_ptr_array_add(dialog->route, g_strdup(*uri));
    dialog->transport = host->has_transport ? host->transport : target->transport;
    dialog->secure = g_str_has_prefix(ruri, "sips:");
    dialog->any_transport = target->any_transport;
    dialog->hurried = target->hurried;
    dialog->every = g_strdupv((char **)target->every);
    if (dialog->transport == CW_SIP_TLS || target->transport == CW_SIP_TLS ||
        target->any_transport) {
        dialog->tls = cw_tls_profile_get(sip->tls, target->tls.certificate, target->tls.key,
                                         target->tls.authorities);
        dialog->tls_name = g_strdup(target->tls.name ?: host->name);
        if (!dialog->tls)
            return CW_E_CONF;
    }
    if (target->next_hop)
        dialog->outbound = g_strdup_printf(
            "sip:%s%s%s", target->next_hop, target->any_transport ? "" : ";transport=",
            target->any_transport ? "" : cw_sip_transport_name(target->transport));
    return CW_OK;
}

cw_err cw_sip_dialog_aim(const cw_sip *sip, cw_sip_dialog *dialog, const cw_sip_target *target)
{
    g_autofree char *ruri = NULL;
    cw_sip_host host;
    cw_err err = check(target, &ruri, &host);

    if (!err)
        err = fill(sip, dialog, target, ruri, &host);
    return !err && target->web ? aim_at_web(sip, dialog, target) : err;
}

static void add_all(GStrvBuilder *lines, const char *const *more)
{
    for (; more && *more; more++)
        g_strv_builder_add(lines, *more);
}

GStrv cw_sip_target_headers(const cw_sip_target *target)
{
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();

    add_all(lines, target->initial);
    add_all(lines, target->headers);
    if (target->demands)
        g_strv_builder_add(lines, "Require: precondition");
    if (target->replaces) {
        g_autofree char *value = cw_sip_replaces_print(target->replaces);
        g_autofree char *line = g_strdup_printf("Replaces: %s", value);

        g_strv_builder_add_many(lines, line, "Require: replaces", NULL);
    }
    if (target->referred_by) {
        g_autofree char *line = g_strdup_printf("Referred-By: <%s>", target->referred_by);

        g_strv_builder_add(lines, line);
    }
    return g_strv_builder_end(lines);
}

static bool is_listener(const cw_sip *sip, const cw_sip_host *host) CW_ON_LOOP
{
    uint16_t port = host->port ? host->port : 5060;
    cw_addr addr, own;

    if (cw_addr_from_ip(host->name, strlen(host->name), port, &addr))
        return false;
    for (unsigned i = 0; i < sip->listeners->len; i++) {
        const cw_sip_listener *listener = sip->listeners->pdata[i];

        own = listener->addr;
        if (cw_addr_is_any(&own) && cw_addr_own(cw_addr_family(&own), &own))
            continue;
        if (cw_addr_port(&listener->addr) == port && cw_addr_eq_ip(&own, &addr))
            return true;
    }
    return false;
}

bool cw_sip_is_us(const cw_sip *sip, const char *uri)
{
    cw_sip_host host, domain;

    if (cw_sip_uri_host(uri, &host))
        return false;
    if (host.numeric)
        return is_listener(sip, &host);
    return cw_sip_host_parse(sip->domain, strlen(sip->domain), &domain) == CW_OK &&
           strcmp(domain.name, host.name) == 0 &&
           (host.port ? host.port : 5060) == (domain.port ? domain.port : 5060);
}
