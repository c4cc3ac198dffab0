#include "sip/dialog/dialog.h"

#include "base/ident.h"
#include "base/json.h"
#include "sip/text/uri.h"

#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/url.h>
#include <string.h>

#define TAG_LEN 16 /* 95 bits (RFC 3261 19.3 asks for 32) */

cw_sip_dialog *cw_sip_dialog_new(void)
{
    cw_sip_dialog *dialog = g_rc_box_new0(cw_sip_dialog);
    char tag[TAG_LEN + 1];
    uint32_t cseq;

    cw_random(&cseq, sizeof cseq);
    dialog->local_tag = g_strdup(cw_random_text(tag, TAG_LEN));
    dialog->local_cseq = cseq & 0xffff; /* far below 2^31 (8.1.1.5) */
    dialog->route = g_ptr_array_new_with_free_func(g_free);
    return dialog;
}

static gpointer copy_text(gconstpointer text, gpointer unused)
{
    return g_strdup(text);
}

cw_sip_dialog *cw_sip_dialog_copy(const cw_sip_dialog *dialog)
{
    cw_sip_dialog *copy = g_rc_box_new0(cw_sip_dialog);

    *copy = *dialog;
    copy->call_id = g_strdup(dialog->call_id);
    copy->local_tag = g_strdup(dialog->local_tag);
    copy->remote_tag = g_strdup(dialog->remote_tag);
    copy->local = g_strdup(dialog->local);
    copy->remote = g_strdup(dialog->remote);
    copy->local_user = g_strdup(dialog->local_user);
    copy->target = g_strdup(dialog->target);
    copy->gruu = g_strdup(dialog->gruu);
    copy->contact = g_strdup(dialog->contact);
    copy->outbound = g_strdup(dialog->outbound);
    copy->tls_name = g_strdup(dialog->tls_name);
    copy->hop_for = g_strdup(dialog->hop_for);
    copy->every = g_strdupv(dialog->every);
    copy->web_user = g_strdup(dialog->web_user);
    copy->web_instance = g_strdup(dialog->web_instance);
    copy->route = g_ptr_array_copy(dialog->route, copy_text, NULL);
    g_ptr_array_set_free_func(copy->route, g_free);
    return copy;
}

cw_sip_dialog *cw_sip_dialog_ref(cw_sip_dialog *dialog)
{
    return g_rc_box_acquire(dialog);
}

static void dialog_clear(void *data)
{
    cw_sip_dialog *dialog = data;

    g_free(dialog->call_id);
    g_free(dialog->local_tag);
    g_free(dialog->remote_tag);
    g_free(dialog->local);
    g_free(dialog->remote);
    g_free(dialog->local_user);
    g_free(dialog->target);
    g_free(dialog->gruu);
    g_free(dialog->contact);
    g_free(dialog->outbound);
    g_free(dialog->tls_name);
    g_free(dialog->hop_for);
    g_strfreev(dialog->every);
    g_free(dialog->web_user);
    g_free(dialog->web_instance);
    g_ptr_array_unref(dialog->route);
}

void cw_sip_dialog_unref(cw_sip_dialog *dialog)
{
    if (dialog)
        g_rc_box_release_full(dialog, dialog_clear);
}

/* Text of a URL; NULL when it is not a sip URI we could ever send to. */
static char *url_text(const url_t *url)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    char *text = NULL;
    cw_sip_host host;

    su_home_init(home);
    if (url->url_type == url_sip || url->url_type == url_sips) {
        const char *printed = url_as_string(home, url);

        if (printed && strlen(printed) <= CW_SIP_URI_MAX &&
            cw_text_is_safe(printed, strlen(printed)) && !strpbrk(printed, "<>\"") &&
            !cw_sip_uri_host(printed, &host))
            text = g_strdup(printed);
    }
    su_home_deinit(home);
    return text;
}

/* The target lives in the Contact; headers in it ("?…") are not for us to send. */
static void take_target(cw_sip_dialog *dialog, const sip_t *sip)
{
    char *target;

    if (!sip->sip_contact)
        return;
    target = url_text(sip->sip_contact->m_url);
    if (!target)
        return;
    target[strcspn(target, "?")] = '\0';
    g_free(dialog->target);
    dialog->target = target;
    g_clear_pointer(&dialog->outbound, g_free);
}

/* What it said last counts; saying nothing changes nothing (RFC 3311 4). */
static void take_allow(cw_sip_dialog *dialog, const sip_t *sip)
{
    if (sip->sip_allow)
        dialog->allows_update = msg_header_find_item(sip->sip_allow->k_common, "UPDATE") != NULL;
    if (sip->sip_supported)
        dialog->follows_from =
            msg_header_find_item(sip->sip_supported->k_common, "from-change") != NULL;
}

static cw_err take_route(cw_sip_dialog *dialog, const sip_t *sip, bool reverse)
{
    const sip_record_route_t *rr = sip->sip_record_route;

    g_ptr_array_set_size(dialog->route, 0);
    for (; rr; rr = rr->r_next) {
        char *uri = url_text(rr->r_url);

        if (!uri)
            return CW_E_UNSUPPORTED;
        g_ptr_array_insert(dialog->route, reverse ? 0 : -1, uri);
        if (dialog->route->len > CW_SIP_ROUTE_MAX)
            return CW_E_UNSUPPORTED;
    }
    return CW_OK;
}

