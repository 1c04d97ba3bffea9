#include "registry/sysctl-store.h"

struct sysctl_store {
        gatomicrefcount refs;
        GMutex lock;
        GHashTable *values; /* name -> text */
        unsigned generation;
};

struct sysctl_store *sysctl_store_new(void)
{
        struct sysctl_store *store = g_new0(struct sysctl_store, 1);

        g_atomic_ref_count_init(&store->refs);
        g_mutex_init(&store->lock);
        store->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
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

unsigned sysctl_store_generation(struct sysctl_store *store)
{
        g_mutex_lock(&store->lock);
        unsigned generation = store->generation;
        g_mutex_unlock(&store->lock);
        return generation;
}
