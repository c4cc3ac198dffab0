/* A dialog, and the call on it, as JSON: so that another process can go on with it. What is read is
 * checked like a peer's text: it may come from a store that others write to. */
#include "sip/dialog/call.h"

#include "base/json.h"
#include "sip/header.h"
#include "sip/net/tls.h"
#include "sip/text/uri.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX    1024 /* of a name-addr or a Call-ID */
#define TAG_MAX     256
#define CSEQ_MAX    0x7fffffff /* RFC 3261 8.1.1.5 */
#define CSEQ_SKIP   64         /* requests that went out after it was printed */
#define EXPIRES_MAX 86400
#define EVERY_MAX   8 /* header lines of each request */

json_t *cw_sip_dialog_print(const cw_sip_dialog *dialog)
{
    json_t *route = json_array(), *every = json_array();

    for (unsigned i = 0; i < dialog->route->len; i++)
        json_array_append_new(route, json_string(dialog->route->pdata[i]));
    for (char **line = dialog->every; line && *line; line++)
        json_array_append_new(every, json_string(*line));
    return json_pack("{s:s s:s s:s s:s s:s s:s* s:s s:s* s:s* s:s* s:s* s:o s:o s:I s:I s:b s:b "
                     "s:b s:b s:i s:s}",
                     "call_id", dialog->call_id, "local_tag", dialog->local_tag, "remote_tag",
                     dialog->remote_tag ? dialog->remote_tag : "", "local", dialog->local, "remote",
                     dialog->remote, "local_user", dialog->local_user, "target", dialog->target,
                     "gruu", dialog->gruu, "contact", dialog->contact, "outbound", dialog->outbound,
                     "tls_name", dialog->tls_name, "route", route, "every", every, "local_cseq",
                     (json_int_t)dialog->local_cseq, "remote_cseq",
                     dialog->has_remote_cseq ? (json_int_t)dialog->remote_cseq : (json_int_t)-1,
                     "caller", dialog->caller, "allows_update", dialog->allows_update,
                     "follows_from", dialog->follows_from, "secure", dialog->secure, "hops_used",
                     (int)dialog->hops_used, "transport", cw_sip_transport_name(dialog->transport));
}

/* --- read again --- */

static bool is_text(const char *text, size_t max)
{
    size_t len = strlen(text);

    return len <= max && cw_text_is_safe(text, len);
}

/* RFC 3261 25.1: word, for Call-ID and tags; a tag may be empty. */
static bool is_word(const char *text, size_t max, bool empty)
{
    return is_text(text, max) && (empty || *text) &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        "-.!%*_+`'~()<>:\\\"/[]?{}@") == strlen(text);
}

static bool is_tag(const char *text, bool empty)
{
    return is_word(text, TAG_MAX, empty) && !strpbrk(text, "()<>:\\\"/[]?{}@");
}

/* "display" <uri>, with nothing behind. */
static bool is_name_addr(const char *text)
{
    const char *open = strrchr(text, '<');

    return is_text(text, TEXT_MAX) && open && g_str_has_suffix(text, ">") && open[1] != '>' &&
           strcspn(open + 1, "> \"") == strlen(open) - 2;
}

static bool is_uri(const char *uri)
{
    cw_sip_host host;

    return is_text(uri, CW_SIP_URI_MAX) && !strpbrk(uri, "<>\", ") && !cw_sip_uri_host(uri, &host);
}

static bool is_contact(const char *text)
{
    g_autofree char *uri =
        is_name_addr(text) && *text == '<' ? g_strndup(text + 1, strlen(text) - 2) : NULL;

    return uri && is_uri(uri);
}

static bool is_user(const char *user)
{
    return is_text(user, TAG_MAX) && !strpbrk(user, "<>\"@ ,?;:/");
}

static bool is_host(const char *name)
{
    cw_sip_host host;

    return is_text(name, TAG_MAX) && !cw_sip_host_parse(name, strlen(name), &host);
}

static bool is_call_id(const char *text)
{
    return is_word(text, TEXT_MAX, false);
}

static bool is_local_tag(const char *text)
{
    return is_tag(text, false);
}

static bool is_remote_tag(const char *text)
{
    return is_tag(text, true);
}