cw_err cw_sip_dialog_take_response(cw_sip_dialog *dialog, const sip_t *sip)
{
    const char *tag = sip->sip_to->a_tag;

    g_free(dialog->remote_tag);
    dialog->remote_tag = g_strdup(tag ? tag : "");
    take_allow(dialog, sip);
    take_target(dialog, sip);
    return take_route(dialog, sip, true);
}

static char *name_addr_of(const sip_addr_t *addr)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    char *text;
    const char *uri;

    su_home_init(home);
    uri = url_as_string(home, addr->a_url);
    text = g_strdup_printf("%s%s<%s>", addr->a_display ? addr->a_display : "",
                           addr->a_display && *addr->a_display ? " " : "", uri ? uri : "");
    su_home_deinit(home);
    return text;
}

cw_err cw_sip_dialog_take_invite(cw_sip_dialog *dialog, const sip_t *sip)
{
    const char *user = sip->sip_request->rq_url->url_user;
    g_autofree char *plain = cw_sip_user_unescape(user ? user : "", user ? strlen(user) : 0);

    dialog->call_id = g_strdup(sip->sip_call_id->i_id);
    dialog->remote_tag = g_strdup(sip->sip_from->a_tag ? sip->sip_from->a_tag : "");
    dialog->secure = sip->sip_request->rq_url->url_type == url_sips;
    dialog->local = name_addr_of(sip->sip_to);
    dialog->remote = name_addr_of(sip->sip_from);
    dialog->local_user = cw_sip_user_escape(plain ? plain : "");
    dialog->remote_cseq = sip->sip_cseq->cs_seq;
    dialog->has_remote_cseq = true;
    take_allow(dialog, sip);
    take_target(dialog, sip);
    if (!dialog->target)
        return CW_E_PARAMS;
    return take_route(dialog, sip, false);
}

cw_err cw_sip_dialog_take_notify(cw_sip_dialog *dialog, const sip_t *sip)
{
    if (!sip->sip_contact)
        return CW_E_PARAMS;
    g_free(dialog->remote_tag);
    dialog->remote_tag = g_strdup(sip->sip_from->a_tag ? sip->sip_from->a_tag : "");
    dialog->has_remote_cseq = false;
    take_target(dialog, sip);
    return take_route(dialog, sip, false);
}

void cw_sip_dialog_refresh(cw_sip_dialog *dialog, const sip_t *sip)
{
    take_allow(dialog, sip);
    take_target(dialog, sip);
}

cw_err cw_sip_dialog_take_cseq(cw_sip_dialog *dialog, uint32_t cseq)
{
    if (dialog->has_remote_cseq && cseq < dialog->remote_cseq)
        return CW_E_STATE;
    dialog->remote_cseq = cseq;
    dialog->has_remote_cseq = true;
    return CW_OK;
}

static char *route_value(const cw_sip_dialog *dialog, unsigned from, const char *last)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = from; i < dialog->route->len; i++)
        g_string_append_printf(out, "%s<%s>", out->len ? ", " : "",
                               (const char *)dialog->route->pdata[i]);
    if (last)
        g_string_append_printf(out, "%s<%s>", out->len ? ", " : "", last);
    return g_string_free(out, FALSE);
}

const char *cw_sip_dialog_next(const cw_sip_dialog *dialog, char **ruri, char **route)
{
    const char *first = dialog->route->len ? dialog->route->pdata[0] : NULL;

    *route = NULL;
    if (!first) {
        *ruri = g_strdup(dialog->target);
        return dialog->outbound ? dialog->outbound : dialog->target;
    }
    if (cw_sip_uri_is_loose(first)) {
        *ruri = g_strdup(dialog->target);
        *route = route_value(dialog, 0, NULL);
    } else { /* a strict router takes the Request-URI's place */
        *ruri = g_strdup(first);
        *route = route_value(dialog, 1, dialog->target);
    }
    return first;
}

/* A peer's bytes as JSON text; null for NULL. */
static json_t *text_json(const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    return valid ? json_string(valid) : json_null();
}

json_t *cw_sip_dialog_json(const cw_sip_dialog *dialog)
{
    json_t *route = json_array();
    char hop[CW_ADDR_STR] = "";

    for (unsigned i = 0; i < dialog->route->len; i++)
        json_array_append_new(route, text_json(dialog->route->pdata[i]));
    if (cw_addr_family(&dialog->hop) != AF_UNSPEC)
        cw_addr_print(&dialog->hop, hop);
    return json_pack("{s:o s:o s:o s:o s:o s:o s:o s:I s:I s:b s:i s:s s:o}", "call_id",
                     text_json(dialog->call_id), "local_tag", text_json(dialog->local_tag),
                     "remote_tag", text_json(dialog->remote_tag), "local", text_json(dialog->local),
                     "remote", text_json(dialog->remote), "target", text_json(dialog->target),
                     "contact", text_json(dialog->contact), "local_cseq",
                     (json_int_t)dialog->local_cseq, "remote_cseq", (json_int_t)dialog->remote_cseq,
                     "confirmed", dialog->confirmed, "fork", (int)dialog->fork, "hop", hop, "route",
                     route);
}
