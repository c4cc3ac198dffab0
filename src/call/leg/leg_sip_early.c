/* leg_sip_early.c - a SIP callee before it answers, which may be several (RFC 3261 13.2.2.4): each
 * early dialog has a description of its own, and one of them is the leg's at a time. The newest is
 * preferred as soon as it speaks; another that speaks while that is silent is heard instead; what
 * P-Early-Media (RFC 5009) or our policy forbids is not. Browsers notice nothing of it. */
#include "call/leg/early.h"
#include "call/leg/leg_sip.h"

#include "base/log.h"

#include <string.h>

/* ── The forks ── */

static void fork_free(void *arg)
{
    cw_fork *fork = arg;

    cw_assert_on_loop();
    g_free(fork->sdp);
    cw_leg_sip_locks_clear(fork->lock);
    g_free(fork);
}

static cw_fork *find(const leg_sip *s, unsigned id)
{
    for (guint i = 0; s->forks && i < s->forks->len; i++) {
        cw_fork *fork = g_ptr_array_index(s->forks, i);

        if (fork->id == id)
            return fork;
    }
    return NULL;
}

static void permit(cw_fork *fork, cw_dir dir)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        fork->may[i] = dir;
}

/* NULL: there are as many as are kept (those of sip/ are no more). */
static CW_ON_LOOP cw_fork *get(leg_sip *s, unsigned id)
{
    cw_fork *fork = find(s, id);

    if (fork)
        return fork;
    if (!s->forks)
        s->forks = g_ptr_array_new_with_free_func(fork_free);
    if (s->forks->len > CW_EP_OTHERS_MAX)
        return NULL;
    fork = g_new0(cw_fork, 1);
    fork->id = id;
    cw_leg_sip_locks_copy(s->heard ? s->first_lock : s->lock, fork->lock);
    permit(fork, s->leg.policy.early == CW_EARLY_ANY ? CW_SENDRECV : CW_INACTIVE);
    g_ptr_array_add(s->forks, fork);
    return fork;
}

void cw_leg_sip_forget_forks(leg_sip *s)
{
    cw_leg_sip_locks_clear(s->first_lock);
    s->heard = NULL;
    g_clear_pointer(&s->forks, g_ptr_array_unref);
}

/* ── Who may be heard ── */

/* What it says, or the network about it; what our policy forbids stays forbidden. */
static CW_ON_LOOP void take_permission(leg_sip *s, cw_fork *fork, const cw_sip_message *message)
{
    g_autofree char *value = cw_sip_message_header(message, "P-Early-Media", 0);
    cw_dir theirs[CW_DESC_STREAMS_MAX];

    if (!value || s->leg.policy.early == CW_EARLY_NEVER ||
        !cw_early_media_read(value, theirs, CW_DESC_STREAMS_MAX))
        return;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        fork->may[i] = cw_dir_reverse(theirs[i]);
}

static bool may_be_heard(const cw_fork *fork)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (fork->sdp && cw_addr_family(&fork->rtp[i]) != AF_UNSPEC && fork->may[i] & CW_RECVONLY)
            return true;
    return false;
}

static CW_ON_LOOP uint64_t packets(const leg_sip *s)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_ep_stats stats;

        if (!s->ep[i])
            continue;
        cw_ep_get_stats(s->ep[i], &stats);
        all += stats.rx_packets;
    }
    return all;
}

static CW_ON_LOOP bool has_spoken(const leg_sip *s)
{
    return packets(s) != s->heard_packets;
}

static bool same_place(const cw_fork *a, const cw_fork *b)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (cw_addr_family(&a->rtp[i]) != AF_UNSPEC && cw_addr_eq(&a->rtp[i], &b->rtp[i]))
            return true;
    return false;
}

/* ── One of them is heard ── */

