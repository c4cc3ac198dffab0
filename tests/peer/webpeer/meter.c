/* meter.c - what arrived: loss by sequence number, latency, the pitch of what is heard. */
#include "webpeer.h"

#include <math.h>
#include <string.h>

#define FULL_SCALE 32124.0

void wp_meter_reset(wp_meter *meter)
{
    bool started = meter->started;
    uint16_t seq = meter->seq;

    memset(meter, 0, sizeof *meter);
    meter->started = started;
    meter->seq = seq;
}

void wp_meter_packet(wp_meter *meter, uint16_t seq, uint32_t ssrc, uint8_t pt)
{
    int16_t ahead = (int16_t)(seq - meter->seq);

    meter->received++;
    meter->pt = pt;
    meter->ssrc = ssrc;
    if (!meter->started) {
        meter->started = true;
        meter->seq = seq + 1;
        return;
    }
    if (ahead < 0) {
        meter->late++;
        if (meter->lost)
            meter->lost--;
        return;
    }
    meter->lost += (uint64_t)ahead;
    meter->seq = seq + 1;
}

static unsigned bucket_of(uint64_t ns)
{
    double us = (double)ns / 1000;
    double at = us < 1 ? 0 : log2(us) * 8;

    return at >= WP_BUCKETS ? WP_BUCKETS - 1 : (unsigned)at;
}

void wp_meter_latency(wp_meter *meter, uint64_t ns)
{
    meter->latency[bucket_of(ns)]++;
}

void wp_meter_samples(wp_meter *meter, const uint8_t *data, size_t len)
{
    while (len) {
        size_t n = MIN(len, WP_SAMPLES - meter->sample_at);

        memcpy(meter->samples + meter->sample_at, data, n);
        data += n;
        len -= n;
        meter->sample_at = (meter->sample_at + (unsigned)n) % WP_SAMPLES;
        meter->sample_n = MIN(meter->sample_n + (unsigned)n, WP_SAMPLES);
    }
}

void wp_meter_add(wp_meter *sum, const wp_meter *meter)
{
    sum->sent += meter->sent;
    sum->sent_rtcp += meter->sent_rtcp;
    sum->received += meter->received;
    sum->received_rtcp += meter->received_rtcp;
    sum->bytes += meter->bytes;
    sum->bad += meter->bad;
    sum->lost += meter->lost;
    sum->late += meter->late;
    for (unsigned i = 0; i < WP_BUCKETS; i++)
        sum->latency[i] += meter->latency[i];
}

/* Microseconds below which `share` of the packets stayed (the middle of their bucket). */
static double percentile(const wp_meter *meter, double share)
{
    uint64_t all = 0, seen = 0;

    for (unsigned i = 0; i < WP_BUCKETS; i++)
        all += meter->latency[i];
    for (unsigned i = 0; i < WP_BUCKETS; i++) {
        seen += meter->latency[i];
        if (all && (double)seen >= share * (double)all)
            return exp2((i + 0.5) / 8);
    }
    return 0;
}

/* Power of one frequency, 1: a sine of full scale (Goertzel). */
static double power_at(const double *x, unsigned n, double hz)
{
    double c = 2 * cos(2 * G_PI * hz / 8000), s1 = 0, s2 = 0;

    for (unsigned i = 0; i < n; i++) {
        double s0 = x[i] + c * s1 - s2;

        s2 = s1;
        s1 = s0;
    }
    return (s1 * s1 + s2 * s2 - c * s1 * s2) * 4 / ((double)n * n);
}

static double decibel(double power)
{
    return power > 1e-10 ? 10 * log10(power) : -100;
}

static json_t *sound_json(const wp_meter *meter, bool alaw, unsigned hz)
{
    double x[WP_SAMPLES], all = 0, peak = 0;
    unsigned n = meter->sample_n, peak_hz = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned at = (meter->sample_at + WP_SAMPLES - n + i) % WP_SAMPLES;

        x[i] = (alaw ? wp_alaw(meter->samples[at]) : wp_ulaw(meter->samples[at])) / FULL_SCALE;
        all += x[i] * x[i];
    }
    for (unsigned f = 50; f < 4000; f += 10) {
        double p = power_at(x, n, f);

        if (p > peak) {
            peak = p;
            peak_hz = f;
        }
    }
    return json_pack("{s:f, s:i, s:f, s:f}", "level_db", decibel(2 * all / n), "peak_hz",
                     (int)peak_hz, "peak_db", decibel(peak), "tone_db",
                     decibel(power_at(x, n, hz)));
}

json_t *wp_meter_json(const wp_meter *meter, const char *codec, unsigned hz)
{
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:f, s:f}", "sent",
        (json_int_t)meter->sent, "sent_rtcp", (json_int_t)meter->sent_rtcp, "received",
        (json_int_t)meter->received, "received_rtcp", (json_int_t)meter->received_rtcp, "bytes",
        (json_int_t)meter->bytes, "bad", (json_int_t)meter->bad, "lost", (json_int_t)meter->lost,
        "late", (json_int_t)meter->late, "pt", meter->pt, "ssrc", (json_int_t)meter->ssrc,
        "latency_p50_us", percentile(meter, 0.5), "latency_p99_us", percentile(meter, 0.99));

    if (codec && meter->sample_n == WP_SAMPLES)
        json_object_set_new(json, "sound", sound_json(meter, codec[3] == 'A', hz));
    return json;
}
