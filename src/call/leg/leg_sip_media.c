/* leg_sip_media.c - the SIP leg's offers and answers (RFC 3264). */
#include "call/leg/leg_sip.h"
#include "call/leg/streams.h"

#include "base/log.h"

#include <string.h>

/* `own` answers an offer: what of it is not ours to agree to is taken out. */
static void answer_rtcp(leg_sip *s)
{
    for (unsigned i = 0; i < s->own->stream_n; i++) {
        s->own->stream[i].feedback &= (uint8_t)~CW_FB_TWCC;
        s->mux[i] = cw_leg_sip_place(s, i)->rtcp_mux;
    }
}

/* ── Our SDP ── */

static CW_ON_LOOP char *print_own(leg_sip *s)
{
    g_autofree cw_media_desc *desc = cw_desc_dup(s->own);
    cw_rtp_place place[CW_DESC_STREAMS_MAX] = { 0 };

    for (unsigned i = 0; i < desc->stream_n; i++) {
        if (s->other_holds)
            desc->stream[i].dir &= CW_SENDONLY;
        cw_leg_sip_lock_say(s, i, &place[i]);
        if (!s->ep[i])
            continue;
        place[i].rtp = *cw_ep_rtp_local(s->ep[i]);
        place[i].rtcp = place[i].rtp;
        cw_addr_set_port(&place[i].rtcp, (uint16_t)(cw_addr_port(&place[i].rtp) + 1));
        place[i].rtcp_mux = s->mux[i];
        place[i].precond = s->precond[i];
    }
    return cw_sdp_write_rtp(desc, place, s->session_id, s->version);
}

char *cw_leg_sip_write(leg_sip *s)
{
    uint8_t sum[CW_DIGEST];
    char *sdp;

    if (s->web.on)
        return cw_leg_sip_web_write(s);
    sdp = print_own(s);
    cw_digest(sdp, strlen(sdp), sum);
    if (s->written && memcmp(s->sent, sum, sizeof sum)) {
        g_free(sdp);
        s->version++;
        sdp = print_own(s);
        cw_digest(sdp, strlen(sdp), sum);
    }
    s->written = true;
    memcpy(s->sent, sum, sizeof sum);
    s->hold_told = s->other_holds;
    return sdp;
}

/* ── The far side's SDP ── */

typedef struct their_sdp {
    cw_media_desc desc;
    cw_rtp_place place[CW_DESC_STREAMS_MAX];
} their_sdp;

/* Can packets go from the stream's port, or one to come, to an address of `family`? */
static bool reachable(const leg_sip *s, unsigned stream, int family)
{
    if (family == AF_UNSPEC)
        return false;
    if (s->ep[stream])
        return cw_addr_family(cw_ep_rtp_local(s->ep[stream])) == family;
    return cw_plane_has_rtp(s->calls->plane, family);
}

/* Read it; the old way of holding (RFC 3264 8.4) becomes a direction. */
static CW_ON_LOOP cw_err read_sdp(leg_sip *s, bool offer, const char *sdp, size_t len,
                                  their_sdp *ret)
{
    cw_err err;

    memset(ret, 0, sizeof *ret);
    if (s->web.on)
        return cw_leg_sip_web_read(s, offer, sdp, len, &ret->desc);
    err = cw_sdp_read_rtp(sdp, len, &ret->desc, ret->place, NULL);
    if (err)
        return err;
    for (unsigned i = 0; i < ret->desc.stream_n; i++) {
        cw_stream *stream = &ret->desc.stream[i];

        if (ret->place[i].on_hold)
            stream->dir &= CW_SENDONLY;
        else if (!stream->refused && !reachable(s, i, cw_addr_family(&ret->place[i].rtp)))
            stream->refused = true; /* nowhere we could send to */
    }
    return CW_OK;
}

static bool is_held(const cw_media_desc *desc)
{
    for (unsigned i = 0; i < desc->stream_n; i++)
        if (desc->stream[i].kind == CW_AUDIO && !desc->stream[i].refused)
            return desc->stream[i].dir != CW_SENDRECV;
    return false;
}

/* leg.desc, formats of `agreed`. Who holds stops video too: that is not what became of the video.
 */