/* A member that must be such text; or may be missing. False: it is not. */
static bool take(const json_t *from, const char *name, bool (*is)(const char *), bool must,
                 char **ret)
{
    const json_t *member = json_object_get(from, name);
    const char *text = json_string_value(member);

    if (!member || json_is_null(member))
        return !must;
    if (!text || !is(text))
        return false;
    g_free(*ret);
    *ret = g_strdup(text);
    return true;
}

static bool take_number(const json_t *from, const char *name, json_int_t min, json_int_t max,
                        json_int_t *ret)
{
    const json_t *member = json_object_get(from, name);

    *ret = json_integer_value(member);
    return json_is_integer(member) && *ret >= min && *ret <= max;
}

static bool take_route(const json_t *from, cw_sip_dialog *dialog)
{
    const json_t *route = json_object_get(from, "route");

    if (!json_is_array(route) || json_array_size(route) > CW_SIP_ROUTE_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(route); i++) {
        const char *uri = json_string_value(json_array_get(route, i));

        if (!uri || !is_uri(uri))
            return false;
        g_ptr_array_add(dialog->route, g_strdup(uri));
    }
    return true;
}

static bool take_numbers(const json_t *from, cw_sip_dialog *dialog)
{
    json_int_t local, remote, hops;
    const char *transport = json_string_value(json_object_get(from, "transport"));

    if (!take_number(from, "local_cseq", 0, CSEQ_MAX - CSEQ_SKIP, &local) ||
        !take_number(from, "remote_cseq", -1, UINT32_MAX, &remote) ||
        !take_number(from, "hops_used", 0, CW_SIP_HOPS_MAX, &hops) || !transport ||
        cw_sip_transport_parse(transport, strlen(transport), &dialog->transport))
        return false;
    dialog->local_cseq = (uint32_t)local;
    dialog->has_remote_cseq = remote >= 0;
    dialog->remote_cseq = remote >= 0 ? (uint32_t)remote : 0;
    dialog->hops_used = (unsigned)hops;
    dialog->caller = json_is_true(json_object_get(from, "caller"));
    dialog->allows_update = json_is_true(json_object_get(from, "allows_update"));
    dialog->follows_from = json_is_true(json_object_get(from, "follows_from"));
    dialog->secure = json_is_true(json_object_get(from, "secure"));
    dialog->confirmed = true;
    return true;
}

static bool take_every(const json_t *from, cw_sip_dialog *dialog)
{
    const json_t *every = json_object_get(from, "every");
    g_autoptr(GStrvBuilder) lines = g_strv_builder_new();

    if (json_array_size(every) > EVERY_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(every); i++) {
        const char *line = json_string_value(json_array_get(every, i));

        if (!line || !cw_sip_header_line_ok(line))
            return false;
        g_strv_builder_add(lines, line);
    }
    if (json_array_size(every))
        dialog->every = g_strv_builder_end(lines);
    return true;
}

cw_err cw_sip_dialog_parse(const json_t *from, cw_sip_dialog **ret)
{
    cw_sip_dialog *dialog = cw_sip_dialog_new();

    if (take(from, "call_id", is_call_id, true, &dialog->call_id) &&
        take(from, "local_tag", is_local_tag, true, &dialog->local_tag) &&
        take(from, "remote_tag", is_remote_tag, true, &dialog->remote_tag) &&
        take(from, "local", is_name_addr, true, &dialog->local) &&
        take(from, "remote", is_name_addr, true, &dialog->remote) &&
        take(from, "local_user", is_user, false, &dialog->local_user) &&
        take(from, "target", is_uri, true, &dialog->target) &&
        take(from, "gruu", is_uri, false, &dialog->gruu) &&
        take(from, "contact", is_contact, false, &dialog->contact) &&
        take(from, "outbound", is_uri, false, &dialog->outbound) &&
        take(from, "tls_name", is_host, false, &dialog->tls_name) && take_route(from, dialog) &&
        take_every(from, dialog) && take_numbers(from, dialog)) {
        if (!dialog->local_user)
            dialog->local_user = g_strdup("");
        *ret = dialog;
        return CW_OK;
    }
    cw_sip_dialog_unref(dialog);
    return CW_E_SYNTAX;
}

/* --- the call on it --- */

