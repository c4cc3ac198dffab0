/* web_priv.h - what the files of sip/web share. Loop thread. */
#ifndef CW_SIP_WEB_PRIV_H
#define CW_SIP_WEB_PRIV_H

#include "sip/net/frame.h"
#include "sip/priv.h"
#include "sip/transaction/auth.h"
#include "sip/web/envelope.h"
#include "sip/web.h"

#define CW_SIP_NONCES 4

/* A challenge that may be answered, each count once (RFC 7616 3.4). */
typedef struct cw_sip_nonce {
    char text[33];
    uint64_t at_ms; /* 0: none */
    uint32_t nc;    /* the highest seen */
} cw_sip_nonce;

/* Where its user is to be called: by this connection, under this Contact. */
typedef struct cw_sip_place {
    char *contact;  /* URI; NULL: not registered */
    char *instance; /* "<urn:uuid:…>", without quotes; NULL: none (RFC 5626 4.1) */
    char *gruu;     /* public one; NULL: none */
    unsigned reg_id;
    uint64_t until_ms;
} cw_sip_place;

struct cw_sip_web {
    cw_sip *sip;
    GList link; /* in sip->webs */
    cw_id id;
    bool secure;
    const cw_sip_web_ops *ops; /* NULL: told to close */
    void *arg;
    cw_addr peer;
    cw_addr alias; /* as Sofia knows it: nobody's address */
    char via[4];   /* what its Via says: "WS" or "WSS" */
    char agent[65];
    tport_t *tp; /* Sofia's; a reference */
    int inner;   /* our end of Sofia's */
    cw_watch *watch;
    cw_timer *timer; /* to log in; then the end of place or token */
    uint64_t since_ms;
    uint64_t messages;
    GByteArray *to_sofia, *to_peer;
    cw_sip_frame frame; /* of to_peer */

    /* Who it is. */
    char *user; /* NULL: nobody yet */
    void *owner;
    int64_t expires; /* of the token; 0: never */
    unsigned failures;
    cw_sip_nonce nonces[CW_SIP_NONCES];

    /* Its registration. */
    cw_sip_place place;
    char *call_id; /* of its REGISTERs */
    uint32_t cseq;
};

/* --- web.c --- */

void cw_sip_web_end(cw_sip_web *web, cw_err err,
                    const char *why) CW_ON_LOOP; /* ask for its close */
void cw_sip_web_arm(cw_sip_web *web) CW_ON_LOOP;
bool cw_sip_web_expired(const cw_sip_web *web) CW_ON_LOOP; /* its token; false: nobody's */
void cw_sip_web_reply(cw_sip *sip, msg_t *msg, int status, const char *lines) CW_ON_LOOP;

/* --- credentials.c --- */

/* 0: its Authorization proves who sends it, and the connection is that user's. Otherwise the status
 * to refuse it with, and header lines (g_free). */
int cw_sip_web_prove(cw_sip_web *web, const sip_t *message, char **lines) CW_ON_LOOP;
/* "WWW-Authenticate: …" lines, CRLF between; g_free. */
char *cw_sip_web_challenge(cw_sip_web *web, bool stale) CW_ON_LOOP;
const char *cw_sip_web_realm(const cw_sip *sip) CW_ON_LOOP;

/* --- location.c --- */

void cw_sip_place_clear(cw_sip_place *place); /* pure */

#endif
