#include "call/party/forward.h"

#include "base/json.h"
#include "call/route/manner.h"
#include "call/party/party.h"
#include "sip/address.h"

#include <stdlib.h>
#include <string.h>

/* RFC 7544 7.1, 7.2: the causes of RFC 4458 and the reasons of RFC 5806. */
static const struct {
    int cause;
    const char *reason;
} reasons[] = {
    { 302, "unconditional" }, { 486, "user-busy" },   { 408, "no-answer" },   { 480, "deflection" },
    { 487, "deflection" },    { 503, "unavailable" }, { 404, "unknown" },     { 302, "follow-me" },
    { 302, "time-of-day" },   { 302, "away" },        { 404, "unavailable" },
};

static const char *reason_of(int cause)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].cause == cause)
            return reasons[i].reason;
    return "unknown";
}

static int cause_of(const char *reason)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (g_ascii_strcasecmp(reasons[i].reason, reason) == 0)
            return reasons[i].cause;
    return 404;
}

/* ── The list ── */

static void forward_free(void *data)
{
    cw_forward *forward = data;

    g_free(forward->uri);
    g_free(forward->number);
    g_free(forward->name);
    g_free(forward->reason);
    g_free(forward);
}

GPtrArray *cw_forwards_new(void)
{
    return g_ptr_array_new_with_free_func(forward_free);
}

void cw_forwards_add(GPtrArray *forwards, const char *uri, const char *number, const char *reason)
{
    cw_forward *forward = g_new0(cw_forward, 1);

    forward->uri = g_strdup(uri);
    forward->number = g_strdup(number);
    forward->reason = g_strdup(reason);
    forward->counter = 1;
    g_ptr_array_insert(forwards, 0, forward);
}

unsigned cw_forwards_count(const GPtrArray *forwards)
{
    unsigned n = 0;

    for (guint i = 0; i < forwards->len; i++)
        n += ((const cw_forward *)forwards->pdata[i])->counter;
    return n;
}

json_t *cw_forwards_json(const GPtrArray *forwards)
{
    json_t *all = json_array();

    for (guint i = 0; i < forwards->len; i++) {
        const cw_forward *f = forwards->pdata[i];
        bool shown = !f->withheld;
        json_t *one = json_pack("{s:s* s:s* s:s* s:s s:i}", "uri", shown ? f->uri : NULL, "number",
                                shown ? f->number : NULL, "name", shown ? f->name : NULL, "reason",
                                f->reason, "counter", (int)f->counter);

        if (f->withheld)
            json_object_set_new(one, "anonymous", json_true());
        json_array_append_new(all, one);
    }
    return all;
}

/* ── Reading ── */

/* A word, as reasons and counters are. NULL: none, or no word. g_free it. */
static char *word_of(const char *params, const char *name)
{
    g_autofree char *text = cw_sip_param(params, name);
    size_t len = text ? strlen(text) : 0;

    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '-' && text[i] != '.')
            return NULL;
    return len > 0 && len <= 64 ? g_steal_pointer(&text) : NULL;
}

static unsigned counter_of(const char *params)
{
    g_autofree char *text = word_of(params, "counter");
    long n = text ? strtol(text, NULL, 10) : 1;

    return (unsigned)CLAMP(n, 1, 100);
}

static cw_forward *forward_of(const cw_conf *conf, const cw_writer *writer,
                              const cw_sip_address *address)
{
    cw_forward *forward = g_new0(cw_forward, 1);

    forward->uri = g_strdup(address->uri);
    forward->name = *address->display ? g_strdup(address->display) : NULL;
    forward->number = cw_party_number(conf, writer, address->user);
    forward->counter = 1;
    return forward;
}

static void read_diversion(const cw_conf *conf, const cw_writer *writer, const char *list,
                           GPtrArray *ret)
{
    const char *at = list;
    cw_sip_address address;

    while (ret->len < CW_FORWARDS_MAX && cw_sip_address_next(&at, &address)) {
        cw_forward *forward = forward_of(conf, writer, &address);
        g_autofree char *privacy = word_of(address.params, "privacy");

        forward->reason = word_of(address.params, "reason") ?: g_strdup("unknown");
        forward->counter = counter_of(address.params);
        forward->withheld = privacy && g_ascii_strcasecmp(privacy, "off");
        g_ptr_array_add(ret, forward);
        cw_sip_address_clear(&address);
    }
}

typedef struct entry {
    cw_forward *who;
    char *index, *from; /* hi-index; what `mp` or `rc` names */
    int cause;          /* why it was asked: of its URI, 0: none */
    int left;           /* why it was left: of its Reason, 0: none */
} entry;

static int reason_cause(const char *headers)
{
    g_autofree char *reason = cw_sip_uri_header(headers, "Reason");
    const char *cause = reason ? strstr(reason, "cause=") : NULL;

    if (!cause || g_ascii_strncasecmp(reason, "SIP", 3) != 0)
        return 0;
    return (int)strtol(cause + 6, NULL, 10);
}

static void read_entry(const cw_conf *conf, const cw_writer *writer, const cw_sip_address *address,
                       entry *ret)
{
    g_autofree char *cause = word_of(address->inside, "cause");
    g_autofree char *privacy = cw_sip_uri_header(address->headers, "Privacy");

    ret->who = forward_of(conf, writer, address);
    ret->who->withheld = privacy && g_ascii_strcasecmp(privacy, "none");
    ret->index = word_of(address->params, "index");
    ret->from = word_of(address->params, "mp") ?: word_of(address->params, "rc");
    ret->cause = cause ? (int)strtol(cause, NULL, 10) : 0;
    ret->left = reason_cause(address->headers);
}

