/* identify.c - who is at our end now: connected identity (RFC 4916). */
#include "sip/dialog/call.h"

#include "sip/header.h"

#include <string.h>

static void on_update(cw_sip_call *call, cw_sip_send *send, int status, const sip_t *sip)
{
    cw_assert_on_loop();
    if (status == 0 || status >= 300)
        (void)cw_sip_reoffer_is_lost(call, status, send->err, sip);
    else if (status >= 200)
        cw_sip_dialog_refresh(send->dialog, sip);
}

static void update(cw_sip_call *call) CW_ON_LOOP
{
    g_auto(GStrv) lines = g_steal_pointer(&call->identity);
    cw_sip_request request = { .method = sip_method_update,
                               .name = "UPDATE",
                               .headers = (const char *const *)lines };

    (void)cw_sip_send_start(call, call->dialog, &request, on_update);
}

/* What From is to be; NULL: as it is. */
static char *new_local(const cw_sip_call *call, const cw_sip_name *from) CW_ON_LOOP
{
    g_autofree char *local = NULL;

    if (!from || !call->dialog->follows_from)
        return NULL;
    local = cw_sip_name_addr(call->sip, from->user, from->domain, from->display);
    return g_strcmp0(local, call->dialog->local) ? g_steal_pointer(&local) : NULL;
}

cw_err cw_sip_call_identify(cw_sip_call *call, const cw_sip_name *from, const char *const *lines)
{
    cw_sip_dialog *dialog = call->dialog;
    g_autofree char *local = new_local(call, from);

    for (const char *const *line = lines; line && *line; line++)
        if (!cw_sip_header_line_ok(*line))
            return CW_E_UNSAFE;
    if (call->state != SIP_UP)
        return CW_E_STATE;
    if (!local && !(lines && *lines))
        return CW_E_NOT_FOUND;
    if (local) {
        g_free(dialog->local);
        dialog->local = g_steal_pointer(&local);
    }
    g_strfreev(call->identity);
    call->identity = lines ? g_strdupv((char **)lines) : g_new0(char *, 1);
    if (dialog->allows_update)
        update(call);
    else /* false: an offer is on its way; with the next one then */
        (void)!cw_sip_reoffer_same(cw_sip_exchange_of(call, dialog));
    return CW_OK;
}
