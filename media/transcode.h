/* transcode.h - sound in one codec made sound in another, or listened to for keys, on threads of
 * its own.
 *
 *   worker ──ring──▶ pool: jitter buffer, decoder, resampler, encoder ──ring, one wake a batch──▶
 * worker
 *
 * A cw_trans is one direction of a call: what an endpoint receives, for the one it is joined to, or
 * for nobody but the listener. The worker makes it when the first packet needs it, and lets go of
 * it when the join or the formats change; the pool frees it. A thread of the pool starts with the
 * first cw_trans it gets, ticks only while packets come, and handles its own only.
 */
#ifndef CW_MEDIA_TRANSCODE_H
#define CW_MEDIA_TRANSCODE_H

#include "media/sdp/desc.h"
#include "media/mail.h"
#include "media/ring.h"
#include "media/codec/codec.h"
#include "media/codec/jitter.h"
#include "media/codec/keytone.h"
#include "media/codec/resample.h"

#include <glib.h>

#define CW_PT_TRANSCODE      0xfe /* in cw_ep.map: to the pool */
#define CW_TRANS_THREADS_MAX 64
#define CW_TRANS_TICK_MS     10
#define CW_TRANS_RING        8192  /* bytes: 300 ms of the widest codec, and more of others */
#define CW_TRANS_FADE_MS     1000  /* made-up sound at most, then nothing is sent */
#define CW_TRANS_PAUSE_MS    10000 /* and when the sender said that it pauses */

struct cw_worker;
struct cw_ep;

typedef struct cw_trans_conf {
    unsigned threads; /* 0: one less than cores, at least one */
    unsigned opus_complexity;
    unsigned jitter_min_ms, jitter_max_ms;
} cw_trans_conf;

typedef struct cw_trans_pool cw_trans_pool;
typedef struct cw_trans_thread cw_trans_thread;

/* What precedes a payload in the rings. */
typedef struct cw_trans_in {
    uint64_t at_us;
    uint32_t ts, ssrc;
    uint16_t seq;
    uint8_t pt;
} cw_trans_in;

typedef struct cw_trans_out {
    uint32_t ts;
    bool fresh; /* does not continue what was before */
    char key;   /* was heard and let go; no payload then. 0: a packet */
    unsigned key_ms;
} cw_trans_out;

/* Written by the pool, read by the worker. */
typedef struct cw_trans_count {
    _Atomic uint32_t concealed_ms, discarded, delay_ms;
} cw_trans_count;

typedef struct cw_trans {
    /* ── The worker's ── */
    struct cw_ep *from CW_OF_MEDIA, *to CW_OF_MEDIA; /* borrowed; to NULL: only listened to */
    uint16_t seq CW_OF_MEDIA;
    uint32_t ssrc CW_OF_MEDIA;

    /* ── Between ── */
    cw_ring in, out;
    _Atomic bool awake;    /* the pool's thread looks at it */
    _Atomic uint8_t asked; /* mode that the sender wants to receive */
    _Atomic uint8_t cmr;   /* mode that the receiver wants to receive */
    _Atomic uint8_t loss;  /* percent that the receiver loses */
    cw_trans_count count;
    cw_mail wake, remove;

    /* ── Written once ── */
    cw_trans_thread *thread;
    struct cw_worker *worker;
    unsigned of_worker; /* its index */
    cw_trans_conf conf;
    cw_stream *rx; /* what comes */
    cw_format tx;  /* what goes */
    unsigned ptime_ms;
    bool listens; /* for keys in the sound */
    bool hushes;  /* and takes them out of it */
    bool mute;    /* nothing goes, it only listens; `tx` is what it hears in */

    /* ── The pool's ── */
    bool active CW_OF_CODEC; /* in the thread's list */
    unsigned phase CW_OF_CODEC, step_ms CW_OF_CODEC;
    uint64_t heard_us CW_OF_CODEC; /* when the last packet came */
    uint32_t in_ssrc CW_OF_CODEC, clock_hz CW_OF_CODEC;
    uint8_t pt CW_OF_CODEC; /* of `decoder` */
    cw_jitter *jitter CW_OF_CODEC;
    cw_decoder *decoder CW_OF_CODEC;
    cw_resampler *resampler CW_OF_CODEC; /* NULL: the rates are the same */
    cw_encoder *encoder CW_OF_CODEC;
    int16_t *pcm CW_OF_CODEC; /* decoded, at the encoder's rate, not yet sent */
    size_t pcm_n CW_OF_CODEC, pcm_cap CW_OF_CODEC;
    size_t due CW_OF_CODEC; /* samples of it that should be there by now */
    uint32_t ts CW_OF_CODEC;
    bool flowing CW_OF_CODEC;
    unsigned stretch_wait CW_OF_CODEC; /* packets until the next stretch */
    cw_keytone_detector detector CW_OF_CODEC;
    cw_resampler *ear CW_OF_CODEC; /* from ear_hz to the detector's; NULL: not needed yet */
    unsigned ear_hz CW_OF_CODEC;
} cw_trans;

