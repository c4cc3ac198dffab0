#include "media/rtp/mos.h"

#include <glib.h>
#include <math.h>
#include <strings.h>

#define R_DEFAULT  93.2 /* G.107, table 3: every parameter at its default */
#define PACKET_MS  20   /* a packet must be filled before it leaves */
#define PLAYOUT_MS 20   /* a listener's buffer at least */

/* Equipment impairment and robustness against loss: G.113 appendix I, with concealment. It has none
 * for Opus, and those of G.722 and AMR-WB are on the wideband scale; theirs are estimates. */
static const struct {
    double ie, bpl;
} codecs[CW_MOS_CODECS] = {
    [CW_MOS_OTHER] = { 0, 10 }, [CW_MOS_G711] = { 0, 25.1 }, [CW_MOS_G722] = { 0, 13 },
    [CW_MOS_OPUS] = { 0, 20 },  [CW_MOS_G729] = { 11, 19 },  [CW_MOS_GSM] = { 20, 10 },
    [CW_MOS_AMR] = { 5, 10 },   [CW_MOS_AMR_WB] = { 0, 13 },
};

cw_mos_codec cw_mos_codec_of(const char *name)
{
    static const struct {
        const char *name;
        cw_mos_codec codec;
    } names[] = {
        { "opus", CW_MOS_OPUS }, { "PCMA", CW_MOS_G711 }, { "PCMU", CW_MOS_G711 },
        { "G722", CW_MOS_G722 }, { "AMR", CW_MOS_AMR },   { "AMR-WB", CW_MOS_AMR_WB },
        { "G729", CW_MOS_G729 }, { "GSM", CW_MOS_GSM },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcasecmp(names[i].name, name))
            return names[i].codec;
    return CW_MOS_OTHER;
}

/* G.107 7.4, Ie-eff. BurstR is how long bursts are against those that chance makes of this loss. */
static double loss_impairment(const cw_mos_in *in)
{
    unsigned codec = in->codec < CW_MOS_CODECS ? in->codec : CW_MOS_OTHER;
    double ie = codecs[codec].ie, bpl = codecs[codec].bpl;
    double percent = CLAMP(in->loss, 0, 1) * 100;
    double by_chance = in->loss < 1 ? 1 / (1 - in->loss) : 100;
    double burst_r = MAX(1, in->burst / by_chance);

    return ie + (95 - ie) * percent / (percent / burst_r + bpl);
}

/* G.107 7.3, Idd: nothing below 100 ms from mouth to ear. */
static double delay_impairment(double ms)
{
    double x;

    if (ms <= 100)
        return 0;
    x = log2(ms / 100);
    return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double cw_mos_r(const cw_mos_in *in)
{
    double delay_ms = in->rtt_ms / 2 + PACKET_MS + MAX(PLAYOUT_MS, 2 * in->jitter_ms);

    return CLAMP(R_DEFAULT - delay_impairment(delay_ms) - loss_impairment(in), 0, R_DEFAULT);
}

/* G.107 annex B. Its cubic dips below 1 for small R. */
double cw_mos(const cw_mos_in *in)
{
    double r = cw_mos_r(in);

    return MAX(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}
