#include "sound.h"

#include <glib.h>
#include <math.h>

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
