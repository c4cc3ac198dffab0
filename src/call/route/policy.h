/* policy.h - what one end of a call is given and taken from: codecs, digits, whose packets. Pure.
 * Home of src/call only. */
#ifndef CW_CALL_POLICY_H
#define CW_CALL_POLICY_H

#include "base/conf.h"
#include "media/sdp/desc.h"
#include "media/plane.h"
#include "media/sdp/secure.h"

/* How digits travel between us and a SIP end. */
typedef enum cw_keys {
    CW_KEYS_AUTO,       /* telephone-events where agreed, else INFO */
    CW_KEYS_RFC4733,    /* telephone-events or nothing */
    CW_KEYS_INFO,       /* INFO with application/dtmf */
    CW_KEYS_INFO_RELAY, /* INFO with application/dtmf-relay */
    CW_KEYS_INBAND,     /* tones in the sound, made and heard */
} cw_keys;

/* What our offers say of protection; the last two refuse a far side without it. */
typedef enum cw_srtp_offer {
    CW_SRTP_OFF,
    CW_SRTP_OPTIONAL, /* SDES lines in RTP/AVP (RFC 8643) */
    CW_SRTP_SDES,
    CW_SRTP_DTLS,
} cw_srtp_offer;

enum { CW_ACCEPT_RTP = 1, CW_ACCEPT_SDES = 2, CW_ACCEPT_DTLS = 4, CW_ACCEPT_ALL = 7 };

typedef struct cw_srtp_policy {
    cw_srtp_offer offer;
    unsigned accept; /* of their offers: set of CW_ACCEPT_* */
    unsigned suite_n;
    cw_srtp_suite suite[CW_SRTP_SUITES]; /* by SDES, best first */
} cw_srtp_policy;

/* What a callee lets be heard before it answers. */
typedef enum cw_early {
    CW_EARLY_ANY,        /* all but what P-Early-Media forbids */
    CW_EARLY_AUTHORIZED, /* only what P-Early-Media allows (RFC 5009) */
    CW_EARLY_NEVER,
} cw_early;

/* Resources of the network (RFC 3312). */
typedef enum cw_preconds {
    CW_PRECONDS_OFF,
    CW_PRECONDS_ACCEPT, /* heard of, and said */
    CW_PRECONDS_REQUIRE,
} cw_preconds;

typedef struct cw_leg_policy {
    cw_codec_policy codec; /* its names are the configuration's */
    cw_keys keys;
    cw_latch_mode latch;
    cw_srtp_policy srtp;       /* SIP */
    cw_early early;            /* SIP */
    cw_preconds preconditions; /* SIP */
    bool no_screen;            /* SIP: is sent no screens */
} cw_leg_policy;

/* Of calls through a trunk, with other SIP peers (`trunk` NULL), with browsers, to services. */
cw_leg_policy cw_policy_sip(const cw_conf *conf, const struct cw_conf_trunk *trunk);
cw_leg_policy cw_policy_browser(const cw_conf *conf);
cw_leg_policy cw_policy_service(void);

/* CW_E_CONF: a word or a codec's name in the configuration is none we know. */
CW_NODISCARD cw_err cw_policy_check(const cw_conf *conf, char why[static 128]);

#endif
