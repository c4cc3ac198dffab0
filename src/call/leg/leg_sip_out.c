/* leg_sip_out.c - the SIP leg of a callee: where it is, what it is offered. */
#include "call/leg/leg_sip.h"

#include "base/stats.h"

#include <string.h>

/* ── The target, kept until the INVITE is on its way ── */

#define TEXT(name) offsetof(cw_sip_target, name)
static const size_t texts[] = {
    TEXT(ruri),
    TEXT(from_user),
    TEXT(from_domain),
    TEXT(from_display),
    TEXT(next_hop),
    TEXT(credentials.username),
    TEXT(contact_user),
    TEXT(gruu),
    TEXT(credentials.password),
    TEXT(credentials.realm),
    TEXT(credentials.ha1_md5),
    TEXT(credentials.ha1_sha256),
};
#undef TEXT

static const char **text_of(cw_sip_target *target, size_t i)
{
    return (const char **)(void *)((char *)target + texts[i]);
}

static CW_ON_LOOP cw_err start_out(leg_sip *s, const cw_media_desc *desc);

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    g_free(text);
}

void cw_leg_sip_set_target(leg_sip *s, const cw_sip_target *target,
                           const struct cw_conf_trunk *trunk)
{
    s->target = *target;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        *text_of(&s->target, i) = g_strdup(*text_of(&s->target, i));
    s->target.headers = (const char *const *)g_strdupv((char **)target->headers);
    s->target.route = (const char *const *)g_strdupv((char **)target->route);
    s->target.session_s = trunk ? trunk->session_expires_s : 0;
    s->target.referred_by = g_strdup(target->referred_by);
    s->target.replaces = target->replaces ? cw_sip_replaces_dup(target->replaces) : NULL;
    s->trunk = trunk;
}

void cw_leg_sip_clear_target(leg_sip *s)
{
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        wipe((char *)*text_of(&s->target, i)); /* secrets are among them */
    g_strfreev((char **)s->target.headers);
    g_strfreev((char **)s->target.route);
    g_free((char *)s->target.referred_by);
    cw_sip_replaces_free((cw_sip_replaces *)s->target.replaces);
    s->target = (cw_sip_target){ 0 };
    cw_leg_sip_forget_caller(s);
    g_free(s->members.number);
    g_free(s->members.params);
    g_free(s->members.asked);
    memset(&s->members, 0, sizeof s->members);
}

/* ── Its trunk ── */

static void set_text(const char **text, const char *to)
{
    char *before = (char *)*text;

    *text = g_strdup(to);
    wipe(before);
}

static CW_ON_LOOP void use_trunk(leg_sip *s, const struct cw_conf_trunk *trunk)
{
    cw_sip_target way = { 0 };

    cw_trunk_target(trunk, &way);
    set_text(&s->target.next_hop, way.next_hop);
    set_text(&s->target.credentials.username, way.credentials.username);
    set_text(&s->target.credentials.password, way.credentials.password);
    set_text(&s->target.credentials.realm, way.credentials.realm);
    s->target.transport = way.transport;
    s->target.any_transport = way.any_transport;
    s->target.tls = way.tls;
    s->target.session_s = trunk->session_expires_s;
    s->trunk = trunk;
    s->leg.via = trunk->name;
    s->leg.policy = cw_policy_sip(s->calls->conf, trunk);
    s->members.tried |= cw_trunks_bit(s->calls->conf, trunk);
}

void cw_leg_sip_by(cw_leg *leg, const struct cw_conf_trunk *trunk, const cw_route *route)
{
    leg_sip *s = (leg_sip *)leg;

    s->members.group = route->group;
    s->members.number = g_strdup(route->number);
    s->members.params = g_strdup(route->params);
    use_trunk(s, trunk);
}

static CW_ON_LOOP void leave_trunk(leg_sip *s, const cw_sip_end *end)
{
    cw_cause cause = { .err = end->err, .status = end->status };

    if (s->counted)
        cw_trunks_ended(s->calls->trunks, s->trunk, &cause);
    s->counted = false;
    cw_sip_call_free(g_steal_pointer(&s->sip));
    cw_leg_sip_forget_forks(s);
    cw_leg_sip_close(s);
}

/* CW_E_NO_ROUTE: nobody is left. */
static CW_ON_LOOP cw_err go_on(leg_sip *s)
{
    g_autofree char *ruri = NULL, *note = NULL;
    bool more;
    cw_err err;
    const struct cw_conf_trunk *trunk =
        cw_trunks_pick(s->calls->trunks, s->members.group, NULL, s->members.tried, &more, &err);

    if (!trunk)
        return CW_E_NO_ROUTE;
    note = g_strdup_printf("%s, then %s", s->trunk->name, trunk->name);
    cw_leg_note(&s->leg, "trunk", note);
    cw_stat_inc(CW_STAT_trunk_failovers);
    use_trunk(s, trunk);
    err = cw_route_by(s->calls->conf, trunk, s->members.number, s->members.params, &ruri);
    if (err)
        return CW_E_SIP_FAILED;
    set_text(&s->target.ruri, ruri);
    s->target.hurried = more;
    return start_out(s, s->members.asked) ? CW_E_SIP_FAILED : CW_OK;
}

