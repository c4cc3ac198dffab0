/* The ICE of a peer: lite on the worker's own port, or full by an agent. */
#include "webrtc/peer_priv.h"

#include "base/ident.h"

#include <glib.h>
#include <string.h>

/* ── Our candidates ─────────────────────────────────────────────────────────────────────────────
 */

/* The port's own address, or what the world sees in its place (1:1 NAT). */
static cw_addr as_seen(const cw_webrtc *webrtc, const cw_addr *own)
{
    const cw_addr *public =
        cw_addr_family(own) == AF_INET6 ? &webrtc->conf.public6 : &webrtc->conf.public4;
    cw_addr ret = *own, machine;

    if (cw_addr_family(public) == cw_addr_family(own))
        ret = *public;
    else if (cw_addr_is_any(own) && cw_addr_own(cw_addr_family(own), &machine) == CW_OK)
        ret = machine;
    cw_addr_set_port(&ret, cw_addr_port(own));
    return ret;
}

static bool has_candidate(const cw_jsep *local, const cw_addr *addr)
{
    for (unsigned i = 0; i < local->candidate_n; i++)
        if (cw_addr_eq(&local->candidate[i].addr, addr))
            return true;
    return false;
}

static void add_host(cw_jsep *local, const cw_addr *addr)
{
    unsigned i = local->candidate_n++;
    cw_candidate *ret = &local->candidate[i];

    *ret =
        (cw_candidate){ .component = 1,
                        .type = CW_CANDIDATE_HOST,
                        .way = CW_WAY_UDP,
                        .priority = cw_candidate_priority(CW_CANDIDATE_HOST, (uint16_t)(65535 - i)),
                        .addr = *addr };
    g_snprintf(ret->foundation, sizeof ret->foundation, "%u", i + 1);
}

static void lite_candidates(const cw_peer *peer, cw_jsep *local)
{
    cw_addr own[CW_CANDIDATES_MAX];
    unsigned n = cw_plane_candidates(peer->webrtc->plane, peer->worker, own, CW_CANDIDATES_MAX);

    for (unsigned i = 0; i < n; i++) {
        cw_addr addr = as_seen(peer->webrtc, &own[i]);

        if (!has_candidate(local, &addr))
            add_host(local, &addr);
    }
    local->complete = true;
}

void cw_peer_candidates(cw_peer *peer, cw_jsep *local)
{
    cw_peer_full *full = peer->full;

    if (!full) {
        lite_candidates(peer, local);
        return;
    }
    local->full_ice = true;
    local->candidate_n = full->local_n;
    memcpy(local->candidate, full->local, full->local_n * sizeof full->local[0]);
    local->complete = full->gathered;
    full->described = true;
}

/* ── The agent's events ─────────────────────────────────────────────────────────────────────────
 */

/* The section that speaks for the bundle. */
static const char *tagged_mid(const cw_peer *peer)
{
    for (unsigned i = 0; i < peer->stream_n; i++)
        if (peer->stream[i].ep)
            return peer->stream[i].mid;
    return "";
}

static void found(cw_peer *peer, const cw_candidate *candidate) CW_ON_LOOP
{
    cw_peer_full *full = peer->full;
    char text[CW_CANDIDATE_PRINT];

    if (full->local_n == CW_CANDIDATES_MAX)
        return;
    full->local[full->local_n++] = *candidate;
    if (full->described)
        peer->ops->candidate(peer->arg, cw_candidate_print(candidate, text), tagged_mid(peer));
}

static void gathered(cw_peer *peer) CW_ON_LOOP
{
    if (peer->full->gathered)
        return;
    peer->full->gathered = true;
    if (peer->full->described)
        peer->ops->candidate(peer->arg, NULL, tagged_mid(peer));
}

static bool same(const cw_candidate *a, const cw_candidate *b)
{
    return a->type == b->type && a->way == b->way && cw_addr_eq(&a->addr, &b->addr);
}

static void selected(cw_peer *peer, const cw_agent_event *event) CW_ON_LOOP
{
    cw_peer_full *full = peer->full;
    bool news = !full->selected || !same(&full->pair_local, &event->local) ||
                !same(&full->pair_remote, &event->remote);

    cw_timer_stop(full->silent);
    if (!news)
        return;
    full->selected = true;
    full->pair_local = event->local;
    full->pair_remote = event->remote;
    cw_transport_pair(peer->transport, &event->local.addr, &event->remote.addr);
    cw_peer_is_bound(peer, &event->remote.addr);
}

