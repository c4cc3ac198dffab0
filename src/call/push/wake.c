/* wake.c - calls that wait for their callee, and what the hook is told of them. */
#include "call/push/push_priv.h"

#include "base/log.h"
#include "base/stats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cw_wake {
    cw_call *call;
    cw_push *push;
    char *user;
    uint64_t since_ms;
    cw_timer *timer; /* patience; or the user came */
    bool came;
};

/* What an answer of the hook is about; the call may be gone by then. */
typedef struct asked {
    cw_calls *calls;
    cw_id call;
    char *user;
} asked;

void cw_push_asked_free(gpointer arg)
{
    asked *a = arg;

    cw_assert_on_loop();
    g_free(a->user);
    g_free(a);
}

/* ── Waiting ── */

static void remove_from_queue(struct cw_wake *w) CW_ON_LOOP
{
    GQueue *of = g_hash_table_lookup(w->push->waiting, w->user);

    g_queue_remove(of, w);
    if (!of->length)
        g_hash_table_remove(w->push->waiting, w->user);
    w->push->held--;
    cw_stat_dec(CW_STAT_calls_held);
}

static void wake_free(struct cw_wake *w) CW_ON_LOOP
{
    remove_from_queue(w);
    cw_timer_free(w->timer);
    g_free(w->user);
    g_free(w);
}

void cw_push_cancel(cw_call *call)
{
    struct cw_wake *w = g_steal_pointer(&call->wake);

    if (w)
        wake_free(w);
}

static void note(const cw_call *call, const char *text) CW_ON_LOOP
{
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "PUSH", text);
}

static void give_up(cw_call *call, const char *why) CW_ON_LOOP
{
    cw_cause cause = { .err = CW_E_UNAVAILABLE, .gateway = true };

    note(call, why);
    cw_stat_inc(CW_STAT_wakes_failed);
    g_strlcpy(cause.phrase, why, sizeof cause.phrase);
    cw_push_cancel(call);
    cw_call_end(call, &cause);
}

static void deliver(struct cw_wake *w) CW_ON_LOOP
{
    cw_call *call = w->call;
    const cw_route route = { .kind = CW_ROUTE_USER, .name = w->user };
    const cw_reach reach = { .route = &route, .from = &call->from };
    cw_err err;

    note(call, cw_fmt("%s came after %u ms", w->user, (unsigned)(cw_now_ms() - w->since_ms)));
    cw_stat_inc(CW_STAT_wakes_answered);
    call->held_back = true; /* as a call that is being built */
    err = cw_calls_reach(call->calls, call, &reach);
    if (!err)
        err = cw_call_dial(call);
    cw_push_cancel(call);
    if (err)
        cw_call_refuse(call, err);
}

static void on_timer(void *arg)
{
    struct cw_wake *w = arg;

    cw_assert_on_loop();
    if (w->call->state != CW_CALL_NEW) /* its caller has gone */
        cw_push_cancel(w->call);
    else if (w->came)
        deliver(w);
    else
        give_up(w->call, "the user was woken and did not come");
}

/* Not at once: who comes is about to get the reply to that. */
void cw_push_came(cw_push *push, const char *user)
{
    const GQueue *of = g_hash_table_lookup(push->waiting, user);

    for (GList *i = of ? of->head : NULL; i; i = i->next) {
        struct cw_wake *w = i->data;

        w->came = true;
        cw_timer_start(w->timer, 0);
    }
}

/* ── The hook ── */

static void read_answer(cw_push *push, const char *user, const char *body, size_t len) CW_ON_LOOP
{
    g_autoptr(json_t) answer = NULL;
    char why[128];

    if (len && cw_json_parse(body, len, &answer, why) == CW_OK && json_is_object(answer))
        cw_push_forget(push, user, json_object_get(answer, "gone"));
}

static void on_hook(void *arg, cw_err err, const char *body, size_t len)
{
    asked *a = arg;
    cw_call *call;

    cw_assert_on_loop();
    call = cw_calls_find(a->calls, a->call);
    if (!err)
        read_answer(a->calls->push, a->user, body, len);
    else
        cw_log(CW_LOG_WARN, CW_MOD_CALL, "push.failed", "user", a->user, "why", cw_err_text(err),
               NULL);
    if (call && call->wake && call->state == CW_CALL_NEW) {
        if (err)
            give_up(call, "the user could not be woken");
        else
            note(call, "the hook took it");
    }
    g_hash_table_remove(a->calls->push->asked, a);
}

