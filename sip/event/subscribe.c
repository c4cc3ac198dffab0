/* A subscription: the object, its state runner, and the public calls. Actions are in subscriber.c
 * and notifier.c. */
#include "sip/event/subscribe.h"

#include "base/json.h"
#include "base/log.h"

#include <string.h>

static const struct {
    cw_sub_state from;
    cw_sub_event event;
    cw_sub_state to;
    cw_sub_action *action;
} table[] = {
#define MOVE(from, event, to, action) { SUB_##from, SUB_EV_##event, SUB_##to, cw_sub_do_##action },
#include "sip/event/subscribe.fsm"
#undef MOVE
};

static const char *const state_names[] = {
    [SUB_NEW] = "new",         [SUB_ASKING] = "asking",   [SUB_EARLY] = "early",
    [SUB_WAITING] = "waiting", [SUB_LIVE] = "live",       [SUB_REFRESHING] = "refreshing",
    [SUB_LEAVING] = "leaving", [SUB_ENDING] = "ending",   [SUB_OFFERED] = "offered",
    [SUB_SERVING] = "serving", [SUB_CLOSING] = "closing", [SUB_DONE] = "done",
};

void cw_sub_notice_free(cw_sub_notice *notice)
{
    if (!notice)
        return;
    g_free(notice->reason);
    g_free(notice->type);
    g_free(notice->body);
    g_free(notice);
}

static void unlist(cw_sip_sub *sub) CW_ON_LOOP
{
    GPtrArray *same = g_hash_table_lookup(sub->sip->subs, sub->local_tag);

    if (!sub->listed)
        return;
    sub->listed = false;
    g_ptr_array_remove(same, sub);
    if (same->len == 0)
        g_hash_table_remove(sub->sip->subs, sub->local_tag);
    cw_sub_unref(sub);
}

/* It is over; what is in flight is answered to nobody. */
static void settle(cw_sip_sub *sub) CW_ON_LOOP
{
    cw_timer_stop(sub->timer);
    cw_timer_stop(sub->expiry);
    cw_sip_send_free(g_steal_pointer(&sub->request));
    cw_sip_send_free(g_steal_pointer(&sub->notice));
    if (sub->irq)
        nta_incoming_destroy(g_steal_pointer(&sub->irq));
    cw_stat_dec(CW_STAT_sip_subscriptions);
    sub->sip->subs_n--;
    unlist(sub);
}

void cw_sub_run(cw_sip_sub *sub, cw_sub_event event, const cw_sub_note *note)
{
    static const cw_sub_note empty;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].from != sub->state || table[i].event != event)
            continue;
        cw_sub_ref(sub);
        sub->state = table[i].to;
        table[i].action(sub, note ? note : &empty);
        if (table[i].to == SUB_DONE && table[i].from != SUB_DONE)
            settle(sub);
        cw_sub_unref(sub);
        return;
    }
    cw_stat_inc(CW_STAT_sip_events_dropped);
}

static void on_timer(void *arg)
{
    cw_assert_on_loop();
    cw_sub_run(arg, SUB_EV_TIMER, NULL);
}

static void on_expiry(void *arg)
{
    cw_assert_on_loop();
    cw_sub_run(arg, SUB_EV_EXPIRED, NULL);
}

cw_sip_sub *cw_sub_make(cw_sip *sip, cw_sip_dialog *dialog, const char *event, const char *id)
{
    cw_sip_sub *sub = g_rc_box_new0(cw_sip_sub);

    sub->sip = sip;
    sub->dialog = dialog;
    sub->local_tag = g_strdup(dialog->local_tag);
    sub->event = g_strdup(event);
    sub->id = g_strdup(id);
    sub->accept_with = 200;
    sub->timer = cw_timer_new(sip->loop, on_timer, sub);
    sub->expiry = cw_timer_new(sip->loop, on_expiry, sub);
    g_queue_init(&sub->due);
    sip->subs_n++;
    cw_stat_inc(CW_STAT_sip_subscriptions);
    return sub;
}

cw_sip_sub *cw_sub_ref(cw_sip_sub *sub)
{
    return g_rc_box_acquire(sub);
}

static void sub_clear(void *data)
{
    cw_sip_sub *sub = data;

    cw_assert_on_loop();
    cw_timer_free(sub->timer);
    cw_timer_free(sub->expiry);
    g_queue_clear_full(&sub->due, (GDestroyNotify)cw_sub_notice_free);
    cw_sip_dialog_unref(sub->dialog);
    cw_sip_account_unref(sub->account);
    cw_sip_call_unref(sub->call);
    g_strfreev(sub->headers);
    g_free(sub->event);
    g_free(sub->id);
    g_free(sub->local_tag);
}

void cw_sub_unref(cw_sip_sub *sub)
{
    g_rc_box_release_full(sub, sub_clear);
}

void cw_sub_list(cw_sip_sub *sub)
{
    GPtrArray *same = g_hash_table_lookup(sub->sip->subs, sub->local_tag);

    if (!same) {
        same = g_ptr_array_new();
        g_hash_table_insert(sub->sip->subs, g_strdup(sub->local_tag), same);
    }
    g_ptr_array_add(same, cw_sub_ref(sub));
    sub->listed = true;
}

