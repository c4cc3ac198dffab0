/* fuzz-sip-uri.c - URIs, hosts, display names, header lines and digest challenges. */
#include "sip/header.h"
#include "sip/transaction/auth.h"
#include "sip/transaction/login.h"
#include "sip/text/uri.h"

#include "base/json.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* An answer to a challenge of ours: whatever it is, not the right one. */
static void check_login(const char *text)
{
    static cw_sip_logins *logins;
    static cw_conf *conf;
    g_auto(GStrv) params = g_strsplit(text, ",", 16);
    const char *user = NULL;

    if (!logins) {
        g_autofree char *why = NULL;

        if (cw_conf_load("fuzz",
                         "trunk = ( { name = \"t\"; in_username = \"u\"; in_password = \"p\"; } );",
                         &conf, &why))
            abort();
        logins = cw_sip_logins_new(conf, "r");
    }
    if (cw_sip_logins_judge(logins, (const char *const *)params, "INVITE", "sip:h", 1000, &user) ==
        CW_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What passed must be safe, and pass again unchanged. */
static void check_uri(const char *text)
{
    g_autofree char *uri = NULL, *again = NULL;
    cw_sip_host host;

    if (cw_sip_uri_check(text, &uri))
        return;
    if (!cw_text_is_safe(uri, strlen(uri)) || strpbrk(uri, "<>\"? \\") ||
        cw_sip_uri_check(uri, &again) || strcmp(uri, again) != 0 || cw_sip_uri_host(uri, &host))
        abort();
}

static void check_names(const char *text)
{
    g_autofree char *quoted = cw_sip_display_quote(text);
    g_autofree char *display = cw_sip_display_decode(text);
    g_autofree char *escaped = cw_sip_user_escape(text);
    g_autofree char *user = cw_sip_user_unescape(text, strlen(text));
    g_autofree char *back = quoted ? cw_sip_display_decode(quoted) : NULL;

    if (!cw_text_is_safe(display, strlen(display)) || !cw_text_is_safe(escaped, strlen(escaped)) ||
        (quoted && !cw_text_is_safe(quoted, strlen(quoted))) ||
        (user && !cw_text_is_safe(user, strlen(user))))
        abort();
    if (back && strlen(back) > strlen(text))
        abort();
    if (cw_sip_header_line_ok(text) && strpbrk(text, "\r\n"))
        abort();
}

static void check_challenge(const char *text)
{
    g_auto(GStrv) params = g_strsplit(text, ",", 8);
    g_auto(cw_sip_challenge) challenge = { 0 };
    g_autofree char *answer = NULL;

    if (cw_sip_challenge_parse((const char *const *)params, &challenge))
        return;
    answer = cw_sip_challenge_answer(&challenge, "u", "0123", "INVITE", "sip:h", 1, "c");
    if (!cw_text_is_safe(answer, strlen(answer)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    cw_sip_host host;

    check_uri(text);
    check_names(text);
    check_challenge(text);
    check_login(text);
    (void)cw_sip_uri_is_loose(text);
    if (cw_sip_uri_host(text, &host) == CW_OK && !*host.name)
        abort();
    if (cw_sip_host_parse((const char *)data, len, &host) == CW_OK && strlen(host.name) > len)
        abort();
    return 0;
}
