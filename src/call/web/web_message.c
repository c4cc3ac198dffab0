/* web_message.c - texts from and to users who come by SIP over WebSocket (MESSAGE, RFC 3428): whom
 * one may call, one may write to; JSON clients get and send the same as im.message. */
#include "call/party/caller.h"
#include "call/route/permit.h"
#include "call/web/web.h"
#include "sip/address.h"
#include "sip/request.h"

#include <string.h>
#include <time.h>

#define TEXT_MAX 8192 /* bytes, as im.message of proto.def */

/* ── To one ── */

void cw_web_text(cw_client *client, const json_t *message)
{
    const json_t *from = json_object_get(message, "from");
    const char *user = json_string_value(json_object_get(from, "user"));
    const char *body = json_string_value(json_object_get(message, "body"));
    const cw_calls *calls = client->calls;
    g_autofree char *uri = cw_sip_uri_of(client->identity.user, cw_sip_domain(calls->sip));
    const cw_sip_target target = { .ruri = uri,
                                   .from_user = user ?: "anonymous",
                                   .from_display =
                                       json_string_value(json_object_get(from, "display")),
                                   .web = client->web };
    const cw_sip_query_conf conf = { .method = "MESSAGE",
                                     .target = &target,
                                     .type = "text/plain",
                                     .body = body,
                                     .len = body ? strlen(body) : 0 };
    cw_sip_query *ignored;

    if (body && cw_sip_web_registered(client->arg))
        (void)!cw_sip_query_new(calls->sip, &conf, NULL, NULL, &ignored);
}

/* ── From one ── */

/* Lines of text, nothing that could steer a terminal. */
static bool is_text(const char *body, size_t len)
{
    if (!body || len == 0 || len > TEXT_MAX || !g_utf8_validate(body, (gssize)len, NULL))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)body[i] < 0x20 && !strchr("\t\r\n", body[i]))
            return false;
    return true;
}

static CW_ON_LOOP json_t *message_of(const cw_client *client, const cw_sip_inquiry *inquiry)
{
    char id[CW_ID_STR], why[128];
    cw_party from = { 0 };
    json_t *message = NULL;

    if (!cw_caller_of_user(client->calls->conf, &client->identity, NULL, NULL, false, &from, why))
        message = json_pack("{s:o s:s s:s s:s% s:I}", "from", cw_party_json(&from), "id",
                            cw_id_print(cw_id_new(), id), "type", "text/plain", "body",
                            inquiry->body, inquiry->len, "ts_ms", (json_int_t)time(NULL) * 1000);
    cw_party_clear(&from);
    return message;
}

static CW_ON_LOOP cw_err to_user(const cw_client *sender, const char *name,
                                 const cw_sip_inquiry *inquiry)
{
    const cw_user *user = cw_calls_user(sender->calls, name);
    g_autoptr(json_t) message = message_of(sender, inquiry);
    unsigned n = 0;

    for (guint i = 0; message && user && i < user->clients->len; i++) {
        cw_client *client = g_ptr_array_index(user->clients, i);

        if (client == sender || (client->web && !cw_sip_web_registered(client->arg)))
            continue;
        cw_client_notify(client, "im.message", json_deep_copy(message));
        n++;
    }
    return n ? CW_OK : user ? CW_E_UNAVAILABLE : CW_E_NOT_FOUND;
}

cw_err cw_web_request(void *arg, const cw_sip_inquiry *inquiry, cw_sip_reply *reply)
{
    const cw_client *client = inquiry->web ? cw_sip_web_owner(inquiry->web) : NULL;
    cw_asker asker = { 0 };
    g_autofree char *uri = NULL;
    cw_route route = { 0 };
    char why[128] = "";
    cw_err err;

    cw_assert_on_loop();
    if (!client || strcmp(inquiry->method, "MESSAGE") != 0)
        return CW_E_UNSUPPORTED;
    if (!inquiry->type || g_ascii_strncasecmp(inquiry->type, "text/plain", 10) != 0) {
        static const char *const accept[] = { "Accept: text/plain", NULL };

        cw_sip_reply_send(reply, 415, accept, NULL, NULL, 0);
        return CW_OK;
    }
    if (!is_text(inquiry->body, inquiry->len))
        return inquiry->len > TEXT_MAX ? CW_E_TOO_LARGE : CW_E_UNSAFE;
    asker.identity = &client->identity;
    uri = cw_sip_uri_of(inquiry->ruri_user, inquiry->ruri_host);
    err = cw_web_route(client, &asker, uri, &route, why);
    if (!err)
        err = route.kind == CW_ROUTE_USER ? to_user(client, route.name, inquiry) : CW_E_NO_ROUTE;
    cw_route_clear(&route);
    if (!err)
        cw_sip_reply_send(reply, 200, NULL, NULL, NULL, 0);
    return err;
}
