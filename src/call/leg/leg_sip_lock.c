/* leg_sip_lock.c - the keys of a SIP leg's ports: from SDES, or from an association that is made
 * there; those of several forks, of which one is in use. */
#include "call/leg/leg_sip.h"

#include "base/log.h"

#include <string.h>

static const char *const keyings[] = { "none", "sdes", "dtls" };

/* ── On the port ── */

static void keys_drop(cw_lock *lock)
{
    if (lock->keys)
        explicit_bzero(lock->keys, sizeof *lock->keys);
    g_clear_pointer(&lock->keys, g_free);
}

static void on_dtls(void *arg, const cw_dtls_event *event)
{
    cw_lock *lock = arg;
    leg_sip *s = lock->leg;
    unsigned stream = lock->stream;

    cw_assert_on_loop();
    if (event->err == CW_E_MEDIA_LOST) {
        cw_leg_note(&s->leg, "DTLS", "closed by the far side"); /* its BYE decides */
        return;
    }
    if (event->err) {
        cw_leg_note(&s->leg, "DTLS", cw_err_text(event->err));
        if (lock->on_port) /* not that of a fork which is not heard */
            cw_leg_fail(&s->leg, event->err);
        return;
    }
    lock->handshake_ms = event->handshake_ms;
    lock->cipher = event->cipher;
    lock->secured = true;
    keys_drop(lock);
    lock->keys = g_memdup2(event->keys, sizeof *event->keys);
    if (lock->on_port)
        cw_ep_rtp_secure(s->ep[stream], lock->keys);
    cw_leg_note(
        &s->leg, "DTLS",
        cw_fmt("done in %u ms, %s", event->handshake_ms, cw_srtp_suite_name(event->keys->suite)));
}

/* No handshake in time, since the call was answered. */
static void on_timer(void *arg)
{
    leg_sip *s = arg;

    cw_assert_on_loop();
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        if (cw_leg_sip_lock_of(s, i)->keying != LOCK_DTLS || cw_leg_sip_lock_of(s, i)->secured ||
            !s->ep[i])
            continue;
        if (s->up)
            cw_leg_fail(&s->leg, CW_E_DTLS);
        else
            cw_timer_start(s->lock_timer, (uint64_t)s->calls->conf->media.ice_timeout_ms);
        return;
    }
}

static CW_ON_LOOP void no_dtls(leg_sip *s, unsigned stream)
{
    cw_lock *lock = s->lock[stream];

    if (!lock || !lock->dtls)
        return;
    cw_dtls_free(g_steal_pointer(&lock->dtls));
    keys_drop(lock);
    if (lock->on_port)
        cw_ep_rtp_dtls(s->ep[stream], NULL);
    lock->on_port = false;
}

/* An association that another fork's took the place of: it goes on where it was. */
static CW_ON_LOOP void return_dtls(leg_sip *s, cw_lock *lock)
{
    if (lock->on_port)
        return;
    lock->on_port = true;
    cw_ep_rtp_dtls(s->ep[lock->stream], cw_dtls_hold(lock->dtls));
    if (lock->secured)
        cw_ep_rtp_secure(s->ep[lock->stream], lock->keys);
}

static CW_ON_LOOP void apply_dtls(leg_sip *s, unsigned stream)
{
    cw_lock *lock = s->lock[stream];

    if (lock->dtls && !lock->renew) {
        return_dtls(s, lock);
        return;
    }
    lock->renew = lock->secured = false;
    cw_dtls_free(lock->dtls);
    lock->dtls = cw_dtls_new(cw_webrtc_dtls(s->calls->webrtc), on_dtls, lock);
    if (lock->client)
        cw_dtls_set_client(lock->dtls);
    cw_dtls_expect(lock->dtls, &lock->print);
    cw_ep_rtp_dtls(s->ep[stream], lock->dtls);
    lock->on_port = true;
    if (!s->lock_timer)
        s->lock_timer = cw_timer_new(s->calls->loop, on_timer, s);
    cw_timer_start(s->lock_timer, (uint64_t)s->calls->conf->media.ice_timeout_ms);
}

