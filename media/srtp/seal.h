/* seal.h - the SRTP of one 5-tuple as its keys change: packets sealed with the keys before may
 * still be under way, and a far side may mark its packets with an MKI.
 *
 * Zero is a seal without keys. One thread's, like what it holds.
 */
#ifndef CW_MEDIA_SEAL_H
#define CW_MEDIA_SEAL_H

#include "media/srtp/srtp.h"

typedef struct cw_seal {
    cw_srtp *srtp;    /* NULL: no keys */
    cw_srtp *before;  /* for packets of the keys before; NULL: none, or time is up */
    unsigned left;    /* packets of the new keys until `before` goes */
    bool slow;        /* there is `before` or an MKI */
    uint8_t rtp_tag;  /* bytes behind an MKI (RFC 3711 3.1); 0 with GCM (RFC 7714 11) */
    uint8_t rtcp_tag; /* the same of SRTCP */
    uint8_t mki_len;  /* 0: none */
    uint8_t mki[CW_SRTP_MKI_MAX];
} cw_seal;

/* What the loop made ready for it. */
typedef struct cw_seal_new {
    cw_srtp *srtp; /* NULL: no keys any more */
    cw_srtp_suite suite;
    bool keep_tx, keep_rx; /* the key of that direction is the one before, see cw_srtp_inherit */
    uint8_t mki_len, mki[CW_SRTP_MKI_MAX];
} cw_seal_new;

/* CW_E_UNSUPPORTED  as cw_srtp_new
 *
 * Pure but for memory. `was` NULL: none. */
CW_NODISCARD cw_err cw_seal_make(const cw_srtp_keys *keys, const cw_srtp_keys *was,
                                 cw_seal_new *ret);
void cw_seal_set(cw_seal *seal, const cw_seal_new *with); /* takes with->srtp */
void cw_seal_clear(cw_seal *seal);

/* With keys before these, or an MKI. */
CW_NODISCARD cw_err cw_seal_open_slow(cw_seal *seal, bool rtcp, uint8_t *data, size_t *len);

/* In place, as cw_srtp_unprotect; the seal has keys. */
CW_NODISCARD static inline cw_err cw_seal_open(cw_seal *seal, bool rtcp, uint8_t *data, size_t *len)
{
    if (__builtin_expect(seal->slow, 0))
        return cw_seal_open_slow(seal, rtcp, data, len);
    return rtcp ? cw_srtp_unprotect_rtcp(seal->srtp, data, len)
                : cw_srtp_unprotect(seal->srtp, data, len);
}

CW_NODISCARD static inline cw_err cw_seal_close(cw_seal *seal, bool rtcp, uint8_t *data,
                                                size_t *len)
{
    return rtcp ? cw_srtp_protect_rtcp(seal->srtp, data, len)
                : cw_srtp_protect(seal->srtp, data, len);
}

#endif
