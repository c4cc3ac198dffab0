/* fetch.h - small files from HTTPS servers whose addresses strangers tell us, and requests to a
 * server of the configuration.
 *
 * Loop thread; a thread of its own, made when the first one is fetched, does the work. Only https:,
 * without user names, redirects or proxies; connections go to public addresses only, port 443 or
 * 8443, judged once the name is resolved.
 */
#ifndef CW_FETCH_FETCH_H
#define CW_FETCH_FETCH_H

#include "base/addr.h"
#include "base/loop.h"

typedef struct cw_fetch cw_fetch;

/* Of what is fetched; must outlive the cw_fetch. */
typedef struct cw_fetch_rules {
    char *const *hosts; /* names that may be asked, "*.example.com" for any below; empty: any */
    const char *authorities; /* PEM file; NULL: the machine's */
    unsigned timeout_ms;     /* of each, in all */
    size_t bytes_max;        /* of a body, and of its head */
    unsigned waiting_max;    /* at once */
    bool plain;              /* http: too; for URLs of the configuration only */
    /* An address that is not public, or another port: may it be asked all the same? NULL: no.
     * Pure; the fetching thread calls it. */
    bool (*may)(void *arg, const cw_addr *addr);
    void *arg;
} cw_fetch_rules;

cw_fetch *cw_fetch_new(cw_loop *loop, const cw_fetch_rules *rules) CW_ON_LOOP;
void cw_fetch_free(cw_fetch *fetch) CW_ON_LOOP; /* no answer follows; NULL is fine */

/* CW_OK with the body; CW_E_FORBIDDEN: the address it leads to; CW_E_TOO_LARGE, CW_E_TIMEOUT;
 * CW_E_NETWORK: anything else, and every status but 200. */
typedef void cw_fetch_fn(void *arg, cw_err err, const char *body, size_t len);

/* `fn` is called once, later.
 *
 * CW_E_FORBIDDEN  a URL or host that is not asked
 * CW_E_OVERLOAD   too many at once
 */
CW_NODISCARD cw_err cw_fetch_get(cw_fetch *fetch, const char *url, cw_fetch_fn *fn,
                                 void *arg) CW_ON_LOOP;

/* POST `body`, copied, with `headers` ("Name: value", NULL-ended). As cw_fetch_get, but every
 * status from 200 to 299 is CW_OK. */
CW_NODISCARD cw_err cw_fetch_post(cw_fetch *fetch, const char *url, const char *const *headers,
                                  const char *body, cw_fetch_fn *fn, void *arg) CW_ON_LOOP;

/* What `rules` let through before anything is resolved. Pure, any thread. */
bool cw_fetch_url_ok(const cw_fetch_rules *rules, const char *url);

/* Is it reachable from everywhere: not this machine, a private network, a group, a test net? IPv4
 * written as IPv6 is IPv4. Pure, any thread. */
bool cw_fetch_is_public(const cw_addr *addr);

#endif
