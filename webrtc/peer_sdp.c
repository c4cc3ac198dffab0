/* Offers and answers of a peer (RFC 9429). */
#include "webrtc/peer_priv.h"

#include "base/ident.h"

#include <glib.h>
#include <string.h>

/* Header extension ids of our offers: of the MID, of transport-wide numbers. */
#define MID_EXT  4
#define TWCC_EXT 3

/* ── Our SDP ────────────────────────────────────────────────────────────────────────────────────
 */

/* `theirs` is the offer this answers, NULL for an offer of ours. */
static char *print(cw_peer *peer, const cw_media_desc *desc, const cw_jsep *theirs) CW_ON_LOOP
{
    g_autofree cw_jsep *local = g_new0(cw_jsep, 1); /* too large for the stack */

    if (theirs)
        cw_jsep_mirror(theirs, local);
    g_strlcpy(local->ufrag, peer->ufrag, sizeof local->ufrag);
    g_strlcpy(local->pwd, peer->pwd, sizeof local->pwd);
    g_strlcpy(local->cname, peer->cname, sizeof local->cname);
    local->fingerprint = *cw_dtls_server_fingerprint(peer->webrtc->dtls);
    local->setup = theirs ? CW_SETUP_PASSIVE : CW_SETUP_ACTPASS;
    local->mid_ext = peer->mid_ext;
    cw_desc_copy(&local->desc, desc);
    local->session_id = peer->session_id;
    local->version = peer->version++;
    for (unsigned i = 0; i < desc->stream_n; i++) {
        g_strlcpy(local->mid[i], peer->stream[i].mid, sizeof local->mid[i]);
        if (!peer->stream[i].ep)
            continue;
        local->ssrc[i] = cw_ep_ssrc(peer->stream[i].ep);
        local->rtx_ssrc[i] = cw_ep_rtx_ssrc(peer->stream[i].ep);
    }
    cw_peer_candidates(peer, local);
    return cw_jsep_print(local, !theirs);
}

/* ── Streams ────────────────────────────────────────────────────────────────────────────────────
 */

static bool has_pt(const cw_stream *stream, uint8_t pt)
{
    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt == pt)
            return true;
    return false;
}

/* What we may send: the browser's formats that are agreed, in the agreed order. */
static void only_agreed(const cw_stream *theirs, const cw_stream *agreed, cw_stream *ret)
{
    cw_stream_copy(ret, theirs);
    ret->format_n = 0;
    for (unsigned i = 0; i < agreed->format_n; i++)
        for (unsigned k = 0; k < theirs->format_n; k++)
            if (theirs->format[k].pt == agreed->format[i].pt && !has_pt(ret, agreed->format[i].pt))
                ret->format[ret->format_n++] = theirs->format[k];
}

static void agree_feedback(cw_ep *ep, const cw_stream *ours, const cw_stream *theirs) CW_ON_LOOP
{
    cw_ep_feedback_conf conf = { .video = ours->kind == CW_VIDEO,
                                 .silent = theirs->no_rtcp,
                                 .feedback = ours->feedback & theirs->feedback,
                                 .twcc_ext = theirs->twcc_ext,
                                 .kbps_max = theirs->bandwidth_kbps };

    cw_ep_feedback(ep, &conf);
}

/* Both descriptions are there: formats and gates follow. */
static void settle(cw_peer *peer, const cw_media_desc *ours, const cw_media_desc *theirs,
                   bool we_answer) CW_ON_LOOP
{
    g_autofree cw_stream *tx = g_new(cw_stream, 1);

    for (unsigned i = 0; i < ours->stream_n; i++) {
        cw_peer_stream *stream = &peer->stream[i];

        if (!stream->ep)
            continue;
        if (we_answer)
            only_agreed(&theirs->stream[i], &ours->stream[i], tx);
        else
            *tx = theirs->stream[i];
        if (theirs->stream[i].twcc_ext)
            peer->twcc_ext = theirs->stream[i].twcc_ext; /* one in a bundle (RFC 8843 9.2) */
        stream->kind = ours->stream[i].kind;
        stream->dir = ours->stream[i].dir & cw_dir_reverse(theirs->stream[i].dir);
        cw_ep_formats(stream->ep, &ours->stream[i], tx);
        agree_feedback(stream->ep, &ours->stream[i], &theirs->stream[i]);
        cw_ep_direction(stream->ep, stream->dir);
    }
}

