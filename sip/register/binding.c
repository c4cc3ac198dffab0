/* binding.c - what a 200 to REGISTER says of one binding among others (RFC 3261 10.2.4). */
#include "sip/register/register_priv.h"

#include "base/json.h"
#include "sip/text/uri.h"
#include "sip/text/urilist.h"

#include <stdlib.h>
#include <string.h>

#define ASSOCIATED_MAX 16
#define EXPIRES_MAX    (7u * 86400)

/* The value of a parameter without its quotes; NULL: none. g_free it. */
static char *param(const sip_contact_t *m, const char *name)
{
    size_t len = strlen(name);

    for (char const *const *p = (char const *const *)m->m_params; p && *p; p++) {
        const char *value = *p + len + 1;

        if (g_ascii_strncasecmp(*p, name, len) != 0 || (*p)[len] != '=')
            continue;
        if (*value != '"')
            return g_strdup(value);
        return g_strndup(value + 1, strcspn(value + 1, "\""));
    }
    return NULL;
}

/* "<urn:uuid:…>" is the instance (RFC 5626 4.1)? */
static bool has_instance(const sip_contact_t *m, const char *instance)
{
    g_autofree char *theirs = param(m, "+sip.instance");
    size_t len = strlen(instance);

    return theirs && *theirs == '<' && g_ascii_strncasecmp(theirs + 1, instance, len) == 0 &&
           strcmp(theirs + 1 + len, ">") == 0;
}

static unsigned seconds(const char *text, unsigned otherwise)
{
    char *end;
    unsigned long n;

    if (!text || !g_ascii_isdigit(*text))
        return otherwise;
    n = strtoul(text, &end, 10);
    return *end ? otherwise : (unsigned)MIN(n, EXPIRES_MAX);
}

/* The URI comes first: an instance may have several bindings (RFC 5626 4.2). */
static const sip_contact_t *find_own(const sip_t *sip, const char *own, const char *instance)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    const sip_contact_t *found = NULL, *same = NULL;
    url_t *url;

    su_home_init(home);
    url = url_make(home, own);
    for (const sip_contact_t *m = sip->sip_contact; url && m && !found; m = m->m_next) {
        if (url_cmp(url, m->m_url) == 0)
            found = m;
        else if (!same && has_instance(m, instance))
            same = m;
    }
    su_home_deinit(home);
    return found ? found : same;
}

/* A GRUU is a sip: URI we can put into a Contact (RFC 5627 4.2). */
static char *take_gruu(const sip_contact_t *m, const char *name)
{
    g_autofree char *uri = param(m, name);
    cw_sip_host host;

    if (!uri || strlen(uri) > CW_SIP_URI_MAX || !cw_text_is_safe(uri, strlen(uri)) ||
        strpbrk(uri, "<>\" ,?") || !strchr(uri, '@') || cw_sip_uri_host(uri, &host))
        return NULL;
    return g_steal_pointer(&uri);
}

static cw_err take_route(const sip_t *sip, GStrv *ret)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    su_home_t home[1] = { SU_HOME_INIT(home) };
    cw_sip_host host;
    cw_err err = CW_OK;

    su_home_init(home);
    for (const sip_service_route_t *r = sip->sip_service_route; r && !err; r = r->r_next) {
        const char *uri = url_as_string(home, r->r_url);

        if (!uri || all->len == CW_SIP_ROUTE_MAX || strlen(uri) > CW_SIP_URI_MAX ||
            !cw_text_is_safe(uri, strlen(uri)) || strpbrk(uri, "<>,\" ") ||
            cw_sip_uri_host(uri, &host))
            err = CW_E_UNSUPPORTED;
        else
            g_ptr_array_add(all, g_strdup(uri));
    }
    su_home_deinit(home);
    if (err || all->len == 0)
        return err;
    g_ptr_array_add(all, NULL);
    *ret = (GStrv)g_ptr_array_free(g_steal_pointer(&all), FALSE);
    return CW_OK;
}

/* tel: and sip: URIs; what else stands there is left out. */
static GStrv take_associated(const sip_t *sip) CW_ON_LOOP
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    char *text;

    for (unsigned nth = 0;
         nth < ASSOCIATED_MAX &&
         (text = cw_sip_message_header(cw_sip_message_of(sip), "P-Associated-URI", nth));
         nth++) {
        cw_sip_uri_list(text, ASSOCIATED_MAX, all);
        g_free(text);
    }
    if (all->len == 0)
        return NULL;
    g_ptr_array_add(all, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&all), FALSE);
}

cw_err cw_sip_binding_take(cw_sip_binding *ret, const sip_t *sip, const char *own,
                           const char *instance, unsigned asked_s)
{
    const sip_contact_t *m = find_own(sip, own, instance);
    unsigned all =
        sip->sip_expires ? (unsigned)MIN(sip->sip_expires->ex_delta, EXPIRES_MAX) : asked_s;
    cw_sip_binding binding = { .expires_s = m ? seconds(m->m_expires, all) : all };
    cw_err err;

    if ((sip->sip_contact && !m) || binding.expires_s == 0)
        return CW_E_NOT_FOUND;
    err = take_route(sip, &binding.route);
    if (err)
        return err;
    binding.associated = take_associated(sip);
    if (m) {
        binding.gruu = take_gruu(m, "pub-gruu");
        binding.temp_gruu = take_gruu(m, "temp-gruu");
    }
    cw_sip_binding_clear(ret);
    *ret = binding;
    return CW_OK;
}

void cw_sip_binding_clear(cw_sip_binding *binding)
{
    g_strfreev(binding->route);
    g_strfreev(binding->associated);
    g_free(binding->gruu);
    g_free(binding->temp_gruu);
    *binding = (cw_sip_binding){ 0 };
}
