#include "sip/enum.h"

#include "base/log.h"
#include "sip/priv.h"
#include "sip/text/uri.h"

#include <ares.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define NAPTR       35
#define RULE_MAX    255  /* bytes: a character-string of DNS (RFC 1035 3.3) */
#define PATTERN_MAX 128  /* of it, that we compile */
#define RULES_MAX   16   /* of one answer that are looked at */
#define CACHE_MAX   4096 /* numbers; then it begins anew */
#define NONE_S      60   /* a number without answer is asked for again at least then */

/* ── The name ── */

cw_err cw_enum_domain(const char *number, const char *suffix, char ret[static CW_ENUM_NAME_MAX])
{
    size_t digits = number[0] == '+' ? strspn(number + 1, "0123456789") : 0, n = 0;

    if (digits == 0 || digits > 15 || number[digits + 1] || !*suffix ||
        2 * digits + strlen(suffix) >= CW_ENUM_NAME_MAX)
        return CW_E_PARAMS;
    for (size_t i = digits; i > 0; i--) {
        ret[n++] = number[i];
        ret[n++] = '.';
    }
    g_strlcpy(ret + n, suffix, CW_ENUM_NAME_MAX - n);
    return CW_OK;
}

/* ── A rule ── */

/* The next field of a rule, up to `delimiter`; "\delimiter" is one that stays. NULL: no end. */
static char *field(const char **at, char delimiter)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (; **at && **at != delimiter; (*at)++) {
        if (**at == '\\' && (*at)[1] == delimiter)
            (*at)++;
        else if (**at == '\\' && (*at)[1])
            g_string_append_c(text, *(*at)++);
        g_string_append_c(text, **at);
    }
    if (!**at)
        return NULL;
    (*at)++;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Behind a bracket expression that begins at `at` (POSIX 9.3.5); its end when it is not closed. */
static const char *past_brackets(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    if (*at == ']')
        at++;
    while (*at && *at != ']')
        at++;
    return *at ? at : at - 1;
}

/* The C library repeats what a + is about, and takes exponential time where repetitions are nested
 * or one behind the other, or refer back: only single characters and brackets may be repeated. */
static bool is_cheap(const char *pattern)
{
    unsigned groups = 0;
    char before = '(';

    if (strlen(pattern) > PATTERN_MAX)
        return false;
    for (; *pattern; pattern++) {
        char c = *pattern;

        if (c == '{' || (c == '\\' && g_ascii_isdigit(pattern[1])) || (c == '(' && ++groups > 9))
            return false;
        if (strchr("*+?", c) && strchr(c == '?' ? "(|*+?" : "(|*+?)", before))
            return false;
        before = c;
        if (c == '\\' && pattern[1]) {
            pattern++;
            before = 'x';
        } else if (c == '[') {
            pattern = past_brackets(pattern);
            before = 'x';
        } else if (c == '^') {
            before = '(';
        }
    }
    return true;
}

static char *fill_in(const char *replacement, const char *number, const regmatch_t part[static 10])
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (; *replacement; replacement++) {
        if (*replacement != '\\' || !replacement[1]) {
            g_string_append_c(text, *replacement);
            continue;
        }
        replacement++;
        if (!g_ascii_isdigit(*replacement)) {
            g_string_append_c(text, *replacement);
            continue;
        }
        const regmatch_t *m = &part[*replacement - '0'];

        if (m->rm_so >= 0)
            g_string_append_len(text, number + m->rm_so, m->rm_eo - m->rm_so);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static cw_err run(const char *pattern, const char *replacement, int flags, const char *number,
                  char **ret)
{
    g_autofree char *made = NULL;
    regmatch_t part[10];
    regex_t compiled;
    bool fits;

    if (!is_cheap(pattern) || regcomp(&compiled, pattern, REG_EXTENDED | flags))
        return CW_E_SYNTAX;
    fits = regexec(&compiled, number, 10, part, 0) == 0;
    regfree(&compiled);
    if (!fits)
        return CW_E_NOT_FOUND;
    made = fill_in(replacement, number, part);
    return cw_sip_uri_check(made, ret) ? CW_E_SYNTAX : CW_OK;
}

cw_err cw_enum_apply(const char *rule, const char *number, char **ret)
{
    g_autofree char *pattern = NULL, *replacement = NULL;
    char delimiter = *rule;
    const char *at = rule + 1;

    if (!delimiter || g_ascii_isalnum(delimiter) || delimiter == '\\' || strlen(rule) > RULE_MAX ||
        !cw_text_is_safe(rule, strlen(rule)))
        return CW_E_SYNTAX;
    pattern = field(&at, delimiter);
    replacement = pattern ? field(&at, delimiter) : NULL;
    if (!replacement || (strcmp(at, "") && strcmp(at, "i")))
        return CW_E_SYNTAX;
    return run(pattern, replacement, *at ? REG_ICASE : 0, number, ret);
}

/* ── An answer ── */

typedef struct rule {
    unsigned order, preference;
    const char *regexp; /* in c-ares' list */
} rule;

/* "E2U+sip" and, of an older draft, "sip+E2U" (RFC 6116 3.4.3). */
static bool is_sip(const char *service)
{
    return g_ascii_strcasecmp(service, "E2U+sip") == 0 ||
           g_ascii_strcasecmp(service, "sip+E2U") == 0;
}

static int by_order(const void *a, const void *b)
{
    const rule *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->preference < y->preference ? -1 : x->preference > y->preference;
}

char *cw_enum_choose(const unsigned char *answer, int len, const char *number)
{
    struct ares_naptr_reply *replies = NULL;
    rule rules[RULES_MAX];
    unsigned n = 0;
    char *uri = NULL;

    if (len <= 0 || ares_parse_naptr_reply(answer, len, &replies) != ARES_SUCCESS)
        return NULL;
    for (struct ares_naptr_reply *r = replies; r && n < RULES_MAX; r = r->next)
        if (r->flags && g_ascii_strcasecmp((const char *)r->flags, "u") == 0 && r->service &&
            is_sip((const char *)r->service) && r->regexp)
            rules[n++] = (rule){ r->order, r->preference, (const char *)r->regexp };
    qsort(rules, n, sizeof *rules, by_order);
    for (unsigned i = 0; i < n && !uri; i++)
        if (cw_enum_apply(rules[i].regexp, number, &uri))
            uri = NULL;
    ares_free_data(replies);
    return uri;
}

/* ── Answers that are kept ── */

struct cw_enum_cache {
    GHashTable *by_name; /* of kept */
};

typedef struct kept {
    char *uri; /* NULL: there is none */
    uint64_t until_ms;
} kept;

static void kept_free(void *data)
{
    g_free(((kept *)data)->uri);
    g_free(data);
}

void cw_enum_cache_free(cw_enum_cache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->by_name);
    g_free(cache);
}

