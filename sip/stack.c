/* The stack: NTA agent, listeners, resolver; start, stop, state as JSON. */
#include "sip/dialog/call.h"

#include "sip/enum.h"
#include "base/log.h"
#include "sip/event.h"
#include "sip/net/interpose.h"
#include "sip/net/stream.h"
#include "sip/transaction/login.h"

#include <sofia-sip/su_log.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION_TEXT "causeway/0.1.0"

/* Sofia talks to stderr by itself, also about what peers sent. */
__attribute__((format(printf, 2, 0))) static void on_sofia_log(void *stream, char const *format,
                                                               va_list args)
{
    char text[256];

    if (!cw_log_wanted(CW_LOG_DEBUG, CW_MOD_SIP))
        return;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    cw_log(CW_LOG_DEBUG, CW_MOD_SIP, "sip.sofia", "text", text, NULL);
}

static nta_agent_t *make_agent(cw_sip *sip) CW_ON_LOOP
{
    const struct cw_conf_sip *conf = &sip->conf->sip;

    /* Not as NTATAG_UA(1): then NTA answers 2xx of forks itself, to wherever their Contact says.
     * The ACK and the repeated 2xx are ours (RFC 3261 13). */
    return nta_agent_create(cw_loop_su(sip->loop), (url_string_t *)-1, cw_sip_on_message, sip,
                            NTATAG_UA(0), NTATAG_MERGE_482(1), NTATAG_CANCEL_487(1),
                            NTATAG_EXTRA_100(1), NTATAG_PASS_100(1), NTATAG_REL100(0),
                            NTATAG_SERVER_RPORT(1), NTATAG_CLIENT_RPORT(1), NTATAG_USE_NAPTR(0),
                            NTATAG_USE_SRV(0), NTATAG_SIP_T1((unsigned)conf->t1_ms),
                            NTATAG_SIP_T1X64((unsigned)conf->t1x64_ms),
                            NTATAG_TIMER_C((unsigned)(conf->ring_timeout_ms + 2 * conf->t1x64_ms)),
                            NTATAG_MAXSIZE((usize_t)conf->message_max_bytes), NTATAG_UDP_MTU(65535),
                            NTATAG_TCP_RPORT(1), NTATAG_TLS_RPORT(1), TAG_END());
}

static cw_err choose_domain(cw_sip *sip, char why[static 128])
{
    const cw_sip_listener *first = sip->listeners->pdata[0];
    cw_addr addr = first->addr;
    cw_sip_host host;
    char text[CW_ADDR_STR];

    if (sip->conf->sip.domain && *sip->conf->sip.domain) {
        sip->domain = g_strdup(sip->conf->sip.domain);
        if (cw_sip_host_parse(sip->domain, strlen(sip->domain), &host)) {
            g_snprintf(why, 128, "sip.domain: \"%.60s\" is not a host name", sip->domain);
            return CW_E_CONF;
        }
        return CW_OK;
    }
    if (cw_addr_is_any(&addr) && cw_addr_own(cw_addr_family(&addr), &addr) == CW_OK)
        cw_addr_set_port(&addr, cw_addr_port(&first->addr));
    sip->domain = g_strdup(cw_addr_print(&addr, text));
    return CW_OK;
}

/* A trunk by TLS needs a TLS listener; without one in sip.listen there is one at any port of each
 * family, that nobody is told of and that closes what connects, for want of a certificate. */
static cw_err listen_for_trunks(cw_sip *sip, char why[static 128]) CW_ON_LOOP
{
    bool wanted = false, has[2] = { false, false };
    unsigned n = sip->listeners->len;
    cw_err err = CW_OK;

    for (size_t i = 0; i < sip->conf->trunk_n; i++)
        wanted |= g_ascii_strcasecmp(sip->conf->trunk[i].transport, "tls") == 0;
    for (unsigned i = 0; i < n; i++) {
        const cw_sip_listener *listener = sip->listeners->pdata[i];

        wanted = wanted && listener->transport != CW_SIP_TLS;
    }
    for (unsigned i = 0; !err && wanted && i < n; i++) {
        const cw_sip_listener *listener = sip->listeners->pdata[i];
        bool *known = &has[cw_addr_family(&listener->addr) == AF_INET6];
        cw_addr any_port = listener->addr;
        char printed[CW_ADDR_STR], text[CW_ADDR_STR + 4];

        if (*known)
            continue;
        *known = true;
        cw_addr_set_port(&any_port, 0);
        g_snprintf(text, sizeof text, "tls:%s", cw_addr_print(&any_port, printed));
        err = cw_sip_listen(sip, text, why);
    }
    return err;
}

