/* leg_sip_said.c - what a SIP dialog's messages say besides media: who it is, why, header fields.
 */
#include "call/leg/leg_sip.h"

#include "call/party/caller.h"
#include "call/party/forward.h"
#include "call/party/header.h"
#include "call/route/manner.h"
#include "call/route/permit.h"
#include "call/party/vouch.h"
#include "sip/address.h"

#include <string.h>

static cw_writer writer_of(const leg_sip *s)
{
    return (cw_writer){ .trunk = s->trunk ?: s->from_trunk };
}

/* ── Theirs ── */

void cw_leg_sip_heard(leg_sip *s, const cw_sip_message *message)
{
    const cw_conf *conf = s->calls->conf;
    const cw_writer writer = writer_of(s);
    cw_party party = { 0 };
    json_t *headers;

    if (!message)
        return;
    if (s->leg.lane == CW_LANE_B && !s->leg.over)
        cw_party_of_response(conf, &writer, message, &party);
    if (party.uri) {
        cw_party_clear(&s->leg.party);
        s->leg.party = party;
    }
    headers = cw_headers_shown(message, cw_manner_headers_in(conf, writer.trunk));
    json_decref(s->leg.about);
    s->leg.about = headers || party.uri ? json_object() : NULL;
    if (headers)
        json_object_set_new(s->leg.about, "headers", headers);
    if (party.uri)
        json_object_set_new(s->leg.about, "peer", cw_party_json(&s->leg.party));
}

/* Of "\"Name\" <uri;…>". NULL: it cannot be read. g_free it. */
static char *uri_of(const char *text)
{
    const char *at = text;
    cw_sip_address address;
    char *uri;

    if (!cw_sip_address_next(&at, &address))
        return NULL;
    uri = g_steal_pointer(&address.uri);
    cw_sip_address_clear(&address);
    return uri;
}

void cw_leg_sip_calls(leg_sip *s, const cw_sip_message *message)
{
    g_autofree char *from = cw_sip_message_header(message, "From", 0);

    s->from_uri = from ? uri_of(from) : NULL;
}

/* As whom we took them: who called, or whom we called. */
static bool is_same(const leg_sip *s, const char *uri)
{
    g_autofree char *called =
        s->target.ruri ? g_strdup_printf("<%s>", s->target.ruri) : g_strdup("");
    g_autofree char *whom = uri_of(called);
    const char *before = s->from_uri ?: whom;

    return !before || g_ascii_strcasecmp(before, uri) == 0;
}

void cw_leg_sip_identified(leg_sip *s, const cw_sip_message *message)
{
    const cw_writer writer = writer_of(s);
    cw_party party;

    cw_party_of_request(s->calls->conf, &writer, message, &party);
    if (!party.uri)
        return;
    if (is_same(s, party.uri) && !party.asserted) {
        cw_party_clear(&party);
        return;
    }
    g_free(s->from_uri);
    s->from_uri = g_strdup(party.uri);
    if (g_strcmp0(s->leg.party.uri, party.uri) == 0 &&
        g_strcmp0(s->leg.party.display, party.display) == 0 &&
        s->leg.party.withheld == party.withheld) {
        cw_party_clear(&party);
        return;
    }
    cw_party_clear(&s->leg.party);
    s->leg.party = party;
    cw_leg_tell(&s->leg, CW_LEG_NAMED);
}

/* ── Ours ── */

static void add_all(GStrvBuilder *all, char **lines)
{
    g_auto(GStrv) own = lines;

    if (own)
        g_strv_builder_addv(all, (const char **)own);
}

void cw_leg_sip_say(leg_sip *s)
{
    const cw_leg *other = s->leg.other;
    const cw_conf *conf = s->calls->conf;
    const struct cw_conf_trunk *trunk = s->trunk ?: s->from_trunk;
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    g_auto(GStrv) lines = NULL;

    if (!s->sip)
        return;
    if (other && !s->trunk)
        add_all(all, cw_caller_lines_of_callee(conf, trunk, cw_sip_domain(s->calls->sip),
                                               &other->party));
    if (other)
        add_all(all, cw_headers_allowed(other->say, s->leg.takes));
    lines = g_strv_builder_end(all);
    if (cw_sip_call_headers(s->sip, *lines ? (const char *const *)lines : NULL))
        cw_leg_note(&s->leg, "SIP", "header fields not sent: unsafe");
}

/* ── Who calls ── */

void cw_leg_sip_introduce(cw_leg *leg, const cw_call *call, const cw_reach *reach)
{
    leg_sip *s = (leg_sip *)leg;

    cw_leg_sip_forget_caller(s);
    s->caller.told = true;
    s->caller.account = reach->route->line != NULL;
    cw_party_copy(&s->caller.from, reach->from);
    s->caller.user = g_strdup(reach->from_user);
    s->caller.headers = g_strdupv((char **)reach->headers);
    s->caller.forwards = call->forwards ? g_ptr_array_ref(call->forwards) : NULL;
    s->caller.identities = g_strdupv(call->identities);
    s->caller.source = g_strdup(call->source);
    s->caller.asker = cw_asker_keep(call->calls->conf, reach->asker);
}

