#include "media/codec/jitter.h"

#include <glib.h>
#include <string.h>

#define BIN_US      5000
#define BINS        100
#define FORGET      0.995f /* a packet's weight after each one that follows */
#define IN_TIME     0.97f
#define START_US    40000 /* waited for before anything is known */
#define WINDOW_US   2000000
#define WINDOWS     4 /* over which the fastest packet is looked for: clocks drift */
#define JUMP_SEQ    1000
#define JUMP_US     2000000
#define LATE_RUN    8      /* that many too late in a row: the way has changed */
#define OVERFULL_US 200000 /* above the longest delay: whoever plays fell behind */

typedef struct slot {
    bool used;
    uint16_t seq;
    uint8_t pt;
    uint16_t len, cap;
    int64_t ts; /* unwrapped */
    uint8_t *data;
} slot;

struct cw_jitter {
    uint32_t clock_hz;
    int64_t min_us, max_us;
    slot slot[CW_JITTER_SLOTS];
    unsigned n; /* used */
    bool known; /* a packet came since the reset */
    int64_t ts; /* unwrapped, of the last that came */
    uint16_t newest;
    uint64_t first_us; /* when the first one in the buffer came, before playing */

    bool playing;
    bool quiet;
    int64_t next;  /* time to be heard next, ticks */
    uint16_t last; /* sequence number played */
    unsigned late_run;

    int64_t fastest[WINDOWS]; /* transit times, INT64_MAX: none yet */
    unsigned window;
    uint64_t window_us; /* end of this one */
    float bin[BINS];    /* arrivals by how much later than the fastest they were */
    int64_t target_us;
    cw_jitter_count count;
};

static int64_t us_of(const cw_jitter *jitter, int64_t ticks)
{
    return ticks * 1000 / (jitter->clock_hz / 1000);
}

static int64_t fastest(const cw_jitter *jitter)
{
    int64_t least = INT64_MAX;

    for (unsigned i = 0; i < WINDOWS; i++)
        least = MIN(least, jitter->fastest[i]);
    return least;
}

/* ── Learning ── */
static void forget_transit(cw_jitter *jitter)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        jitter->fastest[i] = INT64_MAX;
    jitter->window_us = 0;
}

static void find_target(cw_jitter *jitter)
{
    float all = 0, some = 0;
    unsigned i;

    for (i = 0; i < BINS; i++)
        all += jitter->bin[i];
    for (i = 0; i + 1 < BINS; i++) {
        some += jitter->bin[i];
        if (some >= all * IN_TIME)
            break;
    }
    jitter->target_us = CLAMP((int64_t)(i + 1) * BIN_US, jitter->min_us, jitter->max_us);
}

static void learn(cw_jitter *jitter, int64_t ts, uint64_t now_us)
{
    int64_t transit = (int64_t)now_us - us_of(jitter, ts), late;

    if (now_us >= jitter->window_us) {
        jitter->window = (jitter->window + 1) % WINDOWS;
        jitter->fastest[jitter->window] = INT64_MAX;
        jitter->window_us = now_us + WINDOW_US;
    }
    jitter->fastest[jitter->window] = MIN(jitter->fastest[jitter->window], transit);
    late = (transit - fastest(jitter)) / BIN_US;
    for (unsigned i = 0; i < BINS; i++)
        jitter->bin[i] *= FORGET;
    jitter->bin[MIN(late, BINS - 1)] += 1;
    find_target(jitter);
}

/* ── Made ── */
cw_jitter *cw_jitter_new(uint32_t clock_hz, unsigned min_ms, unsigned max_ms)
{
    cw_jitter *jitter = g_new0(cw_jitter, 1);

    jitter->clock_hz = MAX(clock_hz, 1000);
    jitter->min_us = (int64_t)min_ms * 1000;
    jitter->max_us = MAX((int64_t)max_ms * 1000, jitter->min_us);
    jitter->bin[START_US / BIN_US - 1] = 10;
    forget_transit(jitter);
    find_target(jitter);
    return jitter;
}

void cw_jitter_free(cw_jitter *jitter)
{
    if (!jitter)
        return;
    for (unsigned i = 0; i < CW_JITTER_SLOTS; i++)
        g_free(jitter->slot[i].data);
    g_free(jitter);
}

