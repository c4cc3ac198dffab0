#include "call/report/quality.h"

#include "base/log.h"
#include "base/stats.h"
#include "media/rtp/mos.h"

#include <string.h>

/* G.107 annex B: below 3.6 many are dissatisfied, below 3.1 nearly all. */
#define GOOD   3.6
#define FAIR   3.1
#define MARGIN 0.2 /* a better rating must be earned by as much */

const char *cw_rating_name(cw_rating rating)
{
    static const char *const names[] = { "", "good", "fair", "poor" };

    return names[rating];
}

static cw_rating rate(double mos, double margin)
{
    if (mos >= GOOD + margin)
        return CW_RATING_GOOD;
    return mos >= FAIR + margin ? CW_RATING_FAIR : CW_RATING_POOR;
}

cw_rating cw_rating_next(cw_rating now, double mos)
{
    cw_rating plain = rate(mos, 0);

    if (now == CW_RATING_NONE || plain >= now)
        return plain;
    return MIN(now, rate(mos, MARGIN));
}

/* ── One window ── */

static const cw_ep_stats nothing;

/* Counters that shrank are another endpoint's. */
static const cw_ep_stats *since(const cw_ep_stats *before, const cw_ep_stats *now)
{
    return now->rx_packets < before->rx_packets || now->tx_packets < before->tx_packets ? &nothing
                                                                                        : before;
}

void cw_way_between(const cw_ep_stats *before, const cw_ep_stats *now, unsigned codec,
                    double rtt_ms, cw_way *ret)
{
    const cw_ep_stats *from = since(before, now);
    double packets = (double)(now->rx_packets - from->rx_packets);
    /* What was late in the window before may come now: then less is lost than was. */
    double lost = now->rx_lost > from->rx_lost ? (double)(now->rx_lost - from->rx_lost) : 0;
    double gaps = now->rx_gaps - from->rx_gaps;
    double late = now->rx_discarded - from->rx_discarded;

    *ret = (cw_way){ .known = packets > 0, .jitter_ms = now->rx_jitter_ms };
    if (!ret->known)
        return;
    ret->loss = MIN(1, (lost + late) / (packets + lost));
    if (codec != CW_MOS_OTHER)
        ret->mos = cw_mos(&(cw_mos_in){ .codec = codec,
                                        .loss = ret->loss,
                                        .burst = gaps > 0 ? lost / gaps : 1,
                                        .rtt_ms = rtt_ms,
                                        .jitter_ms = ret->jitter_ms });
}

/* What the far side's last report says, if one came. */
static void way_reported(const cw_ep_stats *before, const cw_ep_stats *now, unsigned codec,
                         double rtt_ms, cw_way *ret)
{
    *ret = (cw_way){ .known = now->remote_reports != before->remote_reports && now->remote_reports,
                     .loss = now->remote_lost,
                     .jitter_ms = now->remote_jitter_ms };
    if (ret->known && codec != CW_MOS_OTHER)
        ret->mos = cw_mos(&(cw_mos_in){ .codec = codec,
                                        .loss = ret->loss,
                                        .burst = 1,
                                        .rtt_ms = rtt_ms,
                                        .jitter_ms = ret->jitter_ms });
}

static void sum_up(cw_way_sum *sum, const cw_way *way)
{
    if (!way->known)
        return;
    sum->n++;
    sum->jitter_sum += way->jitter_ms;
    sum->jitter_max = MAX(sum->jitter_max, way->jitter_ms);
    if (way->mos == 0)
        return;
    sum->mos_min = sum->mos_n ? MIN(sum->mos_min, way->mos) : way->mos;
    sum->mos_sum += way->mos;
    sum->mos_n++;
}

static void add_up(cw_ep_stats *total, const cw_ep_stats *before, const cw_ep_stats *now)
{
    const cw_ep_stats *from = since(before, now);

    total->rx_packets += now->rx_packets - from->rx_packets;
    total->rx_bytes += now->rx_bytes - from->rx_bytes;
    total->tx_packets += now->tx_packets - from->tx_packets;
    total->tx_bytes += now->tx_bytes - from->tx_bytes;
    total->rx_dropped += now->rx_dropped - from->rx_dropped;
    total->rx_discarded += now->rx_discarded - from->rx_discarded;
    total->rx_gaps += now->rx_gaps - from->rx_gaps;
    total->rx_lost += now->rx_lost - from->rx_lost; /* may shrink: what was late came */
}

/* ── A leg ── */

static const cw_format *format_of(const cw_media_desc *desc, unsigned stream, uint8_t pt)
{
    const cw_stream *s = stream < desc->stream_n ? &desc->stream[stream] : NULL;

    for (unsigned i = 0; s && i < s->format_n; i++)
        if (s->format[i].pt == pt)
            return &s->format[i];
    return NULL;
}

/* Digits pass with a payload type of their own; the codec is what was heard before. */
static unsigned note_codec(const cw_format *format, char name[static 32])
{
    if (format && !cw_format_is_helper(format))
        g_snprintf(name, 32, "%s/%u", format->name, format->clock_hz);
    else if (!format || !name[0])
        return CW_MOS_OTHER;

    char *end = strchr(name, '/');
    g_autofree char *bare = end ? g_strndup(name, (gsize)(end - name)) : NULL;

    return bare ? cw_mos_codec_of(bare) : CW_MOS_OTHER;
}

