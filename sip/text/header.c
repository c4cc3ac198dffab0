#include "sip/header.h"

#include "base/json.h"

#include <glib.h>
#include <string.h>

/* Long names; compact forms (RFC 3261 7.3.3) are single letters, and none of those is let through.
 */
static const char *const of_stack[] = {
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Resource-Priority",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "CSeq",
    "Call-ID",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Encryption",
    "Error-Info",
    "Event",
    "Expires",
    "Feature-Caps",
    "Flow-Timer",
    "From",
    "Hide",
    "Info-Package",
    "Join",
    "MIME-Version",
    "Max-Breadth",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "Path",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "RSeq",
    "Record-Route",
    "Recv-Info",
    "Refer-Events-At",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Replaces",
    "Request-Disposition",
    "Require",
    "Retry-After",
    "Route",
    "SIP-ETag",
    "SIP-If-Match",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "Subscription-State",
    "Supported",
    "Suppress-If-Match",
    "Target-Dialog",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "WWW-Authenticate",
    "Warning",
};

static const char *const of_calls[] = {
    "Answer-Mode",
    "Date",
    "Diversion",
    "Geolocation",
    "Geolocation-Error",
    "Geolocation-Routing",
    "History-Info",
    "Identity",
    "Identity-Info",
    "P-Access-Network-Info",
    "P-Answer-State",
    "P-Asserted-Identity",
    "P-Asserted-Service",
    "P-Associated-URI",
    "P-Called-Party-ID",
    "P-Charging-Function-Addresses",
    "P-Charging-Vector",
    "P-DCS-Billing-Info",
    "P-DCS-LAES",
    "P-DCS-Redirect",
    "P-Early-Media",
    "P-Media-Authorization",
    "P-Preferred-Identity",
    "P-Preferred-Service",
    "P-Private-Network-Indication",
    "P-Profile-Key",
    "P-Served-User",
    "P-User-Database",
    "P-Visited-Network-ID",
    "Permission-Missing",
    "Policy-Contact",
    "Policy-ID",
    "Priv-Answer-Mode",
    "Privacy",
    "Reason",
    "Relayed-Charge",
    "Remote-Party-ID",
    "Resource-Priority",
    "Response-Key",
    "Response-Source",
    "Restoration-Info",
    "Service-Interact-Info",
    "Trigger-Consent",
};

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (g_ascii_strcasecmp(name, list[i]) == 0)
            return true;
    return false;
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    if (len < 2 || len > CW_SIP_NAME_MAX || !g_ascii_isalpha(name[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isalnum(name[i]) && name[i] != '-')
            return false;
    return name[len - 1] != '-';
}

cw_sip_setter cw_sip_header_setter(const char *name)
{
    if (!is_name(name) || is_one_of(name, of_stack, G_N_ELEMENTS(of_stack)))
        return CW_SIP_BY_STACK;
    return is_one_of(name, of_calls, G_N_ELEMENTS(of_calls)) ? CW_SIP_BY_CALLS : CW_SIP_BY_ANYBODY;
}

/* U+0080 to U+009F, U+2028, U+2029: what some take for the end of a line. */
static bool ends_lines(gunichar c)
{
    return (c >= 0x80 && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

static bool is_safe(const char *text)
{
    if (!cw_text_is_safe(text, strlen(text)) || !g_utf8_validate(text, -1, NULL))
        return false;
    for (; *text; text = g_utf8_next_char(text))
        if (ends_lines(g_utf8_get_char(text)))
            return false;
    return true;
}

cw_err cw_sip_header_make(cw_sip_setter who, const char *name, const char *value, char **line)
{
    if (!is_safe(name) || !is_safe(value))
        return CW_E_UNSAFE;
    if (cw_sip_header_setter(name) < who || who == CW_SIP_BY_STACK)
        return CW_E_PARAMS;
    if (strlen(value) >
        (who == CW_SIP_BY_CALLS ? 4 : 1) * CW_SIP_VALUE_MAX) /* a PASSporT is long */
        return CW_E_TOO_LARGE;
    *line = g_strdup_printf("%s: %s", name, value);
    return CW_OK;
}

bool cw_sip_header_line_ok(const char *line)
{
    const char *colon = strchr(line, ':');
    g_autofree char *name = colon ? g_strndup(line, (gsize)(colon - line)) : NULL;
    g_autofree char *made = NULL;

    return name && colon[1] == ' ' &&
           cw_sip_header_make(CW_SIP_BY_CALLS, name, colon + 2, &made) == CW_OK;
}

bool cw_sip_header_listed(char *const *patterns, const char *name)
{
    for (; patterns && *patterns; patterns++) {
        size_t len = strlen(*patterns);

        if (len > 0 && (*patterns)[len - 1] == '*'
                ? g_ascii_strncasecmp(*patterns, name, len - 1) == 0
                : g_ascii_strcasecmp(*patterns, name) == 0)
            return true;
    }
    return false;
}
