#include "sip/dialog/call.h"
#include "sip/text/uri.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_MAX 86400 /* a peer's longer wish is cut to a day */

int cw_sip_q850_of(const sip_t *sip)
{
    for (const sip_reason_t *reason = sip ? sip->sip_reason : NULL; reason;
         reason = reason->re_next) {
        long cause = reason->re_cause ? strtol(reason->re_cause, NULL, 10) : 0;

        if (reason->re_protocol && g_ascii_strcasecmp(reason->re_protocol, "Q.850") == 0 &&
            cause > 0 && cause < 128)
            return (int)cause;
    }
    return 0;
}

int cw_sip_reason_of(const sip_t *sip, char text[static 96])
{
    for (const sip_reason_t *reason = sip ? sip->sip_reason : NULL; reason;
         reason = reason->re_next) {
        long cause = reason->re_cause ? strtol(reason->re_cause, NULL, 10) : 0;
        g_autofree char *said = NULL;

        if (!reason->re_protocol || g_ascii_strcasecmp(reason->re_protocol, "SIP") != 0 ||
            cause < 200 || cause > 699)
            continue;
        said = cw_sip_display_decode(reason->re_text);
        g_strlcpy(text, *said ? said : cw_sip_phrase((int)cause), 96);
        if (!g_utf8_validate(text, -1, NULL)) /* cut inside a character */
            g_strlcpy(text, cw_sip_phrase((int)cause), 96);
        return (int)cause;
    }
    return 0;
}

bool cw_sip_elsewhere(const sip_t *sip)
{
    char ignored[96];

    return cw_sip_reason_of(sip, ignored) == 200;
}

/* Q.850 cause values; the pairs are those of RFC 3398 8.2.6.1 read backwards. */
static int q850_for(cw_err why)
{
    switch (why) {
    case CW_OK:
    case CW_E_CANCELLED:
        return 16; /* normal call clearing */
    case CW_E_NOT_FOUND:
    case CW_E_NO_ROUTE:
        return 1; /* unallocated number */
    case CW_E_BUSY:
        return 17;
    case CW_E_UNAVAILABLE:
        return 18; /* no user responding */
    case CW_E_TIMEOUT:
        return 19; /* no answer from user */
    case CW_E_DECLINED:
    case CW_E_FORBIDDEN:
    case CW_E_NO_IDENTITY:
    case CW_E_IDENTITY_INFO:
    case CW_E_CREDENTIAL:
    case CW_E_BAD_IDENTITY:
    case CW_E_STALE:
        return 21; /* call rejected */
    case CW_E_HOPS:
        return 25; /* exchange routing error */
    case CW_E_ANSWERED_ELSEWHERE:
        return 26; /* non-selected user clearing */
    case CW_E_NETWORK:
    case CW_E_DNS:
        return 38; /* network out of order */
    case CW_E_OVERLOAD:
    case CW_E_RATE:
    case CW_E_NO_PORT:
        return 42; /* switching equipment congestion */
    case CW_E_NO_CODEC:
    case CW_E_NOT_ACCEPTABLE:
        return 88; /* incompatible destination */
    default:
        return 31; /* normal, unspecified */
    }
}

/* With a quoted text; g_free it. */
static char *line(const char *protocol, int cause, const char *text)
{
    g_autofree char *quoted = cw_sip_display_quote(text);

    return g_strdup_printf("Reason: %s;cause=%d%s%s", protocol, cause, quoted ? ";text=" : "",
                           quoted ? quoted : "");
}

/* What is wrong with who vouches for the caller (RFC 9410). */
static bool is_stir(cw_err err)
{
    return err == CW_E_NO_IDENTITY || err == CW_E_IDENTITY_INFO || err == CW_E_CREDENTIAL ||
           err == CW_E_BAD_IDENTITY || err == CW_E_STALE;
}

GStrv cw_sip_call_reasons(const cw_sip_call *call, cw_err err)
{
    const cw_sip_why *why = call->has_why && call->why.err == err ? &call->why : NULL;
    const char *text = err ? cw_err_text(err) : "hang up";
    GPtrArray *lines = g_ptr_array_new();

    if (why && why->q850 && why->text[0] && !why->status)
        text = why->text;
    g_ptr_array_add(lines, line("Q.850", why && why->q850 ? why->q850 : q850_for(err), text));
    if (why && why->status)
        g_ptr_array_add(
            lines, line("SIP", why->status, why->text[0] ? why->text : cw_sip_phrase(why->status)));
    else if (err == CW_E_ANSWERED_ELSEWHERE) /* RFC 3326 3.1 */
        g_ptr_array_add(lines, line("SIP", 200, "Call completed elsewhere"));
    if (is_stir(err))
        g_ptr_array_add(lines, line("STIR", cw_err_sip(err), cw_sip_refusal(cw_err_sip(err), err)));
    g_ptr_array_add(lines, NULL);
    return (GStrv)g_ptr_array_free(lines, FALSE);
}

const char *cw_sip_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } newer[] = {
        { 428, "Use Identity Header" },  /* RFC 8224 6.2.2 */
        { 433, "Anonymity Disallowed" }, /* RFC 5079 */
        { 436, "Bad Identity Info" },       { 437, "Unsupported Credential" },
        { 438, "Invalid Identity Header" }, { 469, "Bad Info Package" }, /* RFC 6086 4.6 */
    };
    const char *phrase;

    for (size_t i = 0; i < G_N_ELEMENTS(newer); i++)
        if (newer[i].status == status)
            return newer[i].phrase;
    phrase = sip_status_phrase(status);
    return phrase ? phrase : "Response";
}

const char *cw_sip_refusal(int status, cw_err why)
{
    return why == CW_E_STALE && status == 403 ? "Stale Date" : cw_sip_phrase(status);
}

void cw_sip_end_of(cw_sip_end *end, int status, const sip_t *sip)
{
    const char *phrase = sip && sip->sip_status ? sip->sip_status->st_phrase : NULL;

    end->status = status;
    end->err = status >= 300 && status < 400 ? CW_E_SIP_FAILED : cw_err_from_sip(status);
    end->q850 = cw_sip_q850_of(sip);
    end->by_peer = true;
    if (sip && sip->sip_retry_after && status >= 300)
        end->retry_after_s = (unsigned)MIN(sip->sip_retry_after->af_delta, RETRY_AFTER_MAX);
    end->message = cw_sip_message_of(sip);
    if (phrase && cw_text_is_safe(phrase, strlen(phrase)) && g_utf8_validate(phrase, -1, NULL))
        g_strlcpy(end->phrase, phrase, sizeof end->phrase);
    else
        g_strlcpy(end->phrase, cw_sip_phrase(status), sizeof end->phrase);
    if (!g_utf8_validate(end->phrase, -1, NULL)) /* cut inside a character */
        g_strlcpy(end->phrase, cw_sip_phrase(status), sizeof end->phrase);
}