static CW_ON_LOOP void apply_sdes(leg_sip *s, unsigned stream)
{
    const cw_lock *lock = cw_leg_sip_lock_of(s, stream);
    cw_srtp_keys keys = { .suite = lock->mine.suite, .rx_mki_len = lock->theirs.mki_len };

    memcpy(keys.tx, lock->mine.key, sizeof keys.tx);
    memcpy(keys.rx, lock->theirs.key, sizeof keys.rx);
    memcpy(keys.rx_mki, lock->theirs.mki, sizeof keys.rx_mki);
    cw_ep_rtp_secure(s->ep[stream], &keys);
    explicit_bzero(&keys, sizeof keys);
}

static CW_ON_LOOP void note(leg_sip *s, unsigned stream)
{
    cw_lock *lock = s->lock[stream];

    if (!lock || lock->noted == lock->keying)
        return;
    lock->noted = lock->keying;
    cw_leg_note(&s->leg, "SRTP",
                lock->keying == LOCK_SDES
                    ? cw_fmt("%s by SDES", cw_srtp_suite_name(lock->mine.suite))
                    : cw_fmt("%s", lock->keying == LOCK_DTLS ? "keys by DTLS" : "none"));
}

void cw_leg_sip_lock_apply(leg_sip *s, unsigned stream)
{
    switch (cw_leg_sip_lock_of(s, stream)->keying) {
    case LOCK_DTLS:
        apply_dtls(s, stream);
        break;
    case LOCK_SDES:
        no_dtls(s, stream);
        apply_sdes(s, stream);
        break;
    case LOCK_NONE:
        no_dtls(s, stream);
        cw_ep_rtp_secure(s->ep[stream], NULL);
        break;
    }
    note(s, stream);
}

static CW_ON_LOOP void lock_free(cw_lock *lock)
{
    if (!lock)
        return;
    cw_dtls_free(lock->dtls);
    keys_drop(lock);
    cw_lock_drop_ours(lock);
    explicit_bzero(lock, sizeof *lock);
    g_free(lock);
}

void cw_leg_sip_lock_drop(leg_sip *s, unsigned stream)
{
    lock_free(g_steal_pointer(&s->lock[stream]));
}

/* ── Of several forks ── */

void cw_leg_sip_locks_copy(cw_lock *const *offered, cw_lock **ret)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        if (!offered[i])
            continue;
        ret[i] = g_new0(cw_lock, 1);
        ret[i]->leg = offered[i]->leg;
        ret[i]->stream = i;
        if (offered[i]->ours)
            cw_lock_set_ours(ret[i], offered[i]->ours);
    }
}

void cw_leg_sip_locks_clear(cw_lock **locks)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        lock_free(g_steal_pointer(&locks[i]));
}

void cw_leg_sip_locks_swap(leg_sip *s, cw_lock **from, cw_lock **to)
{
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++) {
        cw_lock *was = s->lock[i];

        if (was && was->on_port && s->ep[i])
            cw_ep_rtp_dtls(s->ep[i], NULL);
        if (was)
            was->on_port = false;
        s->lock[i] = g_steal_pointer(&to[i]);
        from[i] = was;
    }
}

json_t *cw_leg_sip_lock_json(const leg_sip *s)
{
    json_t *all = json_array();

    for (unsigned i = 0; i < s->remote->stream_n; i++) {
        const cw_lock *lock = cw_leg_sip_lock_of(s, i);
        json_t *one;

        if (s->remote->stream[i].refused)
            continue;
        one = json_pack("{s:s}", "keying", keyings[lock->keying]);
        if (lock->keying == LOCK_DTLS)
            json_object_update_new(one, json_pack("{s:s s:s s:b s:i s:s*}", "role",
                                                  lock->client ? "active" : "passive",
                                                  "fingerprint", lock->print.hash, "done",
                                                  lock->secured, "handshake_ms",
                                                  (int)lock->handshake_ms, "cipher", lock->cipher));
        json_array_append_new(all, one);
    }
    return all;
}
