/* fuzz-codec.c - payloads of every codec to its decoder, through the jitter buffer as they would
 * come.
 *
 * First byte: which codec. Then packets: length, steps of sequence number and time, bytes. */
#include "media/codec/amr_payload.h"
#include "media/codec/codec.h"
#include "media/codec/jitter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    cw_format format;
    unsigned rate_hz;
} kinds[] = {
    { { .name = "PCMA", .clock_hz = 8000, .channels = 1 }, 8000 },
    { { .name = "G722", .clock_hz = 8000, .channels = 1 }, 16000 },
    { { .name = "opus", .clock_hz = 48000, .channels = 2 }, 8000 },
    { { .name = "opus", .clock_hz = 48000, .channels = 2 }, 16000 },
    { { .name = "AMR", .clock_hz = 8000, .channels = 1 }, 8000 },
    { { .name = "AMR", .clock_hz = 8000, .channels = 1, .fmtp = "octet-align=1" }, 8000 },
    { { .name = "AMR-WB", .clock_hz = 16000, .channels = 1 }, 16000 },
    { { .name = "AMR-WB", .clock_hz = 16000, .channels = 1, .fmtp = "octet-align=1" }, 16000 },
    { { .name = "G729", .clock_hz = 8000, .channels = 1 }, 8000 },
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* What is unpacked and packed again is the same frames. */
static void amr(const cw_format *format, const uint8_t *payload, size_t len)
{
    cw_amr_frame a[CW_AMR_FRAMES_MAX], b[CW_AMR_FRAMES_MAX];
    uint8_t packed[2 + CW_AMR_FRAMES_MAX * 61];
    unsigned cmr = 15, again, n;
    cw_amr_conf conf;
    size_t size;

    if (!cw_amr_conf_parse(format, &conf))
        return;
    n = cw_amr_unpack(&conf, payload, len, &cmr, a);
    if (n == 0)
        return;
    size = cw_amr_pack(&conf, cmr, a, n, packed);
    assert(size == len);
    assert(cw_amr_unpack(&conf, packed, size, &again, b) == n && again == cmr);
    for (unsigned i = 0; i < n; i++)
        assert(a[i].type == b[i].type && !memcmp(a[i].data, b[i].data, sizeof a[i].data));
}

static void play(cw_jitter *jitter, cw_decoder *decoder, unsigned rate, uint64_t now_us)
{
    static int16_t pcm[CW_CODEC_PCM_MAX];
    uint32_t ticks = rate / 50;
    cw_jitter_packet packet;
    size_t n;

    switch (cw_jitter_next(jitter, now_us, &ticks, &packet)) {
    case CW_JITTER_PLAY:
        n = packet.pt ? 0 : cw_decode(decoder, packet.data, packet.len, pcm);
        if (packet.pt)
            cw_decode_noise(decoder, packet.data, packet.len);
        assert(n <= (size_t)rate / 1000 * CW_CODEC_MS_MAX);
        cw_jitter_played(jitter, (uint32_t)n, cw_decoder_quiet(decoder));
        break;
    case CW_JITTER_WAIT:
        break;
    default:
        assert(ticks <= rate / 50);
        cw_decode_nothing(decoder, packet.data, packet.len, pcm, rate / 50);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t now_us = 1000000;
    cw_jitter_packet packet = { 0 };
    cw_decoder *decoder;
    cw_jitter *jitter;
    unsigned kind, rate;

    if (size < 1 || size > 4096)
        return 0;
    kind = data[0] % KINDS;
    rate = kinds[kind].rate_hz;
    decoder = cw_decoder_new(&kinds[kind].format, rate);
    if (!decoder)
        return 0;
    jitter = cw_jitter_new(rate, 20, 100);
    data++;
    size--;
    while (size >= 4) {
        size_t len = data[0] < size - 4 ? data[0] : size - 4;
        uint8_t *exact = malloc(len + !len);

        packet.seq = (uint16_t)(packet.seq + (int8_t)data[1]);
        packet.ts += (uint32_t)((int8_t)data[2] * (int)(rate / 100));
        packet.pt = data[3] & 1;
        packet.len = (uint16_t)len;
        packet.data = exact;
        memcpy(exact, data + 4, len);
        amr(&kinds[kind].format, exact, len);
        (void)cw_jitter_put(jitter, &packet, now_us);
        free(exact);
        data += 4 + len;
        size -= 4 + len;
        now_us += (uint64_t)(packet.seq % 3) * 20000;
        play(jitter, decoder, rate, now_us);
    }
    for (unsigned i = 0; i < 8; i++, now_us += 20000)
        play(jitter, decoder, rate, now_us);
    cw_jitter_free(jitter);
    cw_decoder_free(decoder);
    return 0;
}
