#include "api/link.h"

#include "base/log.h"
#include "base/stats.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct cw_sessions {
    GHashTable *by_id; /* &session->id to cw_session, owned */
    GQueue waiting;    /* of cw_session without a link, longest first */
};

/* ── Notifications ──────────────────────────────────────────────────────────────────────────────
 */

/* What the client has, or can never ask for again, is let go of. */
static void trim(cw_session *s) CW_ON_LOOP
{
    const struct cw_conf_web *web = &s->env->conf->web;

    if (!s->resumable && !(s->link && s->link->ops->fetches))
        cw_ring_ack(&s->ring, s->sent);
    else if (!s->link || !s->link->serving)
        cw_ring_bound(&s->ring, (unsigned)web->resume_messages, (size_t)web->resume_bytes);
}

static void give(cw_session *s, const cw_ring_entry *entry) CW_ON_LOOP
{
    s->sent = entry->seq;
    s->link->ops->notify(s->link->arg, entry->seq, entry->text, entry->len);
}

void cw_session_flush(cw_session *s)
{
    for (const GList *at = cw_ring_after(&s->ring, s->sent);
         at && s->link && s->link->state == CW_LINK_OPEN; at = at->next)
        give(s, at->data);
    trim(s);
}

void cw_session_notify(cw_session *s, const char *method, json_t *params)
{
    g_autoptr(json_t) message = NULL;
    char *text;

    json_object_set_new(params, "seq", json_integer(++s->seq));
    message = json_pack("{ss ss so}", "jsonrpc", "2.0", "method", method, "params", params);
    text = cw_json_print(message);
    if (!text)
        return;
    cw_ring_push(&s->ring, s->seq, text, strlen(text));
    free(text);
    if (s->link && s->link->state == CW_LINK_OPEN && !s->link->serving)
        give(s, g_queue_peek_tail(&s->ring.entries));
    trim(s);
}

void cw_session_ack(cw_session *s, int64_t seq)
{
    cw_ring_ack(&s->ring, MIN(seq, s->sent));
}

/* ── What its calls want of it ──────────────────────────────────────────────────────────────────
 */

/* The calls a session has are counted by what is said about them. */
static void on_notify(void *arg, const char *method, json_t *params)
{
    cw_session *s = arg;
    const char *call = json_string_value(json_object_get(params, "call"));

    cw_assert_on_loop();
    if (call && !strcmp(method, "call.incoming"))
        g_hash_table_add(s->calls, g_strdup(call));
    else if (call && !strcmp(method, "call.end"))
        g_hash_table_remove(s->calls, call);
    cw_session_notify(s, method, params);
}

static bool is_here(void *arg, uint64_t since_ms)
{
    const cw_session *s = arg;

    cw_assert_on_loop();
    return s->link && s->heard_ms >= since_ms;
}

static void on_probe(void *arg)
{
    cw_session *s = arg;

    cw_assert_on_loop();
    if (s->link && s->link->ops->ping)
        s->link->ops->ping(s->link->arg);
}

static const cw_client_ops client_ops = { .notify = on_notify, .here = is_here, .probe = on_probe };

void cw_session_heard(cw_session *s, bool message)
{
    s->heard_ms = cw_now_ms();
    if (message)
        s->old_counts = false;
}

/* ── The token ──────────────────────────────────────────────────────────────────────────────────
 */

static void hash(const char *token, uint8_t ret[static CW_RESUME_HASH])
{
    SHA256((const unsigned char *)token, strlen(token), ret);
}

void cw_session_next_token(cw_session *s, char ret[static CW_RESUME_TOKEN + 1])
{
    memcpy(s->old_token, s->token, sizeof s->old_token);
    s->old_counts = true;
    cw_random_text(ret, CW_RESUME_TOKEN);
    hash(ret, s->token);
}

