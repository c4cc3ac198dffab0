/* fuzz-forward.c - what a peer says of who calls and who forwarded: Diversion, History-Info,
 * P-Asserted-Identity, Privacy, lists of URIs; and what is sent on of it. */
#include "base/json.h"
#include "call/party/caller.h"
#include "call/party/forward.h"
#include "call/party/header.h"
#include "sip/header.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cw_conf *make_conf(void)
{
    static const char text[] =
        "trunk = ( { name = \"t\"; address = \"192.0.2.1\"; trust = \"both\";\n"
        "  caller = ( \"from\", \"pai\", \"ppi\", \"rpid\" );\n"
        "  forwarded = ( \"diversion\", \"history-info\" ); } );\n"
        "number = ( { match = \"0*\"; strip = 1; prepend = \"+33\"; } );\n";
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    if (cw_conf_load("fuzz", text, &conf, &why))
        g_error("%s", why);
    return conf;
}

static void are_lines(char *const *lines)
{
    for (; lines && *lines; lines++)
        if (strpbrk(*lines, "\r\n"))
            abort();
}

static void forward(const cw_conf *conf, const cw_writer *writer, const char *a, const char *b)
{
    g_autoptr(GPtrArray) all = cw_forwards_read(conf, writer, a, b);
    g_autoptr(json_t) json = cw_forwards_json(all);

    if (all->len > CW_FORWARDS_MAX || json_array_size(json) != all->len)
        abort();
    cw_forwards_add(all, "sip:us@h", "+331", "unconditional");
    g_auto(GStrv) lines = cw_forwards_lines(all, conf, writer->trunk, "h.example", "sip:1@h");

    are_lines(lines);
}

static void call(const cw_conf *conf, const cw_writer *writer, const char *text)
{
    const cw_said said = { .uri = "sip:a@b",
                           .display = text,
                           .user = text,
                           .host = "b",
                           .asserted = text,
                           .remote_party = text,
                           .privacy = text };
    g_autoptr(json_t) json = NULL;
    cw_caller caller;
    cw_party party;

    cw_party_read(conf, writer, true, &said, &party);
    json = cw_party_json(&party);
    if (!party.uri || !json)
        abort();
    cw_caller_tell(conf, writer->trunk, "h.example", &party, "user", &caller);
    are_lines(caller.headers);
    for (char **line = caller.headers; *line; line++)
        if (!cw_sip_header_line_ok(*line))
            abort();
    cw_caller_clear(&caller);
    cw_party_clear(&party);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cw_conf *conf;
    g_autofree char *whole = g_strndup((const char *)data, size);
    g_autofree char *text = g_utf8_make_valid(whole, -1);
    size_t len = strcspn(text, "\n");
    g_autofree char *first = g_strndup(text, len);
    const char *second = text[len] ? text + len + 1 : "";
    g_autoptr(json_t) uris = NULL;

    if (!conf)
        conf = make_conf();
    const cw_writer trunk = { .trunk = &conf->trunk[0] };

    forward(conf, &trunk, first, second);
    forward(conf, &trunk, NULL, first);
    call(conf, &trunk, first);
    uris = cw_uris_json(first, true);
    return json_array_size(uris) > 8;
}
