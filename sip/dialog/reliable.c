/* Reliable provisional responses of ours (RFC 3262 3 and 5).
 *
 * Over plain server transactions: NTA's own reliable responses (nta_reliable_*) keep pointers
 * between the INVITE, the responses and their PRACKs that a crossing of final response, CANCEL and
 * PRACK leaves dangling.
 */
#include "sip/dialog/call.h"

#include "base/ident.h"
#include "base/log.h"

#include <string.h>

#define WAITING_MAX 8 /* responses that wait for the PRACK of the one before */

typedef enum { REL_IDLE, REL_WAITING, REL_OWED, REL_OVER } rel_state;
typedef enum {
    REL_EV_SAY,
    REL_EV_TIMER,
    REL_EV_PRACK,
    REL_EV_EXPIRED,
    REL_EV_FINAL,
} rel_event;

typedef struct said {
    int status;
    char *sdp; /* NULL: none */
} said;

struct cw_sip_reliable {
    rel_state state;
    uint32_t rseq;  /* of the last one that went out */
    said out;       /* that one */
    bool said_sdp;  /* one of them carried our SDP */
    GQueue waiting; /* said */
    cw_timer *timer;
    uint64_t interval_ms, until_ms;
};

typedef void rel_action(cw_sip_call *call, const said *what);

static void said_free(void *data)
{
    said *what = data;

    g_free(what->sdp);
    g_free(what);
}

static bool may_be_reliable(const cw_sip *sip, const sip_t *message)
{
    return strcmp(sip->conf->sip.reliable, "off") != 0 && cw_sip_offers_option(message, "100rel");
}

int cw_sip_reliable_check(const cw_sip *sip, const sip_t *message, char **extra)
{
    *extra = cw_sip_unsupported_line(sip, message);
    if (*extra)
        return 420;
    if (message->sip_request->rq_method == sip_method_invite && !message->sip_to->a_tag &&
        strcmp(sip->conf->sip.reliable, "always") == 0 && !may_be_reliable(sip, message)) {
        *extra = g_strdup("Require: 100rel");
        return 421;
    }
    return 0;
}

void cw_sip_reliable_invited(cw_sip_call *call, const sip_t *message)
{
    const char *mode = call->sip->conf->sip.reliable;

    if (!may_be_reliable(call->sip, message))
        call->rel = CW_REL_NEVER;
    else if (cw_sip_requires_option(message, "100rel") || strcmp(mode, "always") == 0)
        call->rel = CW_REL_ALL;
    else
        call->rel = strcmp(mode, "required") == 0 ? CW_REL_NEVER : CW_REL_SDP;
}

/* --- the table --- */

static void run(cw_sip_call *call, rel_event event, const said *what) CW_ON_LOOP;
#define MOVE(from, event, to, action)                                                              \
    static void do_##action(cw_sip_call *call, const said *what) CW_ON_LOOP;
#include "sip/dialog/reliable.fsm"
#undef MOVE

static void transmit(cw_sip_call *call) CW_ON_LOOP
{
    cw_sip_reliable *rel = call->reliable;
    g_autofree char *lines = g_strdup_printf("Require: 100rel\r\nRSeq: %u", rel->rseq);

    cw_sip_uas_reply_with(call, call->irq, rel->out.status, rel->out.sdp, lines);
}

static void on_timer(void *arg)
{
    cw_sip_call *call = arg;

    cw_assert_on_loop();
    run(call, cw_now_ms() >= call->reliable->until_ms ? REL_EV_EXPIRED : REL_EV_TIMER, NULL);
}

static void do_send(cw_sip_call *call, const said *what)
{
    cw_sip_reliable *rel = call->reliable;
    const struct cw_conf_sip *conf = &call->sip->conf->sip;

    rel->rseq++;
    rel->out.status = what->status;
    g_free(rel->out.sdp);
    rel->out.sdp = rel->said_sdp ? NULL : g_strdup(what->sdp);
    rel->said_sdp = rel->said_sdp || what->sdp;
    rel->interval_ms = (uint64_t)conf->t1_ms;
    rel->until_ms = cw_now_ms() + (uint64_t)conf->t1x64_ms;
    transmit(call);
    cw_timer_start(rel->timer, rel->interval_ms);
}

