#include "media/sdp/precond.h"

#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

static const char *const ends[] = { "local", "remote", "e2e" };
static const char *const wants[] = { "none", "optional", "mandatory", "failure", "unknown" };
static const char *const dirs[] = { "none", "send", "recv", "sendrecv" };

#define BIT(end) (1u << (end))

/* ── Read (RFC 3312 4) ── */

static cw_span take_word(cw_span *text)
{
    cw_span word;

    while (text->len > 0 && (*text->s == ' ' || *text->s == '\t')) {
        text->s++;
        text->len--;
    }
    word = (cw_span){ text->s, 0 };
    while (text->len > 0 && *text->s != ' ' && *text->s != '\t') {
        text->s++;
        text->len--;
        word.len++;
    }
    return word;
}

static bool take_one_of(cw_span *text, const char *const *words, size_t n, unsigned *ret)
{
    cw_span word = take_word(text);

    for (unsigned i = 0; i < n; i++) {
        if (!cw_span_is(word, words[i]))
            continue;
        *ret = i;
        return true;
    }
    return false;
}

#define TAKE(text, words, ret) take_one_of(text, words, G_N_ELEMENTS(words), ret)

static void read_curr(cw_span text, cw_precond *ret)
{
    unsigned end, dir;

    if (!cw_span_is(take_word(&text), "qos") || !TAKE(&text, ends, &end) ||
        !TAKE(&text, dirs, &dir))
        return;
    ret->used |= (uint8_t)BIT(end);
    ret->curr[end] = (uint8_t)dir;
}

/* The first is enough to refuse. */
static void note_foreign(cw_span type, unsigned end, unsigned dir, cw_precond *ret)
{
    if (ret->foreign[0])
        return;
    for (size_t i = 0; i < type.len && i + 1 < sizeof ret->foreign; i++)
        ret->foreign[i] = g_ascii_isalnum(type.s[i]) ? type.s[i] : '-';
    ret->foreign_end = (uint8_t)end;
    ret->foreign_dir = (uint8_t)dir;
}

static void read_des(cw_span text, cw_precond *ret)
{
    cw_span type = take_word(&text);
    unsigned want, end, dir;

    if (!TAKE(&text, wants, &want) || !TAKE(&text, ends, &end) || !TAKE(&text, dirs, &dir))
        return;
    if (!cw_span_is(type, "qos")) {
        if (want == CW_PRECOND_MANDATORY && type.len > 0)
            note_foreign(type, end, dir, ret);
        return;
    }
    ret->used |= (uint8_t)BIT(end);
    for (unsigned i = 0; i < 2; i++)
        if (dir >> i & 1)
            ret->want[end][i] = (uint8_t)want;
}

static void read_conf(cw_span text, cw_precond *ret)
{
    unsigned end, dir;

    if (cw_span_is(take_word(&text), "qos") && TAKE(&text, ends, &end) && TAKE(&text, dirs, &dir))
        ret->conf[end] |= (uint8_t)dir;
}

void cw_precond_read(const cw_sdp_attr *attr, unsigned n, cw_precond *ret)
{
    *ret = (cw_precond){ 0 };
    for (unsigned i = 0; i < n; i++) {
        if (!attr[i].value.s)
            continue;
        if (cw_span_is(attr[i].name, "curr"))
            read_curr(attr[i].value, ret);
        else if (cw_span_is(attr[i].name, "des"))
            read_des(attr[i].value, ret);
        else if (cw_span_is(attr[i].name, "conf"))
            read_conf(attr[i].value, ret);
    }
}

/* ── Print ── */

static void print_des(GString *out, unsigned end, const uint8_t want[2])
{
    if (want[0] == want[1]) {
        g_string_append_printf(out, "a=des:qos %s %s sendrecv\r\n", wants[want[0]], ends[end]);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        g_string_append_printf(out, "a=des:qos %s %s %s\r\n", wants[want[i]], ends[end],
                               dirs[i + 1]);
}

void cw_precond_print(GString *out, const cw_precond *precond)
{
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++)
        if (precond->used & BIT(i))
            g_string_append_printf(out, "a=curr:qos %s %s\r\n", ends[i],
                                   dirs[precond->curr[i] & 3]);
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++)
        if (precond->used & BIT(i))
            print_des(out, i, precond->want[i]);
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++)
        if (precond->used & BIT(i) && precond->conf[i])
            g_string_append_printf(out, "a=conf:qos %s %s\r\n", ends[i],
                                   dirs[precond->conf[i] & 3]);
    if (precond->refused && precond->foreign[0])
        g_string_append_printf(out, "a=des:%s unknown %s %s\r\n", precond->foreign,
                               ends[precond->foreign_end], dirs[precond->foreign_dir & 3]);
}

/* ── Offer and answer ── */

static uint8_t mirror(uint8_t dir)
{
    return (uint8_t)cw_dir_reverse((cw_dir)dir);
}