static CW_ON_LOOP void agree(leg_sip *s, const cw_media_desc *agreed)
{
    g_autofree cw_media_desc *said = cw_desc_dup(s->remote);

    if (is_held(said))
        for (unsigned i = 0; i < said->stream_n; i++)
            said->stream[i].dir = i < s->leg.desc->stream_n && !s->leg.desc->stream[i].refused
                                      ? s->leg.desc->stream[i].dir
                                      : CW_SENDRECV;
    cw_leg_agree(&s->leg, said, agreed);
}

/* As many as there are streams, the last without room for more lines: it may hold keys. */
static CW_ON_LOOP void keep_places(leg_sip *s, const cw_rtp_place *place, unsigned n)
{
    size_t size = n ? offsetof(cw_rtp_place, secure.crypto[place[n - 1].secure.crypto_n]) +
                          (n - 1) * sizeof *place
                    : 0;

    cw_leg_sip_drop_places(s);
    s->place = g_memdup2(place, size);
    s->place_n = n;
}

void cw_leg_sip_drop_places(leg_sip *s)
{
    for (unsigned i = 0; i < s->place_n; i++)
        explicit_bzero(s->place[i].secure.crypto,
                       s->place[i].secure.crypto_n * sizeof s->place[i].secure.crypto[0]);
    g_clear_pointer(&s->place, g_free);
    s->place_n = 0;
}

static CW_ON_LOOP void take(leg_sip *s, const their_sdp *said)
{
    cw_desc_keep(&s->remote, &said->desc);
    keep_places(s, said->place, said->desc.stream_n);
    s->described = true;
    agree(s, &said->desc);
}

cw_err cw_leg_sip_take_offer(leg_sip *s, const char *sdp, size_t len)
{
    g_autofree their_sdp *said = g_new(their_sdp, 1);
    g_autofree cw_media_desc *kept = g_new(cw_media_desc, 1);
    cw_err err = read_sdp(s, true, sdp, len, said);

    if (!err)
        err = cw_leg_sip_lock_check(s, &said->desc, said->place);
    if (err)
        return err;
    take(s, said);
    cw_desc_filter(&said->desc, &s->leg.policy.codec, kept);
    return cw_desc_has_sound(kept) ? CW_OK : CW_E_NO_CODEC;
}

cw_err cw_leg_sip_give_answer(leg_sip *s, const cw_media_desc *answer)
{
    g_autofree cw_media_desc *own = g_new(cw_media_desc, 1);
    cw_err err = cw_desc_answer(s->remote, &s->leg.policy.codec, answer, own);

    cw_desc_keep(&s->own, own);
    answer_rtcp(s);
    s->web.answers = s->web.on;
    if (!err)
        err = cw_leg_sip_open(s);
    if (err)
        return err;
    cw_leg_sip_lock_answer(s);
    cw_leg_sip_precond_answer(s);
    cw_leg_sip_set_endpoints(s);
    agree(s, s->own);
    return CW_OK;
}

/* By its answer to `own`. What it was not asked yet it is taken to want. */
static cw_dir video_wanted(const leg_sip *s, const cw_media_desc *said, unsigned i)
{
    const cw_media_desc *before = s->leg.desc;
    bool was = i < before->stream_n && !before->stream[i].refused;
    cw_dir told = i < s->own->stream_n ? s->own->stream[i].dir : CW_INACTIVE;

    return cw_dir_wanted(said->stream[i].dir, told, was ? before->stream[i].dir : CW_SENDRECV);
}

cw_err cw_leg_sip_take_answer(leg_sip *s, const char *sdp, size_t len)
{
    g_autofree their_sdp *said = g_new(their_sdp, 1);
    g_autofree cw_media_desc *common = g_new(cw_media_desc, 1);
    cw_dir wanted[CW_DESC_STREAMS_MAX];
    cw_err err = read_sdp(s, false, sdp, len, said);

    if (!err)
        err = cw_desc_answer(s->own, &cw_codec_any, &said->desc, common);
    if (!err)
        err = cw_leg_sip_lock_judge(s, &said->desc, said->place);
    if (err)
        return err;
    for (unsigned i = 0; i < said->desc.stream_n; i++)
        wanted[i] = video_wanted(s, &said->desc, i);
    take(s, said);
    for (unsigned i = 0; i < s->leg.desc->stream_n; i++)
        if (s->leg.desc->stream[i].kind == CW_VIDEO && !is_held(s->remote))
            s->leg.desc->stream[i].dir = wanted[i];
    cw_leg_sip_lock_answered(s);
    cw_leg_sip_precond_answered(s);
    cw_leg_sip_set_endpoints(s);
    return CW_OK;
}

