#include "fs/sizes.h"

#include <glib.h>

enum { NODES_MAX = 1 << 16 };

struct size {
        uint64_t node;
        int64_t length;
        uint64_t announced;
};

struct sizes {
        GMutex lock;
        GHashTable *by_node; /* a set of struct size, by node */
};

struct sizes *sizes_new(void)
{
        struct sizes *sizes = g_new0(struct sizes, 1);

        g_mutex_init(&sizes->lock);
        sizes->by_node = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        return sizes;
}

void sizes_free(struct sizes *sizes)
{
        if (!sizes)
                return;
        g_hash_table_unref(sizes->by_node);
        g_mutex_clear(&sizes->lock);
        g_free(sizes);
}

/* The lock is held. When the table is full it starts anew: what is not known is told again. */
static struct size *find_or_add(struct sizes *sizes, uint64_t node)
{
        struct size *size = g_hash_table_lookup(sizes->by_node, &node);

        if (size)
                return size;
        if (g_hash_table_size(sizes->by_node) >= NODES_MAX)
                g_hash_table_remove_all(sizes->by_node);
        size = g_new0(struct size, 1);
        size->node = node;
        size->length = -1;
        g_hash_table_add(sizes->by_node, size);
        return size;
}

int64_t sizes_length(struct sizes *sizes, uint64_t node)
{
        g_mutex_lock(&sizes->lock);
        const struct size *size = g_hash_table_lookup(sizes->by_node, &node);
        int64_t length = size ? size->length : -1;
        g_mutex_unlock(&sizes->lock);
        return length;
}

bool sizes_rendered(struct sizes *sizes, uint64_t node, uint64_t length)
{
        g_mutex_lock(&sizes->lock);
        struct size *size = find_or_add(sizes, node);
        size->length = (int64_t)length;
        bool grown = length > size->announced;
        g_mutex_unlock(&sizes->lock);
        return grown;
}

void sizes_announced(struct sizes *sizes, uint64_t node, uint64_t announced)
{
        g_mutex_lock(&sizes->lock);
        find_or_add(sizes, node)->announced = announced;
        g_mutex_unlock(&sizes->lock);
}