static void do_put_off(cw_sip_call *call, const said *what)
{
    said *later;

    if (call->reliable->waiting.length >= WAITING_MAX)
        return;
    later = g_new0(said, 1);
    later->status = what->status;
    later->sdp = g_strdup(what->sdp);
    g_queue_push_tail(&call->reliable->waiting, later);
}

static void do_repeat(cw_sip_call *call, const said *what)
{
    cw_sip_reliable *rel = call->reliable;

    transmit(call);
    rel->interval_ms *= 2;
    cw_timer_start(rel->timer, rel->interval_ms);
}

static void do_stop(cw_sip_call *call, const said *what)
{
    cw_timer_stop(call->reliable->timer);
    g_queue_clear_full(&call->reliable->waiting, said_free);
}

static void do_give_up(cw_sip_call *call, const said *what)
{
    do_stop(call, what);
    cw_sip_call_run(call, SIP_EV_NO_PRACK, NULL);
}

static void do_take_prack(cw_sip_call *call, const said *what)
{
    cw_timer_stop(call->reliable->timer);
}

static void do_take_late(cw_sip_call *call, const said *what) {}

static const struct {
    rel_state from;
    rel_event event;
    rel_state to;
    rel_action *action;
} table[] = {
#define MOVE(from, event, to, action) { REL_##from, REL_EV_##event, REL_##to, do_##action },
#include "sip/dialog/reliable.fsm"
#undef MOVE
};

static void run(cw_sip_call *call, rel_event event, const said *what)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].from != call->reliable->state || table[i].event != event)
            continue;
        cw_sip_call_ref(call);
        call->reliable->state = table[i].to;
        table[i].action(call, what);
        cw_sip_call_unref(call);
        return;
    }
    cw_stat_inc(CW_STAT_sip_events_dropped);
}

/* --- said by us --- */

static void begin(cw_sip_call *call) CW_ON_LOOP
{
    cw_sip_reliable *rel = call->reliable;

    if (rel)
        return;
    rel = call->reliable = g_new0(cw_sip_reliable, 1);
    cw_random(&rel->rseq, sizeof rel->rseq);
    rel->rseq &= 0x3fffffff; /* starts below 2^31 - 1, 3 */
    rel->timer = cw_timer_new(call->sip->loop, on_timer, call);
    g_queue_init(&rel->waiting);
}

bool cw_sip_reliable_say(cw_sip_call *call, int status, const char *sdp)
{
    said what = { .status = status };

    if (call->rel == CW_REL_NEVER || (call->rel == CW_REL_SDP && !sdp))
        return false;
    if (!cw_sip_reliable_said_sdp(call)) {
        what.sdp = (char *)sdp;
        if (call->offerless && !sdp) /* 5: the first one has to have our offer */
            return true;
    } else if (call->rel == CW_REL_SDP) {
        return false;
    }
    begin(call);
    run(call, REL_EV_SAY, &what);
    return true;
}

bool cw_sip_reliable_said_sdp(const cw_sip_call *call)
{
    return call->reliable && call->reliable->said_sdp;
}

bool cw_sip_reliable_holds(const cw_sip_call *call)
{
    const cw_sip_reliable *rel = call->reliable;

    if (!rel || call->state == SIP_DONE)
        return false;
    if (rel->state == REL_WAITING && rel->out.sdp)
        return true;
    return cw_sip_exchange_of((cw_sip_call *)call, call->dialog)->irq != NULL;
}

bool cw_sip_reliable_owed(const cw_sip_call *call)
{
    return call->reliable && call->reliable->state == REL_OWED;
}

void cw_sip_reliable_final(cw_sip_call *call)
{
    if (call->reliable)
        run(call, REL_EV_FINAL, NULL);
}

/* --- their PRACK --- */

static bool is_ours(const cw_sip_call *call, const sip_rack_t *rack)
{
    const cw_sip_reliable *rel = call->reliable;

    return rel && (rel->state == REL_WAITING || rel->state == REL_OWED) && rack &&
           rack->ra_response == rel->rseq && rack->ra_cseq == call->remote_invite_cseq &&
           rack->ra_method == sip_method_invite;
}