/* The ports let the others knock. */
static CW_ON_LOOP void admit_others(leg_sip *s)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_ep_other other[CW_EP_OTHERS_MAX];
        unsigned n = 0;

        for (guint j = 0; s->ep[i] && j < s->forks->len && n < CW_EP_OTHERS_MAX; j++) {
            const cw_fork *fork = g_ptr_array_index(s->forks, j);
            bool newest = j + 1 == s->forks->len;

            if (fork != s->heard && fork->sdp && fork->may[i] & CW_RECVONLY &&
                cw_addr_family(&fork->rtp[i]) != AF_UNSPEC)
                other[n++] = (cw_ep_other){ .id = fork->id,
                                            .rtp = fork->rtp[i],
                                            .eager = newest && !fork->was_heard };
        }
        if (s->ep[i])
            cw_ep_rtp_others(s->ep[i], other, n);
    }
}

static CW_ON_LOOP void set_gate(leg_sip *s, const cw_fork *fork)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        s->gate[i] = fork && !s->up ? fork->may[i] : CW_SENDRECV;
}

/* It becomes the far side. An error: it has said nothing that we can take, all is as it was. */
static CW_ON_LOOP cw_err hear(leg_sip *s, cw_fork *fork)
{
    cw_fork *before = s->heard;
    cw_err err;

    set_gate(s, fork);
    if (before != fork)
        cw_leg_sip_locks_swap(s, before ? before->lock : s->first_lock, fork->lock);
    err = cw_leg_sip_take_answer(s, fork->sdp, strlen(fork->sdp));
    if (err) {
        set_gate(s, before);
        if (before != fork)
            cw_leg_sip_locks_swap(s, fork->lock, before ? before->lock : s->first_lock);
        if (before)
            cw_leg_sip_set_endpoints(s);
        return err;
    }
    if (before && before != fork)
        cw_leg_note(&s->leg, "RTP", cw_fmt("fork %u is heard", fork->id + 1));
    if (before != fork)
        s->heard_packets = packets(s);
    s->heard = fork;
    s->fork = fork->id;
    fork->was_heard = true;
    return CW_OK;
}

void cw_leg_sip_other_heard(leg_sip *s, unsigned id)
{
    cw_fork *fork = find(s, id);

    if (s->up || !fork || fork == s->heard || !may_be_heard(fork))
        return;
    if (hear(s, fork) == CW_OK)
        cw_leg_tell(&s->leg, CW_LEG_DESCRIBED);
    admit_others(s);
}

void cw_leg_sip_turn_to(leg_sip *s, unsigned id)
{
    cw_fork *fork = find(s, id);

    s->fork = id;
    if (s->up || !fork || fork == s->heard || !fork->sdp)
        return;
    if (hear(s, fork) == CW_OK)
        admit_others(s);
}

/* ── What comes ── */

/* SDP that cannot be read is no description. */
static CW_ON_LOOP bool describe(cw_fork *fork, const char *sdp, size_t len)
{
    g_autofree cw_media_desc *desc = g_new(cw_media_desc, 1);
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = { 0 };

    if (cw_sdp_read_rtp(sdp, len, desc, place, NULL))
        return false;
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        fork->rtp[i] = i < desc->stream_n ? place[i].rtp : (cw_addr){ 0 };
    g_free(fork->sdp);
    fork->sdp = g_strndup(sdp, len);
    return true;
}

void cw_leg_sip_fork_says(leg_sip *s, unsigned id, const char *sdp, size_t len)
{
    cw_fork *fork = find(s, id);

    if (fork)
        (void)!describe(fork, sdp, len);
}

/* The newest is preferred, but nobody is cut off for one that may stay silent. */
static CW_ON_LOOP bool should_be_heard(const leg_sip *s, const cw_fork *fork)
{
    const cw_fork *heard = s->heard;

    return !heard || heard == fork ||
           (may_be_heard(fork) &&
            (!may_be_heard(heard) || !has_spoken(s) || same_place(heard, fork)));
}