static cw_err set_streams(cw_peer *peer, const cw_media_desc *desc) CW_ON_LOOP
{
    cw_err err = CW_OK;

    for (unsigned i = 0; i < desc->stream_n && !err; i++) {
        peer->stream[i].kind = desc->stream[i].kind;
        err = cw_peer_set_stream(peer, i, desc->stream[i].refused);
    }
    return err;
}

/* ── The browser's transport ────────────────────────────────────────────────────────────────────
 */

/* RFC 8445 9: its new ufrag asks for a new one of ours. */
static void restart_if_asked(cw_peer *peer, const cw_jsep *remote) CW_ON_LOOP
{
    if (!peer->remote_ufrag || !strcmp(peer->remote_ufrag, remote->ufrag))
        return;
    cw_peer_new_credentials(peer);
}

static void take_transport(cw_peer *peer, const cw_jsep *remote) CW_ON_LOOP
{
    cw_peer_remote_ice(peer, remote);
    peer->remote_print = remote->fingerprint;
    cw_dtls_expect(peer->dtls, &remote->fingerprint);
    cw_peer_start_timer(peer);
}

/* ── The browser offers ─────────────────────────────────────────────────────────────────────────
 */

cw_err cw_peer_offered(cw_peer *peer, const char *sdp, size_t len, cw_media_desc *ret,
                       char why[static 128])
{
    g_autofree cw_jsep *theirs = g_new(cw_jsep, 1);
    cw_err err;

    why[0] = 0;
    if (peer->ours || peer->state == PEER_FAILED)
        return CW_E_STATE;
    err = cw_jsep_parse(sdp, len, theirs, why);
    if (err)
        return err;
    if (theirs->setup == CW_SETUP_PASSIVE) {
        g_strlcpy(why, "a=setup:passive, and so are we", 128);
        return CW_E_UNSUPPORTED;
    }
    if (theirs->desc.stream_n < peer->stream_n) {
        g_strlcpy(why, "fewer media sections than before", 128); /* RFC 3264 8 */
        return CW_E_BAD_SDP;
    }
    if (peer->webrtc->agents)
        err = cw_peer_open(peer); /* its candidates are found meanwhile */
    if (err)
        return err;
    g_free(peer->theirs);
    peer->theirs = g_steal_pointer(&theirs);
    cw_desc_copy(ret, &peer->theirs->desc);
    return CW_OK;
}

cw_err cw_peer_answer(cw_peer *peer, const cw_media_desc *desc, char **sdp)
{
    g_autofree cw_jsep *theirs = NULL;
    cw_err err;

    if (!peer->theirs || peer->state == PEER_FAILED)
        return CW_E_STATE;
    if (desc->stream_n != peer->theirs->desc.stream_n)
        return CW_E_INTERNAL;
    theirs = g_steal_pointer(&peer->theirs);
    err = cw_peer_open(peer);
    if (err)
        return err;
    peer->mid_ext = theirs->mid_ext;
    for (unsigned i = 0; i < desc->stream_n; i++)
        g_strlcpy(peer->stream[i].mid, theirs->mid[i], sizeof peer->stream[i].mid);
    err = set_streams(peer, desc);
    if (err)
        return err;
    restart_if_asked(peer, theirs);
    take_transport(peer, theirs);
    settle(peer, desc, &theirs->desc, true);
    *sdp = print(peer, desc, theirs);
    return CW_OK;
}

/* ── We offer ───────────────────────────────────────────────────────────────────────────────────
 */

static bool mid_taken(const cw_peer *peer, const char *mid)
{
    for (unsigned i = 0; i < peer->stream_n; i++)
        if (!strcmp(peer->stream[i].mid, mid))
            return true;
    return false;
}

/* A section's number, if no other has it for a name. */
static void name_stream(cw_peer *peer, unsigned i)
{
    char mid[CW_MID_MAX + 1];
    unsigned n = i;

    if (peer->stream[i].mid[0])
        return;
    do
        g_snprintf(mid, sizeof mid, "%u", n++);
    while (mid_taken(peer, mid));
    g_strlcpy(peer->stream[i].mid, mid, sizeof peer->stream[i].mid);
}

