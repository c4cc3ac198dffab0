/* ladder.c - the stories of ended calls, kept for a while. */
#include "call/priv.h"

typedef struct ladder {
    cw_id call;
    uint64_t until_ms; /* monotonic */
    char *a_kind, *a, *b_kind, *b;
    cw_timeline *line;
} ladder;

static CW_ON_LOOP void ladder_free(void *data)
{
    ladder *l = data;

    cw_timeline_free(l->line);
    g_free(l->a_kind);
    g_free(l->a);
    g_free(l->b_kind);
    g_free(l->b);
    g_free(l);
}

/* No timer: what is too old goes when the next one comes or when somebody looks. */
static CW_ON_LOOP void forget(cw_calls *calls)
{
    uint64_t now = cw_now_ms();
    guint max = (guint)calls->conf->limits.ladders_max;
    ladder *oldest;

    while ((oldest = g_queue_peek_head(&calls->ladders)) &&
           (oldest->until_ms <= now || calls->ladders.length > max))
        ladder_free(g_queue_pop_head(&calls->ladders));
}

static const cw_leg *callee(const cw_call *call)
{
    if (call->winner)
        return call->winner;
    return call->b->len ? g_ptr_array_index(call->b, 0) : NULL;
}

void cw_ladder_keep(cw_calls *calls, cw_call *call)
{
    const cw_leg *b = callee(call);
    ladder *l = g_new0(ladder, 1);

    l->call = call->id;
    l->until_ms = cw_now_ms() + (uint64_t)calls->conf->limits.ladder_keep_s * 1000;
    l->a_kind = g_strdup(call->a->ops->kind);
    l->a = g_strdup(call->a->name);
    l->b_kind = g_strdup(b ? b->ops->kind : "");
    l->b = g_strdup(b ? b->name : "");
    l->line = g_steal_pointer(&call->line);
    call->a->line = NULL;
    for (guint i = 0; i < call->b->len; i++)
        ((cw_leg *)g_ptr_array_index(call->b, i))->line = NULL;
    g_queue_push_tail(&calls->ladders, l);
    forget(calls);
}

void cw_ladder_clear(cw_calls *calls)
{
    g_queue_clear_full(&calls->ladders, ladder_free);
}

static CW_ON_LOOP json_t *to_json(const cw_timeline *line, const char *a_kind, const char *a,
                                  const char *b_kind, const char *b)
{
    json_t *all = cw_timeline_json(line);

    json_object_set_new(all, "a", json_pack("{s:s s:s}", "kind", a_kind, "name", a));
    json_object_set_new(all, "b", json_pack("{s:s s:s}", "kind", b_kind, "name", b));
    return all;
}

json_t *cw_call_ladder(const cw_calls *calls, cw_id id)
{
    const cw_call *call = cw_calls_find(calls, id);

    if (call) {
        const cw_leg *b = callee(call);

        return to_json(call->line, call->a->ops->kind, call->a->name, b ? b->ops->kind : "",
                       b ? b->name : "");
    }
    for (GList *i = calls->ladders.tail; i; i = i->prev) {
        const ladder *l = i->data;

        if (l->call == id && l->until_ms > cw_now_ms())
            return to_json(l->line, l->a_kind, l->a, l->b_kind, l->b);
    }
    return NULL;
}
