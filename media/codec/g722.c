#include "media/codec/g722.h"

#include <string.h>

static int sat(int x)
{
    return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x;
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* ── Tables of ITU-T G.722 ── */
static const int qmf[12] = { 3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11 };
static const int q6[30] = { 0,    35,   72,   110,  150,  190,  233,  276,  323,  370,
                            422,  473,  530,  587,  650,  714,  786,  858,  940,  1023,
                            1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919 };
static const int wl[8] = { -60, -30, 58, 172, 334, 538, 1198, 3042 };
static const int rl42[16] = { 0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0 };
static const int ilb[32] = { 2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
                             2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
                             3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008 };
static const int qm6[64] = { -136,   -136,   -136,   -136,   -24808, -21904, -19008, -16704,
                             -14984, -13512, -12280, -11192, -10232, -9360,  -8576,  -7856,
                             -7192,  -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,
                             -3168,  -2776,  -2400,  -2032,  -1688,  -1360,  -1040,  -728,
                             24808,  21904,  19008,  16704,  14984,  13512,  12280,  11192,
                             10232,  9360,   8576,   7856,   7192,   6576,   6000,   5456,
                             4944,   4464,   4008,   3576,   3168,   2776,   2400,   2032,
                             1688,   1360,   1040,   728,    432,    136,    -432,   -136 };
static const int qm4[16] = { 0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                             20456, 12896,  8968,   6288,  4240,  2584,  1200,  0 };
static const int qm2[4] = { -7408, -1616, 7408, 1616 };
static const int wh[3] = { 0, -214, 798 };
static const int rh2[4] = { 2, 1, 2, 1 };

/* ── The predictor, block 4 of either band ── */
static int same_sign(int a, int b)
{
    return (a < 0) == (b < 0);
}

static void adapt_poles(cw_g722_band *n)
{
    int wd = sat(n->a[1] * 4);

    wd = same_sign(n->p[0], n->p[1]) ? -wd : wd;
    wd = (wd > INT16_MAX ? INT16_MAX : wd) >> 7;
    wd += same_sign(n->p[0], n->p[2]) ? 128 : -128;
    n->ap[2] = clamp(wd + (n->a[2] * 32512 >> 15), -12288, 12288); /* UPPOL2 */

    wd = same_sign(n->p[0], n->p[1]) ? 192 : -192;
    n->ap[1] = sat(wd + (n->a[1] * 32640 >> 15));
    wd = sat(15360 - n->ap[2]);
    n->ap[1] = clamp(n->ap[1], -wd, wd); /* UPPOL1 */
}

static void adapt_zeros(cw_g722_band *n, int d)
{
    int step = d == 0 ? 0 : 128;

    n->d[0] = d;
    for (int i = 1; i < 7; i++)
        n->bp[i] = sat((same_sign(n->d[i], d) ? step : -step) + (n->b[i] * 32640 >> 15));
}

static void predict(cw_g722_band *n, int d)
{
    n->r[0] = sat(n->s + d);
    n->p[0] = sat(n->sz + d);
    adapt_poles(n);
    adapt_zeros(n, d);

    for (int i = 6; i > 0; i--) {
        n->d[i] = n->d[i - 1];
        n->b[i] = n->bp[i];
    }
    for (int i = 2; i > 0; i--) {
        n->r[i] = n->r[i - 1];
        n->p[i] = n->p[i - 1];
        n->a[i] = n->ap[i];
    }
    n->sp = sat((n->a[1] * sat(2 * n->r[1]) >> 15) + (n->a[2] * sat(2 * n->r[2]) >> 15));
    n->sz = 0;
    for (int i = 6; i > 0; i--)
        n->sz += n->b[i] * sat(2 * n->d[i]) >> 15;
    n->sz = sat(n->sz);
    n->s = sat(n->sp + n->sz);
}

/* SCALEL and SCALEH: the quantizer's next step from its logarithm. */
static int scale(int nb, int shift)
{
    int wd = ilb[nb >> 6 & 31], by = shift - (nb >> 11);

    return (by < 0 ? wd << -by : wd >> by) * 4;
}

/* ── The bands ── */
/* What encoder and decoder both make of a code. */
static void follow_low(cw_g722_band *n, int code)
{
    n->nb = clamp((n->nb * 127 >> 7) + wl[rl42[code >> 2]], 0, 18432);
    predict(n, n->det * qm4[code >> 2] >> 15);
    n->det = scale(n->nb, 8);
}

static void follow_high(cw_g722_band *n, int code)
{
    n->nb = clamp((n->nb * 127 >> 7) + wh[rh2[code]], 0, 22528);
    predict(n, n->det * qm2[code] >> 15);
    n->det = scale(n->nb, 10);
}

static int encode_low(cw_g722_band *n, int x)
{
    int e = sat(x - n->s), size = e >= 0 ? e : -(e + 1), i, code;

    for (i = 1; i < 30 && size >= q6[i] * n->det >> 12; i++)
        ;
    if (e >= 0)
        code = 62 - i;
    else
        code = i <= 2 ? 64 - i : 34 - i;
    follow_low(n, code);
    return code;
}

static int encode_high(cw_g722_band *n, int x)
{
    int e = sat(x - n->s), size = e >= 0 ? e : -(e + 1);
    int large = size >= 564 * n->det >> 12;
    int code = e < 0 ? !large : large ? 2 : 3;

    follow_high(n, code);
    return code;
}

static int decode_low(cw_g722_band *n, int code)
{
    int x = clamp(n->s + (n->det * qm6[code] >> 15), -16384, 16383);

    follow_low(n, code);
    return x;
}

static int decode_high(cw_g722_band *n, int code)
{
    int x = clamp(n->s + (n->det * qm2[code] >> 15), -16384, 16383);

    follow_high(n, code);
    return x;
}

void cw_g722_init(cw_g722 *g)
{
    *g = (cw_g722){ .low.det = 32, .high.det = 8 };
}

void cw_g722_encode(cw_g722 *g, const int16_t *pcm, size_t n, uint8_t *ret)
{
    for (size_t k = 0; k < n; k++) {
        int even = 0, odd = 0;

        memmove(g->x, g->x + 2, 22 * sizeof *g->x);
        g->x[22] = pcm[2 * k];
        g->x[23] = pcm[2 * k + 1];
        for (int i = 0; i < 12; i++) {
            odd += g->x[2 * i] * qmf[i];
            even += g->x[2 * i + 1] * qmf[11 - i];
        }
        ret[k] = (uint8_t)(encode_high(&g->high, (even - odd) >> 14) << 6 |
                           encode_low(&g->low, (even + odd) >> 14));
    }
}

void cw_g722_decode(cw_g722 *g, const uint8_t *data, size_t n, int16_t *ret)
{
    for (size_t k = 0; k < n; k++) {
        int low = decode_low(&g->low, data[k] & 63), high = decode_high(&g->high, data[k] >> 6);
        int even = 0, odd = 0;

        memmove(g->x, g->x + 2, 22 * sizeof *g->x);
        g->x[22] = low + high;
        g->x[23] = low - high;
        for (int i = 0; i < 12; i++) {
            even += g->x[2 * i] * qmf[i];
            odd += g->x[2 * i + 1] * qmf[11 - i];
        }
        ret[2 * k] = (int16_t)sat(odd >> 11);
        ret[2 * k + 1] = (int16_t)sat(even >> 11);
    }
}