/* Mandatory directions that are not there. */
static uint8_t missing(const cw_precond *precond, unsigned end)
{
    uint8_t must = 0;

    for (unsigned i = 0; i < 2; i++)
        if (precond->want[end][i] == CW_PRECOND_MANDATORY)
            must |= (uint8_t)BIT(i);
    return must & (uint8_t)~precond->curr[end];
}

static void want_as(const cw_precond *theirs, unsigned end, cw_precond *ret, unsigned as)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t want = theirs->want[end][!i];

        if (want == CW_PRECOND_UNKNOWN || want == CW_PRECOND_FAILURE)
            want = CW_PRECOND_NONE;
        ret->want[as][i] = MAX(ret->want[as][i], want);
    }
}

void cw_precond_offer(cw_precond *ret)
{
    *ret = (cw_precond){ .used = BIT(CW_PRECOND_LOCAL) | BIT(CW_PRECOND_REMOTE) };
    ret->curr[CW_PRECOND_LOCAL] = CW_SENDRECV;
    for (unsigned i = 0; i < 2; i++)
        ret->want[CW_PRECOND_LOCAL][i] = ret->want[CW_PRECOND_REMOTE][i] = CW_PRECOND_OPTIONAL;
}

void cw_precond_demand(cw_precond *ours)
{
    if (!ours->used)
        cw_precond_offer(ours);
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++) {
        if (!(ours->used & BIT(i)))
            continue;
        ours->want[i][0] = ours->want[i][1] = CW_PRECOND_MANDATORY;
        ours->conf[i] = i == CW_PRECOND_LOCAL ? 0 : missing(ours, i);
    }
}

/* What one says of its end is what the other knows of it. End to end each can only speak for what
 * it sends itself. */
static void learn(cw_precond *ours, const cw_precond *theirs)
{
    ours->curr[CW_PRECOND_LOCAL] = CW_SENDRECV;
    ours->curr[CW_PRECOND_REMOTE] = mirror(theirs->curr[CW_PRECOND_LOCAL]);
    ours->curr[CW_PRECOND_E2E] = CW_SENDONLY | (mirror(theirs->curr[CW_PRECOND_E2E]) & CW_RECVONLY);
}

void cw_precond_answer(const cw_precond *theirs, cw_precond *ret)
{
    unsigned segments = BIT(CW_PRECOND_LOCAL) | BIT(CW_PRECOND_REMOTE);

    *ret = (cw_precond){ 0 };
    if (!theirs->used)
        return;
    ret->used = theirs->used & BIT(CW_PRECOND_E2E);
    if (theirs->used & segments)
        ret->used |= (uint8_t)segments;
    memcpy(ret->foreign, theirs->foreign, sizeof ret->foreign);
    learn(ret, theirs);
    want_as(theirs, CW_PRECOND_LOCAL, ret, CW_PRECOND_REMOTE);
    want_as(theirs, CW_PRECOND_REMOTE, ret, CW_PRECOND_LOCAL);
    want_as(theirs, CW_PRECOND_E2E, ret, CW_PRECOND_E2E);
    for (unsigned i = CW_PRECOND_REMOTE; i < CW_PRECOND_ENDS; i++)
        ret->conf[i] = missing(ret, i);
}

static cw_precond_end mirror_end(unsigned end)
{
    static const cw_precond_end to[] = { CW_PRECOND_REMOTE, CW_PRECOND_LOCAL, CW_PRECOND_E2E };

    return to[end];
}

void cw_precond_refuse(const cw_precond *theirs, bool demand, cw_precond *ret)
{
    cw_precond_answer(theirs, ret);
    if (demand)
        cw_precond_demand(ret);
    ret->refused = true;
    memcpy(ret->foreign, theirs->foreign, sizeof ret->foreign);
    ret->foreign_end = (uint8_t)mirror_end(theirs->foreign_end);
    ret->foreign_dir = mirror(theirs->foreign_dir);
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++) {
        const uint8_t *said = theirs->want[mirror_end(i)];
        uint8_t failed = missing(ret, i);

        for (unsigned dir = 0; dir < 2; dir++)
            if (failed >> dir & 1 || said[!dir] == CW_PRECOND_FAILURE)
                ret->want[i][dir] = CW_PRECOND_FAILURE;
        ret->conf[i] = 0;
    }
}

void cw_precond_take(cw_precond *ours, const cw_precond *theirs)
{
    if (!theirs->used)
        return;
    learn(ours, theirs);
    want_as(theirs, CW_PRECOND_LOCAL, ours, CW_PRECOND_REMOTE);
    want_as(theirs, CW_PRECOND_REMOTE, ours, CW_PRECOND_LOCAL);
}

bool cw_precond_met(const cw_precond *precond)
{
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++)
        if (precond->used & BIT(i) && missing(precond, i))
            return false;
    return precond->foreign[0] == 0;
}

bool cw_precond_lost(const cw_precond *precond)
{
    for (unsigned i = 0; i < CW_PRECOND_ENDS; i++)
        if (precond->want[i][0] == CW_PRECOND_FAILURE || precond->want[i][1] == CW_PRECOND_FAILURE)
            return true;
    return precond->foreign[0] != 0;
}