/* A section that was refused and is used again is another's (RFC 9429 5.2.2). */
static void rename_stream(cw_peer *peer, unsigned i)
{
    char mid[CW_MID_MAX + 1];
    unsigned n = peer->version;

    do
        g_snprintf(mid, sizeof mid, "r%u", n++);
    while (mid_taken(peer, mid));
    g_strlcpy(peer->stream[i].mid, mid, sizeof peer->stream[i].mid);
}

/* A later offer adds no header extension: the browser may have offered another under its id, and
 * holds to that even after it withdrew the offer. */
static void offer_feedback(const cw_peer *peer, cw_media_desc *ours)
{
    uint8_t ext = peer->remote_ufrag || peer->twcc_ext ? peer->twcc_ext : TWCC_EXT;

    cw_desc_offer_feedback(ours, ext ? CW_FB_ALL : CW_FB_ALL & ~CW_FB_TWCC, ext);
}

cw_err cw_peer_offer(cw_peer *peer, const cw_media_desc *desc, char **sdp)
{
    cw_err err;

    if (peer->theirs || peer->state == PEER_FAILED)
        return CW_E_STATE;
    if (desc->stream_n < peer->stream_n)
        return CW_E_INTERNAL;
    peer->we_offer = peer->we_offer || !peer->transport;
    err = cw_peer_open(peer);
    if (err)
        return err;
    if (peer->stream_n == 0)
        peer->mid_ext = MID_EXT;
    for (unsigned i = 0; i < desc->stream_n; i++) {
        if (i < peer->stream_n && !peer->stream[i].ep && !desc->stream[i].refused)
            rename_stream(peer, i);
        name_stream(peer, i);
    }
    err = set_streams(peer, desc);
    if (err)
        return err;
    g_free(peer->ours);
    peer->ours = cw_desc_dup(desc);
    offer_feedback(peer, peer->ours);
    *sdp = print(peer, peer->ours, NULL);
    return CW_OK;
}

void cw_peer_undo(cw_peer *peer, const cw_media_desc *desc)
{
    g_clear_pointer(&peer->ours, g_free);
    for (unsigned i = 0; i < peer->stream_n; i++)
        if (i >= desc->stream_n || desc->stream[i].refused)
            cw_ep_free(g_steal_pointer(&peer->stream[i].ep));
}

static cw_err check_answer(const cw_media_desc *ours, const cw_jsep *theirs, char why[static 128])
{
    const char *fault = NULL;

    if (theirs->setup != CW_SETUP_ACTIVE)
        fault = "a=setup must be active in an answer to us";
    if (theirs->desc.stream_n != ours->stream_n)
        fault = "as many media sections as the offer must be there";
    for (unsigned i = 0; !fault && i < ours->stream_n; i++)
        if (ours->stream[i].refused && !theirs->desc.stream[i].refused)
            fault = "a section is accepted that was not offered";
    if (fault)
        g_strlcpy(why, fault, 128);
    return fault ? CW_E_BAD_SDP : CW_OK;
}

cw_err cw_peer_answered(cw_peer *peer, const char *sdp, size_t len, cw_media_desc *ret,
                        char why[static 128])
{
    g_autofree cw_jsep *theirs = g_new(cw_jsep, 1);
    g_autofree cw_media_desc *ours = NULL;
    cw_err err;

    why[0] = 0;
    if (!peer->ours || peer->state == PEER_FAILED)
        return CW_E_STATE;
    err = cw_jsep_parse(sdp, len, theirs, why);
    if (!err)
        err = check_answer(peer->ours, theirs, why);
    if (err)
        return err;
    ours = g_steal_pointer(&peer->ours);
    for (unsigned i = 0; i < ours->stream_n && !err; i++)
        err = cw_peer_set_stream(peer, i, theirs->desc.stream[i].refused);
    if (err)
        return err;
    take_transport(peer, theirs);
    settle(peer, ours, &theirs->desc, false);
    cw_desc_copy(ret, &theirs->desc);
    return CW_OK;
}
