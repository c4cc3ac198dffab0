#include "demo.h"

#include "admin/place.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Firefox never pairs a candidate of 127.0.0.1 with its own: the machine's address is offered too.
 */
static const char text[] = "admin: { socket = \"%s\"; };\n"
                           "web: { listen = ( \"127.0.0.1:8080\" ); };\n"
                           "auth: { guests = true; guest_scope = \"call:*\"; };\n"
                           "sip: {\n"
                           "    listen = ( \"udp:127.0.0.1:5060\", \"tcp:127.0.0.1:5060\" );\n"
                           "    peers = ( \"127.0.0.0/8\", \"::1\" );\n"
                           "};\n"
                           "inbound = (\n"
                           "    { match = \"echo\"; to = \"service:echo\"; },\n"
                           "    { match = \"tone\"; to = \"service:tone\"; },\n"
                           "    { match = \"*\"; to = \"user:$\"; }\n"
                           ");\n"
                           "media: {\n"
                           "    browser_listen = ( \"127.0.0.1\", \"own\" );\n"
                           "    rtp_listen = ( \"127.0.0.1\" );\n"
                           "};\n";

char *cw_demo_conf(const char *socket)
{
    g_autofree char *quoted = g_strescape(socket, NULL);

    return g_strdup_printf(text, quoted);
}

char *cw_demo_dir(char **why)
{
    g_autofree char *dir = cw_admin_demo_dir();
    struct stat st;

    if (mkdir(dir, 0700) && errno != EEXIST) {
        *why = g_strdup_printf("%s: %s", dir, g_strerror(errno));
        return NULL;
    }
    /* In /tmp anybody may have made it first. */
    if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
        (st.st_mode & 077) != 0) {
        *why = g_strdup_printf("%s: not a folder of mine alone", dir);
        return NULL;
    }
    return g_steal_pointer(&dir);
}
