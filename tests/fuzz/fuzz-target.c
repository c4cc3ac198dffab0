/* fuzz-target.c - where a client's target leads, and a number from the telephone network. */
#include "base/json.h"
#include "call/route/route.h"

#include <assert.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cw_conf *make_conf(void)
{
    static const char text[] =
        "trunk = ( { address = \"198.51.100.1\"; },\n"
        "          { address = \"sip.example.fr:5070\"; prefixes = ( \"+33\" ); number_form = "
        "\"tel\"; } );\n"
        "number = ( { from = \"user\"; match = \"0Z*\"; strip = 1; prepend = \"+33\"; },\n"
        "           { match = \"00*\"; strip = 2; prepend = \"+\"; },\n"
        "           { to = \"*\"; match = \"+*\"; strip = 1; prepend = \"00\"; } );\n"
        "inbound = ( { match = \"+33*\"; to = \"user:alice\"; }, { match = \"*\"; to = \"user:$\"; "
        "} );\n";
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    if (cw_conf_load("fuzz", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

/* What goes into an INVITE, a scope check or a log. */
static void is_safe(const char *text)
{
    assert(!text || cw_text_is_safe(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cw_writer user = { .user = "anna" }, peer;
    static cw_conf *conf;
    g_autofree char *text = g_strndup((const char *)data, size);
    char why[128];
    cw_route route;

    if (!conf)
        conf = make_conf();
    if (cw_route_find(conf, &user, text, &route, why) == CW_OK) {
        assert(route.target && (route.name || route.ruri));
        is_safe(route.ruri);
        assert(!route.ruri || !strpbrk(route.ruri, " <>\"?"));
    }
    is_safe(route.target);
    cw_route_clear(&route);
    if (cw_route_inbound(conf, &peer, text, &route) == CW_OK)
        is_safe(route.name);
    cw_route_clear(&route);
    return 0;
}
