/* desc.h - what one leg says about media, neutral to who said it.
 *
 * Legs never see each other's SDP: they exchange this. A stream's index is its place in the call's
 * list and never changes; a stream that went away stays, refused. Plain data, any thread.
 */
#ifndef CW_MEDIA_DESC_H
#define CW_MEDIA_DESC_H

#include "base/err.h"
#include "media/codec/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_DESC_STREAMS_MAX 4
#define CW_DESC_FORMATS_MAX 24
#define CW_SECTION_MAX      63

typedef enum cw_media_kind { CW_AUDIO, CW_VIDEO } cw_media_kind;

/* As its describer means it: bit 0 it sends, bit 1 it receives. */
typedef enum cw_dir { CW_INACTIVE = 0, CW_SENDONLY = 1, CW_RECVONLY = 2, CW_SENDRECV = 3 } cw_dir;

/* RTCP feedback we speak, a set of bits (RFC 4585, 5104, 5506, and two drafts by their names) */
typedef enum cw_feedback {
    CW_FB_NACK = 1,
    CW_FB_PLI = 2,
    CW_FB_FIR = 4,
    CW_FB_REMB = 8,
    CW_FB_TWCC = 16,                                /* transport-wide congestion control */
    CW_FB_RSIZE = 32,                               /* feedback may go without a report before it */
    CW_FB_SIP = CW_FB_NACK | CW_FB_PLI | CW_FB_FIR, /* what we offer a SIP peer */
    CW_FB_ALL = 63,
} cw_feedback;

typedef struct cw_stream {
    cw_media_kind kind;
    bool refused; /* port 0 */
    bool slides;  /* what its describer sends is a screen's: a=content:slides (RFC 4796) */
    cw_dir dir;
    uint16_t ptime_ms, maxptime_ms; /* 0: not said */
    unsigned bandwidth_kbps;        /* to receive at most (b=TIAS, b=AS); 0: not said */
    /* A leg's own, not passed on to the other. */
    bool avpf;        /* the profile with feedback */
    bool no_rtcp;     /* b=RS:0 and b=RR:0 (RFC 3556) */
    uint8_t feedback; /* set of cw_feedback */
    uint8_t twcc_ext; /* id of the transport-wide number (RFC 8285), 0: none */
    /* Refused, and neither audio nor video over RTP we speak: the "m=" line that refuses it again,
     * "application 0 UDP/DTLS/SCTP webrtc-datachannel" (RFC 3264 6). "" otherwise. */
    char section[CW_SECTION_MAX + 1];
    unsigned format_n;
    cw_format format[CW_DESC_FORMATS_MAX]; /* best first; last in here: copies end with them */
} cw_stream;

/* May sound be decoded and encoded again? Both ends of a call must agree. */
typedef enum cw_transcode {
    CW_TRANSCODE_FORBID,
    CW_TRANSCODE_ALLOW,  /* where there is no codec in common */
    CW_TRANSCODE_PREFER, /* to have this end's first codec whatever the other has */
} cw_transcode;

typedef struct cw_media_desc {
    unsigned stream_n;
    cw_transcode transcode; /* of the end that described this */
    cw_stream stream[CW_DESC_STREAMS_MAX];
} cw_media_desc;

/* A copy in as little room as its streams and formats take: for keeping. It may be changed in
 * place, but nothing added to, nor may it or its last stream be copied by assignment: cw_desc_copy
 * reads what is there. g_free it. */
cw_media_desc *cw_desc_dup(const cw_media_desc *desc);
void cw_desc_copy(cw_media_desc *to, const cw_media_desc *from);
void cw_stream_copy(cw_stream *to, const cw_stream *from);
/* *kept becomes a copy of `desc`; what it was is freed. */
void cw_desc_keep(cw_media_desc **kept, const cw_media_desc *desc);

/* ── Formats ── */

/* Same codec, so that a payload may pass unchanged: name (caseless), clock, channels, and what its
 * fmtp says of how payloads are made: H264's packetization mode and profile (h264.h), VP9's and
 * AV1's profile, AMR's octet-align and the like and at least one mode in common (RFC 4867 8.3.1).
 */