cw_session *cw_session_find(const cw_sessions *sessions, const char *id, const char *token)
{
    cw_id key = cw_id_parse(id);
    cw_session *s = g_hash_table_lookup(sessions->by_id, &key);
    uint8_t given[CW_RESUME_HASH];

    hash(token, given);
    if (!s || !s->resumable)
        return NULL;
    if (!CRYPTO_memcmp(given, s->token, sizeof given) ||
        (s->old_counts && !CRYPTO_memcmp(given, s->old_token, sizeof given)))
        return s;
    return NULL;
}

/* ── Without a link ─────────────────────────────────────────────────────────────────────────────
 */

long cw_session_grace_ms(const cw_session *s)
{
    const struct cw_conf_web *web = &s->env->conf->web;

    if (!s->resumable)
        return 0;
    return g_hash_table_size(s->calls) ? MAX(web->resume_call_ms, web->resume_ms) : web->resume_ms;
}

static void on_grace(void *arg)
{
    cw_session *s = arg;

    cw_assert_on_loop();
    cw_stat_inc(CW_STAT_sessions_expired);
    cw_session_end(s, CW_E_NETWORK);
}

/* One more waits: of too many the one that waits longest and has no call goes. */
static void make_room(cw_sessions *all, long max) CW_ON_LOOP
{
    cw_session *oldest = NULL;

    if ((long)all->waiting.length <= max)
        return;
    for (GList *at = all->waiting.head; at && !oldest; at = at->next)
        if (!g_hash_table_size(((cw_session *)at->data)->calls))
            oldest = at->data;
    cw_session_end(oldest ? oldest : all->waiting.head->data, CW_E_OVERLOAD);
}

static void log_away(const cw_session *s, long grace_ms) CW_ON_LOOP
{
    char id[CW_ID_STR];

    cw_log(CW_LOG_INFO, CW_MOD_API, "session.away", "session", cw_id_print(s->id, id), "user",
           s->user, "calls", cw_fmt("%u", g_hash_table_size(s->calls)), "grace_ms",
           cw_fmt("%ld", grace_ms), NULL);
}

void cw_session_lose(cw_session *s)
{
    cw_sessions *all = s->env->sessions;
    long grace_ms = cw_session_grace_ms(s);

    s->link = NULL;
    if (!grace_ms) {
        cw_session_end(s, CW_OK);
        return;
    }
    s->away_ms = cw_now_ms();
    if (!s->timer)
        s->timer = cw_timer_new(s->env->loop, on_grace, s);
    cw_timer_start(s->timer, (uint64_t)grace_ms);
    g_queue_push_tail(&all->waiting, s);
    s->waiting = all->waiting.tail;
    cw_stat_inc(CW_STAT_sessions_away);
    log_away(s, grace_ms);
    cw_client_away(s->client);
    make_room(all, s->env->conf->web.away_max);
}

/* It waits no longer. */
static void call_back(cw_session *s) CW_ON_LOOP
{
    if (!s->waiting)
        return;
    g_queue_delete_link(&s->env->sessions->waiting, s->waiting);
    s->waiting = NULL;
    cw_timer_stop(s->timer);
    cw_stat_dec(CW_STAT_sessions_away);
}

bool cw_session_resume(cw_session *s, cw_link *link, int64_t last_seq)
{
    bool all = last_seq >= 0 && last_seq <= s->seq && cw_ring_reaches(&s->ring, last_seq);
    cw_link *old = s->link;

    if (old) {
        s->link = NULL;
        old->session = NULL;
        cw_link_close(old, CW_CLOSE_REPLACED, "replaced");
    }
    call_back(s);
    cw_link_take(link, s);
    s->sent = all ? last_seq : s->seq;
    cw_ring_ack(&s->ring, s->sent);
    return all;
}

/* ── Life ───────────────────────────────────────────────────────────────────────────────────────
 */

cw_sessions *cw_sessions_new(void)
{
    cw_sessions *all = g_new0(cw_sessions, 1);

    all->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&all->waiting);
    return all;
}