void cw_leg_sip_progress(leg_sip *s, const cw_sip_response *response)
{
    bool described = false, may = false;
    cw_fork *fork = find(s, response->fork);

    if (s->late) {
        cw_leg_sip_late_progress(s, response);
        return;
    }
    if (!fork && (response->sdp || s->leg.policy.early != CW_EARLY_ANY))
        fork = get(s, response->fork);
    if (fork) {
        may = may_be_heard(fork);
        take_permission(s, fork, response->message);
        described = response->sdp && describe(fork, response->sdp, response->len);
    }
    if (fork && fork->sdp && (described || fork == s->heard || may_be_heard(fork) != may)) {
        if (should_be_heard(s, fork) && hear(s, fork) == CW_OK)
            described = true;
        admit_others(s);
    }
    cw_leg_emit(&s->leg, &(cw_leg_event){ .what = fork && may_be_heard(fork) && s->heard &&
                                                          (described || !may)
                                                      ? CW_LEG_EARLY
                                                      : CW_LEG_RINGING,
                                          .status = response->status });
}

static CW_ON_LOOP cw_err take_winner(leg_sip *s, const cw_sip_response *response)
{
    cw_fork *fork = find(s, response->fork);

    if (!s->forks)
        return response->sdp ? cw_leg_sip_take_answer(s, response->sdp, response->len)
                             : CW_E_BAD_SDP;
    if (!fork && response->sdp)
        fork = get(s, response->fork);
    if (!fork || (response->sdp && !describe(fork, response->sdp, response->len)) || !fork->sdp)
        return CW_E_BAD_SDP;
    return hear(s, fork);
}

cw_err cw_leg_sip_choose(leg_sip *s, const cw_sip_response *response)
{
    cw_err err;

    if (s->late)
        return cw_leg_sip_late_choose(s, response);
    s->up = true; /* nothing is forbidden from here on */
    set_gate(s, NULL);
    err = take_winner(s, response);
    if (err) {
        s->up = false;
        return err;
    }
    s->fork = response->fork;
    for (unsigned i = 0; s->forks && i < CW_DESC_STREAMS_MAX; i++)
        if (s->ep[i])
            cw_ep_rtp_others(s->ep[i], NULL, 0);
    for (guint i = s->forks ? s->forks->len : 0; i-- > 0;)
        if (g_ptr_array_index(s->forks, i) != s->heard)
            g_ptr_array_remove_index(s->forks, i);
    return CW_OK;
}

/* ── Being called ── */

bool cw_leg_sip_answer_early(leg_sip *s, const cw_media_desc *foretold)
{
    g_autofree char *sdp = NULL;

    if (s->answered || s->given || !s->described || cw_leg_sip_give_answer(s, foretold))
        return false;
    s->given = true;
    sdp = cw_leg_sip_write(s);
    (void)!cw_sip_call_respond(s->sip, 183, sdp, strlen(sdp));
    return true;
}

bool cw_leg_sip_ring_aloud(leg_sip *s, const cw_media_desc *foretold)
{
    static const char *const permission[] = { "P-Early-Media: sendonly", NULL };
    bool ok;

    if (s->permits)
        (void)!cw_sip_call_headers(s->sip, permission);
    ok = cw_leg_sip_answer_early(s, foretold);
    if (s->permits)
        (void)!cw_sip_call_headers(s->sip, NULL);
    return ok;
}

/* ── For people ── */

static const char *dir_name(cw_dir dir)
{
    static const char *const names[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

    return names[dir & 3];
}

json_t *cw_leg_sip_forks_json(const leg_sip *s)
{
    json_t *all;

    if (!s->forks)
        return NULL;
    all = json_array();
    for (guint i = 0; i < s->forks->len; i++) {
        const cw_fork *fork = g_ptr_array_index(s->forks, i);

        json_array_append_new(all,
                              json_pack("{s:i s:b s:b s:s}", "fork", (int)fork->id + 1, "described",
                                        fork->sdp != NULL, "heard", fork == s->heard, "early_media",
                                        dir_name(fork->may[0])));
    }
    return all;
}
