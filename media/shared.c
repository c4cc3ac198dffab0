#include "media/shared.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

#define SWEEP_MIN 64 /* kept without a look at who uses them */

typedef struct kept {
    atomic_uint refs; /* only the loop adds: at 0 it may free */
    guint hash;
    size_t size;
    cw_stream stream; /* `size` bytes of it */
} kept;

struct cw_shared {
    GHashTable *all; /* of kept, by their bytes */
    guint sweep_at;
};

static guint hash_of(gconstpointer key)
{
    return ((const kept *)key)->hash;
}

static gboolean same(gconstpointer a, gconstpointer b)
{
    const kept *x = a, *y = b;

    return x->size == y->size && memcmp(&x->stream, &y->stream, x->size) == 0;
}

/* FNV-1a */
static guint hash_bytes(const void *data, size_t len)
{
    const uint8_t *at = data;
    guint hash = 2166136261;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 16777619;
    return hash;
}

cw_shared *cw_shared_new(void)
{
    cw_shared *shared = g_new0(cw_shared, 1);

    shared->all = g_hash_table_new_full(hash_of, same, NULL, g_free);
    shared->sweep_at = SWEEP_MIN;
    return shared;
}

void cw_shared_free(cw_shared *shared)
{
    if (!shared)
        return;
    g_hash_table_unref(shared->all);
    g_free(shared);
}

static gboolean unused(gpointer key, gpointer value, gpointer user_data)
{
    const kept *k = key;

    (void)value;
    (void)user_data;
    return atomic_load_explicit(&k->refs, memory_order_acquire) == 0;
}

/* Now and then, so that getting one costs the same however many there are. */
static void sweep(cw_shared *shared) CW_ON_LOOP
{
    if (g_hash_table_size(shared->all) < shared->sweep_at)
        return;
    g_hash_table_foreach_remove(shared->all, unused, NULL);
    shared->sweep_at = MAX(SWEEP_MIN, g_hash_table_size(shared->all) * 2);
}

static kept *make(const cw_stream *stream)
{
    size_t size = offsetof(cw_stream, format) + stream->format_n * sizeof stream->format[0];
    kept *k = g_malloc(offsetof(kept, stream) + size);

    atomic_init(&k->refs, 0);
    k->size = size;
    memcpy(&k->stream, stream, size);
    k->hash = hash_bytes(&k->stream, size);
    return k;
}

const cw_stream *cw_shared_get(cw_shared *shared, const cw_stream *stream)
{
    kept *k = make(stream), *there = g_hash_table_lookup(shared->all, k);

    if (there) {
        g_free(k);
        k = there;
    } else {
        sweep(shared);
        g_hash_table_add(shared->all, k);
    }
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return &k->stream;
}

void cw_shared_put(const cw_stream *stream)
{
    if (stream)
        atomic_fetch_sub_explicit(
            &((kept *)(uintptr_t)((const char *)stream - offsetof(kept, stream)))->refs, 1,
            memory_order_release);
}

unsigned cw_shared_n(const cw_shared *shared)
{
    return g_hash_table_size(shared->all);
}
