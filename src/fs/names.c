#include "fs/names.h"

#include "base/err.h"

#include <string.h>

struct names {
        GMutex lock;
        struct shared *shared;
        GHashTable *by_path; /* path -> index + 1; the key is the shared entry's own */
        GArray *free;        /* indexes below names_high that are free */
};

struct names *names_new(struct shared *shared)
{
        struct names *names = g_new0(struct names, 1);

        g_mutex_init(&names->lock);
        names->shared = shared;
        names->by_path = g_hash_table_new(g_str_hash, g_str_equal);
        names->free = g_array_new(FALSE, FALSE, sizeof(unsigned));
        for (unsigned i = 0; i < shared->names_high; i++)
                if (shared->names[i].lookups > 0)
                        g_hash_table_insert(names->by_path, shared->names[i].path, GUINT_TO_POINTER(i + 1));
                else
                        g_array_append_val(names->free, i);
        return names;
}

void names_free(struct names *names)
{
        if (!names)
                return;
        g_hash_table_unref(names->by_path);
        g_array_unref(names->free);
        g_mutex_clear(&names->lock);
        g_free(names);
}

/* The lock is held. Returns an index or -ENFILE. */
static int add_locked(struct names *names, const char *path)
{
        unsigned i = names->shared->names_high;

        if (names->free->len > 0) {
                i = g_array_index(names->free, unsigned, names->free->len - 1);
                g_array_set_size(names->free, names->free->len - 1);
        } else if (i < SHARED_NAMES) {
                names->shared->names_high++;
        } else {
                return -ENFILE;
        }
        struct shared_name *name = &names->shared->names[i];
        g_strlcpy(name->path, path, sizeof(name->path));
        g_hash_table_insert(names->by_path, name->path, GUINT_TO_POINTER(i + 1));
        return (int)i;
}

int names_acquire(struct names *names, const char *path)
{
        if (strlen(path) >= SHARED_NAME_MAX)
                return -ENAMETOOLONG;
        g_mutex_lock(&names->lock);
        int index = (int)GPOINTER_TO_UINT(g_hash_table_lookup(names->by_path, path)) - 1;
        if (index < 0)
                index = add_locked(names, path);
        if (index >= 0)
                names->shared->names[index].lookups++;
        g_mutex_unlock(&names->lock);
        return index;
}

int names_path(struct names *names, unsigned index, char ret[SHARED_NAME_MAX])
{
        int r = -ESTALE;

        if (index >= SHARED_NAMES)
                return r;
        g_mutex_lock(&names->lock);
        if (names->shared->names[index].lookups > 0) {
                memcpy(ret, names->shared->names[index].path, SHARED_NAME_MAX);
                r = 0;
        }
        g_mutex_unlock(&names->lock);
        return r;
}

void names_release(struct names *names, unsigned index, uint64_t n)
{
        if (index >= SHARED_NAMES)
                return;
        g_mutex_lock(&names->lock);
        struct shared_name *name = &names->shared->names[index];
        if (name->lookups > 0) {
                name->lookups -= MIN(n, name->lookups);
                if (name->lookups == 0) {
                        g_hash_table_remove(names->by_path, name->path);
                        g_array_append_val(names->free, index);
                }
        }
        g_mutex_unlock(&names->lock);
}