void cw_sessions_free(cw_sessions *all)
{
    cw_session *s;

    if (!all)
        return;
    while ((s = g_queue_peek_head(&all->waiting)))
        cw_session_end(s, CW_E_UNAVAILABLE);
    g_hash_table_unref(all->by_id);
    g_free(all);
}

/* Of the user's sessions, the one that waits longest: another device of theirs needs its place. */
static bool give_way(cw_sessions *all, const char *user) CW_ON_LOOP
{
    for (GList *at = all->waiting.head; at; at = at->next) {
        cw_session *s = at->data;

        if (strcmp(s->user, user) || g_hash_table_size(s->calls))
            continue;
        cw_session_end(s, CW_E_OVERLOAD);
        return true;
    }
    return false;
}

static void free_session(cw_session *s) CW_ON_LOOP
{
    cw_client_free(s->client);
    cw_timer_free(s->timer);
    cw_ring_clear(&s->ring);
    g_hash_table_unref(s->calls);
    json_decref(s->about);
    g_free(s);
}

cw_err cw_session_new(cw_link *link, const cw_identity *identity, json_t *about, bool resumable,
                      cw_session **ret)
{
    const cw_session_env *env = link->env;
    cw_session *s = g_new0(cw_session, 1);
    cw_err err;

    s->env = env;
    s->id = cw_id_new();
    err = cw_client_new(env->calls, s->id, identity, &client_ops, s, &s->client);
    if (err == CW_E_OVERLOAD && give_way(env->sessions, identity->user))
        err = cw_client_new(env->calls, s->id, identity, &client_ops, s, &s->client);
    if (err) {
        g_free(s);
        return err;
    }
    s->resumable = resumable && env->conf->web.resume_ms > 0;
    s->since_ms = s->heard_ms = cw_now_ms();
    s->about = json_incref(about);
    cw_client_introduce(s->client, about);
    s->guest = identity->guest;
    g_strlcpy(s->user, identity->user, sizeof s->user);
    g_strlcpy(s->display, identity->display, sizeof s->display);
    s->calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    cw_ring_init(&s->ring);
    g_hash_table_insert(env->sessions->by_id, &s->id, s);
    cw_stat_inc(CW_STAT_sessions);
    cw_stat_inc(CW_STAT_sessions_opened);
    cw_link_take(link, s);
    *ret = s;
    return CW_OK;
}

void cw_session_end(cw_session *s, cw_err why)
{
    char id[CW_ID_STR];

    cw_log(CW_LOG_INFO, CW_MOD_API, "session.end", "session", cw_id_print(s->id, id), "user",
           s->user, "reason", why ? cw_err_kind(why) : NULL, NULL);
    call_back(s);
    cw_client_lost(s->client, why);
    g_hash_table_remove(s->env->sessions->by_id, &s->id);
    cw_stat_dec(CW_STAT_sessions);
    free_session(s);
}

/* ── For people ─────────────────────────────────────────────────────────────────────────────────
 */

static json_t *session_json(const cw_session *s) CW_ON_LOOP
{
    char id[CW_ID_STR];
    uint64_t now = cw_now_ms();
    json_t *one = json_pack(
        "{ss ss ss ss sO* sI sI}", "id", cw_id_print(s->id, id), "user", s->user, "address",
        s->address, "link", s->link ? s->link->ops->kind : "none", "client", s->about, "since_ms",
        (json_int_t)(now - s->since_ms), "calls", (json_int_t)g_hash_table_size(s->calls));

    if (!s->link)
        json_object_set_new(one, "away_ms", json_integer((json_int_t)(now - s->away_ms)));
    return one;
}

json_t *cw_sessions_json(const cw_sessions *all)
{
    json_t *list = json_array();
    GHashTableIter iter;
    gpointer s;

    g_hash_table_iter_init(&iter, all->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &s))
        json_array_append_new(list, session_json(s));
    return list;
}
