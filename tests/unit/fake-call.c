#include "tests/unit/fake-call.h"

#include "sip/certificate.h"

#include <string.h>

char fake_call_last[512];
unsigned fake_call_clients;
cw_err fake_call_answer;

struct cw_client {
    const cw_client_ops *ops;
    void *arg;
};

static cw_client *last;

static cw_err done(const char *format, ...) G_GNUC_PRINTF(1, 2);

static cw_err done(const char *format, ...)
{
    cw_err err = fake_call_answer;
    va_list args;

    va_start(args, format);
    g_vsnprintf(fake_call_last, sizeof fake_call_last, format, args);
    va_end(args);
    fake_call_answer = CW_OK;
    return err;
}

void fake_call_notify(const char *method, json_t *params)
{
    last->ops->notify(last->arg, method, params);
}

cw_err cw_client_new(cw_calls *calls, cw_id session, const cw_identity *identity,
                     const cw_client_ops *ops, void *arg, cw_client **ret)
{
    cw_err err = done("new %s", identity->user);

    if (err)
        return err;
    *ret = last = g_new0(cw_client, 1);
    last->ops = ops;
    last->arg = arg;
    fake_call_clients++;
    return CW_OK;
}

void cw_client_free(cw_client *client)
{
    if (!client)
        return;
    fake_call_clients--;
    if (last == client)
        last = NULL;
    g_free(client);
}

cw_err cw_client_start(cw_client *client, const cw_start *start, json_t **result,
                       char why[static 128])
{
    const char *call = start->call;
    cw_err err = done("start %s %s %zu %zu", call, start->to, start->sdp_len,
                      json_object_size(start->headers));

    g_assert_cmpuint(strlen(start->sdp), ==, start->sdp_len);
    if (err) {
        g_snprintf(why, 128, "the fake says no");
        return err;
    }
    if (*call == 'n')
        client->ops->notify(client->arg, "call.progress",
                            json_pack("{ss ss}", "call", call, "state", "trying"));
    *result = json_pack("{ss ss}", "call", call, "id", "0123456789abc");
    return CW_OK;
}

cw_err cw_client_answer(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                        const json_t *headers, char why[static 128])
{
    return done("answer %s %zu", call, sdp_len);
}

cw_err cw_client_candidate(cw_client *client, const char *call, const char *candidate,
                           char why[static 128])
{
    return done("candidate %s %s", call, candidate ? candidate : "NULL");
}

cw_err cw_client_update(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                        json_t **result, char why[static 128])
{
    *result = json_pack("{ss}", "sdp", "v=0\r\n");
    return done("update %s %zu", call, sdp_len);
}

json_t *cw_client_registration(const cw_client *client)
{
    return json_pack("{s:s}", "state", "none");
}

cw_err cw_client_hold(cw_client *client, const char *call, bool hold)
{
    return done("%s %s", hold ? "hold" : "resume", call);
}

cw_err cw_client_transfer(cw_client *client, const char *call, const char *to, const char *other,
                          const cw_call_grant *grant, char why[static 128])
{
    return done("transfer %s %s %s", call, to ? to : "-", other ? other : "-");
}

cw_err cw_client_dtmf(cw_client *client, const char *call, const char *digits, unsigned duration_ms,
                      char why[static 128])
{
    return done("dtmf %s %s %u", call, digits, duration_ms);
}

cw_err cw_client_info(cw_client *client, const char *call, const json_t *info)
{
    const json_t *muted = json_object_get(info, "muted");

    return done("info %s audio=%d", call, json_is_true(json_object_get(muted, "audio")));
}

void cw_client_no_ringback(cw_client *client, const char *call)
{
    (void)!done("no-ringback %s", call);
}

cw_err cw_client_report(cw_client *client, const char *call, const json_t *report)
{
    return done("report %s %zu", call, json_object_size(report));
}

cw_err cw_client_end(cw_client *client, const char *call, const cw_ending *ending,
                     char why[static 128])
{
    return done("end %s", call);
}

cw_err cw_client_reject(cw_client *client, const char *call, cw_err reason, const cw_ending *ending,
                        char why[static 128])
{
    return done("reject %s %s", call, cw_err_kind(reason));
}

void cw_client_lost(cw_client *client, cw_err why)
{
    (void)!done("lost %s", why ? cw_err_kind(why) : "-");
}

void cw_client_away(cw_client *client)
{
    (void)!done("away");
}

void cw_client_back(cw_client *client)
{
    (void)!done("back");
}

json_t *cw_client_calls(const cw_client *client)
{
    return json_array();
}

void cw_client_tell_ringing(cw_client *client) {}

void cw_client_introduce(cw_client *client, json_t *about) {}

json_t *cw_client_elsewhere(const cw_client *client)
{
    return json_array();
}

cw_err cw_client_restart(cw_client *client, const char *call, const char *sdp, size_t sdp_len,
                         json_t **result, char why[static 128])
{
    *result = json_pack("{ss}", "sdp", "v=0\r\n");
    return done("restart %s %zu", call, sdp_len);
}

cw_err cw_client_pull(cw_client *client, const char *id, const char *call, const char *sdp,
                      size_t sdp_len, json_t **result, char why[static 128])
{
    *result = json_pack("{ss}", "sdp", "v=0\r\n");
    return done("pull %s %s %zu", id, call, sdp_len);
}

void cw_calls_web_said(cw_calls *calls, cw_web_said_fn *fn) {}

cw_err cw_calls_web(cw_calls *calls, const cw_addr *peer, bool secure, const cw_sip_web_ops *ops,
                    void *arg, cw_sip_web **ret)
{
    return CW_E_UNAVAILABLE;
}

void cw_sip_web_free(cw_sip_web *web) {}

void cw_sip_web_receive(cw_sip_web *web, const char *data, size_t len) {}

void cw_sip_web_shutdown(cw_sip_web *web) {}

cw_err cw_client_push_register(cw_client *client, const json_t *registration)
{
    return done("push %s", json_string_value(json_object_get(registration, "endpoint")));
}

cw_err cw_client_push_unregister(cw_client *client, const char *endpoint)
{
    return done("no push %s", endpoint);
}

/* Of sip: the certificate of browsers' TLS, for people. */
json_t *cw_certificate_json(const struct x509_st *certificate)
{
    return certificate ? json_object() : NULL;
}

bool cw_client_allows(const cw_client *client, const char *action, const char *target)
{
    return strcmp(target, "user:forbidden") != 0;
}

unsigned cw_calls_tell(cw_calls *calls, const char *user, const char *method, const json_t *params,
                       unsigned *away)
{
    g_autofree char *text = cw_json_print(params);

    *away = !strcmp(user, "away");
    if (done("tell %s %s %s", user, method, text))
        return 0;
    return strcmp(user, "nobody") && !*away ? 1 : 0;
}

cw_err cw_client_tell_other(cw_client *client, const char *call, const char *method,
                            const json_t *params, bool *away)
{
    g_autofree char *text = cw_json_print(params);

    *away = false;
    return done("tell-other %s %s %s", call, method, text);
}