/* The answer to our offer. */
static void take_answer(cw_sip_exchange *x, const sip_t *sip, const char *sdp,
                        size_t len) CW_ON_LOOP
{
    cw_sip_call *call = x->call;
    cw_sip_response response = { .status = 200,
                                 .phrase = "OK",
                                 .early = !x->dialog->confirmed,
                                 .reliable = true,
                                 .sdp = sdp,
                                 .len = len,
                                 .message = cw_sip_message_of(sip) };

    x->agreed = true;
    x->they_offered = false;
    cw_sip_exchange_ours(x, call->reliable->out.sdp);
    cw_sip_exchange_theirs(x, sdp, len);
    if (call->ops && call->ops->reanswered)
        call->ops->reanswered(call->arg, &response);
}

/* 0, or why it cannot be taken as it is. */
static int prack_status(const cw_sip_exchange *x, bool answers, const char *sdp)
{
    const cw_sip_reliable *rel = x->call->reliable;

    if (answers)
        return sdp ? 0 : 400;
    if (!sdp)
        return 0;
    if (x->irq || x->send || (!x->agreed && !rel->out.sdp))
        return x->send ? 491 : 500; /* 3261 14.2 */
    return 0;
}

void cw_sip_reliable_settle(cw_sip_call *call)
{
    cw_sip_reliable *rel = call->reliable;
    said *next;
    cw_sip_note note = { .status = 200 };

    if (!rel || cw_sip_reliable_holds(call))
        return;
    if (call->state == SIP_PLEDGED) {
        cw_sip_call_run(call, SIP_EV_ACCEPT, &note);
        return;
    }
    next = rel->state == REL_IDLE ? g_queue_pop_head(&rel->waiting) : NULL;
    if (!next)
        return;
    run(call, REL_EV_SAY, next);
    said_free(next);
}

static void acknowledged(cw_sip_call *call, cw_sip_exchange *x, bool answers,
                         const sip_t *sip) CW_ON_LOOP
{
    const char *sdp;
    size_t len;
    int status = call->reliable->out.status;

    cw_sip_sdp_of(sip, &sdp, &len);
    run(call, REL_EV_PRACK, NULL);
    if (!answers && call->reliable->out.sdp && !x->agreed) {
        x->agreed = true;
        cw_sip_exchange_ours(x, call->reliable->out.sdp);
    }
    if (call->ops && call->ops->acknowledged)
        call->ops->acknowledged(call->arg, status);
    if (answers)
        take_answer(x, sip, sdp, len);
}

void cw_sip_reliable_prack(cw_sip_call *call, cw_sip_dialog *dialog, nta_incoming_t *irq,
                           const sip_t *sip)
{
    cw_sip_exchange *x = cw_sip_exchange_of(call, dialog);
    const char *sdp;
    size_t len;
    bool answers;
    int status;

    cw_sip_sdp_of(sip, &sdp, &len);
    if (!is_ours(call, sip->sip_rack)) {
        cw_sip_modify_refuse(call, irq, 481);
        return;
    }
    answers = call->offerless && !x->agreed && call->reliable->out.sdp;
    status = prack_status(x, answers, sdp);
    if (status) {
        cw_sip_modify_refuse(call, irq, status);
        return;
    }
    if (sdp && !answers) {
        acknowledged(call, x, false, sip);
        if (call->ops && call->ops->reoffered && call->state != SIP_DONE)
            cw_sip_modify_offer(x, irq, sip); /* 200 with the answer settles */
        else
            cw_sip_modify_refuse(call, irq, 488);
        if (!x->irq)
            cw_sip_reliable_settle(call);
        return;
    }
    cw_sip_uas_reply(call, irq, 200, NULL);
    nta_incoming_destroy(irq);
    acknowledged(call, x, answers, sip);
    cw_sip_reliable_settle(call);
}

void cw_sip_reliable_free(cw_sip_reliable *rel)
{
    if (!rel)
        return;
    g_queue_clear_full(&rel->waiting, said_free);
    cw_timer_free(rel->timer);
    g_free(rel->out.sdp);
    g_free(rel);
}
