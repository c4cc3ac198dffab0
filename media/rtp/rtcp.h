/* rtcp.h - read and write RTCP (RFC 3550 6, RFC 4585 6, RFC 5104 4.3).
 *
 * Pure functions over the caller's bytes, any thread, no allocation. A reader takes the packets of
 * a compound one by one; BYE, APP, XR and what it does not know mean nothing to it. A compound need
 * not begin with a report (RFC 5506).
 */
#ifndef CW_MEDIA_RTCP_H
#define CW_MEDIA_RTCP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_RTCP_CNAME    16 /* characters, no NUL */
#define CW_RTCP_NACK_MAX 64 /* entries of one NACK that are looked at, 17 numbers each */

enum { CW_RTCP_SR = 200, CW_RTCP_RR, CW_RTCP_SDES, CW_RTCP_BYE, CW_RTCP_RTPFB = 205, CW_RTCP_PSFB };
enum { CW_RTPFB_NACK = 1, CW_RTPFB_TWCC = 15 };               /* FMT of RTPFB */
enum { CW_PSFB_PLI = 1, CW_PSFB_FIR = 4, CW_PSFB_REMB = 15 }; /* FMT of PSFB */

/* One packet of a compound; padding of the last is taken off. At least 4 bytes. */
typedef struct cw_rtcp_item {
    uint8_t type, count; /* count or FMT: the head's five bits */
    const uint8_t *data;
    size_t len;
} cw_rtcp_item;

typedef struct cw_rtcp_sender {
    uint64_t ntp; /* 32.32 seconds */
    uint32_t ts;  /* the same instant by the media clock */
    uint32_t packets, octets;
} cw_rtcp_sender;

typedef struct cw_rtcp_block {
    uint32_t ssrc;    /* whose packets it is about */
    uint8_t fraction; /* lost since the last one, of 256 */
    int32_t lost;     /* in all, 24 bits */
    uint32_t newest;  /* extended sequence number */
    uint32_t jitter;  /* ticks */
    uint32_t lsr;     /* middle 32 bits of the last SR's time, 0: none */
    uint32_t dlsr;    /* since it came, 1/65536 s */
} cw_rtcp_block;

/* ── Reading ── */

/* Each packet of a compound in turn: its V and length hold.
 *
 * CW_E_SHORT, CW_E_VERSION
 */
CW_NODISCARD cw_err cw_rtcp_check(const uint8_t *data, size_t len);
/* The next packet at *at, which moves on. False: the end, or rubbish. */
bool cw_rtcp_next(const uint8_t **at, const uint8_t *end, cw_rtcp_item *ret);

uint32_t cw_rtcp_from(const cw_rtcp_item *item); /* the sender's SSRC, 0: none is there */
bool cw_rtcp_read_sender(const cw_rtcp_item *item, cw_rtcp_sender *ret); /* of an SR */
/* The block of an SR or RR that is about `ssrc`. */
bool cw_rtcp_read_block(const cw_rtcp_item *item, uint32_t ssrc, cw_rtcp_block *ret);

/* Feedback about `media`, what we send with. */
bool cw_rtcp_is_pli(const cw_rtcp_item *item, uint32_t media);
bool cw_rtcp_is_fir(const cw_rtcp_item *item, uint32_t media, uint8_t *nr);
/* The numbers a generic NACK asks for, at most `cap`; returns how many. */
size_t cw_rtcp_read_nack(const cw_rtcp_item *item, uint32_t media, uint16_t *ret, size_t cap);
/* Bits a second (draft-alvestrand-rmcat-remb-03 2.2). */
bool cw_rtcp_read_remb(const cw_rtcp_item *item, uint32_t media, uint64_t *bps);

/* ── Writing ── */

/* A compound being built: what finds no room is left out, and nothing half. */
typedef struct cw_rtcp_out {
    uint8_t *data;
    size_t len, cap;
    uint32_t own; /* the sender of all its packets */
} cw_rtcp_out;

/* SR, or RR when `sender` is NULL; `block` may be NULL. */
void cw_rtcp_put_report(cw_rtcp_out *out, const cw_rtcp_sender *sender, const cw_rtcp_block *block);
void cw_rtcp_put_cname(cw_rtcp_out *out, const char cname[static CW_RTCP_CNAME]);
void cw_rtcp_put_pli(cw_rtcp_out *out, uint32_t media);
void cw_rtcp_put_fir(cw_rtcp_out *out, uint32_t media, uint8_t nr);
/* `n` numbers in rising order, as few entries as possible. */
void cw_rtcp_put_nack(cw_rtcp_out *out, uint32_t media, const uint16_t *seq, size_t n);
void cw_rtcp_put_remb(cw_rtcp_out *out, uint32_t media, uint64_t bps);
/* A packet of type and count (or FMT) with `len` bytes, a multiple of 4, behind the sender's SSRC,
 * for the caller to fill; NULL: no room. */
uint8_t *cw_rtcp_put(cw_rtcp_out *out, unsigned type, unsigned count, size_t len);

#endif