/* ── Holding ── */

void cw_leg_sip_tell_held(leg_sip *s, bool offered)
{
    int i = cw_leg_stream(&s->leg, CW_AUDIO);
    bool held = i >= 0 && i < (int)s->remote->stream_n && !(s->remote->stream[i].dir & CW_RECVONLY);

    s->leg.holds_silently = held && !(s->remote->stream[i].dir & CW_SENDONLY);
    /* While we hold, an answer of "inactive" need not mean that the far side holds too. */
    if (!s->up || held == s->leg.held || (held && s->hold_told && !offered))
        return;
    s->leg.held = held;
    cw_leg_emit(&s->leg, &(cw_leg_event){ .what = CW_LEG_HELD, .on = held });
}

/* ── Later offers, theirs ── */

/* The other leg is not asked again: what it agreed on decides, and what we can translate. */
static CW_ON_LOOP cw_err answer_again(leg_sip *s, const their_sdp *said)
{
    g_autofree cw_media_desc *own = g_new(cw_media_desc, 1);
    g_autofree cw_media_desc *foreseen = g_new(cw_media_desc, 1);
    const cw_leg *other = cw_call_other(s->leg.arg, &s->leg);
    cw_err err;

    if (!other && !s->given)
        return CW_E_STATE;
    if (other)
        cw_streams_foresee(other, &said->desc, foreseen);
    else
        cw_desc_copy(foreseen, s->leg.desc); /* nobody answered yet: as it was foretold */
    err = cw_desc_answer(&said->desc, &s->leg.policy.codec, foreseen, own);
    if (err)
        return err;
    cw_desc_keep(&s->own, own);
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        if (i >= own->stream_n || own->stream[i].refused)
            cw_leg_sip_close_stream(s, i);
    take(s, said);
    answer_rtcp(s);
    s->web.answers = s->web.on;
    err = cw_leg_sip_open(s);
    if (err)
        return err;
    cw_leg_sip_lock_answer(s);
    cw_leg_sip_precond_answer(s);
    cw_leg_sip_set_endpoints(s);
    agree(s, own);
    return CW_OK;
}

static CW_ON_LOOP void refuse(leg_sip *s, const cw_sip_offer *offer, cw_err why)
{
    cw_err err = cw_sip_call_rerefuse(s->sip, offer->fork, cw_err_sip(why));

    cw_leg_note(&s->leg, "SIP", cw_fmt("re-offer refused: %s%s", cw_err_text(why), err ? "!" : ""));
}

/* What we offer anew has sound both ways, but for who holds; video as the other leg has it. */
static void open_sound(cw_media_desc *own)
{
    for (unsigned i = 0; i < own->stream_n; i++)
        if (own->stream[i].kind == CW_AUDIO)
            own->stream[i].dir = CW_SENDRECV;
}

void cw_leg_sip_reoffered(leg_sip *s, const cw_sip_offer *offer)
{
    g_autofree cw_media_desc *before = cw_desc_dup(s->leg.desc);
    g_autofree their_sdp *said = g_new(their_sdp, 1);
    g_autofree char *answer = NULL;
    cw_err err = CW_OK;

    if (offer->early)
        cw_leg_sip_turn_to(s, offer->fork);
    if (offer->sdp)
        err = read_sdp(s, true, offer->sdp, offer->len, said);
    if (offer->sdp && !err)
        err = cw_leg_sip_lock_check(s, &said->desc, said->place);
    if (offer->sdp && !err)
        err = answer_again(s, said);
    if (err) {
        refuse(s, offer, err);
        return;
    }
    if (!offer->sdp) {
        s->awaits_ack = true;
        cw_leg_sip_lock_offer(s);
        open_sound(s->own);
    }
    answer = cw_leg_sip_write(s);
    if (cw_sip_call_reanswer(s->sip, offer->fork, answer, strlen(answer)))
        return; /* the call is ending */
    if (offer->early && offer->sdp)
        cw_leg_sip_fork_says(s, offer->fork, offer->sdp, offer->len);
    cw_leg_tell(&s->leg,
                cw_streams_changed(before, s->leg.desc) ? CW_LEG_CHANGED : CW_LEG_DESCRIBED);
    cw_leg_sip_tell_held(s, offer->sdp != NULL);
    cw_leg_sip_precond_look(s);
}

/* ── Later offers, ours ── */