static CW_ON_LOOP void sample_stream(cw_leg *leg, unsigned i, const cw_ep *ep, cw_stream_quality *q)
{
    unsigned rx = CW_MOS_OTHER, tx = CW_MOS_OTHER;
    cw_ep_stats now;

    cw_ep_get_stats(ep, &now);
    if (now.rx_packets)
        rx = note_codec(format_of(leg->local ? *leg->local : leg->desc, i, now.rx_pt), q->rx_codec);
    if (now.tx_packets)
        tx = note_codec(format_of(leg->desc, i, now.tx_pt), q->tx_codec);
    q->rtt_ms = now.rtt_ms;
    q->rtt_max_ms = MAX(q->rtt_max_ms, now.rtt_ms);
    cw_way_between(&q->last, &now, rx, now.rtt_ms, &q->sent);
    way_reported(&q->last, &now, tx, now.rtt_ms, &q->heard);
    sum_up(&q->sent_sum, &q->sent);
    sum_up(&q->heard_sum, &q->heard);
    add_up(&q->total, &q->last, &now);
    q->last = now;
    q->samples++;
}

/* The worse direction of its sound; 0: neither is known. */
static double worst_mos(const cw_stream_quality *q)
{
    double sent = q->sent.known ? q->sent.mos : 0, heard = q->heard.known ? q->heard.mos : 0;

    return sent > 0 && heard > 0 ? MIN(sent, heard) : MAX(sent, heard);
}

cw_stream_quality *cw_leg_stream_quality(const cw_leg *leg, unsigned stream)
{
    return leg->quality && stream < leg->quality->stream_n ? &leg->quality->stream[stream] : NULL;
}

/* Room for as many streams as the leg has. */
static CW_ON_LOOP void make_room(cw_leg *leg)
{
    unsigned was = leg->quality ? leg->quality->stream_n : 0, n = MAX(was, leg->desc->stream_n);

    if (leg->quality && n == was)
        return;
    leg->quality = g_realloc(leg->quality, offsetof(struct cw_leg_quality, stream[n]));
    if (was == 0)
        memset(leg->quality, 0, sizeof *leg->quality);
    memset(&leg->quality->stream[was], 0, (n - was) * sizeof leg->quality->stream[0]);
    leg->quality->stream_n = n;
}

bool cw_leg_sample(cw_leg *leg)
{
    int sound = cw_leg_stream(leg, CW_AUDIO);
    cw_rating before;
    double mos;

    if (leg->ended)
        return false;
    make_room(leg);
    before = leg->quality->rating;
    for (unsigned i = 0; i < leg->desc->stream_n; i++) {
        const cw_ep *ep = leg->ops->endpoint(leg, i);

        if (ep && !leg->desc->stream[i].refused)
            sample_stream(leg, i, ep, &leg->quality->stream[i]);
    }
    mos = sound >= 0 ? worst_mos(&leg->quality->stream[sound]) : 0;
    if (mos == 0)
        return false;
    leg->quality->rating = cw_rating_next(before, mos);
    leg->quality->windows[leg->quality->rating]++;
    return leg->quality->rating != before;
}

/* ── As JSON ── */

static int permille(double value)
{
    return (int)(value * 1000 + 0.5);
}

static json_t *way_json(const cw_way *way)
{
    if (!way->known)
        return NULL;
    return json_pack("{s:o* s:i s:i}", "mos",
                     way->mos > 0 ? json_integer((int)(way->mos * 100 + 0.5)) : NULL, "loss",
                     permille(way->loss), "jitter_ms", (int)(MIN(way->jitter_ms, 60000) + 0.5));
}

json_t *cw_leg_quality_json(const cw_leg *leg)
{
    int i = cw_leg_stream(leg, CW_AUDIO);
    const cw_stream_quality *q = i >= 0 ? cw_leg_stream_quality(leg, (unsigned)i) : NULL;

    if (!q || leg->quality->rating == CW_RATING_NONE)
        return NULL;
    return json_pack("{s:s s:o* s:o* s:o*}", "rating", cw_rating_name(leg->quality->rating),
                     "rtt_ms", q->rtt_ms > 0 ? json_integer((int)(q->rtt_ms + 0.5)) : NULL, "sent",
                     way_json(&q->sent), "heard", way_json(&q->heard));
}

static void window_json(json_t *into, const char *name, const cw_way *way)
{
    if (way->known)
        json_object_set_new(into, name,
                            json_pack("{s:o* s:f s:f}", "mos",
                                      way->mos > 0 ? json_real(way->mos) : NULL, "loss", way->loss,
                                      "jitter_ms", way->jitter_ms));
}

void cw_stream_quality_json(const cw_leg *leg, unsigned i, json_t *into)
{
    const cw_stream_quality *q = cw_leg_stream_quality(leg, i);
    json_t *last;

    if (!q || !q->samples)
        return;
    last = json_object();
    window_json(last, "sent", &q->sent);
    window_json(last, "heard", &q->heard);
    json_object_set_new(into, "window", last);
    json_object_set_new(into, "silences", json_integer(q->silences));
}
