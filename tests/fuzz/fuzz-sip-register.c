/* fuzz-sip-register.c - a registrar's answer: Contacts, Service-Route, P-Associated-URI,
 * challenges. The input is the header lines. */
#include "base/json.h"
#include "base/loop.h"
#include "sip/register/register_priv.h"
#include "sip/text/uri.h"
#include "sip/text/urilist.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_uri(const char *uri, bool sip_only)
{
    cw_sip_host host;

    if (!cw_text_is_safe(uri, strlen(uri)) || strpbrk(uri, "<>\" ,\r\n") ||
        (sip_only && cw_sip_uri_host(uri, &host)))
        abort();
}

static void check_list(const char *text)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    cw_sip_uri_list(text, 16, all);
    if (all->len > 16)
        abort();
    for (unsigned i = 0; i < all->len; i++)
        check_uri(all->pdata[i], false);
}

static void check_binding(const sip_t *sip) CW_ON_LOOP
{
    cw_sip_binding binding = { 0 };

    if (cw_sip_binding_take(&binding, sip, "sip:me@192.0.2.1:5060", "urn:uuid:1", 3600) == CW_OK) {
        for (GStrv i = binding.route; i && *i; i++)
            check_uri(*i, true);
        for (GStrv i = binding.associated; i && *i; i++)
            check_uri(*i, false);
        if (binding.gruu)
            check_uri(binding.gruu, true);
        if (binding.expires_s == 0)
            abort();
    }
    cw_sip_binding_clear(&binding);
}

static void check_challenge(const sip_t *sip) CW_ON_LOOP
{
    const cw_sip_credentials credentials = { .username = "u", .password = "p", .realm = "r" };
    cw_sip_account *account = cw_sip_account_new(&credentials);
    bool stale;

    if (cw_sip_take_challenge(account, sip, false, &stale) == CW_OK) {
        g_autofree char *line = cw_sip_account_answer(account, false, "REGISTER", "sip:h");

        if (!line || strpbrk(line, "\r\n"))
            abort();
    }
    cw_sip_account_unref(account);
}

/* The role, once. */
static void be_loop(void)
{
    static cw_loop *loop;

    if (!loop && cw_loop_new(&loop))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_autofree char *whole = g_strdup_printf(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
        "To: <sip:a@h>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n%s\r\n\r\n",
        text);
    msg_t *msg;

    be_loop();
    cw_assert_on_loop();
    check_list(text);
    msg = msg_make(sip_default_mclass(), 0, whole, (ssize_t)strlen(whole));
    if (msg && sip_object(msg) && sip_object(msg)->sip_status) {
        check_binding(sip_object(msg));
        check_challenge(sip_object(msg));
    }
    msg_destroy(msg);
    return 0;
}
