/* password.c - users of the configuration, who prove a password (RFC 7616) instead of a token. */
#include "user/priv.h"

#include <string.h>

static const struct cw_conf_account *find(const cw_conf *conf, const char *user)
{
    for (size_t i = 0; i < conf->account_n; i++)
        if (g_strcmp0(conf->account[i].user, user) == 0)
            return &conf->account[i];
    return NULL;
}

bool cw_password_ha1(const cw_conf *conf, const char *user, const char *realm, bool sha256,
                     char ret[static CW_HA1_STR])
{
    const struct cw_conf_account *account = find(conf, user);
    const char *known = !account ? NULL : sha256 ? account->ha1_sha256 : account->ha1_md5;
    GChecksum *sum;

    if (known)
        g_strlcpy(ret, known, CW_HA1_STR);
    if (known || !account || !account->password)
        return known != NULL;
    sum = g_checksum_new(sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5);
    for (const char *const *part =
             (const char *const[]){ user, ":", realm, ":", account->password, NULL };
         *part; part++)
        g_checksum_update(sum, (const guchar *)*part, -1);
    g_strlcpy(ret, g_checksum_get_string(sum), CW_HA1_STR);
    g_checksum_free(sum);
    return true;
}

cw_err cw_password_identity(const cw_conf *conf, const char *user, cw_identity *ret)
{
    const struct cw_conf_account *account = find(conf, user);
    cw_identity identity = { 0 };
    const char *scope;
    cw_err err;

    if (!account)
        return CW_E_AUTH;
    scope = account->scope ?: conf->auth.default_scope;
    g_strlcpy(identity.user, user, sizeof identity.user);
    g_strlcpy(identity.display, account->display ?: "", sizeof identity.display);
    err = cw_grant_parse(scope ?: "", &identity.grant);
    if (err)
        cw_identity_clear(&identity);
    else
        *ret = identity;
    return err;
}

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static bool is_hash(const char *text, size_t len)
{
    return !text || (strlen(text) == len && strspn(text, "0123456789abcdefABCDEF") == len);
}

cw_err cw_passwords_check(const cw_conf *conf, char why[static 128])
{
    for (size_t i = 0; i < conf->account_n; i++) {
        const struct cw_conf_account *a = &conf->account[i];
        cw_identity ignored = { 0 };

        if (!a->user || !cw_user_name_ok(a->user, strlen(a->user)))
            return WHY(why, "account %zu: user is no user name", i + 1);
        if (find(conf, a->user) != a)
            return WHY(why, "account \"%.64s\": two of this name", a->user);
        if (!a->password == !(a->ha1_md5 || a->ha1_sha256))
            return WHY(why, "account \"%.64s\": either password or ha1_md5, ha1_sha256", a->user);
        if (!is_hash(a->ha1_md5, 32) || !is_hash(a->ha1_sha256, 64))
            return WHY(why, "account \"%.64s\": ha1_md5 or ha1_sha256 is no hash", a->user);
        if (a->display && (strlen(a->display) > CW_DISPLAY_MAX ||
                           !cw_text_is_safe(a->display, strlen(a->display))))
            return WHY(why, "account \"%.64s\": display cannot be shown", a->user);
        if (cw_password_identity(conf, a->user, &ignored))
            return WHY(why, "account \"%.64s\": scope cannot be read", a->user);
        cw_identity_clear(&ignored);
    }
    return CW_OK;
}