static char *print_event(const struct cw_wake *w) CW_ON_LOOP
{
    const GQueue *of = cw_push_of(w->push, w->user);
    json_t *registrations = json_array();
    g_autoptr(json_t) event = NULL;
    char id[CW_ID_STR];

    for (const GList *i = of ? of->head : NULL; i; i = i->next)
        json_array_append(registrations, i->data);
    event =
        json_pack("{s:s s:s s:s s:o s:o s:I}", "event", "call.wake", "user", w->user, "call",
                  cw_id_print(w->call->id, id), "from", cw_party_json(&w->call->from),
                  "registrations", registrations, "hold_ms", (json_int_t)w->push->conf->hold_ms);
    return cw_json_print(event);
}

/* "t=1700000000,v1=HEX": HMAC-SHA256 of "1700000000.BODY", so that none is sent again later. */
static char *signature(const char *secret, const char *body)
{
    g_autofree char *text = g_strdup_printf("%lld.%s", (long long)time(NULL), body);
    g_autofree char *hex = g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guchar *)secret,
                                                     strlen(secret), text, (gssize)strlen(text));

    return g_strdup_printf("X-Causeway-Signature: t=%.*s,v1=%s", (int)strcspn(text, "."), text,
                           hex);
}

static cw_err tell_hook(const struct cw_wake *w) CW_ON_LOOP
{
    const struct cw_conf_push *conf = w->push->conf;
    char *body = print_event(w);
    g_autofree char *signed_ = conf->secret && body ? signature(conf->secret, body) : NULL;
    g_autofree char *bearer =
        conf->bearer ? g_strdup_printf("Authorization: Bearer %s", conf->bearer) : NULL;
    const char *headers[] = { "Content-Type: application/json", signed_ ?: bearer,
                              signed_ ? bearer : NULL, NULL };
    asked *a = g_new0(asked, 1);
    cw_err err;

    a->calls = w->push->calls;
    a->call = w->call->id;
    a->user = g_strdup(w->user);
    err = body ? cw_fetch_post(w->push->hook, conf->url, headers, body, on_hook, a) : CW_E_INTERNAL;
    free(body);
    if (err)
        cw_push_asked_free(a);
    else
        g_hash_table_add(w->push->asked, a);
    return err;
}

/* ── Asked for ── */

static bool is_there(const cw_push *push, const char *user) CW_ON_LOOP
{
    const cw_user *known = cw_calls_user(push->calls, user);

    for (guint i = 0; known && i < known->clients->len; i++)
        if (cw_client_here(g_ptr_array_index(known->clients, i), 0))
            return true;
    return false;
}

bool cw_push_can_wake(const cw_push *push, const char *user)
{
    return push->hook && !is_there(push, user) && !push->calls->closing &&
           push->held < (unsigned)push->conf->held_max &&
           (cw_push_of(push, user) || (push->conf->all && cw_calls_user(push->calls, user)));
}

static struct cw_wake *wake_new(cw_call *call, const char *user) CW_ON_LOOP
{
    cw_push *push = call->calls->push;
    struct cw_wake *w = g_new0(struct cw_wake, 1);
    GQueue *of = g_hash_table_lookup(push->waiting, user);

    w->call = call;
    w->push = push;
    w->user = g_strdup(user);
    w->since_ms = cw_now_ms();
    w->timer = cw_timer_new(push->calls->loop, on_timer, w);
    if (!of) {
        of = g_queue_new();
        g_hash_table_insert(push->waiting, g_strdup(user), of);
    }
    g_queue_push_tail(of, w);
    push->held++;
    cw_stat_inc(CW_STAT_calls_held);
    return w;
}

cw_err cw_push_wake(cw_call *call, const char *user)
{
    struct cw_wake *w = wake_new(call, user);
    cw_err err = tell_hook(w);

    if (err) {
        wake_free(w);
        return err;
    }
    call->wake = w;
    call->held_back = false; /* its caller may go */
    cw_timer_start(w->timer, (uint64_t)w->push->conf->hold_ms);
    cw_stat_inc(CW_STAT_wakes);
    note(call, cw_fmt("asks to wake %s", user));
    return CW_OK;
}
