#include "call/party/vouch.h"

#include "base/log.h"
#include "base/stats.h"
#include "call/route/manner.h"
#include "call/route/net.h"
#include "sip/address.h"
#include "sip/header.h"

#include <string.h>

#define IDENTITIES_MAX 8

/* ── The configuration ── */

cw_err cw_vouch_check(const cw_conf *conf, char why[static 128])
{
    static const char *const ways[] = { "off", "tag", "require", NULL };
    cw_net ignored;

    for (size_t i = 0; i < conf->trunk_n; i++)
        if (!g_strv_contains(ways, conf->trunk[i].stir_verify)) {
            g_snprintf(why, 128, "trunk \"%.40s\": stir_verify must be off, tag or require",
                       conf->trunk[i].name);
            return CW_E_CONF;
        }
    for (char **net = conf->shaken.fetch_networks; net && *net; net++)
        if (cw_net_parse(*net, &ignored)) {
            g_snprintf(why, 128, "shaken.fetch_networks: \"%.60s\" is no address or network", *net);
            return CW_E_CONF;
        }
    return cw_shaken_check_conf(conf, why);
}

/* The fetching thread asks. */
static bool may_fetch(void *arg, const cw_addr *addr)
{
    const cw_conf *conf = arg;
    cw_net net;

    for (char **text = conf->shaken.fetch_networks; text && *text; text++)
        if (cw_net_parse(*text, &net) == CW_OK && cw_net_has(&net, addr))
            return true;
    return false;
}

void cw_vouch_open(cw_calls *calls)
{
    char why[128] = "";

    if (cw_shaken_new(calls->loop, calls->conf, may_fetch, (void *)calls->conf, &calls->shaken,
                      why))
        cw_log(CW_LOG_ERROR, CW_MOD_CALL, "shaken.unusable", "why", why, NULL);
}

void cw_vouch_close(cw_calls *calls)
{
    cw_shaken_free(calls->shaken);
}

/* ── What a call comes with ── */

char **cw_vouch_identities(const cw_sip_message *message)
{
    static const char *const names[] = { "Identity", "y" }; /* RFC 8224 4 */
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    unsigned n = 0;
    char *value;

    for (size_t name = 0; name < G_N_ELEMENTS(names); name++)
        for (unsigned i = 0;
             n < IDENTITIES_MAX && (value = cw_sip_message_header(message, names[name], i));
             i++, n++) {
            g_strv_builder_add(all, value);
            g_free(value);
        }
    return n ? g_strv_builder_end(all) : NULL;
}

/* Of a user part "+331234;verstat=…" or a tel: URI's parameters. */
static CW_ON_LOOP char *verstat_of(const cw_sip_message *message, const char *name)
{
    g_autofree char *value = cw_sip_message_header(message, name, 0);
    const char *at = value ?: "";
    cw_sip_address address;
    char *said;

    if (!cw_sip_address_next(&at, &address))
        return NULL;
    said = cw_sip_param(address.inside, "verstat");
    if (!said && strchr(address.user, ';'))
        said = cw_sip_param(strchr(address.user, ';'), "verstat");
    cw_sip_address_clear(&address);
    return said;
}

json_t *cw_vouch_verstat(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                         const cw_sip_message *message)
{
    g_autofree char *said = NULL, *level = NULL;
    cw_verdict verdict = { .err = CW_E_NO_IDENTITY };

    if (!trunk || !trunk->verstat || !cw_manner_trusts(conf, trunk))
        return NULL;
    said = verstat_of(message, "P-Asserted-Identity") ?: verstat_of(message, "From");
    level = cw_sip_message_header(message, "P-Attestation-Indicator", 0);
    if (said && g_str_has_prefix(said, "TN-Validation-Passed")) /* 3GPP TS 24.229 7.2A.20 */
        verdict.err = CW_OK;
    else if (said && g_str_has_prefix(said, "TN-Validation-Failed"))
        verdict.err = CW_E_BAD_IDENTITY;
    if (verdict.err == CW_OK && level && strlen(level) == 1 && strchr("ABC", *level))
        verdict.attest = *level;
    return cw_verdict_json(&verdict, false);
}

/* ── The verdict ── */

struct cw_vouch {
    const struct cw_conf_trunk *trunk;
    cw_shaken_wait *wait;
    cw_vouch_fn *go;
    void *arg;
    GDestroyNotify drop;
};

cw_err cw_vouch_judge(const struct cw_conf_trunk *trunk, const cw_verdict *verdict)
{
    return strcmp(trunk->stir_verify, "require") == 0 ? verdict->err : CW_OK;
}

static CW_ON_LOOP void note(cw_call *call, const cw_verdict *verdict)
{
    if (!call->about)
        call->about = json_object();
    json_object_set_new(call->about, "verified", cw_verdict_json(verdict, !call->from.withheld));
    cw_timeline_add(call->line, CW_LANE_GATEWAY, CW_LANE_GATEWAY, "CALL",
                    cw_fmt("caller: %s",
                           verdict->err ? cw_err_kind(verdict->err)
                                        : cw_fmt("vouched for, attestation %c", verdict->attest)));
}

