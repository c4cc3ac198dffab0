#include "sip/net/resolve.h"

#include "base/ident.h"

#include <ares.h>
#include <glib.h>
#include <string.h>

/* --- the shortest time to live of an answer (RFC 1035 4.1) --- */

static const unsigned char *skip_name(const unsigned char *at, const unsigned char *answer, int len)
{
    char *name = NULL;
    long used;

    if (at >= answer + len || ares_expand_name(at, answer, len, &name, &used) != ARES_SUCCESS)
        return NULL;
    ares_free_string(name);
    return at + used;
}

static void lower_ttl(const unsigned char *answer, int len, unsigned *ttl_s)
{
    const unsigned char *at = answer + 12, *end = answer + len;
    unsigned questions, records;

    if (len < 12)
        return;
    questions = (unsigned)answer[4] << 8 | answer[5];
    records = (unsigned)answer[6] << 8 | answer[7];
    for (; at && questions > 0; questions--) {
        at = skip_name(at, answer, len);
        at = at && end - at >= 4 ? at + 4 : NULL;
    }
    for (; at && records > 0; records--) {
        unsigned ttl, data;

        at = skip_name(at, answer, len);
        if (!at || end - at < 10)
            return;
        ttl = (unsigned)at[4] << 24 | (unsigned)at[5] << 16 | (unsigned)at[6] << 8 | at[7];
        data = (unsigned)at[8] << 8 | at[9];
        *ttl_s = MIN(*ttl_s, ttl);
        at = end - at >= (long)(10 + data) ? at + 10 + data : NULL;
    }
}

/* --- SRV --- */

static int by_priority(const void *a, const void *b)
{
    const cw_srv *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight; /* those of weight 0 first */
}

/* RFC 2782: draw among those of one priority, by weight, the rest again. */
static void draw(cw_srv *all, unsigned n)
{
    for (unsigned done = 0; done + 1 < n; done++) {
        unsigned sum = 0, at = done;
        uint32_t random;
        cw_srv chosen;

        for (unsigned i = done; i < n; i++)
            sum += all[i].weight;
        cw_random(&random, sizeof random);
        random %= sum + 1;
        for (sum = all[at].weight; sum < random; sum += all[at].weight)
            at++;
        chosen = all[at];
        memmove(&all[done + 1], &all[done], (at - done) * sizeof *all);
        all[done] = chosen;
    }
}

void cw_srv_order(cw_srv *all, unsigned n)
{
    qsort(all, n, sizeof *all, by_priority);
    for (unsigned i = 0, from = 0; i < n; i++)
        if (i + 1 == n || all[i + 1].priority != all[from].priority) {
            draw(&all[from], i + 1 - from);
            from = i + 1;
        }
}

unsigned cw_srv_read(const unsigned char *answer, int len, cw_srv *ret, unsigned max,
                     unsigned *ttl_s)
{
    struct ares_srv_reply *replies = NULL;
    unsigned n = 0;

    if (ares_parse_srv_reply(answer, len, &replies) != ARES_SUCCESS)
        return 0;
    for (struct ares_srv_reply *srv = replies; srv && n < max; srv = srv->next) {
        cw_srv *to = &ret[n];

        if (!srv->host || !*srv->host || !srv->port ||
            g_strlcpy(to->name, srv->host, sizeof to->name) >= sizeof to->name)
            continue;
        to->port = srv->port;
        to->priority = srv->priority;
        to->weight = srv->weight;
        n++;
    }
    ares_free_data(replies);
    cw_srv_order(ret, n);
    lower_ttl(answer, len, ttl_s);
    return n;
}

/* --- NAPTR (RFC 3263 4.1) --- */

static bool read_service(const char *service, cw_naptr *ret)
{
    static const struct {
        const char *service;
        cw_sip_transport transport;
        bool secure;
    } known[] = { { "SIP+D2U", CW_SIP_UDP, false },
                  { "SIP+D2T", CW_SIP_TCP, false },
                  { "SIPS+D2T", CW_SIP_TLS, true } };

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_ascii_strcasecmp(service, known[i].service) == 0) {
            ret->transport = known[i].transport;
            ret->secure = known[i].secure;
            return true;
        }
    return false;
}

/* Where it leads; one that goes on says nothing of a transport yet. */
static bool read_naptr(const struct ares_naptr_reply *naptr, cw_naptr *ret)
{
    const char *flags = (const char *)naptr->flags, *service = (const char *)naptr->service;

    memset(ret, 0, sizeof *ret);
    if (!flags || !service || !naptr->replacement || !*naptr->replacement ||
        g_strlcpy(ret->name, naptr->replacement, sizeof ret->name) >= sizeof ret->name)
        return false;
    if (!*flags)
        ret->next = CW_NAPTR_NAPTR;
    else if (g_ascii_strcasecmp(flags, "a") == 0)
        ret->next = CW_NAPTR_HOST;
    else if (g_ascii_strcasecmp(flags, "s") != 0)
        return false;
    return read_service(service, ret) || (!*flags && !*service);
}

static int by_order(const void *a, const void *b)
{
    const cw_naptr *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->preference < y->preference ? -1 : x->preference > y->preference;
}

unsigned cw_naptr_read(const unsigned char *answer, int len, cw_naptr *ret, unsigned max,
                       unsigned *ttl_s)
{
    struct ares_naptr_reply *replies = NULL;
    unsigned n = 0;

    if (ares_parse_naptr_reply(answer, len, &replies) != ARES_SUCCESS)
        return 0;
    for (struct ares_naptr_reply *naptr = replies; naptr && n < max; naptr = naptr->next) {
        cw_naptr *to = &ret[n];

        if (!read_naptr(naptr, to))
            continue;
        to->order = naptr->order;
        to->preference = naptr->preference;
        n++;
    }
    ares_free_data(replies);
    qsort(ret, n, sizeof *ret, by_order);
    lower_ttl(answer, len, ttl_s);
    return n;
}