static CW_ON_LOOP const kept *recall(const cw_sip *sip, const char *name)
{
    const kept *k = sip->enums ? g_hash_table_lookup(sip->enums->by_name, name) : NULL;

    return k && k->until_ms > cw_now_ms() ? k : NULL;
}

static CW_ON_LOOP void keep(cw_sip *sip, const char *name, const char *uri, unsigned cache_s)
{
    unsigned for_s = uri ? cache_s : MIN(cache_s, NONE_S);
    kept *k;

    if (for_s == 0)
        return;
    if (!sip->enums) {
        sip->enums = g_new0(cw_enum_cache, 1);
        sip->enums->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
    }
    if (g_hash_table_size(sip->enums->by_name) >= CACHE_MAX)
        g_hash_table_remove_all(sip->enums->by_name);
    k = g_new0(kept, 1);
    k->uri = g_strdup(uri);
    k->until_ms = cw_now_ms() + (uint64_t)for_s * 1000;
    g_hash_table_insert(sip->enums->by_name, g_strdup(name), k);
}

/* ── A question ── */

struct cw_enum {
    cw_sip *sip;
    cw_enum_fn *fn; /* NULL: told, or cancelled */
    void *arg;
    cw_timer *timer; /* the deadline; at once for what is known */
    bool asked;      /* the resolver will answer */
    unsigned cache_s;
    char number[20];
    char name[CW_ENUM_NAME_MAX];
    char *uri; /* known already */
};

static CW_ON_LOOP void let_go(cw_enum *e)
{
    g_clear_pointer(&e->timer, cw_timer_free);
    if (e->fn || e->asked)
        return;
    g_free(e->uri);
    g_free(e);
}

static CW_ON_LOOP void tell(cw_enum *e, const char *uri)
{
    cw_enum_fn *fn = e->fn;

    e->fn = NULL;
    if (fn)
        fn(e->arg, uri);
}

static void on_timer(void *arg)
{
    cw_enum *e = arg;

    cw_assert_on_loop();
    tell(e, e->uri);
    let_go(e);
}

static void got_answer(void *arg, const unsigned char *answer, int len)
{
    cw_enum *e = arg;
    g_autofree char *uri = answer ? cw_enum_choose(answer, len, e->number) : NULL;

    cw_assert_on_loop();
    e->asked = false;
    if (answer)
        keep(e->sip, e->name, uri, e->cache_s);
    if (!e->fn) { /* too late, or nobody wants to know */
        let_go(e);
        return;
    }
    e->uri = g_steal_pointer(&uri); /* not before cw_enum_ask returned */
    cw_timer_start(e->timer, 0);
}

cw_err cw_enum_ask(cw_sip *sip, const cw_enum_tree *tree, const char *number, cw_enum_fn *fn,
                   void *arg, cw_enum **ret)
{
    char name[CW_ENUM_NAME_MAX];
    cw_err err = cw_enum_domain(number, tree->suffix, name);
    const kept *known;
    cw_enum *e;

    if (err)
        return err;
    e = g_new0(cw_enum, 1);
    e->sip = sip;
    e->fn = fn;
    e->arg = arg;
    e->cache_s = tree->cache_s;
    g_strlcpy(e->number, number, sizeof e->number);
    g_strlcpy(e->name, name, sizeof e->name);
    e->timer = cw_timer_new(sip->loop, on_timer, e);
    known = recall(sip, name);
    cw_timer_start(e->timer, known ? 0 : tree->timeout_ms);
    if (known) {
        e->uri = g_strdup(known->uri);
    } else {
        e->asked = true;
        cw_resolver_query(sip->resolver, name, NAPTR, got_answer, e);
    }
    *ret = e;
    return CW_OK;
}

void cw_enum_cancel(cw_enum *e)
{
    if (!e)
        return;
    e->fn = NULL;
    let_go(e);
}
