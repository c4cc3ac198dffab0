/* web_message.c - texts from and to users who come by SIP over WebSocket (MESSAGE, RFC 3428): whom
 * one may call, one may write to; JSON clients get and send the same as im.message. */
#include "call/route/permit.h"
#include "call/web/web.h"
#include "sip/address.h"
#include "sip/request.h"

#include <string.h>

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

    if (body)
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

/* Who sends one again, for no answer came, says so by these two (RFC 3428 8). g_free it. */
static CW_ON_LOOP char *id_of(const cw_sip_inquiry *inquiry)
{
    g_autofree char *call = cw_sip_message_header(inquiry->message, "Call-ID", 0);
    g_autofree char *cseq = cw_sip_message_header(inquiry->message, "CSeq", 0);
    g_autofree char *both = g_strdup_printf("%s %s", call ?: "", cseq ?: "");

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1);
}

static CW_ON_LOOP cw_err to_user(const cw_client *sender, const char *name,
                                 const cw_sip_inquiry *inquiry)
{
    const cw_calls *calls = sender->calls;
    g_autofree char *id = id_of(inquiry), *body = g_strndup(inquiry->body, inquiry->len);
    const cw_web_said said = { .from = sender->identity.user,
                               .display = sender->identity.display,
                               .to = name,
                               .id = id,
                               .body = body };
    cw_err err =
        calls->web_said ? calls->web_said(cw_sip_web_arg(sender->arg), &said) : CW_E_UNSUPPORTED;

    return err == CW_E_UNAVAILABLE && !cw_calls_user(calls, name) ? CW_E_NOT_FOUND : err;
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
