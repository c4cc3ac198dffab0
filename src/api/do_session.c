#include "api/session.h"

#include "base/log.h"
#include "base/stats.h"

#include "config.h"

#include <string.h>
#include <time.h>

/* The calls a session has are counted by what is said about them. */
static void on_notify(void *arg, const char *method, json_t *params)
{
    cw_session *s = arg;
    const char *call = json_string_value(json_object_get(params, "call"));

    cw_assert_on_loop();
    if (call && !strcmp(method, "call.incoming"))
        g_hash_table_add(s->calls, g_strdup(call));
    else if (call && !strcmp(method, "call.end"))
        g_hash_table_remove(s->calls, call);
    cw_session_notify(s, method, params);
}

static const cw_client_ops client_ops = { .notify = on_notify };

/* `why` stays in the log: the client learns only that it was refused. */
static cw_err identify(cw_session *s, const json_t *params, cw_identity *ret,
                       char why[static 128]) CW_ON_LOOP
{
    const json_t *token = json_object_get(params, "token");
    const char *guest = json_string_value(json_object_get(params, "guest"));

    if (token)
        return cw_token_verify(s->env->tokens, json_string_value(token), json_string_length(token),
                               time(NULL), ret, why);
    g_snprintf(why, 128, "guest");
    return cw_guest(s->env->conf, guest, ret);
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

static CW_ON_LOOP json_t *opened(const cw_session *s, const cw_identity *identity)
{
    const struct cw_conf_web *web = &s->env->conf->web;
    char id[CW_ID_STR];

    return json_pack(
        "{ss ss ss so s{sI sI} s{sI} so s{ss ss}}", "session", cw_id_print(s->id, id), "user",
        identity->user, "display", identity->display, "iceServers", ice_servers(s->env->conf),
        "ping", "interval_ms", (json_int_t)web->ping_interval_ms, "timeout_ms",
        (json_int_t)web->ping_timeout_ms, "limits", "message_bytes",
        (json_int_t)web->message_max_bytes, "registration", cw_client_registration(s->client),
        "server", "name", PACKAGE_NAME, "version", PACKAGE_VERSION);
}

static void begin(cw_session *s, const json_t *params, const cw_identity *identity) CW_ON_LOOP
{
    json_t *about = json_object_get(params, "client");
    char id[CW_ID_STR];

    s->state = CW_SESSION_OPEN;
    s->since_ms = cw_now_ms();
    s->about = about ? json_incref(about) : NULL;
    g_strlcpy(s->user, identity->user, sizeof s->user);
    cw_timer_start(s->timer, (uint64_t)s->env->conf->web.ping_timeout_ms);
    cw_stat_inc(CW_STAT_sessions);
    cw_stat_inc(CW_STAT_sessions_opened);
    cw_log(CW_LOG_INFO, CW_MOD_API, "session.open", "session", cw_id_print(s->id, id), "user",
           s->user, "address", s->address, "browser",
           json_string_value(json_object_get(about, "browser")), NULL);
}

cw_err cw_do_session_open(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    cw_identity identity = { 0 };
    char why[128] = "";
    cw_err err = identify(s, params, &identity, why);

    if (err) {
        cw_stat_inc(CW_STAT_auth_refused);
        cw_log(CW_LOG_WARN, CW_MOD_API, "session.refused", "address", s->address, "reason",
               cw_err_kind(err), "why", why, NULL);
        if (err == CW_E_PARAMS)
            g_strlcpy(fault->path, "params.guest", sizeof fault->path);
        return err;
    }
    err = cw_client_new(s->env->calls, s->id, &identity, &client_ops, s, &s->client);
    if (!err) {
        begin(s, params, &identity);
        *result = opened(s, &identity);
    }
    cw_identity_clear(&identity);
    return err;
}

cw_err cw_do_session_close(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return CW_OK; /* the session closes once the reply is on its way */
}

cw_err cw_do_ping(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    *result = json_pack("{sI}", "now_ms", (json_int_t)cw_now_ms());
    return CW_OK;
}
