/* What a client may send by its WebSocket: nothing of weight before it is known who it is, then
 * only as that user, and in that user's dialogs. */
#include "sip/web/web_priv.h"

#include "sip/dialog/call.h"

#include "base/log.h"
#include "sip/text/uri.h"

#include <string.h>

#define FAILURES_MAX 5 /* wrong credentials, after which the connection is closed */

void cw_sip_web_reply(cw_sip *sip, msg_t *msg, int status, const char *lines)
{
    if (status >= 300)
        cw_stat_inc(CW_STAT_sip_refused);
    nta_msg_treply(sip->agent, msg, status, cw_sip_phrase(status),
                   SIPTAG_SERVER_STR(sip->user_agent), TAG_IF(lines, SIPTAG_HEADER_STR(lines)),
                   TAG_END());
}

void cw_sip_web_admit(cw_sip_web *web, const char *user, int64_t expires, void *owner)
{
    char *name = g_strdup(user);

    g_free(web->user);
    web->user = name;
    web->owner = owner;
    web->expires = expires;
    cw_sip_web_arm(web);
}

static bool is_asked(sip_method_t method)
{
    return method != sip_method_ack && method != sip_method_cancel && method != sip_method_options;
}

static void note_agent(cw_sip_web *web, const sip_t *message) CW_ON_LOOP
{
    const char *said = message->sip_user_agent ? message->sip_user_agent->g_string : NULL;

    if (!web->agent[0] && said && cw_sip_is_plain(said) && strlen(said) < sizeof web->agent)
        g_strlcpy(web->agent, said, sizeof web->agent);
}

/* Of credentials that are wrong there are a few: a client tries its password once or twice. */
static void count_failure(cw_sip_web *web) CW_ON_LOOP
{
    cw_stat_inc(CW_STAT_auth_refused);
    if (++web->failures >= FAILURES_MAX)
        cw_sip_web_end(web, CW_E_AUTH, "wrong credentials, over and over");
}

/* The status to refuse it with, 0: it is who it says. */
static int authenticate(cw_sip_web *web, const sip_t *message, char **lines) CW_ON_LOOP
{
    int status;

    if (!message->sip_authorization) {
        if (web->user && !cw_sip_web_expired(web))
            return 0;
        *lines = cw_sip_web_challenge(web, false);
        return 401;
    }
    status = cw_sip_web_prove(web, message, lines);
    if (!status)
        web->failures = 0;
    return status;
}

/* From is the user, at a host of ours: what others are told is the log-in's, but a From that says
 * something else is a mistake, or a try. */
static bool is_from_user(const cw_sip_web *web, const sip_t *message) CW_ON_LOOP
{
    return cw_sip_web_is_user(web, message->sip_from->a_url);
}

bool cw_sip_web_is_user(const cw_sip_web *web, const url_t *url)
{
    g_autofree char *user = cw_sip_url_user(url);
    g_autofree char *text = cw_sip_url_text(url);

    return user && text && web->user && strcmp(user, web->user) == 0 &&
           cw_sip_web_is_home(web->sip, text);
}

bool cw_sip_web_is_home(const cw_sip *sip, const char *uri)
{
    cw_sip_host host;

    return cw_sip_is_us(sip, uri) || (cw_sip_uri_host(uri, &host) == CW_OK &&
                                      g_ascii_strcasecmp(host.name, cw_sip_web_realm(sip)) == 0);
}

/* A dialog is its user's, by whichever connection they come back. */
static bool is_in_dialog(cw_sip_web *web, cw_sip_call *call, cw_sip_dialog *dialog) CW_ON_LOOP
{
    bool moved = dialog->web != web->id;

    if (g_strcmp0(dialog->web_user, web->user) != 0)
        return false;
    if (moved)
        cw_sip_web_mark(web, dialog);
    if (moved && call && call->ops && call->ops->back)
        call->ops->back(call->arg, web);
    return true;
}

void cw_sip_web_mark(const cw_sip_web *web, cw_sip_dialog *dialog)
{
    dialog->web = web->id;
    g_free(dialog->web_user);
    dialog->web_user = g_strdup(web->user);
    g_free(dialog->web_instance);
    dialog->web_instance = g_strdup(web->place.instance);
}

cw_sip_web *cw_sip_web_for(const cw_sip *sip, cw_sip_dialog *dialog)
{
    cw_sip_web *web = cw_sip_web_find(sip, dialog->web);

    for (GList *at = sip->webs.head; at && !web && dialog->web_instance; at = at->next) {
        cw_sip_web *other = at->data;

        if (g_strcmp0(other->user, dialog->web_user) == 0 &&
            g_strcmp0(other->place.instance, dialog->web_instance) == 0)
            web = other;
    }
    if (web)
        dialog->web = web->id;
    return web;
}

bool cw_sip_web_admits(cw_sip_web *web, msg_t *msg, const sip_t *message, cw_sip_call *call,
                       cw_sip_dialog *dialog)
{
    sip_method_t method = message->sip_request->rq_method;
    bool tried = message->sip_authorization != NULL; /* the answer takes the message */
    g_autofree char *lines = NULL;
    int status = 0;

    note_agent(web, message);
    if (!web->ops)
        status = 503;
    else if (is_asked(method))
        status = authenticate(web, message, &lines);
    if (!status && dialog && !is_in_dialog(web, call, dialog))
        status = 403;
    else if (!status && is_asked(method) && !message->sip_to->a_tag && !is_from_user(web, message))
        status = 403;
    if (!status)
        return true;
    cw_sip_web_reply(web->sip, msg, status, lines);
    if (web->ops && tried && (status == 401 || status == 403))
        count_failure(web);
    return false;
}