void cw_jitter_reset(cw_jitter *jitter)
{
    for (unsigned i = 0; i < CW_JITTER_SLOTS; i++)
        jitter->slot[i].used = false;
    jitter->n = 0;
    jitter->known = jitter->playing = jitter->quiet = false;
    jitter->late_run = 0;
    forget_transit(jitter);
}

void cw_jitter_clock(cw_jitter *jitter, uint32_t clock_hz)
{
    cw_jitter_reset(jitter);
    jitter->clock_hz = MAX(clock_hz, 1000);
}

/* ── In ── */
static int64_t unwrap(const cw_jitter *jitter, uint32_t ts)
{
    return jitter->known ? jitter->ts + (int32_t)(ts - (uint32_t)jitter->ts) : (int64_t)ts;
}

/* Not what went before: another stream, or clock. */
static bool jumps(const cw_jitter *jitter, const cw_jitter_packet *packet, uint64_t now_us)
{
    int16_t ahead = (int16_t)(packet->seq - jitter->newest);
    int64_t transit, least = fastest(jitter);

    if (!jitter->known || least == INT64_MAX)
        return false;
    transit = (int64_t)now_us - us_of(jitter, unwrap(jitter, packet->ts));
    return ABS(ahead) > JUMP_SEQ || ABS(transit - least) > JUMP_US;
}

static void release(cw_jitter *jitter, slot *s)
{
    s->used = false;
    jitter->n--;
}

static bool store(cw_jitter *jitter, const cw_jitter_packet *packet, int64_t ts)
{
    slot *s = &jitter->slot[packet->seq % CW_JITTER_SLOTS];

    if (s->used && s->seq == packet->seq)
        return false;
    if (s->used) { /* as many behind as there are slots */
        jitter->count.discarded++;
        release(jitter, s);
    }
    if (packet->len > s->cap) {
        g_free(s->data);
        s->data = g_malloc(packet->len);
        s->cap = packet->len;
    }
    memcpy(s->data, packet->data, packet->len);
    s->used = true;
    s->seq = packet->seq;
    s->pt = packet->pt;
    s->len = packet->len;
    s->ts = ts;
    jitter->n++;
    return true;
}

static bool discard(cw_jitter *jitter)
{
    jitter->count.discarded++;
    return false;
}

/* Too late to be heard. Many in a row are not late: the way has become longer for good. */
static bool is_late(cw_jitter *jitter, int64_t ts)
{
    if (!jitter->playing || ts >= jitter->next) {
        jitter->late_run = 0;
        return false;
    }
    if (++jitter->late_run < LATE_RUN)
        return true;
    cw_jitter_reset(jitter);
    return false;
}

bool cw_jitter_put(cw_jitter *jitter, const cw_jitter_packet *packet, uint64_t now_us)
{
    int64_t ts;

    if (packet->len == 0 || packet->len > CW_JITTER_PAYLOAD)
        return discard(jitter);
    if (jumps(jitter, packet, now_us))
        cw_jitter_reset(jitter);
    ts = unwrap(jitter, packet->ts);
    learn(jitter, ts, now_us);
    if (is_late(jitter, ts))
        return discard(jitter);
    if (jitter->n == 0)
        jitter->first_us = now_us;
    if (!store(jitter, packet, ts))
        return discard(jitter);
    if (!jitter->known || (int16_t)(packet->seq - jitter->newest) > 0) {
        jitter->newest = packet->seq;
        jitter->ts = ts;
    }
    jitter->known = true;
    return true;
}

/* ── Out ── */
/* The earliest in the buffer by number, NULL: it is empty. */
static slot *first_of(cw_jitter *jitter)
{
    for (unsigned back = CW_JITTER_SLOTS; back-- > 0 && jitter->n > 0;) {
        uint16_t seq = (uint16_t)(jitter->newest - back);
        slot *s = &jitter->slot[seq % CW_JITTER_SLOTS];

        if (s->used && s->seq == seq)
            return s;
    }
    return NULL;
}

int64_t cw_jitter_excess_us(const cw_jitter *jitter, uint64_t now_us)
{
    int64_t least = fastest(jitter);

    if (!jitter->playing || least == INT64_MAX)
        return 0;
    return (int64_t)now_us - us_of(jitter, jitter->next) - least - jitter->target_us;
}

static void show(const slot *s, cw_jitter_packet *ret)
{
    *ret = (cw_jitter_packet){
        .seq = s->seq, .ts = (uint32_t)s->ts, .pt = s->pt, .len = s->len, .data = s->data
    };
}

