/* leg_sip_secure.c - how a SIP leg's streams are protected: what is offered and taken of SDES (RFC
 * 4568), DTLS-SRTP (RFC 5763) and best effort (RFC 8643), and the keys that come of it. No key ever
 * reaches a log or a timeline: rows name suites. */
#include "call/leg/leg_sip.h"

#include "base/log.h"
#include "media/latch.h"

#include <string.h>

/* ── A stream's ── */

static const cw_lock unlocked;
static const cw_secure nothing;

const cw_lock *cw_leg_sip_lock_of(const leg_sip *s, unsigned stream)
{
    return s->lock[stream] ? s->lock[stream] : &unlocked;
}

static CW_ON_LOOP cw_lock *get_lock(leg_sip *s, unsigned stream)
{
    if (!s->lock[stream]) {
        s->lock[stream] = g_new0(cw_lock, 1);
        s->lock[stream]->leg = s;
        s->lock[stream]->stream = stream;
    }
    return s->lock[stream];
}

static const cw_secure *ours_of(const cw_lock *lock)
{
    return lock->ours ? lock->ours : &nothing;
}

static size_t secure_size(const cw_secure *secure)
{
    return offsetof(cw_secure, crypto) + secure->crypto_n * sizeof secure->crypto[0];
}

void cw_lock_drop_ours(cw_lock *lock)
{
    if (lock->ours)
        explicit_bzero(lock->ours, secure_size(lock->ours));
    g_clear_pointer(&lock->ours, g_free);
}

void cw_lock_set_ours(cw_lock *lock, const cw_secure *ours)
{
    cw_lock_drop_ours(lock);
    lock->ours = g_memdup2(ours, secure_size(ours));
}

/* ── What we say ── */

static void new_key(cw_crypto *line, uint32_t tag, cw_srtp_suite suite)
{
    *line = (cw_crypto){ .tag = tag, .suite = suite };
    cw_random(line->key, cw_srtp_key_len(suite));
}

static CW_ON_LOOP void say_print(const leg_sip *s, cw_secure *ours, cw_setup setup)
{
    ours->fingerprint = *cw_dtls_server_fingerprint(cw_webrtc_dtls(s->calls->webrtc));
    ours->setup = setup;
    ours->setup_said = true;
}

/* A stream's first offer: a line with a key of its own for each suite. */
static CW_ON_LOOP void offer_first(const leg_sip *s, cw_lock *lock)
{
    const cw_srtp_policy *policy = &s->leg.policy.srtp;
    cw_secure ours = { 0 };

    if (policy->offer == CW_SRTP_DTLS) {
        ours.profile = CW_PROFILE_TLS_SAVP;
        say_print(s, &ours, CW_SETUP_ACTPASS);
    } else if (policy->offer != CW_SRTP_OFF) {
        ours.profile = policy->offer == CW_SRTP_SDES ? CW_PROFILE_SAVP : CW_PROFILE_AVP;
        for (; ours.crypto_n < policy->suite_n; ours.crypto_n++)
            new_key(&ours.crypto[ours.crypto_n], ours.crypto_n + 1, policy->suite[ours.crypto_n]);
    }
    cw_lock_set_ours(lock, &ours);
    explicit_bzero(&ours, sizeof ours);
}

/* Later: what was agreed, with the same keys (RFC 4568 7.1.4); any role, in which an association
 * that is there stays (RFC 8842 5.2). */
static CW_ON_LOOP void offer_again(const leg_sip *s, cw_lock *lock)
{
    cw_secure ours = { 0 };

    memcpy(&ours, ours_of(lock), offsetof(cw_secure, crypto));
    ours.crypto_n = 0;
    ours.fingerprint.len = 0;
    if (lock->keying == LOCK_SDES)
        ours.crypto[ours.crypto_n++] = lock->mine;
    else if (lock->keying == LOCK_DTLS)
        say_print(s, &ours, CW_SETUP_ACTPASS);
    cw_lock_set_ours(lock, &ours);
    explicit_bzero(&ours, sizeof ours);
}

void cw_leg_sip_lock_offer(leg_sip *s)
{
    if (s->web.on)
        return;
    for (unsigned i = 0; i < s->own->stream_n; i++) {
        cw_lock *lock;

        if (s->own->stream[i].refused)
            continue;
        lock = get_lock(s, i);
        if (lock->agreed)
            offer_again(s, lock);
        else
            offer_first(s, lock);
    }
}

