/* jsep.h - the browser side's SDP (RFC 9429): transport parameters and neutral media.
 *
 * Pure functions, any thread. The gateway is DTLS passive, one BUNDLE group, rtcp-mux; ICE-lite, or
 * full with trickle.
 */
#ifndef CW_WEBRTC_JSEP_H
#define CW_WEBRTC_JSEP_H

#include "base/addr.h"
#include "media/sdp/desc.h"
#include "media/sdp/secure.h"
#include "webrtc/candidate.h"

#define CW_MID_MAX        32
#define CW_ICE_UFRAG_MAX  256 /* RFC 8839 5.4 */
#define CW_ICE_PWD_MAX    256
#define CW_CANDIDATES_MAX 32 /* of one description */

typedef struct cw_jsep {
    char ufrag[CW_ICE_UFRAG_MAX + 1], pwd[CW_ICE_PWD_MAX + 1];
    cw_fingerprint fingerprint;
    cw_setup setup;
    char mid[CW_DESC_STREAMS_MAX][CW_MID_MAX + 1]; /* by stream */
    uint8_t mid_ext; /* id of the MID header extension (RFC 8843 15, RFC 8285), 0: none */
    cw_media_desc desc;
    unsigned candidate_n;
    cw_candidate candidate[CW_CANDIDATES_MAX]; /* best first */
    bool complete;                             /* no more will come (RFC 8840 4.2) */
    /* ours only */
    bool full_ice;
    uint32_t ssrc[CW_DESC_STREAMS_MAX];     /* what we send with; 0: not said */
    uint32_t rtx_ssrc[CW_DESC_STREAMS_MAX]; /* and repeat with, where a format has rtx_pt */
    char cname[17];
    uint64_t session_id;
    unsigned version;
} cw_jsep;

/* A browser's offer or answer. Candidates beyond CW_CANDIDATES_MAX, and what is none, are passed
 * over. Data channels and further sections become refused streams.
 *
 * CW_E_BAD_SDP        malformed, or lacks ufrag, pwd, fingerprint or rtcp-mux; `why` says which
 * CW_E_UNSUPPORTED    its sections are not one bundle, are more than CW_DESC_STREAMS_MAX, or the
 *                     peer is ICE-lite too
 * CW_E_TOO_LARGE      as cw_sdp_parse
 */
CW_NODISCARD cw_err cw_jsep_parse(const char *text, size_t len, cw_jsep *ret, char why[static 128]);

/* What an answer repeats from the offer: mids, mid_ext. */
void cw_jsep_mirror(const cw_jsep *offer, cw_jsep *local);

/* Our offer or answer. In an offer, empty mids are numbered and setup is actpass
 * whatever *local says; an answer is passive and mentions what cw_jsep_mirror took over.
 * Formats without payload type are left out (cw_desc_number). g_free it. */
char *cw_jsep_print(const cw_jsep *local, bool is_offer);

#endif