bool cw_leg_sip_next_trunk(leg_sip *s, const cw_sip_end *end)
{
    bool early = s->heard || s->described || s->up || s->leg.ended;
    cw_err err = CW_E_SIP_FAILED;

    if (s->trunk && !early)
        cw_trunks_hold(s->calls->trunks, s->trunk, end->retry_after_s);
    if (!s->members.group || early || !s->members.asked || s->calls->closing ||
        !cw_group_fails_over(s->members.group, end->err, end->status))
        return false;
    leave_trunk(s, end);
    while (err == CW_E_SIP_FAILED)
        err = go_on(s);
    return err == CW_OK;
}

/* ── Our offer ── */

void cw_leg_sip_offer_feedback(leg_sip *s)
{
    cw_desc_offer_feedback(s->own, CW_FB_SIP, 0);
    for (unsigned i = 0; i < s->own->stream_n && s->trunk && s->trunk->avpf; i++)
        s->own->stream[i].avpf = s->own->stream[i].kind == CW_VIDEO;
}

cw_err cw_leg_sip_make_offer(leg_sip *s, const cw_media_desc *desc)
{
    g_autofree cw_media_desc *own = g_new(cw_media_desc, 1);

    cw_desc_offer(desc, &s->leg.policy.codec, own);
    cw_desc_trim(own, 0);
    cw_desc_number(own);
    cw_desc_keep(&s->own, own);
    for (unsigned i = 0; i < s->own->stream_n; i++)
        if (s->own->stream[i].kind == CW_AUDIO)
            s->own->stream[i].dir = CW_SENDRECV;
    cw_leg_sip_lock_offer(s);
    cw_leg_sip_offer_feedback(s);
    cw_leg_sip_precond_offer(s);
    return cw_desc_has_sound(s->own) ? CW_OK : CW_E_NO_CODEC;
}

/* ── Which family of addresses it has, then the INVITE ── */

static CW_ON_LOOP cw_err invite(leg_sip *s, int family)
{
    g_autofree char *sdp = NULL;
    cw_err err;

    s->family = family;
    s->late = s->trunk && s->trunk->late_offer;
    err = s->late ? CW_OK : cw_leg_sip_open(s);
    if (err)
        return err;
    sdp = s->late ? NULL : cw_leg_sip_write(s);
    cw_leg_sip_tell_caller(s);
    err = cw_sip_call_new(s->calls->sip, &s->target, sdp, sdp ? strlen(sdp) : 0, &cw_leg_sip_events,
                          s, &s->sip);
    if (err)
        return err;
    cw_trunks_started(s->calls->trunks, s->trunk);
    s->counted = true;
    return CW_OK;
}

static void on_found(void *arg, cw_err err, const cw_addr *addrs, unsigned n)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    cw_leg_sip_stop_looking(s);
    if (!err)
        err = invite(s, cw_addr_family(&addrs[0]));
    if (err && !cw_leg_sip_next_trunk(s, &(cw_sip_end){ .err = err }))
        cw_leg_fail(&s->leg, err);
}

void cw_leg_sip_stop_looking(leg_sip *s)
{
    cw_sip_lookup_free(g_steal_pointer(&s->lookup));
}

/* Host and port of the next hop, as written. g_free it. */
static char *next_hop(const cw_sip_target *target)
{
    const char *uri = target->route ? target->route[0] : target->ruri;
    const char *at = strchr(uri, '@') ?: strchr(uri, ':');

    if (target->next_hop && !target->route)
        return g_strdup(target->next_hop);
    at = at ? at + 1 : uri;
    return g_strndup(at, strcspn(at, ";?"));
}

/* Our RTP has to be of the family that the far side has. A name is asked for it, unless there is no
 * choice. */
static cw_err start_out(leg_sip *s, const cw_media_desc *desc)
{
    const cw_plane *plane = s->calls->plane;
    g_autofree char *hop = next_hop(&s->target);
    cw_addr addr;
    cw_err err = cw_leg_sip_make_offer(s, desc);

    if (err)
        return err;
    if (s->web.on)
        return invite(s, AF_UNSPEC);
    if (!cw_plane_has_rtp(plane, AF_INET6))
        return invite(s, AF_INET);
    if (!cw_plane_has_rtp(plane, AF_INET))
        return invite(s, AF_INET6);
    if (cw_addr_parse(hop, 0, &addr) == CW_OK)
        return invite(s, cw_addr_family(&addr));
    return cw_sip_lookup_new(s->calls->sip, hop, s->target.transport, s->target.any_transport,
                             on_found, s, &s->lookup);
}

cw_err cw_leg_sip_call_out(cw_leg *leg, const cw_media_desc *desc, const cw_party *from)
{
    leg_sip *s = (leg_sip *)leg;

    if (s->members.group || (s->trunk && s->trunk->late_offer))
        cw_desc_keep(&s->members.asked, desc);
    return start_out(s, desc);
}
