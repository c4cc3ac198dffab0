#include "media/codec/plc.h"

#include <math.h>
#include <string.h>

#define LAG_MIN_MS   5 /* 200 Hz; higher voices fit in twice */
#define LAG_MAX_MS   15
#define MATCH_MS     10
#define BLEND_MS     4
#define FULL_MS      20 /* before it fades */
#define GONE_MS      100
#define ALIKE        0.85f   /* correlation at which a joint is not heard */
#define QUIET        1000.0f /* mean square (-45 dBov) below which no joint is */
#define PIECE_MAX_MS 10

static int16_t clip(float x)
{
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : lrintf(x));
}

/* How alike two pieces are: 1 the same but for loudness, 0 unrelated. */
static float likeness(const int16_t *a, const int16_t *b, size_t n, float *square)
{
    float ab = 0, aa = 1, bb = 1;

    for (size_t i = 0; i < n; i++) {
        float x = a[i], y = b[i];

        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    *square = (aa > bb ? aa : bb) / (float)n;
    return ab / sqrtf(aa * bb);
}

/* ── Gaps ── */
void cw_plc_init(cw_plc *plc, unsigned rate_hz)
{
    *plc = (cw_plc){ .rate_hz = rate_hz };
}

static unsigned best_lag(const cw_plc *plc)
{
    unsigned khz = plc->rate_hz / 1000, match = MATCH_MS * khz, best = LAG_MAX_MS * khz;
    const int16_t *end = plc->past + CW_PLC_PAST;
    float most = -1, square;

    for (unsigned lag = LAG_MIN_MS * khz; lag <= LAG_MAX_MS * khz; lag++) {
        float like = likeness(end - match, end - match - lag, match, &square);

        if (like > most) {
            most = like;
            best = lag;
        }
    }
    return best;
}

/* The last period, its end bent so that its beginning follows. */
static void begin(cw_plc *plc)
{
    const int16_t *end = plc->past + CW_PLC_PAST;
    unsigned bend = BLEND_MS * plc->rate_hz / 1000;

    plc->lag = best_lag(plc);
    plc->at = 0;
    memcpy(plc->cycle, end - plc->lag, plc->lag * sizeof *plc->cycle);
    for (unsigned i = 0; i < bend; i++) {
        unsigned at = plc->lag - bend + i;
        float in = (float)(i + 1) / (float)(bend + 1);

        plc->cycle[at] = clip((1 - in) * (float)end[(int)at - (int)plc->lag] +
                              in * (float)end[(int)at - 2 * (int)plc->lag]);
    }
    plc->step = (float)(end[-1] - end[-1 - (int)plc->lag]);
}

static float loudness(const cw_plc *plc)
{
    unsigned full = FULL_MS * plc->rate_hz / 1000, gone = GONE_MS * plc->rate_hz / 1000;

    if (plc->made <= full)
        return 1;
    return plc->made >= gone ? 0 : 1 - (float)(plc->made - full) / (float)(gone - full);
}

static int16_t made_up(cw_plc *plc)
{
    float bend = (float)(BLEND_MS * plc->rate_hz / 1000), x = plc->cycle[plc->at];

    plc->at = plc->at + 1 == plc->lag ? 0 : plc->at + 1;
    if ((float)plc->made < bend)
        x += plc->step * (1 - (float)plc->made / bend);
    x *= loudness(plc);
    plc->made++;
    return clip(x);
}

static void remember(cw_plc *plc, const int16_t *pcm, size_t n)
{
    if (n >= CW_PLC_PAST) {
        memcpy(plc->past, pcm + n - CW_PLC_PAST, sizeof plc->past);
        return;
    }
    memmove(plc->past, plc->past + n, (CW_PLC_PAST - n) * sizeof *plc->past);
    memcpy(plc->past + CW_PLC_PAST - n, pcm, n * sizeof *pcm);
}

void cw_plc_heard(cw_plc *plc, int16_t *pcm, size_t n)
{
    size_t blend = BLEND_MS * plc->rate_hz / 1000;

    if (plc->made > 0) {
        for (size_t i = 0; i < blend && i < n; i++) {
            float in = (float)(i + 1) / (float)(blend + 1);

            pcm[i] = clip(in * (float)pcm[i] + (1 - in) * (float)made_up(plc));
        }
        plc->made = 0;
    }
    remember(plc, pcm, n);
}

void cw_plc_fill(cw_plc *plc, int16_t *pcm, size_t n)
{
    if (plc->made == 0)
        begin(plc);
    for (size_t i = 0; i < n; i++)
        pcm[i] = made_up(plc);
    remember(plc, pcm, n);
}

/* ── Faster and slower ── */
/* The length of the piece that is most like what follows it, 0: none is. */
static size_t best_piece(const int16_t *pcm, size_t n, unsigned rate_hz)
{
    size_t khz = rate_hz / 1000, max = PIECE_MAX_MS * khz, step = khz / 8, best = 0;
    float most = ALIKE, square;

    if (n < 2 * max)
        return 0;
    for (size_t piece = max / 4; piece <= max; piece += step) {
        float like = likeness(pcm, pcm + piece, max, &square);

        if (square < QUIET)
            return max;
        if (like > most) {
            most = like;
            best = piece;
        }
    }
    return best;
}

static void blend(int16_t *to, const int16_t *from, const int16_t *into, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float in = (float)(i + 1) / (float)(n + 1);

        to[i] = clip((1 - in) * (float)from[i] + in * (float)into[i]);
    }
}

size_t cw_stretch_less(int16_t *pcm, size_t n, unsigned rate_hz)
{
    size_t piece = best_piece(pcm, n, rate_hz), max = PIECE_MAX_MS * (rate_hz / 1000);

    if (piece == 0)
        return n;
    blend(pcm, pcm, pcm + piece, max);
    memmove(pcm + max, pcm + max + piece, (n - max - piece) * sizeof *pcm);
    return n - piece;
}

size_t cw_stretch_more(int16_t *pcm, size_t n, size_t cap, unsigned rate_hz)
{
    size_t piece = best_piece(pcm, n, rate_hz), max = PIECE_MAX_MS * (rate_hz / 1000);
    int16_t joint[PIECE_MAX_MS * 48];

    if (piece == 0 || n + piece > cap)
        return n;
    blend(joint, pcm + piece, pcm, max);
    memmove(pcm + piece, pcm, n * sizeof *pcm);
    memcpy(pcm + piece, joint, max * sizeof *pcm);
    return n + piece;
}
