#include "sip/dialog/timer.h"

#include "base/log.h"
#include "sip/dialog/call.h"

#include <string.h>

#define TRIES_MAX    3     /* 422s to one request */
#define EXPIRES_MAX  86400 /* a Min-SE above is not followed */
#define BYE_EARLY_S  32    /* 10: the BYE goes out so long before the end, at most a third */
#define TRY_AGAIN_MS 1000

typedef enum {
    TIMER_EV_WE,
    TIMER_EV_THEY,
    TIMER_EV_NOBODY,
    TIMER_EV_DUE,
    TIMER_EV_FAILED,
    TIMER_EV_EXPIRED,
} timer_event;

static void run(cw_sip_call *call, timer_event event) CW_ON_LOOP;
#define MOVE(from, event, to, action) static void do_##action(cw_sip_call *call) CW_ON_LOOP;
#include "sip/dialog/timer.fsm"
#undef MOVE

static unsigned wish_of(const cw_sip_call *call)
{
    const struct cw_conf_sip *conf = &call->sip->conf->sip;
    int wish = call->session.wish_s ? call->session.wish_s : conf->session_expires_s;

    return wish > 0 ? MAX((unsigned)wish, call->session.min_s) : 0;
}

bool cw_sip_timer_wanted(const cw_sip_call *call)
{
    return wish_of(call) > 0;
}

/* --- the table's actions --- */

static void on_due(void *arg)
{
    cw_assert_on_loop();
    run(arg, TIMER_EV_DUE);
}

static void on_expiry(void *arg)
{
    cw_assert_on_loop();
    run(arg, TIMER_EV_EXPIRED);
}

static void do_start(cw_sip_call *call)
{
    cw_sip_session *session = &call->session;
    uint64_t all_ms = 1000 * (uint64_t)session->expires_s;

    session->tries = 0;
    if (!session->due) {
        session->due = cw_timer_new(call->sip->loop, on_due, call);
        session->expiry = cw_timer_new(call->sip->loop, on_expiry, call);
    }
    cw_timer_stop(session->due);
    if (session->ours)
        cw_timer_start(session->due, all_ms / 2);
    cw_timer_start(session->expiry, all_ms - MIN(1000 * BYE_EARLY_S, all_ms / 3));
}

static void do_stop(cw_sip_call *call)
{
    if (call->session.due) {
        cw_timer_stop(call->session.due);
        cw_timer_stop(call->session.expiry);
    }
    call->session.expires_s = 0;
}

static void do_try_later(cw_sip_call *call)
{
    cw_timer_start(call->session.due, MAX(TRY_AGAIN_MS, 100 * (uint64_t)call->session.expires_s));
}

static void do_end(cw_sip_call *call)
{
    do_stop(call);
    cw_sip_call_run(call, SIP_EV_EXPIRED, NULL);
}

/* --- refreshing --- */

static void on_update(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_assert_on_loop();
    if (call->state != SIP_UP || (status > 0 && status < 200))
        return;
    if (status >= 200 && status < 300) {
        cw_sip_dialog_refresh(call->dialog, sip);
        cw_sip_timer_answered(call, sip);
        return;
    }
    if (cw_sip_reoffer_is_lost(call, status, send->err, sip))
        return;
    if (status == 405 || status == 501) /* it said otherwise */
        call->dialog->allows_update = false;
    run(call, TIMER_EV_FAILED);
    if (status == 405 || status == 501 || (status == 422 && cw_sip_timer_longer(call, sip)))
        cw_timer_start(call->session.due, 0);
}

/* 7.4: by UPDATE, which says nothing of the media; else by a re-INVITE with what holds. */
static void do_refresh(cw_sip_call *call)
{
    g_autofree char *line = cw_sip_timer_line(call);
    const char *const headers[] = { line, NULL };
    cw_sip_request request = { .method = sip_method_update, .name = "UPDATE", .headers = headers };

    if (call->state != SIP_UP)
        run(call, TIMER_EV_FAILED);
    else if (call->dialog->allows_update)
        (void)cw_sip_send_start(call, call->dialog, &request, on_update);
    else if (!cw_sip_reoffer_same(cw_sip_exchange_of(call, call->dialog)))
        run(call, TIMER_EV_FAILED);
}

static const struct {
    cw_sip_timer_state from;
    timer_event event;
    cw_sip_timer_state to;
    void (*action)(cw_sip_call *call);
} table[] = {
#define MOVE(from, event, to, action) { TIMER_##from, TIMER_EV_##event, TIMER_##to, do_##action },
#include "sip/dialog/timer.fsm"
#undef MOVE
};

static void run(cw_sip_call *call, timer_event event)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].from != call->session.state || table[i].event != event)
            continue;
        cw_sip_call_ref(call);
        call->session.state = table[i].to;
        table[i].action(call);
        cw_sip_call_unref(call);
        return;
    }
    cw_stat_inc(CW_STAT_sip_events_dropped);
}

static void agree(cw_sip_call *call, unsigned expires_s, bool ours) CW_ON_LOOP
{
    call->session.expires_s = expires_s;
    call->session.ours = ours;
    run(call, expires_s == 0 ? TIMER_EV_NOBODY : ours ? TIMER_EV_WE : TIMER_EV_THEY);
}

