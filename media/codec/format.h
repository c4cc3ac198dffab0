/* format.h - a codec as SDP names it (RFC 8866 6.6, 6.15). Plain data, any thread. */
#ifndef CW_CODEC_FORMAT_H
#define CW_CODEC_FORMAT_H

#include <stdint.h>

#define CW_FMTP_MAX 160 /* bytes without NUL; longer ones are refused, not cut */
#define CW_PT_NONE  0xff

typedef struct cw_format {
    char name[24];     /* encoding name as registered: "opus", "PCMA", "telephone-event" */
    uint32_t clock_hz; /* RTP clock: 48000 for opus, 8000 for G722 (RFC 3551 4.5.2) */
    uint8_t channels;  /* 1 when absent */
    uint8_t pt;        /* the number this leg's SDP uses, CW_PT_NONE when not yet chosen */
    char fmtp[CW_FMTP_MAX + 1];
    uint8_t rtx_pt; /* of its retransmissions on this leg (RFC 4588), 0: none */
} cw_format;

#endif