void cw_leg_sip_forget_caller(leg_sip *s)
{
    cw_party_clear(&s->caller.from);
    g_clear_pointer(&s->caller.user, g_free);
    g_clear_pointer(&s->caller.headers, g_strfreev);
    g_clear_pointer(&s->caller.forwards, g_ptr_array_unref);
    g_clear_pointer(&s->caller.identities, g_strfreev);
    g_clear_pointer(&s->caller.source, g_free);
    g_clear_pointer(&s->caller.asker, cw_asker_free);
    s->caller.told = false;
}

static void put(const char **text, char *to)
{
    g_free((char *)*text);
    *text = to;
}

void cw_leg_sip_tell_caller(leg_sip *s)
{
    const cw_conf *conf = s->calls->conf;
    const char *domain = cw_sip_domain(s->calls->sip);
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    cw_caller caller;

    if (!s->caller.told)
        return;
    cw_caller_tell(conf, s->trunk, domain, &s->caller.from, s->caller.user, &caller);
    if (!s->caller.account || s->caller.from.withheld) {
        put(&s->target.from_user, g_steal_pointer(&caller.user));
        put(&s->target.from_domain, g_steal_pointer(&caller.domain));
        put(&s->target.from_display, g_steal_pointer(&caller.display));
    }
    add_all(all, g_steal_pointer(&caller.headers));
    add_all(all, cw_headers_allowed(s->caller.headers, cw_manner_headers_out(conf, s->trunk)));
    if (s->caller.forwards)
        add_all(all, cw_forwards_lines(s->caller.forwards, conf, s->trunk, domain, s->target.ruri));
    cw_vouch_lines(s->calls,
                   &(cw_vouch_out){ .trunk = s->trunk,
                                    .from = &s->caller.from,
                                    .number = s->members.number,
                                    .source = s->caller.source,
                                    .identities = s->caller.identities },
                   all);
    if (s->leg.policy.early != CW_EARLY_NEVER) /* RFC 5009 8: we know what to do with it */
        g_strv_builder_add(all, "P-Early-Media: supported");
    g_strfreev((char **)s->target.headers);
    s->target.headers = (const char *const *)g_strv_builder_end(all);
    s->leg.takes = cw_manner_headers_out(conf, s->trunk);
    cw_caller_clear(&caller);
}

/* A refusal that tells the caller something of the callee (RFC 3261 21): what it says is not of our
 * INVITE, our credentials or our way there. 503 would keep calls from us altogether (16.7). */
static int callees_no(int status)
{
    static const uint16_t whole[] = { 410, 484, 485, 500, 501, 502, 504,
                                      513, 600, 604, 606, 607, 608 };

    for (size_t i = 0; i < G_N_ELEMENTS(whole); i++)
        if (whole[i] == status)
            return status;
    return 0;
}

void cw_leg_sip_hang_up(leg_sip *s, const cw_cause *cause)
{
    bool refuses = s->leg.lane == CW_LANE_A && !s->answered;
    cw_sip_why why = { .err = cause->err,
                       .q850 = cause->q850,
                       .status = refuses ? 0 : cause->status,
                       .refusal = refuses ? callees_no(cause->status) : 0 };

    g_strlcpy(why.text, cause->phrase, sizeof why.text);
    cw_leg_sip_say(s);
    cw_sip_call_end_as(s->sip, &why);
}

/* ── Who is connected (RFC 4916) ── */

void cw_leg_sip_named(cw_leg *leg, const cw_party *party)
{
    leg_sip *s = (leg_sip *)leg;
    const cw_conf *conf = s->calls->conf;
    const char *domain = cw_sip_domain(s->calls->sip);
    const struct cw_conf_trunk *trunk = s->trunk ?: s->from_trunk;
    const char *how = trunk ? trunk->connected : conf->sip.connected;
    g_auto(GStrv) lines = NULL;
    cw_caller caller;
    cw_sip_name from;

    if (!s->sip || !s->up || s->leg.over || s->caller.account || !strcmp(how, "off"))
        return;
    cw_caller_tell(conf, trunk, domain, party, party->user ?: "anonymous", &caller);
    from = (cw_sip_name){ caller.user, caller.domain, caller.display };
    if (strcmp(how, "from"))
        lines = cw_caller_lines_of_callee(conf, trunk, domain, party);
    if (cw_sip_call_identify(s->sip, strcmp(how, "asserted") ? &from : NULL,
                             (const char *const *)lines) == CW_OK)
        cw_leg_note(leg, "SIP", "is told who it talks to now");
    cw_caller_clear(&caller);
}
