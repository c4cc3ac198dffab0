/* do.c - the commands of ctl.def, as the gateway does them. */
#include <config.h>

#include "admin/priv.h"

#include "base/log.h"
#include "base/stats.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

typedef cw_err command(cw_admin *admin, const json_t *params, json_t **ret, char why[static 128]);

/* ── The process ── */

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -1; /* the one that reads them */

    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            n++;
    closedir(dir);
    return n;
}

static long resident_kb(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Allocated and not freed; what is resident has room from busier times too. */
static json_int_t heap_kb(void)
{
    struct mallinfo2 info = mallinfo2();

    return (json_int_t)((info.uordblks + info.hblkhd) / 1024);
}

static json_t *list_json(char *const *list)
{
    json_t *all = json_array();

    for (; list && *list; list++)
        json_array_append_new(all, json_string(*list));
    return all;
}

static CW_ON_LOOP cw_err do_status(cw_admin *admin, const json_t *params, json_t **ret,
                                   char why[static 128])
{
    const cw_admin_parts *parts = &admin->parts;

    *ret = json_pack(
        "{s:s s:i s:I s:s s:o s:I s:I s:I s:I s:I s:i s:I s:I s:i s:I s:I s:I s:I s:i}", "version",
        PACKAGE_VERSION, "pid", (int)getpid(), "uptime_ms",
        (json_int_t)(cw_now_ms() - admin->start_ms), "config", parts->conf_path ?: "built in",
        "web", list_json(parts->conf->web.listen), "sessions",
        (json_int_t)cw_stat_get(CW_STAT_sessions), "calls", (json_int_t)cw_stat_get(CW_STAT_calls),
        "calls_answered", (json_int_t)cw_stat_get(CW_STAT_calls_answered), "calls_failed",
        (json_int_t)cw_stat_get(CW_STAT_calls_failed), "dialogs",
        (json_int_t)cw_stat_get(CW_STAT_sip_calls), "workers",
        parts->plane ? (int)cw_plane_workers(parts->plane) : 0, "transports",
        (json_int_t)cw_stat_get(CW_STAT_transports), "rtp_ports",
        (json_int_t)cw_stat_get(CW_STAT_rtp_ports), "timers", (int)cw_loop_timers(admin->loop),
        "push_registrations", (json_int_t)cw_stat_get(CW_STAT_push_registrations), "calls_held",
        (json_int_t)cw_stat_get(CW_STAT_calls_held), "memory_kb", (json_int_t)resident_kb(),
        "heap_kb", heap_kb(), "fds", count_fds());
    if (parts->sip) {
        json_t *sip = cw_sip_json(parts->sip);

        json_object_del(sip, "calls"); /* `call show` has each */
        json_object_set_new(*ret, "sip", sip);
    }
    return CW_OK;
}

/* ── Sessions, calls, trunks ── */

static cw_err do_sessions(cw_admin *admin, const json_t *params, json_t **ret, char why[static 128])
{
    *ret = admin->parts.sessions ? admin->parts.sessions(admin->parts.sessions_arg) : json_array();
    return CW_OK;
}

static CW_ON_LOOP cw_err do_calls(cw_admin *admin, const json_t *params, json_t **ret,
                                  char why[static 128])
{
    *ret = cw_calls_json(admin->parts.calls);
    return CW_OK;
}

static cw_err call_id(const json_t *params, cw_id *ret, char why[static 128])
{
    const char *text = json_string_value(json_object_get(params, "id"));

    *ret = text ? cw_id_parse(text) : 0;
    if (*ret)
        return CW_OK;
    g_snprintf(why, 128, "id: 13 letters and digits, as `calls` shows them");
    return CW_E_PARAMS;
}

static CW_ON_LOOP cw_err do_call_show(cw_admin *admin, const json_t *params, json_t **ret,
                                      char why[static 128])
{
    cw_id id;
    cw_err err = call_id(params, &id, why);

    if (err)
        return err;
    *ret = cw_call_json(admin->parts.calls, id);
    return *ret ? CW_OK : CW_E_NO_CALL;
}

static CW_ON_LOOP cw_err do_call_ladder(cw_admin *admin, const json_t *params, json_t **ret,
                                        char why[static 128])
{
    cw_id id;
    cw_err err = call_id(params, &id, why);

    if (err)
        return err;
    *ret = cw_call_ladder(admin->parts.calls, id);
    return *ret ? CW_OK : CW_E_NO_CALL;
}

static CW_ON_LOOP cw_err do_call_hangup(cw_admin *admin, const json_t *params, json_t **ret,
                                        char why[static 128])
{
    cw_id id;
    cw_err err = call_id(params, &id, why);

    if (!err)
        err = cw_call_hangup(admin->parts.calls, id);
    if (!err)
        *ret = json_object();
    return err;
}

static CW_ON_LOOP cw_err do_trunks(cw_admin *admin, const json_t *params, json_t **ret,
                                   char why[static 128])
{
    *ret = cw_trunks_json(admin->parts.calls);
    return CW_OK;
}

static CW_ON_LOOP cw_err do_quotas(cw_admin *admin, const json_t *params, json_t **ret,
                                   char why[static 128])
{
    *ret = cw_calls_quotas(admin->parts.calls);
    return CW_OK;
}

static CW_ON_LOOP cw_err do_number_test(cw_admin *admin, const json_t *params, json_t **ret,
                                        char why[static 128])
{
    const char *number = json_string_value(json_object_get(params, "number"));

    if (!number) {
        g_snprintf(why, 128, "number: what is dialled");
        return CW_E_PARAMS;
    }
    return cw_calls_number(admin->parts.calls, number,
                           json_string_value(json_object_get(params, "from")), ret, why);
}

static CW_ON_LOOP cw_err do_registrations(cw_admin *admin, const json_t *params, json_t **ret,
                                          char why[static 128])
{
    const char *user = json_string_value(json_object_get(params, "user"));

    *ret = cw_registrations_json(admin->parts.calls, user);
    return *ret ? CW_OK : CW_E_NOT_FOUND;
}

static CW_ON_LOOP cw_err do_pushes(cw_admin *admin, const json_t *params, json_t **ret,
                                   char why[static 128])
{
    *ret = cw_pushes_json(admin->parts.calls, json_string_value(json_object_get(params, "user")));
    return CW_OK;
}

static const char *name_of(const json_t *params)
{
    return json_string_value(json_object_get(params, "name"));
}

static CW_ON_LOOP cw_err do_trunk_show(cw_admin *admin, const json_t *params, json_t **ret,
                                       char why[static 128])
{
    const char *name = name_of(params);

    *ret = name ? cw_trunk_json(admin->parts.calls, name) : NULL;
    if (*ret)
        return CW_OK;
    g_snprintf(why, 128, "name: as `trunks` shows them");
    return CW_E_NOT_FOUND;
}

static CW_ON_LOOP cw_err drain(cw_admin *admin, const json_t *params, bool on, json_t **ret,
                               char why[static 128])
{
    const char *name = name_of(params);
    cw_err err = name ? cw_trunk_drain(admin->parts.calls, name, on) : CW_E_NOT_FOUND;

    if (err)
        g_snprintf(why, 128, "name: as `trunks` shows them");
    else
        *ret = json_object();
    return err;
}

static CW_ON_LOOP cw_err do_trunk_drain(cw_admin *admin, const json_t *params, json_t **ret,
                                        char why[static 128])
{
    return drain(admin, params, true, ret, why);
}

static CW_ON_LOOP cw_err do_trunk_enable(cw_admin *admin, const json_t *params, json_t **ret,
                                         char why[static 128])
{
    return drain(admin, params, false, ret, why);
}

static CW_ON_LOOP cw_err do_connections(cw_admin *admin, const json_t *params, json_t **ret,
                                        char why[static 128])
{
    *ret = admin->parts.sip ? cw_sip_connections_json(admin->parts.sip) : json_array();
    return CW_OK;
}

static CW_ON_LOOP cw_err do_tls_show(cw_admin *admin, const json_t *params, json_t **ret,
                                     char why[static 128])
{
    const cw_admin_parts *parts = &admin->parts;
    json_t *web = parts->certificate ? parts->certificate(parts->web) : NULL;

    *ret = parts->sip ? cw_sip_tls_json(parts->sip) : json_array();
    if (!web)
        return CW_OK;
    json_object_set_new(web, "for", json_string("web"));
    json_object_set_new(web, "file", json_string(parts->conf->web.tls_certificate));
    json_array_insert_new(*ret, 0, web);
    return CW_OK;
}

static CW_ON_LOOP cw_err do_tls_reload(cw_admin *admin, const json_t *params, json_t **ret,
                                       char why[static 128])
{
    const cw_admin_parts *parts = &admin->parts;
    cw_err err = parts->sip ? cw_sip_tls_reload(parts->sip, why) : CW_OK;

    if (!err && parts->reload_tls)
        err = parts->reload_tls(parts->web, why);
    if (err == CW_E_STATE) /* browsers come without TLS */
        err = CW_OK;
    if (!err)
        *ret = json_object();
    return err;
}

/* ── Log, counters, configuration ── */

static cw_err set_level(const char *module, const char *level, char why[static 128])
{
    if (cw_log_set_level(module, level) == CW_OK)
        return CW_OK;
    g_snprintf(why, 128, "levels are error, warn, info, debug; modules as `log level` shows them");
    return CW_E_PARAMS;
}

static cw_err do_log_level(cw_admin *admin, const json_t *params, json_t **ret,
                           char why[static 128])
{
    const char *module = json_string_value(json_object_get(params, "module"));
    const char *level = json_string_value(json_object_get(params, "level"));
    cw_err err = level ? set_level(module, level, why) : CW_OK;

    if (err)
        return err;
    *ret = json_object();
    for (int i = 0; i < CW_MOD_COUNT; i++)
        json_object_set_new(*ret, cw_log_module_name((cw_module)i),
                            json_string(cw_log_level_name((cw_module)i)));
    return CW_OK;
}

static CW_ON_LOOP cw_err do_records_reopen(cw_admin *admin, const json_t *params, json_t **ret,
                                           char why[static 128])
{
    cw_err err = cw_calls_reopen(admin->parts.calls);

    if (err == CW_E_STATE)
        g_snprintf(why, 128, "records.file is not set");
    if (!err)
        *ret = json_object();
    return err;
}

static cw_err do_stats(cw_admin *admin, const json_t *params, json_t **ret, char why[static 128])
{
    *ret = cw_stats_json();
    return CW_OK;
}

static cw_err do_config_show(cw_admin *admin, const json_t *params, json_t **ret,
                             char why[static 128])
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return CW_E_INTERNAL;
    cw_conf_print(admin->parts.conf, out);
    fclose(out);
    *ret = json_pack("{s:s, s:s}", "path", admin->parts.conf_path ?: "built in", "text", text);
    free(text);
    return CW_OK;
}

