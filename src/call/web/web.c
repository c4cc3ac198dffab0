#include "call/web/web.h"

#include "base/log.h"

#include <string.h>
#include <time.h>

/* It speaks SIP: what a JSON client would be notified of, its dialogs tell it; texts go as MESSAGE.
 */
static bool takes(void *arg, const char *method)
{
    cw_assert_on_loop();
    return !strcmp(method, "im.message") && cw_sip_web_registered(arg);
}

static void on_notify(void *arg, const char *method, json_t *params)
{
    cw_assert_on_loop();
    if (takes(arg, method))
        cw_web_text(cw_sip_web_owner(arg), params);
    json_decref(params);
}

static const cw_client_ops client_ops = { .notify = on_notify, .takes = takes };

/* ── Logged in ── */

bool cw_web_secret(void *arg, const char *user, const char *realm, bool sha256,
                   char ret[static CW_SIP_HA1_MAX])
{
    const cw_calls *calls = arg;

    cw_assert_on_loop();
    return cw_password_ha1(calls->conf, user, realm, sha256, ret);
}

static CW_ON_LOOP cw_err identify(const cw_calls *calls, const char *user, const char *token,
                                  size_t len, cw_identity *ret, char why[static 128])
{
    why[0] = '\0';
    if (user)
        return cw_password_identity(calls->conf, user, ret);
    return calls->tokens ? cw_token_verify(calls->tokens, token, len, time(NULL), ret, why)
                         : CW_E_AUTH;
}

/* The first time it is a client; a newer token may allow more, or less. */
static CW_ON_LOOP cw_err admit(cw_calls *calls, cw_sip_web *web, const cw_identity *identity)
{
    cw_client *client = cw_sip_web_owner(web);
    cw_err err = CW_OK;

    if (client)
        cw_client_identify(client, identity);
    else
        err = cw_client_new(calls, cw_sip_web_id(web), identity, &client_ops, web, &client);
    if (err)
        return err;
    client->web = cw_sip_web_id(web);
    cw_sip_web_admit(web, identity->user, identity->expires, client);
    return CW_OK;
}

cw_err cw_web_login(void *arg, cw_sip_web *web, const char *user, const char *token, size_t len)
{
    cw_calls *calls = arg;
    const char *before = cw_sip_web_user(web);
    cw_identity identity = { 0 };
    char why[128], address[CW_ADDR_STR];
    cw_err err = identify(calls, user, token, len, &identity, why);

    cw_assert_on_loop();
    if (!err && before && strcmp(before, identity.user) != 0)
        err = CW_E_FORBIDDEN;
    if (!err)
        err = admit(calls, web, &identity);
    if (err || !before)
        cw_log(err ? CW_LOG_WARN : CW_LOG_INFO, CW_MOD_CALL, err ? "web.refused" : "web.login",
               "user", identity.user, "address", cw_addr_print(cw_sip_web_peer(web), address),
               "reason", err ? cw_err_kind(err) : NULL, "why", *why ? why : NULL, NULL);
    cw_identity_clear(&identity);
    return err;
}

void cw_web_gone(void *arg, cw_sip_web *web)
{
    cw_assert_on_loop();
    cw_client_free(cw_sip_web_owner(web));
}

/* ── For the layers above ── */

void cw_calls_tokens(cw_calls *calls, const cw_tokens *tokens)
{
    calls->tokens = tokens;
}

void cw_calls_web_said(cw_calls *calls, cw_web_said_fn *fn)
{
    calls->web_said = fn;
}

cw_err cw_calls_web(cw_calls *calls, const cw_addr *peer, bool secure, const cw_sip_web_ops *ops,
                    void *arg, cw_sip_web **ret)
{
    return calls->sip && !calls->closing ? cw_sip_web_new(calls->sip, peer, secure, ops, arg, ret)
                                         : CW_E_UNAVAILABLE;
}

static CW_ON_LOOP json_t *session_json(const cw_client *client)
{
    const cw_sip_web *web = client->arg;
    char id[CW_ID_STR], address[CW_ADDR_STR];

    return json_pack("{s:s s:s s:s s:s s:{s:s} s:b s:I s:I}", "id",
                     cw_id_print(client->session, id), "user", client->identity.user, "address",
                     cw_addr_print(cw_sip_web_peer(web), address), "link", "sip", "client", "name",
                     cw_sip_web_agent(web), "registered", cw_sip_web_registered(web), "since_ms",
                     (json_int_t)(cw_now_ms() - cw_sip_web_since_ms(web)), "calls",
                     (json_int_t)g_hash_table_size(client->legs));
}

void cw_calls_add_web_sessions(const cw_calls *calls, json_t *list)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, calls->users);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const cw_user *user = value;

        for (guint i = 0; i < user->clients->len; i++) {
            const cw_client *client = g_ptr_array_index(user->clients, i);

            if (client->web)
                json_array_append_new(list, session_json(client));
        }
    }
}
