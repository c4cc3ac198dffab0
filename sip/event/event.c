/* Requests that belong to a subscription: whose is it? */
#include "sip/event/subscribe.h"

#include <string.h>

/* Its id is the CSeq of the REFER, and may be left out (RFC 3515 2.4.6). The NOTIFY may come before
 * the answer. */
static bool is_refer(const cw_sip_sub *sub, const char *id)
{
    g_autofree char *cseq = sub->request ? g_strdup_printf("%u", sub->request->cseq) : NULL;

    return !id || g_strcmp0(id, cseq ? cseq : sub->id) == 0;
}

static bool is_event(const cw_sip_sub *sub, const sip_t *sip)
{
    const sip_event_t *event = sip->sip_event;

    if (!event || !event->o_type || g_ascii_strcasecmp(event->o_type, sub->event) != 0)
        return false;
    return sub->once && !sub->notifier ? is_refer(sub, event->o_id)
                                       : g_strcmp0(event->o_id, sub->id) == 0;
}

/* The dialog a request is in; one of ours that has no far side yet takes it, or forks. */
static cw_sip_sub *find(cw_sip *sip, const sip_t *message) CW_ON_LOOP
{
    const char *tag = message->sip_to->a_tag, *from = message->sip_from->a_tag;
    bool notify = message->sip_request->rq_method == sip_method_notify;
    GPtrArray *same = tag ? g_hash_table_lookup(sip->subs, tag) : NULL;
    cw_sip_sub *first = NULL;
    unsigned n = 0;

    for (unsigned i = 0; same && i < same->len; i++) {
        cw_sip_sub *sub = same->pdata[i];

        if (sub->notifier == notify || !is_event(sub, message) ||
            g_strcmp0(sub->dialog->call_id, message->sip_call_id->i_id) != 0)
            continue;
        if (g_strcmp0(sub->dialog->remote_tag, from ? from : "") == 0)
            return sub;
        if (!sub->dialog->remote_tag && notify)
            return cw_sip_dialog_take_notify(sub->dialog, message) == CW_OK ? sub : NULL;
        first = sub;
        n++;
    }
    return first && notify && !first->once ? cw_sub_fork(first, n, message) : NULL;
}

bool cw_sub_knows(const cw_sip *sip, const sip_t *message)
{
    sip_method_t method = message->sip_request->rq_method;
    const char *tag = message->sip_to->a_tag;
    GPtrArray *same;

    if ((method != sip_method_notify && method != sip_method_subscribe) || !tag)
        return false;
    same = g_hash_table_lookup(sip->subs, tag);
    for (unsigned i = 0; same && i < same->len; i++) {
        const cw_sip_sub *sub = same->pdata[i];

        if (g_strcmp0(sub->dialog->call_id, message->sip_call_id->i_id) == 0)
            return true;
    }
    return false;
}

static void refuse(cw_sip *sip, nta_incoming_t *irq, int status) CW_ON_LOOP
{
    cw_stat_inc(CW_STAT_sip_refused);
    nta_incoming_treply(irq, status, cw_sip_phrase(status), SIPTAG_SERVER_STR(sip->user_agent),
                        TAG_END());
    nta_incoming_destroy(irq);
}

void cw_sub_on_request(cw_sip *sip, msg_t *msg, sip_t *message)
{
    cw_sip_sub *sub = find(sip, message);
    nta_incoming_t *irq = nta_incoming_create(sip->agent, NULL, msg, message, TAG_END());
    bool notify = message->sip_request->rq_method == sip_method_notify;

    if (!irq)
        return;
    if (!sub) {
        refuse(sip, irq, 481);
        return;
    }
    cw_sip_call_trace(sub->call, false, 0, NULL, message->sip_request->rq_method_name);
    if (cw_sip_dialog_take_cseq(sub->dialog, message->sip_cseq->cs_seq))
        refuse(sip, irq, 500);
    else if (notify)
        cw_sub_take_notify(sub, irq, message);
    else
        cw_sub_take_subscribe(sub, irq, message);
}
