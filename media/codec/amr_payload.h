/* amr_payload.h - the RTP payloads of AMR and AMR-WB (RFC 4867 4.3 and 4.4). Pure, any thread. */
#ifndef CW_CODEC_AMR_PAYLOAD_H
#define CW_CODEC_AMR_PAYLOAD_H

#include "media/codec/format.h"

#include <stdbool.h>
#include <stddef.h>

#define CW_AMR_FRAMES_MAX 6 /* 120 ms; packets with more are refused */
#define CW_AMR_DATA_MAX   60
#define CW_AMR_LOST       14 /* frame type SPEECH_LOST (AMR-WB) */
#define CW_AMR_NO_DATA    15

typedef struct cw_amr_conf {
    bool wide;       /* AMR-WB */
    bool aligned;    /* octet-align=1 */
    uint16_t modes;  /* mode-set, a bit each; all when absent */
    unsigned period; /* mode-change-period: frames between changes, 1 or 2 */
    bool neighbours; /* mode-change-neighbor: one step at a time */
} cw_amr_conf;

/* As libraries take it and files store it (RFC 4867 5.3): type and quality, then the speech bits.
 */
typedef struct cw_amr_frame {
    uint8_t type; /* 0..15: a mode, SID (AMR 8, AMR-WB 9), CW_AMR_LOST, CW_AMR_NO_DATA */
    bool good;    /* Q: the bits are as they were sent */
    uint8_t data[CW_AMR_DATA_MAX];
} cw_amr_frame;

/* False: it asks for what we do not have (crc, robust sorting, interleaving, several channels). */
bool cw_amr_conf_parse(const cw_format *format, cw_amr_conf *ret);

/* Bits of a frame type, -1: there is no such type. */
int cw_amr_bits(bool wide, unsigned type);

/* Frames of a payload and the mode it asks for. Returns how many, 0: malformed. */
unsigned cw_amr_unpack(const cw_amr_conf *conf, const uint8_t *payload, size_t len, unsigned *cmr,
                       cw_amr_frame frame[static CW_AMR_FRAMES_MAX]);
/* The other way; `ret` has room for 2 + n * 61 bytes. Returns bytes. */
size_t cw_amr_pack(const cw_amr_conf *conf, unsigned cmr, const cw_amr_frame *frame, unsigned n,
                   uint8_t *ret);

/* The mode to encode with next, from the one before: `wanted` or the nearest below that the
 * mode-set has, else its lowest; one step at a time where that was asked for. */
unsigned cw_amr_step(const cw_amr_conf *conf, unsigned now, unsigned wanted);

#endif
