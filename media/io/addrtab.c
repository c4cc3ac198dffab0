#include "media/io/addrtab.h"

#include "base/ident.h"

#include <glib.h>
#include <string.h>

#define ROWS_MIN 64

static uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

typedef struct sip_state {
    uint64_t a, b, c, d;
} sip_state;

static void sip_round(sip_state *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotl(s->b, 13) ^ s->a;
    s->d = rotl(s->d, 16) ^ s->c;
    s->a = rotl(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotl(s->b, 17) ^ s->c;
    s->d = rotl(s->d, 21) ^ s->a;
    s->c = rotl(s->c, 32);
}

static void sip_word(sip_state *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012): one word for IPv4, three for IPv6. */
static uint64_t hash_of(const cw_addrtab *tab, const cw_addr *addr)
{
    sip_state s = { tab->key[0] ^ 0x736f6d6570736575, tab->key[1] ^ 0x646f72616e646f6d,
                    tab->key[0] ^ 0x6c7967656e657261, tab->key[1] ^ 0x7465646279746573 };
    uint64_t word[2];

    if (addr->sa.sa_family == AF_INET) {
        memcpy(word, addr, 8);
        sip_word(&s, word[0]);
    } else {
        memcpy(word, &addr->in6.sin6_addr, 16);
        sip_word(&s, word[0]);
        sip_word(&s, word[1]);
        sip_word(&s, (uint64_t)addr->in6.sin6_port << 16 | AF_INET6);
    }
    s.c ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

void cw_addrtab_init(cw_addrtab *tab)
{
    *tab = (cw_addrtab){ .row = g_new0(cw_addrtab_row, ROWS_MIN), .mask = ROWS_MIN - 1 };
    cw_random(tab->key, sizeof tab->key);
}

void cw_addrtab_clear(cw_addrtab *tab)
{
    g_free(tab->row);
    tab->row = NULL;
}

/* The row that holds `hash`, or the free one where it would go. */
static size_t find(const cw_addrtab *tab, uint64_t hash)
{
    size_t at = hash & tab->mask;

    while (tab->row[at].value && tab->row[at].hash != hash)
        at = (at + 1) & tab->mask;
    return at;
}

void *cw_addrtab_get(const cw_addrtab *tab, const cw_addr *addr)
{
    return tab->row[find(tab, hash_of(tab, addr))].value;
}

static void grow(cw_addrtab *tab)
{
    cw_addrtab_row *old = tab->row;
    size_t n = tab->mask + 1;

    tab->row = g_new0(cw_addrtab_row, n * 2);
    tab->mask = n * 2 - 1;
    for (size_t i = 0; i < n; i++)
        if (old[i].value)
            tab->row[find(tab, old[i].hash)] = old[i];
    g_free(old);
}

void cw_addrtab_put(cw_addrtab *tab, const cw_addr *addr, void *value)
{
    uint64_t hash = hash_of(tab, addr);
    size_t at = find(tab, hash);

    if (!tab->row[at].value && ++tab->n * 2 > tab->mask) {
        grow(tab);
        at = find(tab, hash);
    }
    tab->row[at] = (cw_addrtab_row){ hash, value };
}

/* Rows behind the hole that could not be found past it move up (Knuth 6.4, algorithm R). */
static void fill_hole(cw_addrtab *tab, size_t hole)
{
    for (size_t at = (hole + 1) & tab->mask; tab->row[at].value; at = (at + 1) & tab->mask) {
        size_t home = tab->row[at].hash & tab->mask;

        if (((at - home) & tab->mask) >= ((at - hole) & tab->mask)) {
            tab->row[hole] = tab->row[at];
            hole = at;
        }
    }
    tab->row[hole].value = NULL;
}

void cw_addrtab_remove(cw_addrtab *tab, const cw_addr *addr, const void *value)
{
    size_t at = find(tab, hash_of(tab, addr));

    if (!tab->row[at].value || tab->row[at].value != value)
        return;
    tab->n--;
    fill_hole(tab, at);
}