static bool can_offer(const leg_sip *s)
{
    return s->sip && s->up && !s->awaits_ack && !s->reoffering && !s->leg.over && !s->leg.ended;
}

/* Streams that the far side has not: not offered any more. */
static CW_ON_LOOP void drop_unwanted(leg_sip *s)
{
    for (unsigned i = 0; i < s->own->stream_n; i++) {
        if (i < s->remote->stream_n && !s->remote->stream[i].refused)
            continue;
        s->own->stream[i].refused = true;
        cw_leg_sip_close_stream(s, i);
    }
}

/* A camera's pictures are a screen's now, or the other way round. */
static bool other_content(const cw_media_desc *own, const cw_media_desc *wish)
{
    for (unsigned i = 0; i < own->stream_n && i < wish->stream_n; i++)
        if (!own->stream[i].refused && !wish->stream[i].refused &&
            own->stream[i].slides != wish->stream[i].slides)
            return true;
    return false;
}

/* `own` becomes what the other leg has now. False: the far side need not know. */
static CW_ON_LOOP bool renew_streams(leg_sip *s)
{
    g_autofree cw_media_desc *wish = g_new(cw_media_desc, 1);
    const cw_leg *other = cw_call_other(s->leg.arg, &s->leg);

    s->streams_due = false;
    if (!other)
        return false;
    cw_streams_wish(s->own, &s->leg.policy.codec, other->desc, wish);
    for (unsigned i = 0; i < wish->stream_n; i++)
        if (wish->stream[i].kind == CW_VIDEO &&
            (wish->stream[i].dir == CW_INACTIVE ||
             (wish->stream[i].slides && s->leg.policy.no_screen)))
            wish->stream[i].refused = true; /* nobody sends any: SIP ends know a port of 0 better */
    if (!cw_streams_must_tell(s->own, s->leg.desc, wish) && !other_content(s->own, wish))
        return false;
    cw_desc_keep(&s->own, wish);
    cw_leg_sip_offer_feedback(s);
    for (unsigned i = 0; i < s->own->stream_n; i++)
        if (s->own->stream[i].refused)
            cw_leg_sip_close_stream(s, i);
    if (cw_leg_sip_open(s) == CW_OK)
        return true;
    cw_leg_note(&s->leg, "RTP", cw_err_text(CW_E_NO_PORT));
    drop_unwanted(s);
    return false;
}

void cw_leg_sip_settle(leg_sip *s)
{
    g_autofree char *sdp = NULL;

    if (!can_offer(s))
        return;
    if (s->streams_due && renew_streams(s))
        s->streams_new = true;
    if (s->hold_told == s->other_holds && !s->streams_new)
        return;
    open_sound(s->own);
    cw_leg_sip_lock_offer(s);
    sdp = cw_leg_sip_write(s);
    /* CW_E_STATE: an offer of theirs is being answered; settled again when that is over. */
    s->reoffering = cw_sip_call_reoffer(s->sip, s->fork, sdp, strlen(sdp)) == CW_OK;
    s->streams_asked = s->reoffering && s->streams_new;
    if (s->reoffering)
        s->streams_new = false;
    else
        s->hold_told = !s->other_holds;
}

void cw_leg_sip_reanswered(leg_sip *s, const cw_sip_response *response)
{
    g_autofree cw_media_desc *before = cw_desc_dup(s->leg.desc);
    bool ok = response->status >= 200 && response->status < 300, changed;
    cw_err err = CW_OK;

    s->reoffering = false;
    if (ok)
        err =
            response->sdp ? cw_leg_sip_take_answer(s, response->sdp, response->len) : CW_E_BAD_SDP;
    if (s->web.on && !ok)
        cw_leg_sip_web_undo(s);
    if (!ok || err)
        cw_leg_note(&s->leg, "SIP",
                    err ? cw_err_text(err) : cw_fmt("re-INVITE refused with %d", response->status));
    if (s->streams_asked)
        drop_unwanted(s);
    changed = s->streams_asked || cw_streams_changed(before, s->leg.desc);
    s->streams_asked = false;
    if (changed || (ok && !err))
        cw_leg_tell(&s->leg, changed ? CW_LEG_CHANGED : CW_LEG_DESCRIBED);
    cw_leg_sip_tell_held(s, false);
    cw_leg_sip_settle(s);
}

cw_err cw_leg_sip_update(leg_sip *s, const cw_media_desc *desc)
{
    s->streams_due = true;
    cw_leg_sip_settle(s);
    return CW_OK;
}