void cw_leg_sip_lock_say(const leg_sip *s, unsigned stream, cw_rtp_place *place)
{
    const cw_secure *ours = ours_of(cw_leg_sip_lock_of(s, stream));
    const cw_rtp_place *theirs = cw_leg_sip_place(s, stream);

    if (s->own->stream[stream].refused) {
        place->secure.profile = theirs->secure.profile;
        place->secure.feedback = theirs->secure.feedback;
        return;
    }
    memcpy(&place->secure, ours, secure_size(ours));
    /* One association serves both, so RTCP must share its port (RFC 5764 4.1.2). */
    if (ours->fingerprint.len)
        place->rtcp_mux = ours->setup == CW_SETUP_ACTPASS || theirs->rtcp_mux;
}

/* ── Their offer ── */

static bool takes_suite(const cw_srtp_policy *policy, cw_srtp_suite suite)
{
    for (unsigned i = 0; i < policy->suite_n; i++)
        if (policy->suite[i] == suite)
            return true;
    return false;
}

/* The first they would like best that we take; NULL: none. */
static const cw_crypto *line_of(const cw_srtp_policy *policy, const cw_secure *theirs)
{
    for (unsigned i = 0; i < theirs->crypto_n; i++)
        if (takes_suite(policy, theirs->crypto[i].suite))
            return &theirs->crypto[i];
    return NULL;
}

/* False: not in a way that we may take. */
static bool choose(const cw_srtp_policy *policy, const cw_secure *theirs, cw_keying *ret)
{
    bool dtls = policy->accept & CW_ACCEPT_DTLS && theirs->fingerprint.len > 0;
    bool sdes = policy->accept & CW_ACCEPT_SDES && line_of(policy, theirs) != NULL;

    switch (theirs->profile) {
    case CW_PROFILE_TLS_SAVP:
        *ret = LOCK_DTLS;
        return dtls;
    case CW_PROFILE_SAVP:
        *ret = sdes ? LOCK_SDES : LOCK_DTLS;
        return sdes || dtls;
    default:
        dtls = dtls && theirs->setup_said;
        *ret = dtls ? LOCK_DTLS : sdes ? LOCK_SDES : LOCK_NONE;
        return *ret != LOCK_NONE || policy->accept & CW_ACCEPT_RTP;
    }
}

cw_err cw_leg_sip_lock_check(const leg_sip *s, cw_media_desc *desc, const cw_rtp_place *place)
{
    bool sound = false, refused = false;

    if (s->web.on)
        return CW_OK;
    for (unsigned i = 0; i < desc->stream_n; i++) {
        cw_keying keying;

        if (desc->stream[i].refused)
            continue;
        if (!choose(&s->leg.policy.srtp, &place[i].secure, &keying))
            desc->stream[i].refused = refused = true;
        else if (desc->stream[i].kind == CW_AUDIO)
            sound = true;
    }
    return refused && !sound ? CW_E_NOT_SECURE : CW_OK;
}

/* Their key as before: ours stays too, with its counters. */
static void answer_sdes(cw_lock *lock, const cw_crypto *line, cw_secure *ours)
{
    bool same = lock->agreed && lock->keying == LOCK_SDES && cw_crypto_same(&lock->theirs, line);

    if (same)
        lock->mine.tag = line->tag;
    else
        new_key(&lock->mine, line->tag, line->suite);
    lock->theirs = *line;
    ours->crypto[0] = lock->mine;
    ours->crypto_n = 1;
}

/* Who is behind a NAT must send first. */
static bool want_to_begin(const leg_sip *s, unsigned stream)
{
    switch (cw_leg_sip_place(s, stream)->secure.setup) {
    case CW_SETUP_ACTIVE:
        return false;
    case CW_SETUP_PASSIVE:
        return true;
    default: /* RFC 5763 5: better us, whose answer tells them enough */
        return s->leg.policy.latch == CW_LATCH_STRICT ||
               !cw_addr_is_private(&cw_leg_sip_place(s, stream)->rtp) ||
               cw_ep_rtp_local(s->ep[stream]) == NULL ||
               cw_addr_is_private(cw_ep_rtp_local(s->ep[stream]));
    }
}

static bool role_fits(const cw_lock *lock, cw_setup theirs)
{
    return theirs == CW_SETUP_ACTPASS || lock->client == (theirs == CW_SETUP_PASSIVE);
}