void cw_sip_timer_failed(cw_sip_call *call)
{
    run(call, TIMER_EV_FAILED);
}

void cw_sip_timer_restore(cw_sip_call *call, unsigned expires_s, bool ours)
{
    if (expires_s > 0)
        agree(call, MIN(expires_s, EXPIRES_MAX), ours);
}

void cw_sip_timer_stop(cw_sip_call *call)
{
    run(call, TIMER_EV_NOBODY);
}

void cw_sip_timer_clear(cw_sip_call *call)
{
    cw_timer_free(call->session.due);
    cw_timer_free(call->session.expiry);
}

/* --- as client --- */

char *cw_sip_timer_line(const cw_sip_call *call)
{
    const cw_sip_session *session = &call->session;
    unsigned expires = session->expires_s ? MAX(session->expires_s, session->min_s) : wish_of(call);
    const char *refresher = "";
    GString *line;

    if (expires == 0)
        return NULL;
    if (session->expires_s)
        refresher = session->ours ? ";refresher=uac" : ";refresher=uas";
    line = g_string_new(NULL);
    g_string_printf(line, "Session-Expires: %u%s", expires, refresher);
    if (session->min_s)
        g_string_append_printf(line, "\r\nMin-SE: %u", session->min_s);
    return g_string_free(line, FALSE);
}

static unsigned shortest(const cw_sip *sip)
{
    return (unsigned)sip->conf->sip.session_min_s;
}

void cw_sip_timer_answered(cw_sip_call *call, const sip_t *message)
{
    const sip_session_expires_t *se = message->sip_session_expires;
    bool theirs = se && se->x_refresher && g_ascii_strcasecmp(se->x_refresher, "uas") == 0;

    if (!se || !cw_sip_timer_wanted(call))
        agree(call, 0, false);
    else
        agree(call, (unsigned)CLAMP(se->x_delta, shortest(call->sip), EXPIRES_MAX), !theirs);
}

bool cw_sip_timer_longer(cw_sip_call *call, const sip_t *message)
{
    const sip_min_se_t *min = message ? message->sip_min_se : NULL;

    if (!min || min->min_delta > EXPIRES_MAX || !cw_sip_timer_wanted(call) ||
        ++call->session.tries > TRIES_MAX)
        return false;
    call->session.min_s = MAX(call->session.min_s, (unsigned)min->min_delta);
    return true;
}

/* --- as server --- */

int cw_sip_timer_check(const cw_sip *sip, const sip_t *message, char **extra)
{
    const sip_session_expires_t *se = message->sip_session_expires;

    if (!se || se->x_delta >= shortest(sip) || !cw_sip_offers_option(message, "timer"))
        return 0;
    *extra = g_strdup_printf("Min-SE: %u", shortest(sip)); /* 9 */
    return 422;
}

void cw_sip_timer_asked(cw_sip_call *call, const sip_t *message)
{
    cw_sip_session *session = &call->session;
    const sip_session_expires_t *se = message->sip_session_expires;
    const sip_min_se_t *min = message->sip_min_se;

    session->asked = cw_sip_offers_option(message, "timer");
    session->asked_required = cw_sip_requires_option(message, "timer");
    session->asked_s = se ? (unsigned)MIN(se->x_delta, EXPIRES_MAX) : 0;
    session->asked_min_s = min ? (unsigned)MIN(min->min_delta, EXPIRES_MAX) : 0;
    session->asked_refresher = REFRESHER_ANY;
    if (se && se->x_refresher)
        session->asked_refresher =
            g_ascii_strcasecmp(se->x_refresher, "uas") == 0 ? REFRESHER_UAS : REFRESHER_UAC;
}

/* 9, table 2: the caller's wish, else whoever does it now, else the caller where it can. */
static bool is_ours(const cw_sip_session *session)
{
    if (!session->asked)
        return true;
    if (session->asked_refresher != REFRESHER_ANY)
        return session->asked_refresher == REFRESHER_UAS;
    return session->expires_s > 0 && session->ours;
}

/* Seconds that our 2xx says; 0: nothing. Not above what was asked, not below a Min-SE (9). */
static unsigned expires_of(const cw_sip_call *call)
{
    const cw_sip_session *session = &call->session;
    unsigned wish = wish_of(call), asked = session->asked_s;
    unsigned floor = MAX(shortest(call->sip), session->asked_min_s);

    if (wish == 0 && !session->asked_required)
        return 0;
    if (!session->asked && asked < floor) /* at most a proxy's wish */
        return 0;
    if (asked == 0)
        return MAX(wish, floor);
    return wish ? MIN(asked, MAX(wish, floor)) : asked;
}

char *cw_sip_timer_agreed(const cw_sip_call *call)
{
    const cw_sip_session *session = &call->session;

    if (session->expires_s == 0)
        return NULL;
    return g_strdup_printf("Session-Expires: %u;refresher=%s%s", session->expires_s,
                           session->ours ? "uas" : "uac",
                           session->ours ? "" : "\r\nRequire: timer");
}

char *cw_sip_timer_agree(cw_sip_call *call)
{
    agree(call, expires_of(call), is_ours(&call->session));
    return cw_sip_timer_agreed(call);
}

void cw_sip_call_session(cw_sip_call *call, int expires_s)
{
    call->session.wish_s = expires_s;
}
