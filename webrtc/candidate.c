#include "webrtc/candidate.h"

#include <glib.h>
#include <string.h>

#define WORDS_MAX      64
#define NAME_MAX_CHARS 253 /* RFC 1035 2.3.4, as text */

typedef struct word {
    const char *s;
    size_t len;
} word;

static bool is(const word *w, const char *text)
{
    return w->len == strlen(text) && g_ascii_strncasecmp(w->s, text, w->len) == 0;
}

/* Words between blanks; 0: too many, or a byte that no line of SDP holds. */
static unsigned split(const char *text, size_t len, word ret[static WORDS_MAX])
{
    unsigned n = 0;

    for (size_t i = 0; i < len; i++) {
        bool begins = text[i] != ' ' && (i == 0 || text[i - 1] == ' ');

        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f || (begins && n == WORDS_MAX))
            return 0;
        if (begins)
            ret[n++] = (word){ text + i, 0 };
        if (text[i] != ' ')
            ret[n - 1].len++;
    }
    return n;
}

static bool number(const word *w, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;

    if (w->len == 0 || w->len > 10)
        return false;
    for (size_t i = 0; i < w->len; i++) {
        if (!g_ascii_isdigit(w->s[i]))
            return false;
        value = value * 10 + (uint64_t)(w->s[i] - '0');
    }
    *ret = value;
    return value >= min && value <= max;
}

/* foundation = 1*32ice-char; browsers of old wrote longer ones. */
static bool read_foundation(const word *w, char ret[static 33])
{
    static const char prefix[] = "candidate:";
    size_t skip = sizeof prefix - 1;

    if (w->len <= skip || w->len > skip + 32 || memcmp(w->s, prefix, skip) != 0)
        return false;
    for (size_t i = skip; i < w->len; i++)
        if (!g_ascii_isgraph(w->s[i]))
            return false;
    memcpy(ret, w->s + skip, w->len - skip);
    ret[w->len - skip] = 0;
    return true;
}

/* An FQDN in the place of an address (RFC 8839 5.1): left to whoever can look it up. */
static bool is_name(const word *w)
{
    if (w->len == 0 || w->len > NAME_MAX_CHARS)
        return false;
    for (size_t i = 0; i < w->len; i++)
        if (!g_ascii_isalnum(w->s[i]) && !strchr("-._", w->s[i]))
            return false;
    return true;
}

static bool read_addr(const word *ip, const word *port, cw_addr *ret)
{
    uint64_t value;

    memset(ret, 0, sizeof *ret);
    if (!number(port, 0, 65535, &value))
        return false;
    return cw_addr_from_ip(ip->s, ip->len, (uint16_t)value, ret) == CW_OK || is_name(ip);
}

static uint8_t read_type(const word *w)
{
    for (unsigned i = CW_CANDIDATE_HOST; i < CW_CANDIDATE_OTHER; i++)
        if (is(w, cw_candidate_type_text(i)))
            return (uint8_t)i;
    return CW_CANDIDATE_OTHER;
}

/* RFC 6544 4.5: a TCP candidate says which way the connection is made. */
static uint8_t read_way(const word *transport, const word *tcptype)
{
    if (is(transport, "udp"))
        return CW_WAY_UDP;
    if (!is(transport, "tcp") || !tcptype)
        return CW_WAY_OTHER;
    return is(tcptype, "active")    ? CW_WAY_TCP_ACTIVE
           : is(tcptype, "passive") ? CW_WAY_TCP_PASSIVE
                                    : CW_WAY_OTHER;
}

/* The value of an extension, NULL: not there. */
static const word *extension(const word *words, unsigned n, const char *name)
{
    for (unsigned i = 8; i + 1 < n; i += 2)
        if (is(&words[i], name))
            return &words[i + 1];
    return NULL;
}

static bool read_fields(const word *w, unsigned n, cw_candidate *ret)
{
    const word *raddr = extension(w, n, "raddr"), *rport = extension(w, n, "rport");
    uint64_t component, priority;

    if (n < 8 || !is(&w[6], "typ") || !read_foundation(&w[0], ret->foundation) ||
        !number(&w[1], 1, 256, &component) || !number(&w[3], 0, UINT32_MAX, &priority) ||
        !read_addr(&w[4], &w[5], &ret->addr))
        return false;
    if (raddr && rport && !read_addr(raddr, rport, &ret->base))
        return false;
    ret->component = (uint16_t)component;
    ret->priority = (uint32_t)priority;
    ret->type = read_type(&w[7]);
    ret->way = read_way(&w[2], extension(w, n, "tcptype"));
    return true;
}

cw_err cw_candidate_parse(const char *text, size_t len, cw_candidate *ret, const char **ufrag,
                          size_t *ufrag_len)
{
    word words[WORDS_MAX] = { 0 };
    const word *said;
    cw_candidate got = { 0 };
    unsigned n;

    if (len > CW_CANDIDATE_TEXT)
        return CW_E_TOO_LARGE;
    if (len >= 2 && memcmp(text, "a=", 2) == 0) {
        text += 2;
        len -= 2;
    }
    n = split(text, len, words);
    if (!read_fields(words, n, &got))
        return CW_E_SYNTAX;
    said = extension(words, n, "ufrag");
    if (ufrag)
        *ufrag = said ? said->s : "";
    if (ufrag_len)
        *ufrag_len = said ? said->len : 0;
    *ret = got;
    return CW_OK;
}

const char *cw_candidate_type_text(unsigned type)
{
    static const char *const texts[] = { "host", "srflx", "prflx", "relay", "other" };

    return texts[MIN(type, CW_CANDIDATE_OTHER)];
}

const char *cw_candidate_way_text(unsigned way)
{
    return way == CW_WAY_UDP ? "udp" : "tcp";
}

uint32_t cw_candidate_priority(cw_candidate_type type, uint16_t local)
{
    static const uint8_t preference[] = { 126, 100, 110, 0, 0 };

    return (uint32_t)preference[type] << 24 | (uint32_t)local << 8 | 255u;
}

const char *cw_candidate_print(const cw_candidate *candidate, char ret[static CW_CANDIDATE_PRINT])
{
    char ip[CW_ADDR_STR];
    int n = g_snprintf(ret, CW_CANDIDATE_PRINT, "candidate:%s %u %s %u %s %u typ %s",
                       candidate->foundation, candidate->component,
                       cw_candidate_way_text(candidate->way), candidate->priority,
                       cw_addr_print_ip(&candidate->addr, ip), cw_addr_port(&candidate->addr),
                       cw_candidate_type_text(candidate->type));

    if (cw_addr_family(&candidate->base) != AF_UNSPEC)
        n += g_snprintf(ret + n, (gulong)(CW_CANDIDATE_PRINT - n), " raddr %s rport %u",
                        cw_addr_print_ip(&candidate->base, ip), cw_addr_port(&candidate->base));
    if (candidate->way == CW_WAY_TCP_ACTIVE || candidate->way == CW_WAY_TCP_PASSIVE)
        g_snprintf(ret + n, (gulong)(CW_CANDIDATE_PRINT - n), " tcptype %s",
                   candidate->way == CW_WAY_TCP_ACTIVE ? "active" : "passive");
    return ret;
}
