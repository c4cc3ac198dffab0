/* fuzz-reginfo.c - documents of the event "reg", and the challenges of AKA. */
#include "sip/register/reginfo.h"
#include "sip/transaction/aka.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *nonce = g_strndup((const char *)data, size);
    cw_sip_aka aka = { .k = { 1 }, .opc = { 2 } };
    cw_sip_aka_answer answer;
    cw_reginfo info;

    if (cw_reginfo_parse((const char *)data, size, "sip:alice@ims.test", "tok", &info) == CW_OK &&
        info.wait_s > 86400)
        abort();
    if (cw_sip_aka_take(&aka, 1 + size % 2, nonce, &answer) == CW_OK &&
        answer.len > sizeof answer.password)
        abort();
    return 0;
}
