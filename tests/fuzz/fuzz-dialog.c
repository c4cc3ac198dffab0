/* fuzz-dialog.c - dialogs read from text: what passes is fit to be sent and prints the same. */
#include "sip/dialog/dialog.h"

#include "base/json.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const char *text)
{
    if (text && !cw_text_is_safe(text, strlen(text)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autoptr(json_t) from = NULL, printed = NULL, again = NULL;
    g_autofree char *ruri = NULL, *route = NULL;
    cw_sip_dialog *dialog, *twin;
    char why[128];

    if (cw_json_parse((const char *)data, len, &from, why) || cw_sip_dialog_parse(from, &dialog))
        return 0;
    check_text(dialog->call_id);
    check_text(dialog->local);
    check_text(dialog->remote);
    check_text(dialog->contact);
    check_text(cw_sip_dialog_next(dialog, &ruri, &route));
    check_text(ruri);
    check_text(route);
    printed = cw_sip_dialog_print(dialog);
    if (!printed || cw_sip_dialog_parse(printed, &twin))
        abort();
    again = cw_sip_dialog_print(twin);
    if (!json_equal(printed, again))
        abort();
    cw_sip_dialog_unref(twin);
    cw_sip_dialog_unref(dialog);
    return 0;
}
