#include "admin/print.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "1:02:03", "2:03" */
static char *clock_of(json_int_t ms)
{
    json_int_t s = ms / 1000;

    if (s >= 3600)
        return g_strdup_printf("%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    return g_strdup_printf("%d:%02d", (int)(s / 60), (int)(s % 60));
}

static char *value_text(const json_t *value);

/* Elements or members, one after the other. */
static char *joined(const json_t *value)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)value, i, item)
    {
        g_autofree char *one = value_text(item);

        g_string_append_printf(text, "%s%s", text->len ? ", " : "", one);
    }
    json_object_foreach((json_t *)value, key, item)
    {
        g_autofree char *one = value_text(item);

        g_string_append_printf(text, "%s%s", text->len ? " " : "", one);
    }
    return g_strdup(text->len ? text->str : "-");
}

/* Whatever it is, in one line. g_free it. */
static char *value_text(const json_t *value)
{
    g_autofree char *text = NULL;
    char *dump;

    if (json_is_string(value))
        return cw_ctl_clean(json_string_length(value) ? json_string_value(value) : "-");
    if (json_is_array(value) || json_is_object(value))
        return joined(value);
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "yes" : "no");
    dump = cw_json_print(value);
    text = cw_ctl_clean(dump ? dump : "");
    free(dump);
    return g_steal_pointer(&text);
}

/* "key  value" lines; nested objects below, indented. */
static void print_members(const json_t *object, int indent, FILE *out)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        g_autofree char *name = cw_ctl_clean(key);

        if (json_is_object(value) && json_object_size(value)) {
            fprintf(out, "%*s%s\n", indent, "", name);
            print_members(value, indent + 2, out);
        } else {
            g_autofree char *text = value_text(value);

            fprintf(out, "%*s%-*s %s\n", indent, "", MAX(1, 18 - indent), name, text);
        }
    }
}

static void print_status(const json_t *r, FILE *out)
{
    g_autofree char *up = clock_of(number_of(r, "uptime_ms"));
    g_autofree char *config = cw_ctl_clean(text_of(r, "config") ?: "");

    fprintf(out, "causeway %s  pid %d  up %s  config %s\n", text_of(r, "version") ?: "?",
            (int)number_of(r, "pid"), up, config);
    fprintf(out,
            "sessions %d  calls %d  (%d answered, %d failed so far)  SIP dialogs %d\n"
            "workers %d  transports %d  RTP ports %d\n"
            "memory %.1f MB  descriptors %d  timers %d\n",
            (int)number_of(r, "sessions"), (int)number_of(r, "calls"),
            (int)number_of(r, "calls_answered"), (int)number_of(r, "calls_failed"),
            (int)number_of(r, "dialogs"), (int)number_of(r, "workers"),
            (int)number_of(r, "transports"), (int)number_of(r, "rtp_ports"),
            (double)number_of(r, "memory_kb") / 1024, (int)number_of(r, "fds"),
            (int)number_of(r, "timers"));
    if (number_of(r, "push_registrations") || number_of(r, "calls_held"))
        fprintf(out, "push registrations %d  calls that wait for who is woken %d\n",
                (int)number_of(r, "push_registrations"), (int)number_of(r, "calls_held"));
    if (json_object_get(r, "sip")) {
        fprintf(out, "sip\n");
        print_members(json_object_get(r, "sip"), 2, out);
    }
}

static void print_sessions(const json_t *r, FILE *out)
{
    static const char *const head[] = { "ID",     "USER",  "ADDRESS", "LINK",
                                        "CLIENT", "SINCE", "CALLS",   NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *since = clock_of(number_of(one, "since_ms"));
        g_autofree char *client = NULL;
        g_autofree char *calls = g_strdup_printf("%d", (int)number_of(one, "calls"));
        g_autofree char *link =
            json_object_get(one, "away_ms")
                ? g_strdup_printf("lost %d s ago", (int)number_of(one, "away_ms") / 1000)
                : g_strdup(text_of(one, "link"));

        if (json_object_get(one, "client"))
            client = value_text(json_object_get(one, "client"));
        cw_rows_add(&rows, text_of(one, "id"));
        cw_rows_add(&rows, text_of(one, "user"));
        cw_rows_add(&rows, text_of(one, "address"));
        cw_rows_add(&rows, link);
        cw_rows_add(&rows, client);
        cw_rows_add(&rows, since);
        cw_rows_add(&rows, calls);
    }
    cw_rows_print(&rows, out);
}