static command *const commands[] = {
#define CW_CTL(name, words, args, help) [CW_CTL_##name] = do_##name,
#define CW_CTL_LOCAL(name, words, args, help)
#define CW_CTL_EXIT(name, code, help)
#include "admin/ctl.def"
#undef CW_CTL
#undef CW_CTL_LOCAL
#undef CW_CTL_EXIT
};

cw_err cw_admin_do(cw_admin *admin, cw_ctl cmd, const json_t *params, json_t **ret,
                   char why[static 128])
{
    return commands[cmd](admin, params, ret, why);
}

/* ── JSON-RPC ── */

static json_t *error_json(cw_err err, const char *why)
{
    json_t *error = json_pack("{s:i s:s s:{s:s}}", "code", cw_err_json(err), "message",
                              cw_err_text(err), "data", "kind", cw_err_kind(err));

    if (why[0])
        json_object_set_new(json_object_get(error, "data"), "why", json_string(why));
    return error;
}

static json_t *wrap(json_t *id, const char *member, json_t *value)
{
    json_t *reply = json_pack("{s:s s:o}", "jsonrpc", "2.0", member, value);

    json_object_set(reply, "id", id ?: json_null());
    return reply;
}

json_t *cw_admin_reply(cw_admin *admin, const char *line, size_t len)
{
    g_autoptr(json_t) request = NULL;
    json_t *id, *result = NULL;
    const char *method;
    char why[128] = "";
    cw_ctl cmd;
    cw_err err = cw_json_parse(line, len, &request, why);

    if (err)
        return wrap(NULL, "error", error_json(err, why));
    id = json_object_get(request, "id");
    method = json_string_value(json_object_get(request, "method"));
    err = method ? cw_ctl_find_method(method, &cmd) : CW_E_REQUEST;
    if (!err)
        err = cw_admin_do(admin, cmd, json_object_get(request, "params"), &result, why);
    if (!err && id)
        return wrap(id, "result", result);
    if (!err)
        json_decref(result);
    return err ? wrap(id, "error", error_json(err, why)) : NULL;
}