static cw_err start(cw_sip *sip, char why[static 128]) CW_ON_LOOP
{
    g_autofree char *servers = g_strjoinv(",", sip->conf->sip.dns_servers);
    unsigned binds = cw_sip_interposed_binds(), transports = 0;
    cw_err err;

    err = cw_tls_new(sip->conf, &sip->tls, why);
    if (err)
        return err;
    sip->agent = make_agent(sip);
    if (!sip->agent) {
        g_strlcpy(why, "the SIP agent cannot be made", 128);
        return CW_E_IO;
    }
    for (char **text = sip->conf->sip.listen; text && *text; text++) {
        err = cw_sip_listen(sip, *text, why);
        if (err)
            return err;
    }
    if (sip->listeners->len == 0) {
        g_strlcpy(why, "sip.listen is empty", 128);
        return CW_E_CONF;
    }
    err = listen_for_trunks(sip, why);
    if (!err)
        err = cw_sip_web_listen(sip, why);
    if (err)
        return err;
    if (cw_sip_interposed_binds() == binds) {
        g_strlcpy(why, "Sofia-SIP's own resolver is in use: wrong link", 128);
        return CW_E_INTERNAL;
    }
    err = choose_domain(sip, why);
    if (err)
        return err;
    sip->logins = cw_sip_logins_new(sip->conf, sip->domain);
    for (unsigned i = 0; i < sip->listeners->len; i++)
        transports |= 1u << ((const cw_sip_listener *)sip->listeners->pdata[i])->transport;
    err =
        cw_resolver_new(sip->loop,
                        &(cw_resolver_conf){ .timeout_ms = (unsigned)sip->conf->sip.dns_timeout_ms,
                                             .servers = servers,
                                             .keep_max_s = (unsigned)sip->conf->sip.dns_keep_s,
                                             .deny_s = (unsigned)sip->conf->sip.dns_deny_s,
                                             .transports = transports },
                        &sip->resolver);
    if (err)
        g_strlcpy(why, "the resolver cannot start (sip.dns_servers?)", 128);
    return err;
}

static void unref_call(void *call)
{
    cw_assert_on_loop();
    cw_sip_call_unref(call);
}

cw_err cw_sip_new(cw_loop *loop, const cw_conf *conf, const cw_sip_ops *ops, void *arg,
                  cw_sip **ret, char why[static 128])
{
    cw_sip *sip;
    cw_err err;

    if (!cw_sip_interposed()) {
        g_strlcpy(why, "Sofia-SIP's own resolver is in use: wrong link", 128);
        return CW_E_INTERNAL;
    }
    err = cw_sip_plug(why);
    if (err)
        return err;
    su_log_redirect(NULL, on_sofia_log, NULL);
    sip = g_new0(cw_sip, 1);
    sip->loop = loop;
    sip->conf = conf;
    sip->ops = ops;
    sip->arg = arg;
    sip->listeners = g_ptr_array_new_with_free_func(g_free);
    sip->routes = cw_sip_routes_new();
    sip->calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_call);
    sip->regs = g_hash_table_new(g_str_hash, g_str_equal);
    sip->user_agent = g_strdup(conf->sip.user_agent && *conf->sip.user_agent ? conf->sip.user_agent
                                                                             : VERSION_TEXT);
    sip->subs =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_queue_init(&sip->sends);
    g_queue_init(&sip->queries);
    g_queue_init(&sip->replies);
    g_queue_init(&sip->streams);
    g_queue_init(&sip->webs);
    sip->webs_by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    sip->webs_by_tp = g_hash_table_new(NULL, NULL);
    sip->hops = cw_sip_hops_new();
    sip->streams_by_tp = g_hash_table_new(NULL, NULL);
    sip->stream_counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    err = start(sip, why);
    if (err) {
        cw_sip_free(sip);
        return err;
    }
    *ret = sip;
    return CW_OK;
}

/* Through the table to its end: what can still be said to the peer is said, nothing is awaited. */
static void close_call(cw_sip_call *call) CW_ON_LOOP
{
    cw_sip_call_end(call, CW_E_UNAVAILABLE);
    if (call->state == SIP_DOOMED)
        cw_sip_call_run(call, SIP_EV_NO_ACK, NULL);
    if (call->state == SIP_CANCELLING)
        cw_sip_call_run(call, SIP_EV_TIMER, NULL);
    if (call->state == SIP_CLOSING)
        cw_sip_call_run(call, SIP_EV_CLOSED, NULL);
    g_clear_pointer(&call->linger, cw_timer_free);
    call->listed = false;
}