static void print_calls(const json_t *r, FILE *out)
{
    static const char *const head[] = { "ID", "STATE", "FROM", "TO", "AGE", "TALK", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *age = clock_of(number_of(one, "age_ms"));
        g_autofree char *talk = clock_of(number_of(one, "talk_ms"));
        g_autofree char *from =
            g_strdup_printf("%s %s", text_of(one, "a_kind") ?: "", text_of(one, "a") ?: "");

        cw_rows_add(&rows, text_of(one, "id"));
        cw_rows_add(&rows, text_of(one, "state"));
        cw_rows_add(&rows, from);
        cw_rows_add(&rows, text_of(one, "to"));
        cw_rows_add(&rows, age);
        cw_rows_add(&rows, number_of(one, "talk_ms") ? talk : NULL);
    }
    cw_rows_print(&rows, out);
}

/* ", MOS 4.2"; nothing without such a member. */
static void print_number(const json_t *of, const char *name, const char *before, double times,
                         const char *after, FILE *out)
{
    const json_t *value = json_object_get(of, name);

    if (value)
        fprintf(out, "%s%.1f%s", before, json_real_value(value) * times, after);
}

static void print_window(const char *title, const json_t *way, FILE *out)
{
    if (!way)
        return;
    fprintf(out, "    %-8s", title);
    print_number(way, "loss", " loss ", 100, " %", out);
    print_number(way, "jitter_ms", ", jitter ", 1, " ms", out);
    print_number(way, "mos", ", MOS ", 1, "", out);
    fputc('\n', out);
}

static void print_stream(const json_t *s, FILE *out)
{
    g_autofree char *codecs = value_text(json_object_get(s, "codecs"));
    g_autofree char *local = cw_ctl_clean(text_of(s, "local") ?: "-");
    g_autofree char *remote = cw_ctl_clean(text_of(s, "remote") ?: "-");
    g_autofree char *rx = cw_ctl_clean(text_of(s, "rx_codec") ?: "-");
    g_autofree char *tx = cw_ctl_clean(text_of(s, "tx_codec") ?: "-");

    fprintf(out, "  %s  %s%s\n", text_of(s, "kind") ?: "?", codecs,
            json_is_true(json_object_get(s, "transcoded")) ? "  transcoded" : "");
    if (!json_object_get(s, "rx_packets"))
        return;
    fprintf(out, "    local    %s\n    remote   %s\n    srtp     %s\n", local, remote,
            text_of(s, "srtp") ?: "-");
    fprintf(out, "    in       %-12s %d packets, %d lost, %d too late, %d dropped, jitter %.1f ms",
            rx, (int)number_of(s, "rx_packets"), (int)number_of(s, "rx_lost"),
            (int)number_of(s, "rx_discarded"), (int)number_of(s, "rx_dropped"),
            json_real_value(json_object_get(s, "rx_jitter_ms")));
    print_number(s, "mos", ", MOS ", 1, "", out);
    print_number(s, "rx_concealed_ms", ", made up ", 1, " ms", out);
    print_number(s, "rx_delay_ms", ", buffered ", 1, " ms", out);
    fprintf(out, "\n    out      %-12s %d packets", tx, (int)number_of(s, "tx_packets"));
    print_number(s, "rtt_ms", ", round trip ", 1, " ms", out);
    fputc('\n', out);
    print_window("in, now", json_object_get(json_object_get(s, "window"), "sent"), out);
    print_window("out, now", json_object_get(json_object_get(s, "window"), "heard"), out);
}

/* "  keys     by dtls, we active, 12 ms", stream by stream; nothing for plain RTP. */
static void print_protection(const json_t *of, FILE *out)
{
    const char *keying = text_of(of, "keying"), *role = text_of(of, "role");

    if (!keying || strcmp(keying, "none") == 0)
        return;
    fprintf(out, "  keys     by %s", keying);
    if (role)
        fprintf(out, ", we %s, %s %d ms", role,
                json_is_true(json_object_get(of, "done")) ? "done in" : "not done,",
                (int)number_of(of, "handshake_ms"));
    fputc('\n', out);
}

static void print_leg(const char *title, const json_t *leg, FILE *out)
{
    static const char *const below[] = { "transport", "dialog", "report" };
    g_autofree char *name = cw_ctl_clean(text_of(leg, "name") ?: "");
    size_t i;
    json_t *stream;

    fprintf(out, "%s  %s  %s%s%s%s%s\n", title, text_of(leg, "kind") ?: "?", name,
            json_is_true(json_object_get(leg, "held")) ? "  holds" : "",
            json_is_true(json_object_get(leg, "ended")) ? "  ended" : "",
            text_of(leg, "quality") ? "  quality " : "", text_of(leg, "quality") ?: "");
    for (i = 0; i < G_N_ELEMENTS(below); i++) {
        const json_t *part = json_object_get(leg, below[i]);

        if (!part)
            continue;
        fprintf(out, "  %s\n", below[i]);
        print_members(part, 4, out);
    }
    json_array_foreach(json_object_get(leg, "protection"), i, stream) print_protection(stream, out);
    json_array_foreach(json_object_get(leg, "streams"), i, stream) print_stream(stream, out);
}