void cw_vouch_cancel(cw_call *call)
{
    struct cw_vouch *v = g_steal_pointer(&call->vouch);

    if (!v)
        return;
    cw_shaken_cancel(v->wait);
    v->drop(v->arg);
    g_free(v);
}

/* The call was held back no longer while it waited: its caller may have gone, and `go` dials. */
static void on_verdict(void *arg, const cw_verdict *verdict)
{
    cw_call *call = arg;
    struct cw_vouch *v = call->vouch;
    cw_err err;

    cw_assert_on_loop();
    v->wait = NULL;
    if (call->state != CW_CALL_NEW) {
        cw_vouch_cancel(call);
        return;
    }
    note(call, verdict);
    err = cw_vouch_judge(v->trunk, verdict);
    call->held_back = true;
    if (!err)
        err = v->go(call, v->arg);
    cw_vouch_cancel(call);
    if (!err)
        return;
    cw_call_refuse(call, err);
}

cw_err cw_vouch_for(cw_call *call, const cw_vouch_call *what, cw_vouch_fn *go, void *arg,
                    GDestroyNotify drop)
{
    const bool looked_for = what->trunk && strcmp(what->trunk->stir_verify, "off") != 0 &&
                            call->calls->shaken &&
                            !(call->about && json_object_get(call->about, "verified"));
    const cw_shaken_call about = { .identities = what->identities,
                                   .from = call->from.number,
                                   .to = what->to };
    cw_verdict verdict;
    cw_shaken_wait *wait = NULL;
    cw_err err = CW_OK;

    if (looked_for) {
        wait = cw_shaken_verify(call->calls->shaken, &about, on_verdict, call, &verdict);
        if (!wait) {
            note(call, &verdict);
            err = cw_vouch_judge(what->trunk, &verdict);
        }
    }
    if (!wait) {
        err = err ?: go(call, arg);
        drop(arg);
        return err;
    }
    call->vouch = g_new0(struct cw_vouch, 1);
    *call->vouch = (struct cw_vouch){ what->trunk, wait, go, arg, drop };
    call->held_back = false; /* the caller may go */
    return CW_OK;
}

/* ── Calls that go out ── */

static void add_line(GStrvBuilder *into, const char *name, const char *value)
{
    char *line;

    if (cw_sip_header_make(CW_SIP_BY_CALLS, name, value, &line))
        return;
    g_strv_builder_add(into, line);
    g_free(line);
}

/* RFC 8224 4.1: with a date, whose second is that of iat. */
static void add_date(GStrvBuilder *into, int64_t now)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    g_autoptr(GDateTime) at = g_date_time_new_from_unix_utc(now);
    g_autofree char *text = NULL;

    if (!at)
        return;
    text = g_strdup_printf("%s, %02d %s %04d %02d:%02d:%02d GMT",
                           days[g_date_time_get_day_of_week(at) - 1],
                           g_date_time_get_day_of_month(at), months[g_date_time_get_month(at) - 1],
                           g_date_time_get_year(at), g_date_time_get_hour(at),
                           g_date_time_get_minute(at), g_date_time_get_second(at));
    add_line(into, "Date", text);
}

/* What came with the call goes on as it is, when it is about the numbers that go out. */
static bool pass_on(const cw_vouch_out *out, const char *number, GStrvBuilder *into)
{
    bool any = false;

    for (char *const *value = out->identities; value && *value; value++)
        any = any || cw_shaken_is_about(*value, number, out->number);
    for (char *const *value = out->identities; any && *value; value++)
        add_line(into, "Identity", *value);
    return any;
}

static bool tells_in(const struct cw_conf_trunk *trunk, const char *place)
{
    return trunk->caller && g_strv_contains((const char *const *)trunk->caller, place);
}

/* The number the INVITE shows a verifier: of P-Asserted-Identity, or else of From (caller.c). */
static const char *number_told(const cw_conf *conf, const cw_vouch_out *out)
{
    const struct cw_conf_trunk *trunk = out->trunk;
    const cw_party *from = out->from;

    if (tells_in(trunk, "pai") && cw_manner_tells(conf, trunk))
        return from->asserted && from->number ? from->number : trunk->default_number;
    if (from->withheld)
        return NULL;
    if (trunk->from_user)
        return trunk->from_user;
    return tells_in(trunk, "from") && from->number ? from->number : trunk->default_number;
}

/* ATIS-1000074 5.2.4: the number is our user's own; the user is ours, the number is not, or the
 * user is a guest; or we know no more than where the call came from. */
static char attestation(const cw_party *from, const char *number)
{
    if (!from->user)
        return 'C';
    return from->asserted && !from->guest && g_strcmp0(from->number, number) == 0 ? 'A' : 'B';
}

void cw_vouch_lines(const cw_calls *calls, const cw_vouch_out *out, GStrvBuilder *into)
{
    const int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *value = NULL;
    const char *number;

    if (!out->trunk || !out->trunk->stir_sign || !calls->shaken)
        return;
    number = number_told(calls->conf, out);
    if (!number || pass_on(out, number, into))
        return;
    value = cw_shaken_sign(calls->shaken, attestation(out->from, number), number, out->number,
                           out->from->user ? NULL : out->source ?: "peer", now);
    if (!value)
        return;
    add_line(into, "Identity", value);
    add_date(into, now);
}
