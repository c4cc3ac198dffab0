#include "svc/im.h"

#include "base/stats.h"

#include <string.h>

enum { KINDS_MAX = 4 }; /* of devices besides browsers' sessions */

/* A message that was sent: the receipt, should it come again. */
typedef struct sent {
    char *key;
    uint64_t at_ms;
    cw_im_receipt receipt;
} sent;

struct cw_im {
    const cw_conf *conf;
    cw_calls *calls;
    struct {
        const cw_im_ops *ops;
        void *arg;
    } also[KINDS_MAX];
    unsigned also_n;
    GHashTable *by_key; /* key to sent, borrowed */
    GQueue sent;        /* of sent, oldest first */
};

cw_im *cw_im_new(const cw_conf *conf, cw_calls *calls)
{
    cw_im *im = g_new0(cw_im, 1);

    im->conf = conf;
    im->calls = calls;
    im->by_key = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&im->sent);
    return im;
}

static void sent_free(void *data)
{
    sent *one = data;

    g_free(one->key);
    g_free(one);
}

void cw_im_free(cw_im *im)
{
    if (!im)
        return;
    g_hash_table_unref(im->by_key);
    g_queue_clear_full(&im->sent, sent_free);
    g_free(im);
}

void cw_im_also(cw_im *im, const cw_im_ops *ops, void *arg)
{
    g_assert(im->also_n < KINDS_MAX);
    im->also[im->also_n].ops = ops;
    im->also[im->also_n++].arg = arg;
}

/* ── Once only ── */

/* Neither a user's name nor an id has a blank. */
static char *key_of(const cw_im_message *m)
{
    return g_strdup_printf("%s %s %s", m->is_text ? "text" : "data", m->from, m->id);
}

static CW_ON_LOOP void drop_oldest(cw_im *im)
{
    sent *one = g_queue_pop_head(&im->sent);

    g_hash_table_remove(im->by_key, one->key);
    sent_free(one);
}

static CW_ON_LOOP void forget_old(cw_im *im)
{
    const uint64_t keep_ms = (uint64_t)im->conf->limits.message_repeat_s * 1000, now = cw_now_ms();
    const sent *oldest;

    while ((oldest = g_queue_peek_head(&im->sent)) && now - oldest->at_ms >= keep_ms)
        drop_oldest(im);
}

static CW_ON_LOOP void remember(cw_im *im, const cw_im_message *m, const cw_im_receipt *receipt)
{
    sent *one;

    if (!m->id)
        return;
    while (im->sent.length >= (guint)im->conf->limits.message_ids_max)
        drop_oldest(im);
    one = g_new0(sent, 1);
    one->key = key_of(m);
    one->at_ms = cw_now_ms();
    one->receipt = *receipt;
    g_queue_push_tail(&im->sent, one);
    g_hash_table_insert(im->by_key, one->key, one);
}

static CW_ON_LOOP const sent *find_sent(cw_im *im, const cw_im_message *m)
{
    g_autofree char *key = m->id ? key_of(m) : NULL;

    forget_old(im);
    return key ? g_hash_table_lookup(im->by_key, key) : NULL;
}

/* ── On its way ── */

const char *cw_im_method(const cw_im_message *m)
{
    return m->is_text ? "im.message" : "data.message";
}

json_t *cw_im_params(const cw_im_message *m, const char *id, int64_t ts_ms)
{
    g_autofree char *uri = g_strconcat("user:", m->from, NULL);
    json_t *params = json_pack("{s:{s:s s:s} s:s}", "from", "uri", uri, "user", m->from, "id", id);

    if (m->display && *m->display)
        json_object_set_new(json_object_get(params, "from"), "display", json_string(m->display));
    if (!m->is_text) {
        if (m->event)
            json_object_set_new(params, "event", json_string(m->event));
        json_object_set(params, "body", m->data);
        return params;
    }
    json_object_set_new(params, "type", json_string(m->type));
    json_object_set_new(params, "body", json_string(m->body));
    json_object_set_new(params, "ts_ms", json_integer(ts_ms));
    return params;
}

static CW_ON_LOOP cw_err deliver(cw_im *im, const char *to, const cw_im_message *m,
                                 cw_im_receipt *receipt)
{
    g_autoptr(json_t) params = cw_im_params(m, receipt->id, receipt->ts_ms);
    unsigned away = 0, here = cw_calls_tell(im->calls, to, cw_im_method(m), params, &away);

    for (unsigned i = 0; i < im->also_n; i++)
        here += im->also[i].ops->deliver(im->also[i].arg, to, m, receipt->ts_ms);
    receipt->queued = here == 0;
    return here + away ? CW_OK : CW_E_UNAVAILABLE;
}

static void name(const cw_im_message *m, cw_im_receipt *receipt)
{
    char id[CW_ID_STR];

    g_strlcpy(receipt->id, m->id ? m->id : cw_id_print(cw_id_new(), id), sizeof receipt->id);
    receipt->ts_ms = g_get_real_time() / 1000;
}

cw_err cw_im_send(cw_im *im, const char *to, const cw_im_message *m, cw_im_receipt *ret)
{
    const sent *before = find_sent(im, m);
    cw_im_receipt receipt = { .queued = false };
    cw_err err;

    if (before) {
        cw_stat_inc(CW_STAT_messages_repeated);
        *ret = before->receipt;
        return CW_OK;
    }
    name(m, &receipt);
    err = deliver(im, to, m, &receipt);
    if (err) {
        cw_stat_inc(CW_STAT_messages_undelivered);
        return err;
    }
    cw_stat_inc(CW_STAT_messages);
    remember(im, m, &receipt);
    *ret = receipt;
    return CW_OK;
}
