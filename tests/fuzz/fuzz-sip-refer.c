/* Refer-To, Replaces, Target-Dialog and sipfrag, each from the same bytes. */
#include "sip/refer.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_refer_to(const char *text)
{
    g_auto(cw_sip_refer_to) to = { 0 }, again = { 0 };
    g_autofree char *printed = NULL;

    if (cw_sip_refer_to_parse(text, &to))
        return;
    g_assert_true(strpbrk(to.uri, "\r\n?") == NULL);
    printed = cw_sip_refer_to_print(&to);
    if (strpbrk(to.uri, "<>\"") == NULL) { /* what is sent was checked for these */
        g_assert_cmpint(cw_sip_refer_to_parse(printed, &again), ==, CW_OK);
        g_assert_cmpstr(again.uri, ==, to.uri);
        g_assert_cmpstr(again.replaces.call_id, ==, to.replaces.call_id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(cw_sip_replaces) replaces = { 0 }, dialog = { 0 };
    char phrase[96];
    int status;

    try_refer_to(text);
    if (cw_sip_replaces_parse(text, &replaces) == CW_OK) {
        g_autofree char *printed = cw_sip_replaces_print(&replaces);

        g_assert_true(strpbrk(printed, "\r\n ") == NULL);
    }
    (void)!cw_sip_target_dialog_parse(text, &dialog);
    if (cw_sip_frag_parse((const char *)data, size, &status, phrase) == CW_OK)
        g_assert_true(status >= 100 && status <= 699 && strlen(phrase) < sizeof phrase);
    return 0;
}
