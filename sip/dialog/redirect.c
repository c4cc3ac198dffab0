/* 3xx to an INVITE of ours: where it points, and whether we may go there (RFC 3261 8.1.3.4). */
#include "sip/dialog/call.h"

#include "sip/text/uri.h"

#include <stdlib.h>
#include <string.h>

#define CONTACTS_MAX  8
#define REDIRECTS_MAX 3 /* that one call follows */

typedef struct place {
    char *uri;
    double q;
    unsigned at;
} place;

static int by_preference(const void *a, const void *b)
{
    const place *left = a, *right = b;

    if (left->q != right->q)
        return left->q < right->q ? 1 : -1;
    return left->at < right->at ? -1 : 1;
}

/* The URI as it could be called; NULL: one we would not call. */
static char *uri_of(const sip_contact_t *contact)
{
    char printed[CW_SIP_URI_MAX + 1];
    char *uri = NULL;
    issize_t len = url_e(printed, sizeof printed, contact->m_url);

    if (len < 0 || (size_t)len >= sizeof printed || cw_sip_uri_check(printed, &uri))
        return NULL;
    return uri;
}

GStrv cw_sip_redirect_contacts(const sip_t *sip)
{
    place places[CONTACTS_MAX];
    unsigned n = 0;
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();

    for (const sip_contact_t *c = sip->sip_contact; c && n < CONTACTS_MAX; c = c->m_next) {
        char *uri = uri_of(c);

        if (!uri)
            continue;
        places[n] = (place){ uri, c->m_q ? CLAMP(g_ascii_strtod(c->m_q, NULL), 0, 1) : 1, n };
        n++;
    }
    qsort(places, n, sizeof places[0], by_preference);
    for (unsigned i = 0; i < n; i++) {
        g_strv_builder_add(list, places[i].uri);
        g_free(places[i].uri);
    }
    return g_strv_builder_end(list);
}

static bool is_allowed(const cw_sip *sip, const char *uri)
{
    char *const *name = sip->conf->sip.redirect_hosts;
    cw_sip_host host;

    if (cw_sip_uri_host(uri, &host))
        return false;
    for (; name && *name; name++)
        if (g_ascii_strcasecmp(*name, host.name) == 0)
            return true;
    return false;
}

/* Its owner's word on a place; the first no is the one that counts. */
static bool may_go(cw_sip_call *call, const char *uri) CW_ON_LOOP
{
    const cw_sip_call_ops *ops = call->ops;
    cw_err err = ops && ops->redirected ? ops->redirected(call->arg, uri) : CW_E_SIP_FAILED;

    if (err && !call->hangup)
        call->hangup = err;
    return !err;
}

bool cw_sip_redirect_take(cw_sip_call *call, const sip_t *sip)
{
    g_auto(GStrv) contacts = cw_sip_redirect_contacts(sip);

    if (call->redirects >= REDIRECTS_MAX)
        return false;
    for (char **uri = contacts; *uri; uri++)
        if (is_allowed(call->sip, *uri) && strcmp(*uri, call->dialog->target) != 0 &&
            may_go(call, *uri)) {
            call->hangup = CW_OK;
            call->redirects++;
            cw_stat_inc(CW_STAT_sip_redirects);
            g_free(call->dialog->target);
            call->dialog->target = g_strdup(*uri);
            return true;
        }
    return false;
}
