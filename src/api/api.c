#include "api/poll.h"

#include "base/log.h"

#include <string.h>

static char *find_root(const struct cw_conf_web *web)
{
    return g_canonicalize_filename(web->root ? web->root : CW_DATADIR "/www", NULL);
}

static cw_err open_all(cw_api *api, char why[static 128]) CW_ON_LOOP
{
    cw_err err = cw_ws_start(api, why);

    for (char **where = api->web->listen; !err && where && *where; where++)
        err = cw_listen_open(api, *where, CW_LISTEN_SERVE, why);
    for (char **where = api->web->redirect_listen; !err && where && *where; where++)
        err = cw_listen_open(api, *where, CW_LISTEN_REDIRECT, why);
    return err;
}

cw_err cw_api_new(cw_loop *loop, const cw_conf *conf, const cw_tokens *tokens, cw_calls *calls,
                  cw_im *im, cw_api **ret, char why[static 128])
{
    cw_api *api = g_new0(cw_api, 1);
    cw_err err;

    api->env = (cw_session_env){ loop, conf, tokens, calls, cw_sessions_new(), im };
    api->web = &conf->web;
    api->root = find_root(&conf->web);
    api->tls = conf->web.tls_certificate != NULL;
    api->listeners = g_ptr_array_new();
    api->conns = g_hash_table_new(NULL, NULL);
    cw_polls_new(api);
    cw_sipws_start(api);
    err = open_all(api, why);
    if (err) {
        cw_api_free(api);
        return err;
    }
    for (char **where = conf->web.listen; where && *where; where++)
        cw_log(CW_LOG_INFO, CW_MOD_API, "web.listen", "address", *where, "tls",
               api->tls ? "yes" : "no", "root", api->root, NULL);
    *ret = api;
    return CW_OK;
}

void cw_api_free(cw_api *api)
{
    if (!api)
        return;
    for (guint i = 0; i < api->listeners->len; i++)
        cw_listen_close(api->listeners->pdata[i]);
    g_ptr_array_set_size(api->listeners, 0);
    cw_ws_stop(api);
    cw_polls_free(api);
    cw_sessions_free(api->env.sessions);
    g_ptr_array_unref(api->listeners);
    g_hash_table_unref(api->conns);
    if (api->files)
        g_hash_table_unref(api->files);
    g_free(api->root);
    g_free(api);
}

json_t *cw_api_sessions(const cw_api *api)
{
    return cw_sessions_json(api->env.sessions);
}

unsigned cw_api_port(const cw_api *api)
{
    return api->listeners->len ? cw_listen_port(api->listeners->pdata[0]) : 0;
}
