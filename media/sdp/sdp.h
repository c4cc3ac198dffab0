/* sdp.h - read and write SDP (RFC 8866), bounded. Sofia's parser never sees a peer's bytes.
 *
 * Pure functions, any thread. The parser never allocates from a number in the text and touches each
 * byte a constant number of times.
 */
#ifndef CW_MEDIA_SDP_H
#define CW_MEDIA_SDP_H

#include "base/addr.h"
#include "base/err.h"
#include "media/sdp/desc.h"
#include "media/sdp/precond.h"
#include "media/sdp/secure.h"

#define CW_SDP_BYTES_MAX 32768
#define CW_SDP_LINES_MAX 1000
#define CW_SDP_MEDIA_MAX 16
#define CW_SDP_FMTS_MAX  64 /* of one section; the rest is skipped */

/* A piece of the text parsed; not NUL-ended. */
typedef struct cw_span {
    const char *s;
    size_t len;
} cw_span;

typedef struct cw_sdp_attr {
    cw_span name, value; /* value.s NULL: a=name alone */
} cw_sdp_attr;

typedef struct cw_sdp_media {
    cw_span kind;  /* "audio" */
    cw_span proto; /* "RTP/AVP" */
    uint16_t port; /* 0 refuses */
    unsigned fmt_n;
    cw_span fmt[CW_SDP_FMTS_MAX]; /* tokens as written */
    cw_span connection;           /* address of this section's c=, or the session's */
    unsigned bandwidth_kbps;      /* b=TIAS, else b=AS, its own or the session's; 0: none */
    bool no_rs, no_rr;            /* b=RS:0, b=RR:0 */
    unsigned attr_n;
    const cw_sdp_attr *attr; /* into cw_sdp.all */
} cw_sdp_media;

typedef struct cw_sdp {
    cw_span origin_user, session_id, session_version, connection;
    unsigned bandwidth_kbps;
    bool no_rs, no_rr;
    unsigned attr_n;
    const cw_sdp_attr *attr; /* the session's */
    unsigned media_n;
    cw_sdp_media media[CW_SDP_MEDIA_MAX];
    unsigned all_n;
    cw_sdp_attr all[CW_SDP_LINES_MAX]; /* in order of the text */
} cw_sdp;                              /* 50 KB: allocate it, do not clear or copy it */

/* Parse the `len` bytes at `text`; the result points into them.
 *
 * CW_E_TOO_LARGE  more bytes, lines or media sections than above
 * CW_E_BAD_SDP    not SDP; *line (may be NULL) is the 1-based line at fault
 */
CW_NODISCARD cw_err cw_sdp_parse(const char *text, size_t len, cw_sdp *ret, unsigned *line);

const cw_sdp_attr *cw_sdp_attr_find(const cw_sdp_attr *attrs, unsigned n, const char *name);
bool cw_span_is(cw_span span, const char *text); /* caseless */

/* Formats and direction of one section (rtpmap, fmtp, ptime; static types of RFC 3551). Formats
 * that only help others (red, rtx, ulpfec) are left out, and those we could not repeat: without
 * rtpmap, with a name that is no token or an fmtp too long or not ASCII. The session's direction
 * counts when the section has none of its own.
 *
 * CW_E_BAD_SDP  a format of an RTP section is no payload type */
CW_NODISCARD cw_err cw_sdp_stream(const cw_sdp *sdp, const cw_sdp_media *media, cw_stream *ret);

/* The same section as a refused stream that repeats its "m=" line. */
void cw_sdp_stream_refuse(const cw_sdp_media *media, cw_stream *ret);

/* The part of cw_sdp_stream() and cw_sdp_print_stream() that is about RTCP and bandwidth
 * (sdp_feedback.c); formats must be read before. */
struct _GString;
void cw_sdp_read_feedback(const cw_sdp_media *media, cw_stream *ret);
void cw_sdp_print_bandwidth(struct _GString *out, const cw_stream *stream);
void cw_sdp_print_feedback(struct _GString *out, const cw_stream *stream);

/* Append "m=", "c=" (unless `at` is NULL), "b=", direction, ptime, rtpmap, fmtp and
 * rtcp-fb lines of `stream` to a string being built. A refused stream is its "m=" line with port
 * 0. */
void cw_sdp_print_connection(struct _GString *out, const cw_addr *at); /* none: 0.0.0.0 */
void cw_sdp_print_stream(struct _GString *out, const cw_stream *stream, const char *proto,
                         uint16_t port, const cw_addr *at);

/* ── The SIP side: RTP/AVP and RTP/SAVP, without ICE ── */

/* Where one stream's packets go. */
typedef struct cw_rtp_place {
    cw_addr rtp;        /* family AF_UNSPEC: none */
    cw_addr rtcp;       /* a=rtcp, or port + 1 */
    bool rtcp_mux;      /* RFC 5761 */
    bool on_hold;       /* c=0.0.0.0: the old way to say "send nothing" (RFC 3264 8.4) */
    cw_precond precond; /* of the one whose place it is */
    cw_secure secure;   /* last: copies end with its lines */
} cw_rtp_place;

/* A peer's SIP-side SDP as media description and places. Media sections that are neither audio nor
 * video, or in no profile of secure.h, become refused streams (kind audio), keeping their index.
 * What is said about protection is not judged here.
 *
 * CW_E_BAD_SDP, CW_E_TOO_LARGE  as cw_sdp_parse
 */
CW_NODISCARD cw_err cw_sdp_read_rtp(const char *text, size_t len, cw_media_desc *desc,
                                    cw_rtp_place place[static CW_DESC_STREAMS_MAX], unsigned *line);

/* Our SIP-side SDP; formats without payload type are left out (cw_desc_number). `version` grows by
 * one whenever the text changes (RFC 3264 8). g_free it. */
char *cw_sdp_write_rtp(const cw_media_desc *desc,
                       const cw_rtp_place place[static CW_DESC_STREAMS_MAX], uint64_t session_id,
                       unsigned version);

#endif