void cw_sip_free(cw_sip *sip)
{
    if (!sip)
        return;
    g_autoptr(GList) calls = g_hash_table_get_values(sip->calls);

    for (GList *at = calls; at; at = at->next)
        close_call(cw_sip_call_ref(at->data));
    cw_sip_requests_close(sip);
    cw_sip_subs_close(sip);
    while (sip->sends.head)
        cw_sip_send_free(sip->sends.head->data);
    g_assert(g_hash_table_size(sip->regs) == 0); /* their registrars went before */
    g_assert(sip->webs.length == 0);             /* and the WebSockets */
    g_hash_table_destroy(sip->regs);
    g_hash_table_destroy(sip->calls);
    g_hash_table_destroy(sip->subs);
    for (GList *at = calls; at; at = at->next)
        cw_sip_call_unref(at->data);
    cw_resolver_free(sip->resolver);
    cw_enum_cache_free(sip->enums);
    cw_sip_streams_close(sip);
    if (sip->agent)
        nta_agent_destroy(sip->agent);
    cw_sip_unplug(sip);
    cw_tls_free(sip->tls);
    cw_sip_logins_free(sip->logins);
    cw_sip_hops_free(sip->hops);
    g_hash_table_unref(sip->streams_by_tp);
    g_hash_table_unref(sip->stream_counts);
    g_hash_table_unref(sip->webs_by_id);
    g_hash_table_unref(sip->webs_by_tp);
    g_ptr_array_unref(sip->listeners);
    g_free(sip->routes);
    g_free(sip->domain);
    g_free(sip->user_agent);
    g_free(sip);
}

json_t *cw_sip_tls_json(const cw_sip *sip)
{
    return cw_tls_json(sip->tls);
}

cw_err cw_sip_tls_reload(cw_sip *sip, char why[static 128])
{
    cw_err err = cw_tls_reload(sip->tls, why);

    cw_log(err ? CW_LOG_ERROR : CW_LOG_INFO, CW_MOD_SIP, "sip.tls.reload", "why", err ? why : NULL,
           NULL);
    return err;
}

json_t *cw_sip_connections_json(const cw_sip *sip)
{
    return cw_sip_streams_json(sip);
}

const char *cw_sip_domain(const cw_sip *sip)
{
    return sip->domain;
}

static json_t *agent_json(const cw_sip *sip) CW_ON_LOOP
{
    usize_t irq = 0, orq = 0, bad = 0, in = 0, out = 0, retries = 0;

    nta_agent_get_stats(sip->agent, NTATAG_S_IRQ_HASH_USED_REF(irq),
                        NTATAG_S_ORQ_HASH_USED_REF(orq), NTATAG_S_BAD_MESSAGE_REF(bad),
                        NTATAG_S_RECV_MSG_REF(in), NTATAG_S_SENT_MSG_REF(out),
                        NTATAG_S_RETRY_REQUEST_REF(retries), TAG_END());
    return json_pack("{s:I s:I s:I s:I s:I s:I}", "server", (json_int_t)irq, "client",
                     (json_int_t)orq, "malformed", (json_int_t)bad, "messages_in", (json_int_t)in,
                     "messages_out", (json_int_t)out, "retransmitted", (json_int_t)retries);
}

json_t *cw_sip_json(const cw_sip *sip)
{
    json_t *calls = json_array(), *subs = json_array(), *all;
    GHashTableIter iter;
    void *value;
    int days;

    cw_sip_count_bad((cw_sip *)sip);
    g_hash_table_iter_init(&iter, sip->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        json_array_append_new(calls, cw_sip_call_json(value));
    g_hash_table_iter_init(&iter, sip->subs);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        for (guint i = 0; i < ((GPtrArray *)value)->len; i++)
            json_array_append_new(subs, cw_sip_sub_json(((GPtrArray *)value)->pdata[i]));
    all = json_pack("{s:s s:o s:i s:i s:o s:i s:i s:o s:o}", "domain", sip->domain, "listeners",
                    cw_sip_listeners_json(sip), "connections",
                    (int)g_queue_get_length((GQueue *)&sip->streams), "bad_hops",
                    (int)cw_sip_hops_bad(sip->hops), "transactions", agent_json(sip), "requests",
                    (int)g_queue_get_length((GQueue *)&sip->sends), "resolving",
                    (int)cw_resolver_pending(sip->resolver), "calls", calls, "subscriptions", subs);
    if (cw_tls_ends_in(sip->tls, &days))
        json_object_set_new(all, "certificate_days", json_integer(days));
    return all;
}