void cw_sub_tell_end(cw_sip_sub *sub, const cw_sip_end *end)
{
    const cw_sip_sub_ops *ops = sub->ops;

    sub->ops = NULL;
    if (ops && ops->ended)
        ops->ended(sub->arg, sub, end);
}

void cw_sub_expire_in(cw_sip_sub *sub, unsigned s)
{
    sub->expires_ms = cw_now_ms() + s * 1000ull;
    cw_timer_start(sub->expiry, s * 1000ull);
}

/* --- the public calls --- */

static GStrv request_headers(const cw_sip_sub_conf *conf)
{
    g_auto(GStrv) own = cw_sip_target_headers(conf->target);
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
    g_autofree char *event = g_strdup_printf("Event: %s%s%s", conf->event, conf->id ? ";id=" : "",
                                             conf->id ? conf->id : "");

    g_strv_builder_add(lines, event);
    if (conf->accept) {
        g_autofree char *accept = g_strdup_printf("Accept: %s", conf->accept);

        g_strv_builder_add(lines, accept);
    }
    g_strv_builder_addv(lines, (const char **)own);
    return g_strv_builder_end(lines);
}

static bool is_plain(const char *text)
{
    return !text || (*text && strlen(text) <= 256 && cw_text_is_safe(text, strlen(text)));
}

cw_err cw_sip_sub_new(cw_sip *sip, const cw_sip_sub_conf *conf, const cw_sip_sub_ops *ops,
                      void *arg, cw_sip_sub **ret)
{
    cw_sip_dialog *dialog;
    cw_sip_sub *sub;
    cw_err err;

    if (!conf->event || !is_plain(conf->event) || !is_plain(conf->id) || !is_plain(conf->accept))
        return CW_E_PARAMS;
    dialog = cw_sip_dialog_new();
    err = cw_sip_dialog_aim(sip, dialog, conf->target);
    if (err) {
        cw_sip_dialog_unref(dialog);
        return err;
    }
    sub = cw_sub_make(sip, dialog, conf->event, conf->id);
    sub->ops = ops;
    sub->arg = arg;
    sub->account = cw_sip_account_new(&conf->target->credentials);
    sub->expires_s = conf->expires_s;
    sub->headers = request_headers(conf);
    cw_sub_list(sub);
    cw_sub_run(sub, SUB_EV_ASK, NULL);
    *ret = sub;
    return CW_OK;
}

const char *cw_sip_sub_event(const cw_sip_sub *sub)
{
    return sub->event;
}

const char *cw_sip_sub_id(const cw_sip_sub *sub)
{
    return sub->id;
}

void cw_sip_sub_accept(cw_sip_sub *sub, const cw_sip_sub_ops *ops, void *arg)
{
    sub->ops = ops;
    sub->arg = arg;
    cw_sub_run(sub, SUB_EV_ACCEPT, NULL);
}

cw_err cw_sip_sub_notify(cw_sip_sub *sub, cw_sip_sub_state state, const char *reason,
                         const char *type, const char *body, size_t len)
{
    cw_sub_note note = { 0 };

    if (sub->state != SUB_SERVING)
        return CW_E_STATE;
    if (len > CW_SIP_BODY_MAX)
        return CW_E_TOO_LARGE;
    note.out = g_new0(cw_sub_notice, 1);
    note.out->state = state;
    note.out->reason = g_strdup(reason);
    note.out->type = g_strdup(body ? type : NULL);
    note.out->body = body ? g_strndup(body, len) : NULL;
    note.out->len = body ? len : 0;
    cw_sub_run(sub, state == CW_SUB_TERMINATED ? SUB_EV_FINISH : SUB_EV_NOTIFY, &note);
    return CW_OK;
}

void cw_sip_sub_free(cw_sip_sub *sub)
{
    if (!sub || sub->freed)
        return;
    sub->freed = true;
    sub->ops = NULL;
    if (sub->state != SUB_DONE)
        cw_sub_run(sub, SUB_EV_STOP, NULL);
    cw_sub_unref(sub);
}

/* Nothing is awaited any more. */
void cw_sip_subs_close(cw_sip *sip)
{
    GHashTableIter iter;
    void *value;

    for (;;) {
        cw_sip_sub *sub;

        g_hash_table_iter_init(&iter, sip->subs);
        if (!g_hash_table_iter_next(&iter, NULL, &value))
            return;
        sub = cw_sub_ref(((GPtrArray *)value)->pdata[0]);
        sub->ops = NULL;
        sub->state = SUB_DONE;
        settle(sub);
        cw_sub_unref(sub);
    }
}

json_t *cw_sip_sub_json(const cw_sip_sub *sub)
{
    uint64_t now = cw_now_ms();

    return json_pack("{s:s s:s* s:s s:b s:I s:i s:o}", "event", sub->event, "id", sub->id, "state",
                     state_names[sub->state], "notifier", sub->notifier, "expires_s",
                     (json_int_t)(sub->expires_ms > now ? (sub->expires_ms - now) / 1000 : 0),
                     "due", (int)sub->due.length, "dialog", cw_sip_dialog_json(sub->dialog));
}
