#include "media/codec/amr_payload.h"

#include "media/codec/fmtp.h"

#include <string.h>

#define NARROW_MODES 8
#define WIDE_MODES   9

/* RFC 4867 3.6, tables 1a and 1b of TS 26.101 and 26.201 */
static const int16_t narrow_bits[16] = { 95, 103, 118, 134, 148, 159, 204, 244,
                                         39, -1,  -1,  -1,  -1,  -1,  -1,  0 };
static const int16_t wide_bits[16] = { 132, 177, 253, 285, 317, 365, 397, 461,
                                       477, 40,  -1,  -1,  -1,  -1,  0,   0 };

int cw_amr_bits(bool wide, unsigned type)
{
    return type > 15 ? -1 : wide ? wide_bits[type] : narrow_bits[type];
}

/* ── Parameters (RFC 4867 8.1, 8.2) ── */
static uint16_t mode_set(const char *fmtp, unsigned modes)
{
    uint16_t all = (uint16_t)((1u << modes) - 1), set = 0;
    size_t len;
    const char *value = cw_fmtp_get(fmtp, "mode-set", &len);

    for (size_t i = 0; value && i < len; i++)
        if (value[i] >= '0' && value[i] <= '9')
            set |= (uint16_t)(1u << (value[i] - '0'));
    return set & all ? set & all : all;
}

bool cw_amr_conf_parse(const cw_format *format, cw_amr_conf *ret)
{
    const char *fmtp = format->fmtp;
    bool wide = format->clock_hz == 16000;

    if (format->channels > 1 || cw_fmtp_number(fmtp, "crc", 0) ||
        cw_fmtp_number(fmtp, "robust-sorting", 0) || cw_fmtp_has(fmtp, "interleaving"))
        return false;
    *ret = (cw_amr_conf){ .wide = wide,
                          .aligned = cw_fmtp_number(fmtp, "octet-align", 0) == 1,
                          .modes = mode_set(fmtp, wide ? WIDE_MODES : NARROW_MODES),
                          .period = cw_fmtp_number(fmtp, "mode-change-period", 1) == 2 ? 2 : 1,
                          .neighbours = cw_fmtp_number(fmtp, "mode-change-neighbor", 0) == 1 };
    return true;
}

static unsigned next_mode(uint16_t modes, unsigned now, bool up)
{
    for (unsigned mode = now; up ? ++mode < WIDE_MODES : mode-- > 0;)
        if (modes >> mode & 1)
            return mode;
    return now;
}

unsigned cw_amr_step(const cw_amr_conf *conf, unsigned now, unsigned wanted)
{
    unsigned target = wanted;

    if (!(conf->modes >> target & 1))
        target = next_mode(conf->modes, wanted, false);
    if (!(conf->modes >> target & 1))
        target = next_mode(conf->modes, 0, true);
    if (target == now || !conf->neighbours || !(conf->modes >> now & 1))
        return target;
    return next_mode(conf->modes, now, target > now);
}

/* ── Bits ── */
typedef struct bits {
    uint8_t *out;      /* when written */
    const uint8_t *in; /* when read */
    size_t at, n;
} bits;

static unsigned get(bits *b, unsigned n)
{
    unsigned value = 0;

    for (; n > 0; n--, b->at++)
        value = value << 1 | (b->in[b->at >> 3] >> (7 - (b->at & 7)) & 1);
    return value;
}

static void put(bits *b, unsigned value, unsigned n)
{
    for (; n > 0; n--, b->at++) {
        uint8_t bit = (uint8_t)(0x80 >> (b->at & 7));

        if ((b->at & 7) == 0)
            b->out[b->at >> 3] = 0;
        if (value >> (n - 1) & 1)
            b->out[b->at >> 3] |= bit;
    }
}

static void align(bits *b)
{
    b->at = (b->at + 7) & ~(size_t)7;
}

static void get_speech(bits *b, unsigned n, uint8_t *ret)
{
    for (; n >= 8; n -= 8)
        *ret++ = (uint8_t)get(b, 8);
    if (n > 0)
        *ret = (uint8_t)(get(b, n) << (8 - n));
}

static void put_speech(bits *b, unsigned n, const uint8_t *data)
{
    for (; n >= 8; n -= 8)
        put(b, *data++, 8);
    if (n > 0)
        put(b, (unsigned)*data >> (8 - n), n);
}

/* ── Payloads ── */
/* The table of contents; returns frames, 0: malformed. */
static unsigned get_contents(const cw_amr_conf *conf, bits *b,
                             cw_amr_frame frame[static CW_AMR_FRAMES_MAX])
{
    unsigned n = 0, width = conf->aligned ? 8 : 6;
    bool more = true;

    while (more) {
        if (n == CW_AMR_FRAMES_MAX || b->n - b->at < width)
            return 0;
        more = get(b, 1);
        frame[n].type = (uint8_t)get(b, 4);
        frame[n].good = get(b, 1);
        if (conf->aligned)
            (void)get(b, 2);
        if (cw_amr_bits(conf->wide, frame[n].type) < 0)
            return 0; /* RFC 4867 4.3.2: the whole packet */
        n++;
    }
    return n;
}

unsigned cw_amr_unpack(const cw_amr_conf *conf, const uint8_t *payload, size_t len, unsigned *cmr,
                       cw_amr_frame frame[static CW_AMR_FRAMES_MAX])
{
    bits b = { .in = payload, .n = len * 8 };
    unsigned asked, n;

    if (len < 2)
        return 0;
    asked = get(&b, conf->aligned ? 8 : 4) >> (conf->aligned ? 4 : 0);
    n = get_contents(conf, &b, frame);
    for (unsigned i = 0; i < n; i++) {
        unsigned size = (unsigned)cw_amr_bits(conf->wide, frame[i].type);

        if (b.n - b.at < size)
            return 0;
        memset(frame[i].data, 0, sizeof frame[i].data);
        get_speech(&b, size, frame[i].data);
        if (conf->aligned)
            align(&b); /* within the last byte, which is there */
    }
    if (n > 0 && (b.at + 7) / 8 != len)
        return 0; /* of the other kind, most likely */
    if (n > 0)
        *cmr = asked < (conf->wide ? WIDE_MODES : NARROW_MODES) ? asked : 15;
    return n;
}

size_t cw_amr_pack(const cw_amr_conf *conf, unsigned cmr, const cw_amr_frame *frame, unsigned n,
                   uint8_t *ret)
{
    bits b = { .out = ret };

    put(&b, cmr, 4);
    if (conf->aligned)
        put(&b, 0, 4);
    for (unsigned i = 0; i < n; i++) {
        put(&b, i + 1 < n, 1);
        put(&b, frame[i].type, 4);
        put(&b, frame[i].good, 1);
        if (conf->aligned)
            put(&b, 0, 2);
    }
    for (unsigned i = 0; i < n; i++) {
        put_speech(&b, (unsigned)cw_amr_bits(conf->wide, frame[i].type), frame[i].data);
        if (conf->aligned)
            align(&b);
    }
    return (b.at + 7) / 8;
}
