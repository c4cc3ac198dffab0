/* auth.h - digest authentication as a client (RFC 7616, RFC 8760; RFC 2069 form without qop; IMS
 * AKA RFC 3310, RFC 4169).
 *
 * Pure functions but for cw_sip_account, which belongs to the loop thread with its call.
 */
#ifndef CW_SIP_AUTH_H
#define CW_SIP_AUTH_H

#include "base/addr.h"
#include "base/err.h"
#include "sip/sip.h"
#include "sip/transaction/aka.h"

#include <glib.h>

typedef struct cw_sip_challenge {
    char *realm, *nonce, *opaque; /* opaque NULL: none */
    GChecksumType hash;           /* G_CHECKSUM_MD5 or G_CHECKSUM_SHA256 */
    bool session;                 /* …-sess: H(A1) takes in nonce and cnonce (RFC 7616 3.4.2) */
    bool has_algorithm;           /* it was named: name it in the answer too */
    unsigned aka;                 /* AKAv1-MD5: 1, AKAv2-MD5: 2; else 0 */
    bool qop_auth;                /* false: no qop at all */
    bool stale;
} cw_sip_challenge;

/* From "name=value" texts as a header's parameters are, NULL-ended.
 *
 * CW_E_UNSUPPORTED  an algorithm or qop that is not ours (auth-int, AKAv2-SHA-256, …)
 * CW_E_PARSE        no realm or nonce, or unsafe text
 */
CW_NODISCARD cw_err cw_sip_challenge_parse(const char *const *params, cw_sip_challenge *ret);
void cw_sip_challenge_clear(cw_sip_challenge *challenge);

/* H(username:realm:password), in hex: all that an answer needs of the password. */
void cw_sip_ha1(GChecksumType hash, const char *username, const char *realm, const char *password,
                char ret[static CW_SIP_HA1_MAX]);
bool cw_sip_ha1_ok(GChecksumType hash, const char *ha1); /* as many hex digits as `hash` gives */

/* Of "name=value" texts, without quotes and escapes; g_free. NULL: not there. */
char *cw_sip_digest_param(const char *const *params, const char *name);
/* KD(H(A1), nonce:nc:cnonce:auth:H(A2)) in hex (RFC 7616 3.4.1); nc NULL: without qop. g_free. */
char *cw_sip_digest(GChecksumType hash, const char *ha1, const char *method, const char *uri,
                    const char *nonce, const char *nc, const char *cnonce);

/* "Digest username=…" (the header's value). nc and cnonce count only with qop. */
char *cw_sip_challenge_answer(const cw_sip_challenge *challenge, const char *username,
                              const char *ha1, const char *method, const char *uri, unsigned nc,
                              const char *cnonce);

/* The credentials of one call or registration, bound to the realm that asked first, and what was
 * asked. Shared by the requests of a call: g_rc_box. */
typedef struct cw_sip_account {
    char *username, *realm;      /* realm NULL: none has asked yet */
    char *password;              /* until the realm is known; then wiped */
    char ha1[2][CW_SIP_HA1_MAX]; /* MD5, SHA-256; "": cannot answer that one */
    cw_sip_aka *aka;             /* NULL: no such keys */
    struct cw_sip_asked {
        bool known;
        cw_sip_challenge challenge;
        unsigned nc;
        char cnonce[17];                /* one for each nonce: a session key is made of both */
        char ha1[CW_SIP_HA1_MAX];       /* AKA: of this nonce's password */
        char auts[CW_AKA_AUTS_LEN + 1]; /* AKA: said with it; "": nothing */
    } asked[2];                         /* [0] WWW-Authenticate, [1] Proxy-Authenticate */
    GArray *homes;                      /* cw_addr: whom it is for; NULL: nobody yet */
} cw_sip_account;

cw_sip_account *cw_sip_account_new(const cw_sip_credentials *credentials); /* NULL: no user name */
cw_sip_account *cw_sip_account_ref(cw_sip_account *account);               /* NULL is fine */
void cw_sip_account_unref(cw_sip_account *account);

/* A request outside of any dialog is for this address. A dialog's route and Contact are what a
 * stranger behind it may have chosen: they are told nothing (CVE-2021-41158). Ports do not matter.
 */
void cw_sip_account_add_home(cw_sip_account *account, const cw_addr *addr);
bool cw_sip_account_is_home(const cw_sip_account *account, const cw_addr *addr);

/* May we answer it: our realm, an algorithm we have the hash for? */
bool cw_sip_account_fits(const cw_sip_account *account, const cw_sip_challenge *challenge);

/* Remember a challenge; takes it over on CW_OK.
 *
 * CW_E_AUTH  one that does not fit; or this very nonce was answered already
 */
CW_NODISCARD cw_err cw_sip_account_ask(cw_sip_account *account, bool proxy,
                                       cw_sip_challenge *challenge);

/* The header line for the next request, or NULL when nobody asked. */
char *cw_sip_account_answer(cw_sip_account *account, bool proxy, const char *method,
                            const char *uri);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(cw_sip_challenge, cw_sip_challenge_clear)

#endif