/* Why entry `i` was left for a later one, 0: it was not forwarded. */
static int why_left(const entry *all, unsigned n, unsigned i)
{
    if (all[i].left >= 300 && all[i].left < 700)
        return all[i].left;
    for (unsigned k = i + 1; k < n; k++)
        if (all[k].cause && (all[k].from ? g_strcmp0(all[k].from, all[i].index) == 0 : k == i + 1))
            return all[k].cause;
    return 0;
}

static void read_history(const cw_conf *conf, const cw_writer *writer, const char *list,
                         GPtrArray *ret)
{
    entry all[CW_FORWARDS_MAX + 1] = { 0 };
    const char *at = list;
    cw_sip_address address;
    unsigned n = 0;

    while (n < G_N_ELEMENTS(all) && cw_sip_address_next(&at, &address)) {
        read_entry(conf, writer, &address, &all[n++]);
        cw_sip_address_clear(&address);
    }
    for (unsigned i = n; i-- > 0;) {
        int cause = i + 1 < n ? why_left(all, n, i) : 0;

        if (cause && ret->len < CW_FORWARDS_MAX) {
            all[i].who->reason = g_strdup(reason_of(cause));
            g_ptr_array_add(ret, all[i].who);
        } else {
            forward_free(all[i].who);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        g_free(all[i].index);
        g_free(all[i].from);
    }
}

GPtrArray *cw_forwards_read(const cw_conf *conf, const cw_writer *writer, const char *diversion,
                            const char *history)
{
    GPtrArray *all = cw_forwards_new();

    if (diversion)
        read_diversion(conf, writer, diversion, all);
    if (all->len == 0 && history)
        read_history(conf, writer, history, all);
    return all;
}

/* ── Writing ── */

/* Its URI as the trunk is told it: a number of `domain`, as that wants it. g_free it. */
static char *uri_for(const cw_forward *f, const cw_conf *conf, const struct cw_conf_trunk *trunk,
                     const char *domain)
{
    char written[CW_NUMBER_STR];
    g_auto(GStrv) parts = NULL;
    g_autofree char *user = NULL;

    if (!f->number)
        return g_strdup(f->uri);
    g_strlcpy(written, f->number, sizeof written);
    if (trunk && cw_number_write(conf, trunk, f->number, written, NULL))
        return NULL;
    parts = g_strsplit(written, "#", -1);
    user = g_strjoinv("%23", parts);
    return g_strdup_printf("sip:%s@%s", user, domain);
}

static void add_diversion(const cw_forward *f, const char *uri, GStrvBuilder *lines)
{
    g_autofree char *line = g_strdup_printf("Diversion: <%s>;reason=%s;counter=%u;privacy=%s", uri,
                                            f->reason, f->counter, f->withheld ? "full" : "off");

    g_strv_builder_add(lines, line);
}

/* The last of `forwards` is the first of the history; the call's target is its end. */
static char *history_line(const GPtrArray *forwards, const cw_conf *conf,
                          const struct cw_conf_trunk *trunk, const char *domain, bool tells,
                          const char *ruri)
{
    g_autoptr(GString) line = g_string_new("History-Info: ");
    g_autoptr(GString) index = g_string_new("1");
    g_autofree char *target = g_strndup(ruri, strcspn(ruri, ";?"));
    int cause = 0;

    for (guint i = forwards->len; i-- > 0;) {
        const cw_forward *f = forwards->pdata[i];
        g_autofree char *uri = f->withheld && !tells ? NULL : uri_for(f, conf, trunk, domain);
        g_autofree char *before = g_strdup(index->str);

        if (!uri)
            continue;
        if (cause) {
            g_string_append(index, ".1");
            g_string_append_printf(line, "<%s;cause=%d%s>;index=%s;mp=%s, ", uri, cause,
                                   f->withheld ? "?Privacy=history" : "", index->str, before);
        } else {
            g_string_append_printf(line, "<%s%s>;index=1, ", uri,
                                   f->withheld ? "?Privacy=history" : "");
        }
        cause = cause_of(f->reason);
    }
    if (!cause)
        return NULL;
    g_string_append_printf(line, "<%s;cause=%d>;index=%s.1;mp=%s", target, cause, index->str,
                           index->str);
    return g_strdup(line->str);
}

char **cw_forwards_lines(const GPtrArray *forwards, const cw_conf *conf,
                         const struct cw_conf_trunk *trunk, const char *domain, const char *ruri)
{
    const char *const *forms = (const char *const *)cw_manner_forwarded(conf, trunk);
    bool tells = cw_manner_tells(conf, trunk);
    GStrvBuilder *lines = g_strv_builder_new();
    char **ret;

    for (guint i = 0; forms && g_strv_contains(forms, "diversion") && i < forwards->len; i++) {
        const cw_forward *f = forwards->pdata[i];
        g_autofree char *uri = f->withheld && !tells ? NULL : uri_for(f, conf, trunk, domain);

        if (uri)
            add_diversion(f, uri, lines);
    }
    if (forms && forwards->len && g_strv_contains(forms, "history-info")) {
        g_autofree char *line = history_line(forwards, conf, trunk, domain, tells, ruri);

        if (line)
            g_strv_builder_add(lines, line);
    }
    ret = g_strv_builder_end(lines);
    g_strv_builder_unref(lines);
    return ret;
}
