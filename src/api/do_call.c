#include "api/link.h"

#include "base/log.h"

#include <string.h>
#include <time.h>

enum { DTMF_MS = 100 };

static const char *text_of(const json_t *params, const char *name)
{
    return json_string_value(json_object_get(params, name));
}

static const char *call_of(const json_t *params)
{
    return text_of(params, "call");
}

/* Which member the calls refused, by how their explanation begins. */
static cw_err blame(cw_err err, cw_fault *fault)
{
    static const char *const members[] = { "headers", "from" };

    for (size_t i = 0; err && i < G_N_ELEMENTS(members); i++)
        if (g_str_has_prefix(fault->text, members[i]))
            g_snprintf(fault->path, sizeof fault->path, "params.%s", members[i]);
    return err;
}

static size_t sdp_len(const json_t *params)
{
    return json_string_length(json_object_get(params, "sdp"));
}

/* The token for the call; *ret NULL: none. `why` of a forged one stays in the log. */
static cw_err read_grant(const cw_session *s, const json_t *params, cw_call_grant *into,
                         const cw_call_grant **ret) CW_ON_LOOP
{
    const json_t *token = json_object_get(params, "grant");
    char why[128];
    cw_err err;

    if (!token)
        return CW_OK;
    err = cw_call_grant_verify(s->env->tokens, json_string_value(token), json_string_length(token),
                               time(NULL), s->user, into, why);
    if (err) {
        cw_log(CW_LOG_INFO, CW_MOD_API, "grant.refused", "user", s->user, "why", why, NULL);
        return err;
    }
    *ret = into;
    return CW_OK;
}

static cw_err start(cw_session *s, const json_t *params, const cw_call_grant *grant,
                    json_t **result, cw_fault *fault) CW_ON_LOOP
{
    const char *call = call_of(params);
    bool fresh = g_hash_table_add(s->calls, g_strdup(call));
    const cw_start start = { .call = call,
                             .to = text_of(params, "to"),
                             .sdp = text_of(params, "sdp"),
                             .sdp_len = sdp_len(params),
                             .headers = json_object_get(params, "headers"),
                             .from = text_of(params, "from"),
                             .grant = grant,
                             .anonymous = json_is_true(json_object_get(params, "anonymous")) };
    cw_err err = cw_client_start(s->client, &start, result, fault->text);

    if (err && fresh)
        g_hash_table_remove(s->calls, call);
    if (!err && json_is_false(json_object_get(params, "ringback")))
        cw_client_no_ringback(s->client, call);
    return blame(err, fault);
}

cw_err cw_do_call_start(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    cw_call_grant owned = { 0 };
    const cw_call_grant *grant = NULL;
    cw_err err = read_grant(s, params, &owned, &grant);

    if (err)
        g_strlcpy(fault->path, "params.grant", sizeof fault->path);
    else
        err = start(s, params, grant, result, fault);
    cw_call_grant_clear(&owned);
    return err;
}

cw_err cw_do_call_answer(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return blame(cw_client_answer(s->client, call_of(params), text_of(params, "sdp"),
                                  sdp_len(params), json_object_get(params, "headers"), fault->text),
                 fault);
}

cw_err cw_do_call_candidate(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *candidate = text_of(params, "candidate");

    /* Firefox says "no more" with an empty string. */
    return cw_client_candidate(s->client, call_of(params),
                               candidate && *candidate ? candidate : NULL, fault->text);
}

cw_err cw_do_call_update(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    if (json_is_true(json_object_get(params, "restart")))
        return cw_client_restart(s->client, call_of(params), text_of(params, "sdp"),
                                 sdp_len(params), result, fault->text);
    return cw_client_update(s->client, call_of(params), text_of(params, "sdp"), sdp_len(params),
                            result, fault->text);
}

cw_err cw_do_session_calls(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    *result = json_pack("{so}", "calls", cw_client_elsewhere(s->client));
    return CW_OK;
}

cw_err cw_do_call_pull(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *call = call_of(params);
    bool fresh = g_hash_table_add(s->calls, g_strdup(call));
    cw_err err = cw_client_pull(s->client, text_of(params, "id"), call, text_of(params, "sdp"),
                                sdp_len(params), result, fault->text);

    if (err && fresh)
        g_hash_table_remove(s->calls, call);
    return err;
}

cw_err cw_do_call_hold(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_hold(s->client, call_of(params), true);
}

cw_err cw_do_call_resume(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_hold(s->client, call_of(params), false);
}

cw_err cw_do_call_transfer(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    cw_call_grant owned = { 0 };
    const cw_call_grant *grant = NULL;
    cw_err err = read_grant(s, params, &owned, &grant);

    if (err)
        g_strlcpy(fault->path, "params.grant", sizeof fault->path);
    else
        err = cw_client_transfer(s->client, call_of(params), text_of(params, "to"),
                                 text_of(params, "other"), grant, fault->text);
    cw_call_grant_clear(&owned);
    return err;
}

cw_err cw_do_call_dtmf(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const json_t *duration = json_object_get(params, "duration_ms");

    return cw_client_dtmf(s->client, call_of(params), text_of(params, "digits"),
                          duration ? (unsigned)json_integer_value(duration) : DTMF_MS, fault->text);
}

cw_err cw_do_call_info(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_info(s->client, call_of(params), params);
}

cw_err cw_do_call_report(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_report(s->client, call_of(params), params);
}

static cw_ending ending_of(const json_t *params)
{
    return (cw_ending){ .q850 = (int)json_integer_value(json_object_get(params, "q850")),
                        .text = text_of(params, "text"),
                        .headers = json_object_get(params, "headers") };
}

cw_err cw_do_call_end(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const cw_ending ending = ending_of(params);

    return blame(cw_client_end(s->client, call_of(params), &ending, fault->text), fault);
}

cw_err cw_do_call_reject(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *reason = text_of(params, "reason");
    const cw_ending ending = ending_of(params);
    cw_err why = CW_E_DECLINED;

    if (reason && !strcmp(reason, cw_err_kind(CW_E_BUSY)))
        why = CW_E_BUSY;
    else if (reason && !strcmp(reason, cw_err_kind(CW_E_UNAVAILABLE)))
        why = CW_E_UNAVAILABLE;
    return blame(cw_client_reject(s->client, call_of(params), why, &ending, fault->text), fault);
}