static void print_call_show(const json_t *r, FILE *out)
{
    g_autofree char *to = cw_ctl_clean(text_of(r, "to") ?: "");
    g_autofree char *age = clock_of(number_of(r, "age_ms"));
    g_autofree char *talk = clock_of(number_of(r, "talk_ms"));
    size_t i;
    json_t *leg;

    fprintf(out, "call %s  %s  to %s  age %s  talk %s  worker %d\n", text_of(r, "id") ?: "?",
            text_of(r, "state") ?: "?", to, age, talk, (int)number_of(r, "worker"));
    print_leg("A", json_object_get(r, "leg_a"), out);
    json_array_foreach(json_object_get(r, "legs_b"), i, leg) print_leg("B", leg, out);
}

static void print_call_hangup(const json_t *r, FILE *out) {}

static void print_call_ladder(const json_t *r, FILE *out)
{
    cw_ladder_print(r, out);
}

static void print_quotas(const json_t *r, FILE *out)
{
    static const char *const head[] = { "QUOTA", "CALLER", "CALLS", "EVER", "TODAY", "COST", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach(json_object_get(r, "callers"), i, one)
    {
        g_autofree char *now = g_strdup_printf("%lld", (long long)number_of(one, "calls"));
        g_autofree char *ever = g_strdup_printf("%lld", (long long)number_of(one, "calls_ever"));
        g_autofree char *today = clock_of(1000 * number_of(one, "seconds_today"));
        g_autofree char *cost =
            g_strdup_printf("%.2f", json_number_value(json_object_get(one, "cost_today")));

        cw_rows_add(&rows, text_of(one, "quota"));
        cw_rows_add(&rows, text_of(one, "caller"));
        cw_rows_add(&rows, now);
        cw_rows_add(&rows, ever);
        cw_rows_add(&rows, today);
        cw_rows_add(&rows, cost);
    }
    cw_rows_print(&rows, out);
    json_array_foreach(json_object_get(r, "quotas"), i, one) if (number_of(one, "refused"))
        fprintf(out, "%s refused %lld calls\n", text_of(one, "quota"),
                (long long)number_of(one, "refused"));
}

static void print_trunk_show(const json_t *r, FILE *out)
{
    print_members(r, 0, out);
}

static void print_trunk_drain(const json_t *r, FILE *out) {}

static void print_trunk_enable(const json_t *r, FILE *out) {}

static void print_tls_show(const json_t *r, FILE *out)
{
    static const char *const head[] = { "FOR", "DAYS", "UNTIL", "SUBJECT", "NAMES", "FILE", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *days = g_strdup_printf("%d", (int)number_of(one, "days"));

        cw_rows_add(&rows, text_of(one, "for"));
        cw_rows_add(&rows, days);
        cw_rows_add(&rows, text_of(one, "to"));
        cw_rows_add(&rows, text_of(one, "subject"));
        cw_rows_add(&rows, text_of(one, "names"));
        cw_rows_add(&rows, text_of(one, "file"));
    }
    cw_rows_print(&rows, out);
}

static void print_tls_reload(const json_t *r, FILE *out) {}

static void print_connections(const json_t *r, FILE *out)
{
    static const char *const head[] = { "TRANSPORT", "PEER",       "DIRECTION", "STATE",
                                        "TLS",       "SPEAKS FOR", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        const json_t *names = json_object_get(one, "names");
        g_autofree char *speaks = names ? value_text(names) : NULL;

        cw_rows_add(&rows, text_of(one, "transport"));
        cw_rows_add(&rows, text_of(one, "peer"));
        cw_rows_add(&rows, text_of(one, "direction"));
        cw_rows_add(&rows, text_of(one, "state"));
        cw_rows_add(&rows, text_of(one, "tls"));
        cw_rows_add(&rows, speaks);
    }
    cw_rows_print(&rows, out);
}

static void print_trunks(const json_t *r, FILE *out)
{
    static const char *const head[] = { "NAME",     "ADDRESS",    "TRANSPORT", "STATE",
                                        "PREFIXES", "CALLS",      "STARTED",   "ANSWERED",
                                        "FAILED",   "LAST ERROR", NULL };
    static const char *const numbers[] = { "calls", "started", "answered", "failed" };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *prefixes = value_text(json_object_get(one, "prefixes"));
        const json_t *last = json_object_get(one, "last_error");

        cw_rows_add(&rows, text_of(one, "name"));
        cw_rows_add(&rows, text_of(one, "address"));
        cw_rows_add(&rows, text_of(one, "transport"));
        cw_rows_add(&rows, text_of(one, "state"));
        cw_rows_add(&rows, prefixes);
        for (size_t k = 0; k < G_N_ELEMENTS(numbers); k++) {
            g_autofree char *n = g_strdup_printf("%lld", (long long)number_of(one, numbers[k]));

            cw_rows_add(&rows, n);
        }
        g_autofree char *ago = clock_of(number_of(last, "ago_ms"));
        g_autofree char *error = g_strdup_printf("%s %d, %s ago", text_of(last, "kind") ?: "",
                                                 (int)number_of(last, "sip"), ago);

        cw_rows_add(&rows, last ? error : NULL);
    }
    cw_rows_print(&rows, out);
}

