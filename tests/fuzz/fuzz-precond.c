/* fuzz-precond.c - preconditions and P-Early-Media of peers: read, answered, printed, read again */
#include "call/leg/early.h"
#include "media/sdp/precond.h"
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const char *text, cw_precond *ret)
{
    g_auto(GStrv) line = g_strsplit(text, "\n", 64);
    cw_sdp_attr attr[65] = { 0 };
    unsigned n = 0;

    for (; line[n] && n < 64; n++) {
        char *colon = strchr(line[n], ':');

        attr[n].name = (cw_span){ line[n], colon ? (size_t)(colon - line[n]) : strlen(line[n]) };
        if (colon)
            attr[n].value = (cw_span){ colon + 1, strlen(colon + 1) };
    }
    cw_precond_read(attr, n, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);
    cw_precond theirs, ours;
    cw_dir dirs[CW_DESC_STREAMS_MAX] = { 0 };

    (void)cw_early_media_read(text, dirs, CW_DESC_STREAMS_MAX);
    for (unsigned i = 0; i < CW_DESC_STREAMS_MAX; i++)
        g_assert_cmpuint(dirs[i], <=, CW_SENDRECV);
    one(text, &theirs);
    cw_precond_answer(&theirs, &ours);
    cw_precond_print(first, &ours);
    g_string_replace(first, "a=", "", 0);
    g_string_replace(first, "\r\n", "\n", 0);
    one(first->str, &theirs);
    cw_precond_print(second, &theirs);
    g_string_replace(second, "a=", "", 0);
    g_string_replace(second, "\r\n", "\n", 0);
    g_assert_cmpstr(first->str, ==, second->str);
    g_string_truncate(first, 0);
    cw_precond_refuse(&theirs, size & 1, &ours);
    cw_precond_print(first, &ours);
    cw_precond_demand(&theirs);
    cw_precond_offer(&ours);
    cw_precond_take(&ours, &theirs);
    (void)cw_precond_met(&ours);
    return 0;
}