static void on_silent(void *arg)
{
    cw_peer *peer = arg;

    cw_assert_on_loop();
    peer->full->selected = false; /* the same pair would be news */
    cw_peer_lost(peer);
}

/* libnice sends nothing more by this pair; an ICE restart of the browser can still save the call.
 */
static void silent(cw_peer *peer) CW_ON_LOOP
{
    unsigned timeout_ms = peer->webrtc->conf.consent_timeout_ms;

    if (!cw_timer_active(peer->full->silent))
        cw_timer_start(peer->full->silent,
                       timeout_ms > CW_AGENT_CONSENT_MS ? timeout_ms - CW_AGENT_CONSENT_MS : 0);
}

static void on_agent(void *arg, const cw_agent_event *event)
{
    cw_peer *peer = arg;

    cw_assert_on_loop();
    if (peer->state == PEER_FAILED)
        return;
    switch (event->what) {
    case CW_AGENT_CANDIDATE:
        found(peer, &event->local);
        break;
    case CW_AGENT_GATHERED:
        gathered(peer);
        break;
    case CW_AGENT_SELECTED:
        selected(peer, event);
        break;
    case CW_AGENT_SILENT:
        silent(peer);
        break;
    }
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

static cw_err open_full(cw_peer *peer) CW_ON_LOOP
{
    cw_webrtc *webrtc = peer->webrtc;
    cw_peer_full *full = g_new0(cw_peer_full, 1);
    cw_carrier carrier, for_dtls;
    cw_err err;

    /* RFC 8445 6.1.1: who offers controls. */
    full->agent = cw_agent_new(webrtc->agents, peer->we_offer, on_agent, peer);
    full->silent = cw_timer_new(webrtc->loop, on_silent, peer);
    g_queue_init(&full->early);
    peer->full = full;
    carrier = cw_agent_carrier(full->agent);
    err = cw_transport_carried(webrtc->plane, peer->worker, &carrier, peer->dtls,
                               cw_peer_on_transport, peer, &peer->transport);
    if (err) {
        carrier.release(carrier.arg);
        cw_peer_close_ice(peer);
        return err;
    }
    for_dtls = cw_agent_carrier(full->agent);
    cw_dtls_carry(peer->dtls, &for_dtls);
    cw_agent_start(full->agent, peer->transport, peer->ufrag, peer->pwd);
    return CW_OK;
}

cw_err cw_peer_open_transport(cw_peer *peer)
{
    if (peer->webrtc->agents)
        return open_full(peer);
    return cw_transport_new(peer->webrtc->plane, peer->worker, peer->ufrag, peer->pwd, peer->dtls,
                            cw_peer_on_transport, peer, &peer->transport);
}

void cw_peer_close_ice(cw_peer *peer)
{
    cw_peer_full *full = g_steal_pointer(&peer->full);

    if (!full)
        return;
    cw_agent_free(full->agent);
    cw_timer_free(full->silent);
    g_queue_clear_full(&full->early, g_free);
    g_free(full);
}

void cw_peer_new_credentials(cw_peer *peer)
{
    cw_random_text(peer->ufrag, CW_PEER_UFRAG);
    cw_random_text(peer->pwd, CW_PEER_PWD);
    if (peer->full)
        cw_agent_restart(peer->full->agent, peer->ufrag, peer->pwd);
    else
        cw_transport_restart(peer->transport, peer->ufrag, peer->pwd);
    peer->restart_n++;
}

void cw_peer_restart(cw_peer *peer)
{
    if (peer->transport && peer->state != PEER_FAILED)
        cw_peer_new_credentials(peer);
}

/* ── The browser's candidates ───────────────────────────────────────────────────────────────────
 */

static void add(cw_peer *peer, const cw_candidate *candidate) CW_ON_LOOP
{
    if (cw_agent_wants(peer->webrtc->agents, candidate))
        cw_agent_add(peer->full->agent, candidate);
}

/* What came ahead of the description is of it, or of one that never came. */
static void add_early(cw_peer *peer) CW_ON_LOOP
{
    cw_peer_full *full = peer->full;
    cw_peer_early *early;

    while ((early = g_queue_pop_head(&full->early))) {
        if (!early->ufrag[0] || !strcmp(early->ufrag, peer->remote_ufrag))
            add(peer, &early->candidate);
        g_free(early);
    }
    if (full->early_end)
        cw_agent_end(full->agent);
    full->early_end = false;
}

void cw_peer_remote_ice(cw_peer *peer, const cw_jsep *remote)
{
    bool fresh = !peer->remote_ufrag || strcmp(peer->remote_ufrag, remote->ufrag) != 0;

    if (fresh) {
        g_free(peer->remote_ufrag);
        peer->remote_ufrag = g_strdup(remote->ufrag);
        peer->candidate_n = peer->full ? g_queue_get_length(&peer->full->early) : 0;
    }
    if (!peer->full)
        return;
    if (fresh)
        cw_agent_remote(peer->full->agent, remote->ufrag, remote->pwd);
    for (unsigned i = 0; i < remote->candidate_n; i++)
        add(peer, &remote->candidate[i]);
    if (remote->complete)
        cw_agent_end(peer->full->agent);
    add_early(peer);
}

static void keep(cw_peer *peer, const cw_candidate *candidate, const char *ufrag, size_t len)
{
    cw_peer_early *early = g_new0(cw_peer_early, 1);

    early->candidate = *candidate;
    if (len <= CW_ICE_UFRAG_MAX)
        memcpy(early->ufrag, ufrag, len);
    g_queue_push_tail(&peer->full->early, early);
}

/* RFC 8838 8: one that names no generation is of the newest description, taken or not. */
static bool is_early(const cw_peer *peer, const char *ufrag, size_t len)
{
    const char *now = peer->remote_ufrag;

    if (!now || (len == 0 && peer->theirs))
        return true;
    return len > 0 && (len != strlen(now) || memcmp(ufrag, now, len) != 0);
}

static void take_end(cw_peer *peer) CW_ON_LOOP
{
    if (!peer->full)
        return;
    if (peer->theirs || !peer->remote_ufrag)
        peer->full->early_end = true;
    else
        cw_agent_end(peer->full->agent);
}

cw_err cw_peer_candidate(cw_peer *peer, const char *candidate, char why[static 128])
{
    cw_candidate got;
    const char *ufrag = "";
    size_t ufrag_len = 0;

    why[0] = 0;
    if (!candidate || !candidate[0]) {
        take_end(peer);
        return CW_OK;
    }
    if (cw_candidate_parse(candidate, strnlen(candidate, CW_CANDIDATE_TEXT + 1), &got, &ufrag,
                           &ufrag_len)) {
        g_strlcpy(why, "this is no ICE candidate (RFC 8839 5.1)", 128);
        return CW_E_PARAMS;
    }
    if (++peer->candidate_n > peer->webrtc->conf.candidates_max) {
        g_strlcpy(why, "more candidates than webrtc.candidates_max", 128);
        return CW_E_OVERLOAD;
    }
    if (!peer->full)
        return CW_OK;
    if (is_early(peer, ufrag, ufrag_len))
        keep(peer, &got, ufrag, ufrag_len);
    else
        add(peer, &got);
    return CW_OK;
}

/* ── For people ─────────────────────────────────────────────────────────────────────────────────
 */

static cw_addr local_of(const cw_peer *peer) CW_ON_LOOP
{
    cw_ep_stats stats = { 0 };

    for (unsigned i = 0; i < peer->stream_n; i++)
        if (peer->stream[i].ep) {
            cw_ep_get_stats(peer->stream[i].ep, &stats);
            break;
        }
    return stats.local;
}

static json_t *full_json(const cw_peer *peer) CW_ON_LOOP
{
    const cw_peer_full *full = peer->full;

    if (!full)
        return json_pack("{s:s}", "mode", "lite");
    return json_pack(
        "{s:s s:i s:i s:s* s:s* s:s*}", "mode", "full", "local_candidates", (int)full->local_n,
        "remote_candidates", (int)peer->candidate_n, "local_type",
        full->selected ? cw_candidate_type_text(full->pair_local.type) : NULL, "remote_type",
        full->selected ? cw_candidate_type_text(full->pair_remote.type) : NULL, "protocol",
        full->selected ? cw_candidate_way_text(full->pair_local.way) : NULL);
}

json_t *cw_peer_ice_json(const cw_peer *peer)
{
    cw_addr addr = local_of(peer);
    char local[CW_ADDR_STR], remote[CW_ADDR_STR];
    bool bound = peer->bound_n > 0;
    json_t *ret = full_json(peer);

    json_object_update_new(
        ret,
        json_pack("{s:s* s:s* s:i s:i}", "local",
                  bound && cw_addr_family(&addr) != AF_UNSPEC ? cw_addr_print(&addr, local) : NULL,
                  "remote", bound ? cw_addr_print(&peer->remote, remote) : NULL, "moves",
                  bound ? (int)peer->bound_n - 1 : 0, "restarts", (int)peer->restart_n));
    if (peer->bound_ms)
        json_object_set_new(ret, "connected_ms", json_integer(peer->bound_ms));
    return ret;
}
