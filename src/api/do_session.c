#include "api/link.h"

#include "base/log.h"
#include "base/stats.h"

#include "config.h"

#include <string.h>
#include <time.h>

/* `why` stays in the log: the client learns only that it was refused. */
static cw_err identify(const cw_link *link, const json_t *params, cw_identity *ret,
                       char why[static 128]) CW_ON_LOOP
{
    const json_t *token = json_object_get(params, "token");
    const char *guest = json_string_value(json_object_get(params, "guest"));

    if (token)
        return cw_token_verify(link->env->tokens, json_string_value(token),
                               json_string_length(token), time(NULL), ret, why);
    g_snprintf(why, 128, "guest");
    return cw_guest(link->env->conf, guest, ret);
}

/* As RTCPeerConnection takes it (RFC 7065). */
static json_t *ice_server(const struct cw_conf_turn *turn)
{
    bool tls = strcmp(turn->transport, "tls") == 0;
    g_autofree char *url = g_strdup_printf("%s:%s?transport=%s", tls ? "turns" : "turn",
                                           turn->address, tls ? "tcp" : turn->transport);

    return json_pack("{s[s] ss ss}", "urls", url, "username", turn->username, "credential",
                     turn->password);
}

static json_t *ice_servers(const cw_conf *conf)
{
    json_t *all = json_array();

    for (size_t i = 0; i < conf->turn_n; i++)
        if (conf->turn[i].browsers)
            json_array_append_new(all, ice_server(&conf->turn[i]));
    return all;
}

/* Its token is the next one. */
static CW_ON_LOOP json_t *resume_json(cw_session *s)
{
    const struct cw_conf_web *web = &s->env->conf->web;
    char token[CW_RESUME_TOKEN + 1] = "";

    if (s->resumable)
        cw_session_next_token(s, token);
    return json_pack("{ss* sI sI}", "token", s->resumable ? token : NULL, "ttl_ms",
                     (json_int_t)(s->resumable ? web->resume_ms : 0), "call_ttl_ms",
                     (json_int_t)(s->resumable ? MAX(web->resume_ms, web->resume_call_ms) : 0));
}

/* What both session.open and session.resume bring. */
static CW_ON_LOOP json_t *opened(cw_session *s)
{
    const struct cw_conf_web *web = &s->env->conf->web;
    char id[CW_ID_STR];
    json_t *result = json_pack(
        "{ss ss ss so s{sI sI} s{sI} so s{ss ss} so}", "session", cw_id_print(s->id, id), "user",
        s->user, "display", s->display, "iceServers", ice_servers(s->env->conf), "ping",
        "interval_ms", (json_int_t)web->ping_interval_ms, "timeout_ms",
        (json_int_t)web->ping_timeout_ms, "limits", "message_bytes",
        (json_int_t)web->message_max_bytes, "registration", cw_client_registration(s->client),
        "server", "name", PACKAGE_NAME, "version", PACKAGE_VERSION, "resume", resume_json(s));

    if (s->link->secret)
        json_object_set_new(result, "link", json_string(s->link->secret));
    return result;
}

static CW_ON_LOOP void log_event(const cw_session *s, const char *event, const char *how)
{
    char id[CW_ID_STR];

    cw_log(CW_LOG_INFO, CW_MOD_API, event, "session", cw_id_print(s->id, id), "user", s->user,
           "address", s->address, "link", s->link->ops->kind, "browser",
           json_string_value(json_object_get(s->about, "browser")), "how", how, NULL);
}

cw_err cw_do_session_open(cw_link *link, const json_t *params, json_t **result, cw_fault *fault)
{
    bool resumable = !json_is_false(json_object_get(params, "resume"));
    cw_identity identity = { 0 };
    cw_session *s;
    char why[128] = "";
    cw_err err = identify(link, params, &identity, why);

    if (err) {
        cw_stat_inc(CW_STAT_auth_refused);
        cw_log(CW_LOG_WARN, CW_MOD_API, "session.refused", "address", link->address, "reason",
               cw_err_kind(err), "why", why, NULL);
        if (err == CW_E_PARAMS)
            g_strlcpy(fault->path, "params.guest", sizeof fault->path);
        return err;
    }
    err = cw_session_new(link, &identity, json_object_get(params, "client"), resumable, &s);
    cw_identity_clear(&identity);
    if (err)
        return err;
    log_event(s, "session.open", NULL);
    *result = opened(s);
    return CW_OK;
}

/* ── Going on ───────────────────────────────────────────────────────────────────────────────────
 */

static CW_ON_LOOP json_t *state_json(const cw_session *s)
{
    return json_pack("{so s[] s[]}", "calls", cw_client_calls(s->client), "groups", "rooms");
}

static CW_ON_LOOP void count(bool whole, bool was_there)
{
    cw_stat_inc(whole ? CW_STAT_session_resumes : CW_STAT_session_resets);
    if (was_there)
        cw_stat_inc(CW_STAT_session_takeovers);
}

static CW_ON_LOOP json_t *resume(cw_session *s, cw_link *link, const json_t *params)
{
    const json_t *last = json_object_get(params, "last_seq");
    json_t *about = json_object_get(params, "client"), *result;
    int64_t last_seq = last ? json_integer_value(last) : -1;
    bool was_there = s->link != NULL, whole = cw_session_resume(s, link, last_seq);

    if (about) {
        json_decref(s->about);
        s->about = json_incref(about);
        cw_client_introduce(s->client, about);
    }
    count(whole, was_there);
    log_event(s, "session.resume", whole ? "whole" : "reset");
    result = opened(s);
    json_object_set_new(result, "resumed", json_true());
    json_object_set_new(result, "seq", json_integer(s->sent));
    if (whole) {
        json_object_set_new(result, "from", json_integer(last_seq));
    } else {
        json_object_set_new(result, "reset", json_true());
        json_object_set_new(result, "state", state_json(s));
        cw_client_tell_ringing(s->client);
    }
    cw_client_back(s->client);
    return result;
}

cw_err cw_do_session_resume(cw_link *link, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *id = json_string_value(json_object_get(params, "session"));
    cw_session *s = cw_session_find(link->env->sessions, id,
                                    json_string_value(json_object_get(params, "token")));

    if (!s) {
        cw_stat_inc(CW_STAT_session_resumes_refused);
        cw_log(CW_LOG_WARN, CW_MOD_API, "session.refused", "address", link->address, "reason",
               cw_err_kind(CW_E_SESSION_GONE), "session", id, NULL);
        return CW_E_SESSION_GONE;
    }
    *result = resume(s, link, params);
    return CW_OK;
}

cw_err cw_do_session_close(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return CW_OK; /* the session closes once the reply is on its way */
}

cw_err cw_do_ping(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const json_t *ack = json_object_get(params, "ack");

    if (ack)
        cw_session_ack(s, json_integer_value(ack));
    *result = json_pack("{sI}", "now_ms", (json_int_t)cw_now_ms());
    return CW_OK;
}
