#include "user/priv.h"

#include <string.h>

bool cw_user_name_ok(const char *name, size_t len)
{
    if (len == 0 || len > CW_USER_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool inside = i > 0 && i + 1 < len;

        if (!g_ascii_isalnum(name[i]) && !(name[i] && strchr("._-", name[i])) &&
            !(inside && (name[i] == '@' || name[i] == '+')))
            return false;
    }
    return true;
}

bool cw_pattern_matches(const char *pattern, const char *text)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return !strncmp(pattern, text, len - 1);
    return !strcmp(pattern, text);
}

bool cw_grant_allows(const cw_grant *grant, const char *action, const char *target)
{
    size_t len = strlen(action);

    for (unsigned i = 0; i < grant->n; i++) {
        const char *scope = grant->scope[i];

        if (!strncmp(scope, action, len) && scope[len] == ':' &&
            cw_pattern_matches(scope + len + 1, target))
            return true;
    }
    return false;
}

cw_err cw_grant_parse(const char *text, cw_grant *ret)
{
    g_auto(GStrv) word = g_strsplit_set(text, " ", -1);

    for (unsigned i = 0; word[i]; i++) {
        if (!*word[i])
            continue;
        if (ret->n == CW_SCOPES_MAX || strlen(word[i]) > CW_SCOPE_BYTES ||
            !cw_text_is_safe(word[i], strlen(word[i])))
            return CW_E_AUTH;
        ret->scope[ret->n++] = g_strdup(word[i]);
    }
    return CW_OK;
}

void cw_grant_clear(cw_grant *grant)
{
    for (unsigned i = 0; i < grant->n; i++)
        g_free(grant->scope[i]);
    grant->n = 0;
}

void cw_call_grant_clear(cw_call_grant *grant)
{
    cw_grant_clear(&grant->to);
    cw_grant_clear(&grant->from);
    memset(grant, 0, sizeof *grant);
}

void cw_identity_clear(cw_identity *identity)
{
    cw_grant_clear(&identity->grant);
    for (unsigned i = 0; i < identity->number_n; i++)
        g_free(identity->number[i]);
    if (identity->sip)
        explicit_bzero(identity->sip, sizeof *identity->sip);
    g_free(identity->sip);
    memset(identity, 0, sizeof *identity);
}

cw_err cw_guest(const cw_conf *conf, const char *name, cw_identity *ret)
{
    cw_identity identity = { 0 };
    cw_err err;

    if (!conf->auth.guests)
        return CW_E_AUTH;
    if (!cw_user_name_ok(name, strlen(name)))
        return CW_E_PARAMS;
    g_strlcpy(identity.user, name, sizeof identity.user);
    identity.guest = true;
    err = cw_grant_parse(conf->auth.guest_scope ? conf->auth.guest_scope : "", &identity.grant);
    if (err) {
        cw_identity_clear(&identity);
        return err;
    }
    *ret = identity;
    return CW_OK;
}
