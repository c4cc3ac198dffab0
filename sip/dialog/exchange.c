/* What was offered and answered in each dialog of a call, and what is pending. */
#include "sip/dialog/call.h"
#include "sip/digest.h"

cw_sip_exchange *cw_sip_exchange_of(cw_sip_call *call, cw_sip_dialog *dialog)
{
    cw_sip_exchange *x;

    for (unsigned i = 0; i < call->exchanges->len; i++) {
        x = call->exchanges->pdata[i];
        if (x->dialog == dialog)
            return x;
    }
    x = g_new0(cw_sip_exchange, 1);
    x->call = call;
    x->dialog = cw_sip_dialog_ref(dialog);
    g_ptr_array_add(call->exchanges, x);
    return x;
}

cw_sip_exchange *cw_sip_exchange_at(cw_sip_call *call, unsigned fork)
{
    if (call->dialog->confirmed || !call->dialog->caller)
        return cw_sip_exchange_of(call, call->dialog);
    for (unsigned i = 0; i < call->forks->len; i++) {
        cw_sip_dialog *dialog = call->forks->pdata[i];

        if (dialog->fork == fork)
            return cw_sip_exchange_of(call, dialog);
    }
    return NULL;
}

char *cw_sip_exchange_digest(const char *sdp, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t sum[CW_DIGEST];
    char *text;

    if (!sdp)
        return NULL;
    cw_digest(sdp, len, sum);
    text = g_malloc0(2 * CW_DIGEST + 1);
    for (unsigned i = 0; i < 2 * CW_DIGEST; i++)
        text[i] = hex[i % 2 ? sum[i / 2] & 15 : sum[i / 2] >> 4];
    return text;
}

void cw_sip_exchange_ours(cw_sip_exchange *x, const char *sdp)
{
    char *copy = g_strdup(sdp);

    g_free(x->ours);
    x->ours = copy;
}

void cw_sip_exchange_theirs(cw_sip_exchange *x, const char *sdp, size_t len)
{
    if (!sdp)
        return;
    g_free(x->theirs);
    x->theirs = cw_sip_exchange_digest(sdp, len);
}

bool cw_sip_exchange_pending(const cw_sip_call *call)
{
    for (unsigned i = 0; i < call->exchanges->len; i++) {
        const cw_sip_exchange *x = call->exchanges->pdata[i];

        if (x->send || x->retry || x->irq || x->rack || x->ack_cseq)
            return true;
    }
    return false;
}

void cw_sip_exchange_clear(cw_sip_exchange *x)
{
    cw_sip_modify_forget(x);
    g_clear_pointer(&x->retry, cw_timer_free);
    g_clear_pointer(&x->offer, g_free);
    g_clear_pointer(&x->queued, g_free);
    g_clear_pointer(&x->rack, g_free);
    if (x->send) {
        if (!x->by_update)
            x->acked_cseq = x->send->cseq; /* a 2xx that still comes is ACKed */
        cw_sip_send_free(g_steal_pointer(&x->send));
    }
}

void cw_sip_exchanges_clear(cw_sip_call *call)
{
    for (unsigned i = 0; i < call->exchanges->len; i++)
        cw_sip_exchange_clear(call->exchanges->pdata[i]);
}

void cw_sip_exchange_free(void *exchange)
{
    cw_sip_exchange *x = exchange;

    cw_assert_on_loop();
    cw_sip_exchange_clear(x);
    g_free(x->ours);
    g_free(x->theirs);
    g_free(x->ack_answer);
    cw_sip_dialog_unref(x->dialog);
    g_free(x);
}
