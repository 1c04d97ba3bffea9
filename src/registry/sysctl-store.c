#include "registry/sysctl-store.h"

struct sysctl_store {
        gatomicrefcount refs;
        GMutex lock;
        GHashTable *values; /* name -> text */
        GHashTable *raises; /* name -> struct sysctl_raise */
        unsigned generation;
};

struct sysctl_store *sysctl_store_new(void)
{
        struct sysctl_store *store = g_new0(struct sysctl_store, 1);

        g_atomic_ref_count_init(&store->refs);
        g_mutex_init(&store->lock);
        store->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        store->raises = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return store;
}

struct sysctl_store *sysctl_store_ref(struct sysctl_store *store)
{
        g_atomic_ref_count_inc(&store->refs);
        return store;
}

void sysctl_store_unref(struct sysctl_store *store)
{
        if (!store || !g_atomic_ref_count_dec(&store->refs))
                return;
        g_hash_table_unref(store->values);
        g_hash_table_unref(store->raises);
        g_mutex_clear(&store->lock);
        g_free(store);
}

void sysctl_store_set(struct sysctl_store *store, const char *name, const char *text)
{
        g_mutex_lock(&store->lock);
        g_hash_table_replace(store->values, g_strdup(name), g_strdup(text));
        store->generation++;
        g_mutex_unlock(&store->lock);
}

bool sysctl_store_replace(struct sysctl_store *store, const char *name, const char *expected,
                          const char *text, const char *other, const char *other_text)
{
        g_mutex_lock(&store->lock);
        bool same = g_strcmp0(g_hash_table_lookup(store->values, name), expected) == 0;
        if (same) {
                g_hash_table_replace(store->values, g_strdup(name), g_strdup(text));
                if (other)
                        g_hash_table_replace(store->values, g_strdup(other), g_strdup(other_text));
                store->generation++;
        }
        g_mutex_unlock(&store->lock);
        return same;
}

char *sysctl_store_get(struct sysctl_store *store, const char *name)
{
        g_mutex_lock(&store->lock);
        char *text = g_strdup(g_hash_table_lookup(store->values, name));
        g_mutex_unlock(&store->lock);
        return text;
}

void sysctl_store_foreach(struct sysctl_store *store,
                          void (*fn)(const char *name, const char *text, void *data), void *data)
{
        GHashTableIter iter;
        gpointer name, text;

        g_mutex_lock(&store->lock);
        g_hash_table_iter_init(&iter, store->values);
        while (g_hash_table_iter_next(&iter, &name, &text))
                fn(name, text, data);
        g_mutex_unlock(&store->lock);
}

void sysctl_store_note_raise(struct sysctl_store *store, const char *name, const struct sysctl_raise *raise)
{
        struct sysctl_raise noted = *raise;

        g_mutex_lock(&store->lock);
        const struct sysctl_raise *known = g_hash_table_lookup(store->raises, name);
        if (known) {
                noted.old = MIN(noted.old, known->old);
                noted.now = MAX(noted.now, known->now);
        }
        if (!known || noted.old != known->old || noted.now != known->now) {
                g_hash_table_replace(store->raises, g_strdup(name), g_memdup2(&noted, sizeof(noted)));
                store->generation++;
        }
        g_mutex_unlock(&store->lock);
}

bool sysctl_store_find_raise(struct sysctl_store *store, const char *name, struct sysctl_raise *ret)
{
        g_mutex_lock(&store->lock);
        const struct sysctl_raise *raise = g_hash_table_lookup(store->raises, name);
        if (raise && ret)
                *ret = *raise;
        g_mutex_unlock(&store->lock);
        return raise != NULL;
}

void sysctl_store_foreach_raise(struct sysctl_store *store,
                                void (*fn)(const char *name, const struct sysctl_raise *raise, void *data),
                                void *data)
{
        GHashTableIter iter;
        gpointer name, raise;

        g_mutex_lock(&store->lock);
        g_hash_table_iter_init(&iter, store->raises);
        while (g_hash_table_iter_next(&iter, &name, &raise))
                fn(name, raise, data);
        g_mutex_unlock(&store->lock);
}

unsigned sysctl_store_generation(struct sysctl_store *store)
{
        g_mutex_lock(&store->lock);
        unsigned generation = store->generation;
        g_mutex_unlock(&store->lock);
        return generation;
}
