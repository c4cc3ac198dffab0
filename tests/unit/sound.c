#include "sound.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

#define CLICK_DB -40.0

void sound_sine(int16_t *pcm, size_t n, unsigned rate_hz, double hz, double dbov, uint64_t at)
{
    double amplitude = 32767 * pow(10, dbov / 20);

    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)lrint(amplitude * sin(2 * G_PI * hz * (double)(at + i) / rate_hz));
}

static double dbov(double square)
{
    return 10 * log10(square * 2 / (32768.0 * 32768) + 1e-12);
}

double sound_level(const int16_t *pcm, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return dbov(sum / n);
}

/* The sine a cos + b sin of `hz` that fits best (least squares). */
static void fit(const int16_t *pcm, size_t n, unsigned rate_hz, double hz, double *a, double *b)
{
    double cc = 0, ss = 0, cs = 0, xc = 0, xs = 0, det;

    for (size_t i = 0; i < n; i++) {
        double w = 2 * G_PI * hz * (double)i / rate_hz, c = cos(w), s = sin(w);

        cc += c * c;
        ss += s * s;
        cs += c * s;
        xc += pcm[i] * c;
        xs += pcm[i] * s;
    }
    det = cc * ss - cs * cs;
    *a = (xc * ss - xs * cs) / det;
    *b = (xs * cc - xc * cs) / det;
}

double sound_level_at(const int16_t *pcm, size_t n, unsigned rate_hz, double hz)
{
    double a, b;

    fit(pcm, n, rate_hz, hz, &a, &b);
    return dbov((a * a + b * b) / 2);
}

double sound_pitch(const int16_t *pcm, size_t n, unsigned rate_hz, double hz)
{
    double best = 0, most = -1000;

    for (double f = hz * 0.95; f <= hz * 1.05; f += hz * 0.001) {
        double level = sound_level_at(pcm, n, rate_hz, f);

        if (level > most) {
            most = level;
            best = f;
        }
    }
    return best;
}

double sound_rest(const int16_t *pcm, size_t n, unsigned rate_hz, double hz)
{
    size_t piece = rate_hz / 50, part = piece / 4;
    double worst = 0, level = sound_level_at(pcm, n, rate_hz, hz);

    for (size_t at = 0; at + piece <= n; at += piece) {
        double a, b, sum = 0;

        fit(pcm + at, piece, rate_hz, hz, &a, &b);
        for (size_t i = 0; i < piece; i++) {
            double w = 2 * G_PI * hz * (double)i / rate_hz;
            double x = pcm[at + i] - a * cos(w) - b * sin(w);

            sum = i % part ? sum + x * x : x * x;
            if (i % part == part - 1)
                worst = MAX(worst, sum / part);
        }
    }
    return dbov(worst) - level;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

unsigned sound_clicks(const int16_t *pcm, size_t n, unsigned rate_hz, double hz, double out_db,
                      double *noise, double *peak)
{
    size_t piece = rate_hz / 50, part = rate_hz / 400, parts = 0;
    double level = sound_level_at(pcm, MIN(n, rate_hz), rate_hz, hz);
    g_autofree double *rest = g_new(double, n / part + 1);
    unsigned clicks = 0;

    for (size_t at = 0; at + piece <= n; at += piece / 2) {
        double a, b;

        fit(pcm + at, piece, rate_hz, hz, &a, &b);
        for (size_t from = piece / 4; from + part <= piece * 3 / 4; from += part) {
            double sum = 0;

            for (size_t i = from; i < from + part; i++) {
                double w = 2 * G_PI * hz * (double)i / rate_hz;

                sum += pow(pcm[at + i] - a * cos(w) - b * sin(w), 2);
            }
            rest[parts++] = dbov(sum / part) - level;
        }
    }
    qsort(rest, parts, sizeof *rest, by_size);
    *noise = rest[parts / 2];
    *peak = rest[parts - 1];
    for (size_t i = parts; i-- > 0 && rest[i] > MAX(CLICK_DB, *noise + out_db);)
        clicks++;
    return clicks;
}
