/* jsep.h - the browser side's SDP (RFC 9429): transport parameters and neutral media.
 *
 * Pure functions, any thread. The gateway is ICE-lite, DTLS passive, one BUNDLE group, rtcp-mux.
 */
#ifndef CW_WEBRTC_JSEP_H
#define CW_WEBRTC_JSEP_H

#include "base/addr.h"
#include "media/desc.h"

#define CW_MID_MAX         32
#define CW_ICE_UFRAG_MAX   256 /* RFC 8839 5.4 */
#define CW_ICE_PWD_MAX     256
#define CW_FINGERPRINT_MAX 64 /* bytes of the longest hash, SHA-512 */
#define CW_CANDIDATES_MAX  8

typedef enum cw_setup { CW_SETUP_ACTPASS, CW_SETUP_ACTIVE, CW_SETUP_PASSIVE } cw_setup;

typedef struct cw_fingerprint {
    char hash[12]; /* "sha-256" */
    size_t len;
    uint8_t value[CW_FINGERPRINT_MAX];
} cw_fingerprint;

typedef struct cw_jsep {
    char ufrag[CW_ICE_UFRAG_MAX + 1], pwd[CW_ICE_PWD_MAX + 1];
    cw_fingerprint fingerprint;
    cw_setup setup;
    char mid[CW_DESC_STREAMS_MAX][CW_MID_MAX + 1]; /* by stream */
    cw_media_desc desc;
    /* ours only */
    unsigned candidate_n;
    cw_addr candidate[CW_CANDIDATES_MAX]; /* host candidates, best first */
    uint32_t ssrc[CW_DESC_STREAMS_MAX];   /* what we send with; 0: not said */
    char cname[17];
    uint64_t session_id;
    unsigned version;
} cw_jsep;

/* A browser's offer or answer. Its candidates are ignored: an ICE-lite side learns addresses from
 * checks. Data channels and further sections become refused streams.
 *
 * CW_E_BAD_SDP        malformed, or lacks ufrag, pwd, fingerprint or rtcp-mux; `why` says which
 * CW_E_UNSUPPORTED    its sections are not one bundle
 */
CW_NODISCARD cw_err cw_jsep_parse(const char *text, size_t len, cw_jsep *ret, char why[static 128]);

/* Our offer or answer. g_free it. */
char *cw_jsep_print(const cw_jsep *local, bool is_offer);

#endif
