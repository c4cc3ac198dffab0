#include "api/link.h"

#include <string.h>

static const char *text_of(const json_t *params, const char *name)
{
    return json_string_value(json_object_get(params, name));
}

/* Messages cost others' attention: they have a rate of their own. */
static cw_err take_one(cw_session *s, cw_fault *fault) CW_ON_LOOP
{
    const struct cw_conf_web *web = &s->env->conf->web;

    if (!s->messages.last_ms)
        cw_bucket_init(&s->messages, web->message_burst, cw_now_ms());
    fault->retry_ms =
        cw_bucket_take(&s->messages, web->messages_per_s, web->message_burst, cw_now_ms());
    return fault->retry_ms ? CW_E_RATE : CW_OK;
}

/* The user of "user:NAME", if this one may write to them: whom one may call, one may write to. */
static cw_err find_user(const cw_session *s, const char *to, const char **user,
                        cw_fault *fault) CW_ON_LOOP
{
    *user = g_str_has_prefix(to, "user:") ? to + 5 : "";
    if (!cw_user_name_ok(*user, strlen(*user))) {
        g_strlcpy(fault->path, "params.to", sizeof fault->path);
        return CW_E_PARAMS;
    }
    return cw_client_allows(s->client, "im", to) || cw_client_allows(s->client, "call", to)
               ? CW_OK
               : CW_E_FORBIDDEN;
}

static cw_err send_to_user(cw_session *s, const char *to, const cw_im_message *message,
                           cw_im_receipt *ret, cw_fault *fault) CW_ON_LOOP
{
    const char *user;
    cw_err err = find_user(s, to, &user, fault);

    if (!err)
        err = take_one(s, fault);
    return err ? err : cw_im_send(s->env->im, user, message, ret);
}

static const char *status_of(bool queued)
{
    return queued ? "queued" : "delivered";
}

cw_err cw_do_im_send(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *type = text_of(params, "type");
    cw_im_message message = { .from = s->user,
                              .display = s->display,
                              .id = text_of(params, "id"),
                              .is_text = true,
                              .type = type ? type : "text/plain",
                              .body = text_of(params, "body") };
    cw_im_receipt receipt;
    cw_err err = send_to_user(s, text_of(params, "to"), &message, &receipt, fault);

    if (!err)
        *result = json_pack("{ss ss sI}", "id", receipt.id, "status", status_of(receipt.queued),
                            "ts_ms", (json_int_t)receipt.ts_ms);
    return err;
}

/* To the program at the other side of a call. */
static cw_err send_to_call(cw_session *s, const char *call, const cw_im_message *message,
                           cw_im_receipt *ret, cw_fault *fault) CW_ON_LOOP
{
    g_autoptr(json_t) params = NULL;
    char id[CW_ID_STR];
    cw_err err = take_one(s, fault);

    if (err)
        return err;
    g_strlcpy(ret->id, message->id ? message->id : cw_id_print(cw_id_new(), id), sizeof ret->id);
    params = cw_im_params(message, ret->id, 0);
    return cw_client_tell_other(s->client, call, cw_im_method(message), params, &ret->queued);
}

cw_err cw_do_data_send(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    const char *to = text_of(params, "to");
    cw_im_message message = { .from = s->user,
                              .display = s->display,
                              .id = text_of(params, "id"),
                              .event = text_of(params, "event"),
                              .data = json_object_get(params, "body") };
    cw_im_receipt receipt = { .queued = false };
    cw_err err = g_str_has_prefix(to, "call:") ? send_to_call(s, to + 5, &message, &receipt, fault)
                                               : send_to_user(s, to, &message, &receipt, fault);

    if (!err)
        *result = json_pack("{ss ss}", "id", receipt.id, "status", status_of(receipt.queued));
    return err;
}
