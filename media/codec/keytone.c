#include "media/codec/keytone.h"

#include <math.h>
#include <string.h>

#define BLOCK      CW_KEYTONE_BLOCK
#define BLOCK_US   (BLOCK * 1000000 / CW_KEYTONE_RATE_HZ)
#define SURE_HITS  2 /* blocks */
#define GONE_MISS  2
#define FULL_DBM0  3.14 /* of a full-scale sine (ITU-T G.711, A-law) */
#define RAMP_MS    2
#define TWO_PI     6.283185307179586
#define RATIO(dB)  (float)exp10f((dB) / 10.0f)
#define PEAK       6.3f   /* 8 dB above the others of its group */
#define FLOOR_DBM0 -30.0f /* a tone below is nobody's finger */

/* ITU-T Q.23: rows, then columns */
static const float hz[8] = { 697, 770, 852, 941, 1209, 1336, 1477, 1633 };
static const char keys[4][5] = { "123A", "456B", "789C", "*0#D" };

/* 2 cos(2 pi f / rate) of each */
static const float coefficient[8] = { 1.70774f, 1.64528f, 1.56869f, 1.47820f,
                                      1.16410f, 0.99637f, 0.79862f, 0.56853f };

/* ── Hearing ── */
static void empty(cw_keytone_detector *detector)
{
    memset(detector->s1, 0, sizeof detector->s1);
    memset(detector->s2, 0, sizeof detector->s2);
    detector->energy = 0;
    detector->filled = 0;
}

void cw_keytone_detector_init(cw_keytone_detector *detector)
{
    *detector = (cw_keytone_detector){ 0 };
}

static void take(cw_keytone_detector *detector, const int16_t *pcm, size_t n)
{
    for (size_t k = 0; k < 8; k++) {
        float s1 = detector->s1[k], s2 = detector->s2[k];

        for (size_t i = 0; i < n; i++) {
            float s = (float)pcm[i] + coefficient[k] * s1 - s2;

            s2 = s1;
            s1 = s;
        }
        detector->s1[k] = s1;
        detector->s2[k] = s2;
    }
    for (size_t i = 0; i < n; i++)
        detector->energy += (float)pcm[i] * (float)pcm[i];
    detector->filled += (unsigned)n;
}

static unsigned loudest(const float power[static 4])
{
    unsigned best = 0;

    for (unsigned i = 1; i < 4; i++)
        if (power[i] > power[best])
            best = i;
    return best;
}

static bool stands_out(const float power[static 4], unsigned best)
{
    for (unsigned i = 0; i < 4; i++)
        if (i != best && power[best] < PEAK * power[i])
            return false;
    return true;
}

/* The key that the full block holds, 0: none. A sine of amplitude a has power (a N / 2)^2 here. */
static char judge(const cw_keytone_detector *detector)
{
    float power[8], low, high, half = BLOCK / 2.0f * 32767;
    unsigned row, column;

    for (size_t k = 0; k < 8; k++)
        power[k] = detector->s1[k] * detector->s1[k] + detector->s2[k] * detector->s2[k] -
                   coefficient[k] * detector->s1[k] * detector->s2[k];
    row = loudest(power);
    column = loudest(power + 4);
    low = power[row];
    high = power[4 + column];
    if (low < half * half * RATIO(FLOOR_DBM0 - (float)FULL_DBM0) ||
        high < half * half * RATIO(FLOOR_DBM0 - (float)FULL_DBM0))
        return 0;
    if (high > low * RATIO(4.5f) || low > high * RATIO(8.5f))
        return 0;
    if (!stands_out(power, row) || !stands_out(power + 4, column))
        return 0;
    if (low + high < 0.7f * detector->energy * (BLOCK / 2.0f))
        return 0;
    return keys[row][column];
}

static cw_keytone_event end(cw_keytone_detector *detector, char *digit, unsigned *ms)
{
    *digit = detector->now;
    *ms = detector->hits * BLOCK_US / 1000;
    detector->now = 0;
    detector->hits = 0;
    return CW_KEYTONE_ENDED;
}

static cw_keytone_event step(cw_keytone_detector *detector, char found, char *digit, unsigned *ms)
{
    char before = detector->last;

    detector->last = found;
    if (detector->now) {
        if (found == detector->now) {
            detector->hits += 1 + detector->misses;
            detector->misses = 0;
            return CW_KEYTONE_NOTHING;
        }
        if (++detector->misses < GONE_MISS)
            return CW_KEYTONE_NOTHING;
        detector->misses = 0;
        return end(detector, digit, ms);
    }
    detector->hits = !found ? 0 : found == before ? detector->hits + 1 : 1;
    if (detector->hits < SURE_HITS)
        return CW_KEYTONE_NOTHING;
    *digit = detector->now = found;
    detector->misses = 0;
    return CW_KEYTONE_BEGAN;
}

cw_keytone_event cw_keytone_hear(cw_keytone_detector *detector, const int16_t **pcm, size_t *n,
                                 char *digit, unsigned *ms)
{
    while (*n > 0) {
        size_t some = BLOCK - detector->filled;
        cw_keytone_event event;

        if (some > *n)
            some = *n;
        take(detector, *pcm, some);
        *pcm += some;
        *n -= some;
        if (detector->filled < BLOCK)
            break;
        event = step(detector, judge(detector), digit, ms);
        empty(detector);
        if (event)
            return event;
    }
    return CW_KEYTONE_NOTHING;
}

bool cw_keytone_suspected(const cw_keytone_detector *detector)
{
    return detector->now || detector->last;
}

/* ── Making ── */
bool cw_keytone_generator_init(cw_keytone_generator *generator, char digit, unsigned rate_hz)
{
    const char *at = NULL;

    if (digit >= 'a' && digit <= 'd')
        digit = (char)(digit - 'a' + 'A');
    for (unsigned row = 0; row < 4 && digit; row++) {
        at = strchr(keys[row], digit);
        if (!at)
            continue;
        *generator =
            (cw_keytone_generator){ .low_step = (double)hz[row] / rate_hz,
                                    .high_step = (double)hz[4 + (at - keys[row])] / rate_hz,
                                    .ramp = RAMP_MS * rate_hz / 1000 };
        return true;
    }
    return false;
}

static double next(double *phase, double by)
{
    double sample = sin(TWO_PI * *phase);

    *phase += by;
    if (*phase >= 1)
        *phase -= 1;
    return sample;
}

void cw_keytone_make(cw_keytone_generator *generator, int16_t *pcm, size_t n, bool last)
{
    const double low = 32767 * exp10((-10 - FULL_DBM0) / 20);
    const double high = 32767 * exp10((-8 - FULL_DBM0) / 20);

    for (size_t i = 0; i < n; i++) {
        double x = low * next(&generator->low, generator->low_step) +
                   high * next(&generator->high, generator->high_step);

        if (generator->made < generator->ramp)
            x = x * (double)(generator->made + 1) / generator->ramp;
        if (last && n - i <= generator->ramp)
            x = x * (double)(n - i - 1) / generator->ramp;
        pcm[i] = (int16_t)lrint(x);
        generator->made++;
    }
}