static cw_jitter_step play(cw_jitter *jitter, slot *s, cw_jitter_packet *ret)
{
    show(s, ret);
    release(jitter, s);
    jitter->next = s->ts;
    jitter->last = s->seq;
    return CW_JITTER_PLAY;
}

static cw_jitter_step start(cw_jitter *jitter, slot *s, uint64_t now_us, cw_jitter_packet *ret)
{
    if (!s || now_us < jitter->first_us + (uint64_t)jitter->target_us)
        return CW_JITTER_WAIT;
    jitter->playing = true;
    jitter->quiet = false;
    return play(jitter, s, ret);
}

/* Nothing there. If it is not late yet, waiting for it makes the delay longer, as it should be. */
static cw_jitter_step starve(cw_jitter *jitter, uint64_t now_us, uint32_t ticks)
{
    if (jitter->quiet) {
        jitter->next += ticks;
        return CW_JITTER_QUIET;
    }
    if (cw_jitter_excess_us(jitter, now_us) >= 0)
        jitter->next += ticks;
    jitter->count.concealed += ticks;
    return CW_JITTER_EMPTY;
}

/* The next packet is of a later time though none is missing: a pause, which may be cut or drawn
 * out so that the packet waits as long as it should. */
static cw_jitter_step pause_until(cw_jitter *jitter, slot *s, uint64_t now_us, uint32_t *ticks,
                                  cw_jitter_packet *ret)
{
    int64_t due = us_of(jitter, s->ts) + fastest(jitter) + jitter->target_us;

    if ((int64_t)now_us >= due)
        return play(jitter, s, ret);
    jitter->next = MIN(jitter->next + *ticks, s->ts - 1);
    return CW_JITTER_QUIET;
}

/* One before it is missing, and may still come if there should be more time. */
static cw_jitter_step bridge(cw_jitter *jitter, slot *s, uint64_t now_us, uint32_t *ticks,
                             cw_jitter_packet *ret)
{
    int64_t gap = s->ts - jitter->next;

    if (cw_jitter_excess_us(jitter, now_us) < 0)
        return starve(jitter, now_us, *ticks);
    if (gap <= *ticks) {
        show(s, ret);
        *ticks = (uint32_t)gap;
    }
    jitter->next += *ticks;
    jitter->count.concealed += *ticks;
    return CW_JITTER_LOST;
}

/* Whoever plays fell far behind: gaps are skipped, then the oldest are let go. */
static slot *shed(cw_jitter *jitter, slot *s, uint64_t now_us)
{
    int64_t most = jitter->max_us - jitter->target_us + OVERFULL_US;

    while (s && cw_jitter_excess_us(jitter, now_us) > most) {
        jitter->last = (uint16_t)(s->seq - 1);
        if (s->ts > jitter->next) {
            jitter->next = s->ts;
            continue;
        }
        jitter->count.discarded++;
        release(jitter, s);
        jitter->next = s->ts + 1;
        s = first_of(jitter);
    }
    return s;
}

cw_jitter_step cw_jitter_next(cw_jitter *jitter, uint64_t now_us, uint32_t *ticks,
                              cw_jitter_packet *ret)
{
    slot *s = first_of(jitter);

    *ret = (cw_jitter_packet){ 0 };
    if (!jitter->playing)
        return start(jitter, s, now_us, ret);
    s = shed(jitter, s, now_us);
    if (!s)
        return starve(jitter, now_us, *ticks);
    if (s->ts <= jitter->next)
        return play(jitter, s, ret);
    if (s->seq == (uint16_t)(jitter->last + 1))
        return pause_until(jitter, s, now_us, ticks, ret);
    return bridge(jitter, s, now_us, ticks, ret);
}

void cw_jitter_played(cw_jitter *jitter, uint32_t ticks, bool quiet)
{
    jitter->next += ticks;
    jitter->quiet = quiet;
}

void cw_jitter_get_count(const cw_jitter *jitter, uint64_t now_us, cw_jitter_count *ret)
{
    int64_t delay_us = cw_jitter_excess_us(jitter, now_us) + jitter->target_us;

    *ret = jitter->count;
    ret->target_ms = (unsigned)(jitter->target_us / 1000);
    ret->delay_ms = jitter->playing && delay_us > 0 ? (unsigned)(delay_us / 1000) : 0;
}
