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

typedef struct cw_stream {
    cw_media_kind kind;
    bool refused; /* port 0 */
    cw_dir dir;
    uint16_t ptime_ms; /* 0: not said */
    unsigned format_n;
    cw_format format[CW_DESC_FORMATS_MAX]; /* best first */
    /* Refused, and neither audio nor video over RTP we speak: the "m=" line that refuses it again,
     * "application 0 UDP/DTLS/SCTP webrtc-datachannel" (RFC 3264 6). "" otherwise. */
    char section[CW_SECTION_MAX + 1];
} cw_stream;

typedef struct cw_media_desc {
    unsigned stream_n;
    cw_stream stream[CW_DESC_STREAMS_MAX];
} cw_media_desc;

/* Same codec, so that a payload may pass unchanged: name (caseless), clock, channels; for H264 also
 * packetization-mode. */
bool cw_format_same(const cw_format *a, const cw_format *b);
bool cw_format_is_dtmf(const cw_format *format); /* telephone-event */
/* telephone-event, CN, red, rtx, ulpfec, flexfec-03: no sound or picture by itself */
bool cw_format_is_helper(const cw_format *format);

cw_dir cw_dir_reverse(cw_dir dir);

/* What of `offer` the gateway itself can carry and `allow` (NULL-ended names, best first; NULL: all
 * it can) permits, in the order of `allow`. telephone-event follows the audio codecs kept, with
 * their clock rates. Streams with nothing left become refused. */
void cw_desc_filter(const cw_media_desc *offer, char *const *allow, cw_media_desc *ret);

/* The answer to `offer` that passes on `answer` (which came from the other leg): formats in the
 * answer's order with the offer's payload types, directions and refusals carried over.
 *
 * CW_E_NO_CODEC  no audio stream keeps a codec
 */
CW_NODISCARD cw_err cw_desc_answer(const cw_media_desc *offer, const cw_media_desc *answer,
                                   cw_media_desc *ret);

/* Give payload types to formats that have none: RFC 3551's, else the lowest free one from 96, then
 * from 35. A format for which none is left keeps CW_PT_NONE, and is not written. */
void cw_desc_number(cw_media_desc *desc);

/* Take refused streams off the end, but leave `keep`: a first offer need not mention them, a later
 * one must have as many as the session ever had (RFC 3264 8). */
void cw_desc_trim(cw_media_desc *desc, unsigned keep);

/* The codec both sides use first: the first in stream->format that is no helper, -1: none. */
int cw_stream_codec(const cw_stream *stream);

/* How payload types translate from a leg that receives with `from` to one that sends with `to`:
 * map[pt] is the new number or CW_PT_NONE (drop). */
void cw_stream_map(const cw_stream *from, const cw_stream *to, uint8_t map[static 128]);

#endif