/* ── The pool (transcode_pool.c) ── */
cw_trans_pool *cw_trans_pool_new(const cw_trans_conf *conf, unsigned workers) CW_ON_LOOP;
/* Joins the threads: nobody is woken any more. Then, when the workers are gone too, free it. */
void cw_trans_pool_stop(cw_trans_pool *pool) CW_ON_LOOP;
void cw_trans_pool_free(cw_trans_pool *pool) CW_ON_LOOP; /* NULL is fine */
unsigned cw_trans_pool_threads(cw_trans_pool *pool);     /* running now. Any thread */

/* NULL: no thread can be had. `rx` is copied. `tx` NULL: it only listens. */
cw_trans *cw_trans_new(cw_trans_pool *pool, struct cw_worker *worker, unsigned of_worker,
                       const cw_stream *rx, const cw_format *tx, unsigned ptime_ms,
                       bool listens) CW_ON_MEDIA;
void cw_trans_free(cw_trans *trans) CW_ON_MEDIA; /* the pool frees it later; NULL is fine */
/* A packet for it. False: its ring is full. */
bool cw_trans_put(cw_trans *trans, const cw_trans_in *in, const uint8_t *payload,
                  uint16_t len) CW_ON_MEDIA;

/* ── One direction, on its thread (transcode_sound.c) ── */
void cw_trans_begin(cw_trans *trans) CW_ON_CODEC;
/* One step; `now_us` is the time it is for. False: nothing comes any more, let it sleep. */
bool cw_trans_step(cw_trans *trans, uint64_t now_us) CW_ON_CODEC;
void cw_trans_end(cw_trans *trans) CW_ON_CODEC;

/* ── Listening (transcode_keys.c) ── */
/* Sound at the encoder's rate, at most CW_CODEC_PCM_MAX. */
void cw_trans_hear(cw_trans *trans, const int16_t *pcm, size_t n) CW_ON_CODEC;
void cw_trans_hear_end(cw_trans *trans)
    CW_ON_CODEC; /* nothing comes for a while: keys are let go */

/* ── The worker's side (flow_trans.c) ── */
/* Formats or joins have changed: mark in ep->map what is to be transcoded, let go of what does not
 * fit any more. */
void cw_flow_transcoding(struct cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
void cw_flow_transcoding_end(struct cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
void cw_flow_transcoded(struct cw_worker *worker) CW_ON_MEDIA; /* send what the pool made */

/* ── And of listening (flow_listen.c) ── */
/* Formats or the mode have changed: let go of a listener that does not fit any more. */
void cw_flow_listening(struct cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
void cw_flow_listening_end(struct cw_worker *worker, struct cw_ep *ep) CW_ON_MEDIA;
/* The formats of what comes are as they were when it was made. */
bool cw_trans_same_rx(const cw_trans *trans, const cw_stream *rx) CW_ON_MEDIA;
bool cw_trans_same_format(const cw_format *a, const cw_format *b); /* pure */

#endif