static void print_number_test(const json_t *r, FILE *out)
{
    print_members(r, 0, out);
}

/* "403 forbidden", "in 0:12". g_free it. */
static char *registration_note(const json_t *one)
{
    const json_t *error = json_object_get(one, "last_error");
    json_int_t retry_ms = number_of(one, "retry_ms");
    g_autofree char *in = clock_of(retry_ms);

    if (!error)
        return NULL;
    return g_strdup_printf("%s %d%s%s", text_of(error, "kind") ?: "", (int)number_of(error, "sip"),
                           retry_ms ? ", again in " : "", retry_ms ? in : "");
}

static void print_registrations(const json_t *r, FILE *out)
{
    static const char *const head[] = { "USER",    "IDENTITY", "REGISTRAR",  "STATE",
                                        "EXPIRES", "SESSIONS", "LAST ERROR", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    if (json_is_object(r)) {
        print_members(r, 0, out);
        return;
    }
    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *expires = clock_of(number_of(one, "expires_ms"));
        g_autofree char *sessions = g_strdup_printf("%d", (int)number_of(one, "sessions"));
        g_autofree char *note = registration_note(one);

        cw_rows_add(&rows, text_of(one, "user"));
        cw_rows_add(&rows, text_of(one, "identity"));
        cw_rows_add(&rows, text_of(one, "registrar"));
        cw_rows_add(&rows, text_of(one, "state"));
        cw_rows_add(&rows, json_object_get(one, "expires_ms") ? expires : NULL);
        cw_rows_add(&rows, sessions);
        cw_rows_add(&rows, note);
    }
    cw_rows_print(&rows, out);
}

static void print_pushes(const json_t *r, FILE *out)
{
    static const char *const head[] = { "USER", "REGISTRATIONS", "KINDS", "WAITING", NULL };
    cw_rows rows;
    size_t i;
    json_t *one;

    cw_rows_init(&rows, head);
    json_array_foreach((json_t *)r, i, one)
    {
        g_autofree char *n = g_strdup_printf("%d", (int)number_of(one, "registrations"));
        g_autofree char *wait = g_strdup_printf("%d", (int)number_of(one, "waiting"));
        g_autofree char *kinds = value_text(json_object_get(one, "kinds"));

        cw_rows_add(&rows, text_of(one, "user"));
        cw_rows_add(&rows, n);
        cw_rows_add(&rows, kinds);
        cw_rows_add(&rows, wait);
    }
    cw_rows_print(&rows, out);
}

static void print_log_level(const json_t *r, FILE *out)
{
    print_members(r, 0, out);
}

static void print_records_reopen(const json_t *r, FILE *out) {}

static void print_stats(const json_t *r, FILE *out)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)r, key, value)
        fprintf(out, "%-24s %lld\n", key, (long long)json_integer_value(value));
}

static void print_config_show(const json_t *r, FILE *out)
{
    fputs(text_of(r, "text") ?: "", out);
}

void cw_ctl_print(cw_ctl cmd, const json_t *result, FILE *out)
{
    static void (*const printers[])(const json_t *, FILE *) = {
#define CW_CTL(name, words, args, help) [CW_CTL_##name] = print_##name,
#define CW_CTL_LOCAL(name, words, args, help)
#define CW_CTL_EXIT(name, code, help)
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
    };

    printers[cmd](result, out);
}