char *cw_sip_call_print(const cw_sip_call *call)
{
    const cw_sip_exchange *x;
    g_autoptr(json_t) all = NULL;
    char *text, *copy;

    if (call->state != SIP_UP)
        return NULL;
    x = cw_sip_exchange_of((cw_sip_call *)call, call->dialog);
    all = json_pack("{s:o s:i s:b s:i s:s* s:s* s:b}", "dialog", cw_sip_dialog_print(call->dialog),
                    "session_expires", (int)call->session.expires_s, "session_ours",
                    call->session.ours, "session_min", (int)call->session.min_s, "sdp", x->ours,
                    "their_sdp", x->theirs, "they_offered", x->they_offered);
    text = all ? cw_json_print(all) : NULL;
    copy = g_strdup(text);
    free(text);
    return copy;
}

static bool is_sdp(const char *sdp)
{
    return strlen(sdp) <= CW_SIP_BODY_MAX && g_str_has_prefix(sdp, "v=0");
}

static bool is_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static cw_err fill(cw_sip_call *call, const json_t *from, const cw_sip_target *like) CW_ON_LOOP
{
    cw_sip_dialog *dialog = NULL;
    cw_sip_exchange *x;
    json_int_t expires, min;
    cw_err err = cw_sip_dialog_parse(json_object_get(from, "dialog"), &dialog);

    if (err)
        return err;
    cw_sip_dialog_unref(call->dialog);
    call->dialog = dialog;
    if (dialog->transport == CW_SIP_TLS && like)
        dialog->tls = cw_tls_profile_get(call->sip->tls, like->tls.certificate, like->tls.key,
                                         like->tls.authorities);
    if (g_hash_table_contains(call->sip->calls, dialog->local_tag))
        return CW_E_EXISTS;
    if (!take_number(from, "session_expires", 0, EXPIRES_MAX, &expires) ||
        !take_number(from, "session_min", 0, EXPIRES_MAX, &min))
        return CW_E_SYNTAX;
    x = cw_sip_exchange_of(call, dialog);
    x->agreed = true;
    x->they_offered = json_is_true(json_object_get(from, "they_offered"));
    if (!take(from, "sdp", is_sdp, false, &x->ours) ||
        !take(from, "their_sdp", is_digest, false, &x->theirs))
        return CW_E_SYNTAX;
    dialog->local_cseq += CSEQ_SKIP;
    call->session.wish_s = like ? like->session_s : 0;
    call->session.min_s = (unsigned)min;
    cw_sip_timer_restore(call, (unsigned)expires,
                         json_is_true(json_object_get(from, "session_ours")));
    return CW_OK;
}

/* A peer whose next hop is a name is told no credentials in a restored call: nobody looks it up. */
static cw_sip_account *account_like(const cw_sip_target *like)
{
    cw_sip_account *account = cw_sip_account_new(&like->credentials);
    cw_addr home;

    if (account && like->next_hop && !cw_addr_parse(like->next_hop, 5060, &home))
        cw_sip_account_add_home(account, &home);
    return account;
}

cw_err cw_sip_call_restore(cw_sip *sip, const char *text, size_t len, const cw_sip_target *like,
                           const cw_sip_call_ops *ops, void *arg, cw_sip_call **ret)
{
    g_autoptr(json_t) from = NULL;
    cw_sip_call *call;
    char why[128];
    cw_err err = cw_json_parse(text, len, &from, why);

    if (err)
        return err;
    call = cw_sip_call_make(sip);
    err = fill(call, from, like);
    if (err) {
        cw_stat_dec(CW_STAT_sip_calls);
        cw_sip_call_unref(call);
        return err;
    }
    call->ops = ops;
    call->arg = arg;
    if (like)
        call->account = account_like(like);
    cw_sip_call_list(call);
    cw_sip_call_run(call, SIP_EV_RESTORED, NULL);
    *ret = call;
    return CW_OK;
}

/* For a process that ends and whose calls go on elsewhere. */
void cw_sip_call_abandon(cw_sip_call *call)
{
    if (!call)
        return;
    call->ops = NULL;
    cw_sip_call_run(call, SIP_EV_ABANDONED, NULL);
    cw_sip_call_free(call);
}
