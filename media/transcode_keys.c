/* transcode_keys.c - keys of a telephone in the sound of one direction. */
#include "media/transcode.h"

#define END_MS 100 /* of silence: no key is down after it */
#define HEAR_MAX                                                                                   \
    (CW_KEYTONE_RATE_HZ / 1000 * CW_CODEC_MS_MAX + 80) /* samples; what a resampler held back too  \
                                                        */

static void detect(cw_trans *trans, const int16_t *pcm, size_t n) CW_ON_CODEC
{
    cw_trans_out out = { 0 };
    cw_keytone_event event;

    while ((event = cw_keytone_hear(&trans->detector, &pcm, &n, &out.key, &out.key_ms)))
        if (event == CW_KEYTONE_ENDED)
            (void)cw_ring_put(&trans->out, &out, sizeof out, "", 0);
}

/* False: the library is out of memory. */
static bool ear_for(cw_trans *trans, unsigned rate_hz) CW_ON_CODEC
{
    if (trans->ear && trans->ear_hz == rate_hz)
        return true;
    cw_resampler_free(trans->ear);
    trans->ear = cw_resampler_new(rate_hz, CW_KEYTONE_RATE_HZ);
    trans->ear_hz = rate_hz;
    return trans->ear;
}

void cw_trans_hear(cw_trans *trans, const int16_t *pcm, size_t n)
{
    unsigned rate_hz = cw_encoder_rate(trans->encoder);
    int16_t heard[HEAR_MAX];

    if (rate_hz == CW_KEYTONE_RATE_HZ)
        detect(trans, pcm, n);
    else if (ear_for(trans, rate_hz))
        detect(trans, heard, cw_resample(trans->ear, pcm, n, heard, HEAR_MAX));
}

void cw_trans_hear_end(cw_trans *trans)
{
    static const int16_t silence[CW_KEYTONE_RATE_HZ / 1000 * END_MS];

    detect(trans, silence, G_N_ELEMENTS(silence));
}