bool cw_format_same(const cw_format *a, const cw_format *b);
bool cw_format_is_dtmf(const cw_format *format); /* telephone-event */
bool cw_format_is_cn(const cw_format *format);   /* comfort noise (RFC 3389) */
/* telephone-event, CN, red, rtx, ulpfec, flexfec-03: no sound or picture by itself */
bool cw_format_is_helper(const cw_format *format);

/* A codec that can pass between two legs, by its name. */
bool cw_codec_known(const char *name);

/* The fmtp with which `offer` is answered when the other leg's far side, who will get and send the
 * payloads, said `answer`. */
void cw_fmtp_answer(const cw_format *offer, const cw_format *answer,
                    char ret[static CW_FMTP_MAX + 1]);

cw_dir cw_dir_reverse(cw_dir dir);

/* ── Offer and answer between two legs ── */

/* How one end's codecs are chosen. */
typedef struct cw_codec_policy {
    char *const *codecs; /* names, best first, NULL-ended; NULL or none: all, as the other end has
                            them in order */
    cw_transcode transcode;
    bool events; /* it takes and sends telephone-events */
} cw_codec_policy;

extern const cw_codec_policy cw_codec_any; /* every codec and telephone-events, no transcoding */

/* What of a far side's `offer` its own leg lets into the call, in the order of the policy; it says
 * whether it may be transcoded, too. Streams with nothing left become refused. */
void cw_desc_filter(const cw_media_desc *offer, const cw_codec_policy *policy, cw_media_desc *ret);

/* What a far side under `policy` is offered for a caller who described `from`: the codecs the
 * caller has; then, where both ends let us transcode, those we can translate into them.
 * CW_TRANSCODE_PREFER: in the order of the policy, whichever. Each clock rate in use has its
 * telephone-event, and 8000. What the caller has not has no payload type yet (cw_desc_number). */
void cw_desc_offer(const cw_media_desc *from, const cw_codec_policy *policy, cw_media_desc *ret);

/* The answer to a far side's `offer` that passes on `answer`, which came from the other leg:
 * formats in the answer's order with the offer's payload types, directions and refusals carried
 * over. With no codec in common, or when the policy prefers another, the first that can be
 * translated, if both ends allow it.
 *
 * CW_E_NO_CODEC  no audio stream keeps a codec
 */
CW_NODISCARD cw_err cw_desc_answer(const cw_media_desc *offer, const cw_codec_policy *policy,
                                   const cw_media_desc *answer, cw_media_desc *ret);

/* Must what `from` sends by its first codec be transcoded before `to` can take it? */
bool cw_stream_transcodes(const cw_stream *from, const cw_stream *to);

/* ── Payload types ── */

/* Give payload types to formats that have none: RFC 3551's, else the lowest free one from 96, then
 * from 35. A format for which none is left keeps CW_PT_NONE, and is not written. */
void cw_desc_number(cw_media_desc *desc);

/* What our offer says of RTCP for its pictures: this set; to a browser (with CW_FB_TWCC) also a
 * retransmission format for each format, and `twcc_ext`. After cw_desc_number(). */
void cw_desc_offer_feedback(cw_media_desc *desc, unsigned feedback, uint8_t twcc_ext);

/* Take refused streams off the end, but leave `keep`: a first offer need not mention them, a later
 * one must have as many as the session ever had (RFC 3264 8). */
void cw_desc_trim(cw_media_desc *desc, unsigned keep);

bool cw_desc_has_sound(const cw_media_desc *desc); /* an audio stream that is not refused */

/* The codec both sides use first: the first in stream->format that is no helper, -1: none. */
int cw_stream_codec(const cw_stream *stream);

/* The format of `stream` that is the same: of several (H264 profiles) rather one with the same
 * fmtp. NULL: none. */
const cw_format *cw_stream_find(const cw_stream *stream, const cw_format *format);

/* How payload types translate from a leg that receives with `from` to one that sends with `to`:
 * map[pt] is the new number or CW_PT_NONE (drop). */
void cw_stream_map(const cw_stream *from, const cw_stream *to, uint8_t map[static 128]);

#endif