/* An association stays while its certificate and roles do (RFC 8842 5.1). */
static void take_print(cw_lock *lock, const cw_secure *theirs, bool client)
{
    bool same = lock->agreed && lock->keying == LOCK_DTLS && role_fits(lock, theirs->setup) &&
                cw_fingerprint_same(&lock->print, &theirs->fingerprint);

    if (same)
        return;
    lock->print = theirs->fingerprint;
    lock->client = client;
    lock->renew = true;
}

static CW_ON_LOOP void answer_dtls(leg_sip *s, cw_lock *lock, cw_secure *ours)
{
    take_print(lock, &cw_leg_sip_place(s, lock->stream)->secure, want_to_begin(s, lock->stream));
    say_print(s, ours, lock->client ? CW_SETUP_ACTIVE : CW_SETUP_PASSIVE);
}

void cw_leg_sip_lock_answer(leg_sip *s)
{
    if (s->web.on)
        return;
    for (unsigned i = 0; i < s->own->stream_n; i++) {
        const cw_secure *theirs = &cw_leg_sip_place(s, i)->secure;
        cw_secure ours = { .profile = theirs->profile, .feedback = theirs->feedback };
        cw_keying keying = LOCK_NONE;
        cw_lock *lock;

        if (s->own->stream[i].refused || !choose(&s->leg.policy.srtp, theirs, &keying))
            continue;
        lock = get_lock(s, i);
        if (keying == LOCK_SDES)
            answer_sdes(lock, line_of(&s->leg.policy.srtp, theirs), &ours);
        else if (keying == LOCK_DTLS)
            answer_dtls(s, lock, &ours);
        cw_lock_set_ours(lock, &ours);
        explicit_bzero(&ours, sizeof ours);
        lock->keying = keying;
        lock->agreed = true;
    }
}

/* ── Their answer ── */

/* One line, its tag and suite one of ours (RFC 4568 5.1.3). */
static const cw_crypto *answered_line(const cw_secure *ours, const cw_secure *theirs)
{
    const cw_crypto *line = &theirs->crypto[0];

    for (unsigned i = 0; theirs->crypto_n && i < ours->crypto_n; i++)
        if (ours->crypto[i].tag == line->tag && ours->crypto[i].suite == line->suite)
            return &ours->crypto[i];
    return NULL;
}

/* What they made of our offer; false: nothing we may accept. */
static bool judge(const cw_secure *ours, const cw_secure *theirs, cw_keying *ret)
{
    *ret = LOCK_NONE;
    if (ours->fingerprint.len) {
        *ret = LOCK_DTLS;
        return theirs->fingerprint.len > 0 && theirs->setup != CW_SETUP_ACTPASS;
    }
    if (ours->crypto_n && theirs->crypto_said) {
        *ret = LOCK_SDES;
        return answered_line(ours, theirs) != NULL;
    }
    return ours->profile == CW_PROFILE_AVP && theirs->profile == CW_PROFILE_AVP;
}

cw_err cw_leg_sip_lock_judge(const leg_sip *s, const cw_media_desc *desc, const cw_rtp_place *place)
{
    if (s->web.on)
        return CW_OK;
    for (unsigned i = 0; i < desc->stream_n && i < s->own->stream_n; i++) {
        cw_keying keying;

        if (!desc->stream[i].refused && !s->own->stream[i].refused &&
            !judge(ours_of(cw_leg_sip_lock_of(s, i)), &place[i].secure, &keying))
            return CW_E_NOT_SECURE;
    }
    return CW_OK;
}

void cw_leg_sip_lock_answered(leg_sip *s)
{
    if (s->web.on)
        return;
    for (unsigned i = 0; i < s->remote->stream_n && i < s->own->stream_n; i++) {
        const cw_secure *theirs = &cw_leg_sip_place(s, i)->secure;
        cw_keying keying;
        cw_lock *lock;

        if (s->remote->stream[i].refused || s->own->stream[i].refused ||
            !judge(ours_of(cw_leg_sip_lock_of(s, i)), theirs, &keying))
            continue;
        lock = get_lock(s, i);
        if (keying == LOCK_SDES) {
            lock->mine = *answered_line(ours_of(lock), theirs);
            lock->theirs = theirs->crypto[0];
        } else if (keying == LOCK_DTLS) {
            take_print(lock, theirs, theirs->setup == CW_SETUP_PASSIVE);
        }
        lock->keying = keying;
        lock->agreed = true;
    }
}
