#include "base/log.h"

#include "base/json.h"

#include <glib.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define VALUE_MAX      1024 /* bytes of one value; the rest is cut */

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *const module_names[CW_MOD_COUNT] = {
    "main", "api", "call", "sip", "webrtc", "media", "admin", "user",
};

static _Atomic int levels[CW_MOD_COUNT] = { CW_LOG_INFO, CW_LOG_INFO, CW_LOG_INFO, CW_LOG_INFO,
                                            CW_LOG_INFO, CW_LOG_INFO, CW_LOG_INFO, CW_LOG_INFO };
static _Atomic bool as_json;

bool cw_log_wanted(cw_level level, cw_module module)
{
    return (int)level <= atomic_load_explicit(&levels[module], memory_order_relaxed);
}

static int find_name(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

cw_err cw_log_set_level(const char *module, const char *level)
{
    int l = find_name(level, level_names, G_N_ELEMENTS(level_names));
    int m = module ? find_name(module, module_names, CW_MOD_COUNT) : 0;

    if (l < 0 || m < 0)
        return CW_E_PARAMS;
    for (int i = module ? m : 0; i <= (module ? m : CW_MOD_COUNT - 1); i++)
        atomic_store_explicit(&levels[i], l, memory_order_relaxed);
    return CW_OK;
}

cw_err cw_log_set_format(const char *format)
{
    if (strcmp(format, "json") && strcmp(format, "text"))
        return CW_E_PARAMS;
    as_json = strcmp(format, "json") == 0;
    return CW_OK;
}

const char *cw_log_level_name(cw_module module)
{
    return level_names[levels[module]];
}

const char *cw_log_module_name(cw_module module)
{
    return module_names[module];
}

/* Values with blanks, quotes or control bytes are quoted and escaped, so that a line is one event
 * and a value cannot pretend to be a key. */
static void append_text_value(GString *line, const char *value)
{
    size_t len = strnlen(value, VALUE_MAX);
    bool bare = len > 0;

    for (size_t i = 0; i < len && bare; i++)
        bare = (unsigned char)value[i] > 0x20 && value[i] != '"' && value[i] != '=' &&
               value[i] != '\\' && value[i] != 0x7f;
    if (bare) {
        g_string_append_len(line, value, (gssize)len);
        return;
    }
    g_string_append_c(line, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        if (c == '"' || c == '\\')
            g_string_append_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(line, "\\x%02x", c);
        else
            g_string_append_c(line, (char)c);
    }
    g_string_append_c(line, '"');
}

static void print_time(char *buf, size_t size)
{
    struct timeval now;
    struct tm tm;
    size_t n;

    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &tm);
    n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
    g_snprintf(buf + n, size - n, ".%03dZ", (int)(now.tv_usec / 1000));
}

static GString *text_line(const char *when, cw_level level, cw_module module, const char *event,
                          va_list ap)
{
    GString *line = g_string_sized_new(256);
    const char *key;

    g_string_append_printf(line, "%s %-5s %s event=%s", when, level_names[level],
                           module_names[module], event);
    while ((key = va_arg(ap, const char *))) {
        const char *value = va_arg(ap, const char *);

        if (!value || line->len > LINE_MAX_BYTES)
            continue;
        g_string_append_printf(line, " %s=", key);
        append_text_value(line, value);
    }
    return line;
}

static GString *json_line(const char *when, cw_level level, cw_module module, const char *event,
                          va_list ap)
{
    json_t *all = json_pack("{s:s s:s s:s s:s}", "time", when, "level", level_names[level],
                            "module", module_names[module], "event", event);
    GString *line;
    const char *key;
    char *text;

    while ((key = va_arg(ap, const char *))) {
        const char *value = va_arg(ap, const char *);
        char *valid;

        if (!value)
            continue;
        valid = g_utf8_make_valid(value, (gssize)strnlen(value, VALUE_MAX));
        json_object_set_new(all, key, json_string(valid));
        g_free(valid);
    }
    text = cw_json_print(all);
    line = g_string_new(text);
    free(text);
    json_decref(all);
    return line;
}

void cw_log(cw_level level, cw_module module, const char *event, ...)
{
    GString *line;
    char when[40];
    va_list ap;
    ssize_t n;

    if (!cw_log_wanted(level, module))
        return;
    print_time(when, sizeof when);
    va_start(ap, event);
    line = as_json ? json_line(when, level, module, event, ap)
                   : text_line(when, level, module, event, ap);
    va_end(ap);
    g_string_append_c(line, '\n');
    n = write(STDERR_FILENO, line->str, line->len); /* one write: lines of threads do not mix */
    (void)n;                                        /* nobody is left to tell */
    g_string_free(line, TRUE);
}

const char *cw_fmt(const char *format, ...)
{
    static __thread char ring[16][256];
    static __thread unsigned next;
    char *buf = ring[next++ % G_N_ELEMENTS(ring)];
    va_list ap;

    va_start(ap, format);
    g_vsnprintf(buf, sizeof ring[0], format, ap);
    va_end(ap);
    return buf;
}
