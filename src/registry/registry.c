#include "registry/registry.h"

#include "base/err.h"

#include <stdatomic.h>
#include <string.h>

enum {
        SERIAL_SPOT = 1 << 23,
        SERIAL_HALF = SERIAL_SPOT,
        NAME_BEGINNING_MIN = 4,
        SPOT_MAX = 256,
        SPOTS_SWEPT = 8
};

struct registry {
        GMutex lock;
        struct registry_serials *serials, own_serials;
        struct container *host;
        GPtrArray *list;        /* registered, in order */
        GHashTable *by_key;     /* key -> container, borrowed from list */
        GHashTable *by_user_ns; /* &user_ns -> container, borrowed from list */
        GHashTable *by_serial;  /* registered and spot, borrowed */
        GQueue spots;           /* spot views, the longest unused first */
};

struct registry *registry_new(struct registry_serials *serials)
{
        static const struct container_init host_init = {.pidfd = -1};
        struct registry *registry = g_new0(struct registry, 1);

        g_mutex_init(&registry->lock);
        registry->serials = serials ?: &registry->own_serials;
        registry->host = container_new(CONTAINER_HOST, 0, NULL, NULL, NULL, &host_init, NULL);
        registry->list = g_ptr_array_new_with_free_func((GDestroyNotify)container_unref);
        registry->by_key = g_hash_table_new(g_str_hash, g_str_equal);
        registry->by_user_ns = g_hash_table_new(g_int64_hash, g_int64_equal);
        registry->by_serial = g_hash_table_new(g_direct_hash, g_direct_equal);
        g_queue_init(&registry->spots);
        return registry;
}

void registry_free(struct registry *registry)
{
        if (!registry)
                return;
        g_hash_table_unref(registry->by_key);
        g_hash_table_unref(registry->by_user_ns);
        g_hash_table_unref(registry->by_serial);
        g_queue_clear_full(&registry->spots, (GDestroyNotify)container_unref);
        g_ptr_array_unref(registry->list);
        container_unref(registry->host);
        g_mutex_clear(&registry->lock);
        g_free(registry);
}

struct container *registry_host(struct registry *registry)
{
        return registry->host;
}

uint32_t registry_next_serial(struct registry *registry)
{
        uint32_t n = atomic_fetch_add(&registry->serials->registered, 1) + 1;

        return n < SERIAL_HALF ? n : 0;
}

uint32_t registry_next_spot_serial(struct registry *registry)
{
        uint32_t n = atomic_fetch_add(&registry->serials->spot, 1);

        return n < SERIAL_HALF ? SERIAL_SPOT + n : 0;
}

/* The lock is held. A container loaded from saved state brings a serial of before. */
static void index_serial(struct registry *registry, struct container *container)
{
        if (container->serial == 0)
                return;
        g_hash_table_insert(registry->by_serial, GUINT_TO_POINTER(container->serial), container);
        if (container->kind == CONTAINER_REGISTERED &&
            container->serial > atomic_load(&registry->serials->registered))
                atomic_store(&registry->serials->registered, container->serial);
}

/* The lock is held. The list's reference goes last: the indexes borrow from it. */
static void remove_locked(struct registry *registry, struct container *container)
{
        int64_t user_ns = (int64_t)container->user_ns;

        g_hash_table_remove(registry->by_key, container->key);
        if (g_hash_table_lookup(registry->by_user_ns, &user_ns) == container)
                g_hash_table_remove(registry->by_user_ns, &user_ns);
        g_hash_table_remove(registry->by_serial, GUINT_TO_POINTER(container->serial));
        g_ptr_array_remove(registry->list, container);
}

int registry_add(struct registry *registry, struct container *container)
{
        int r = 0;

        g_mutex_lock(&registry->lock);
        struct container *old = g_hash_table_lookup(registry->by_key, container->key);
        if (old && container_alive(old)) {
                r = -EEXIST;
        } else {
                if (old)
                        remove_locked(registry, old);
                g_ptr_array_add(registry->list, container_ref(container));
                g_hash_table_insert(registry->by_key, container->key, container);
                if (!g_hash_table_contains(registry->by_user_ns, &container->user_ns))
                        g_hash_table_insert(registry->by_user_ns, &container->user_ns, container);
                index_serial(registry, container);
        }
        g_mutex_unlock(&registry->lock);
        return r;
}

int registry_remove(struct registry *registry, struct container *container)
{
        int r = -ENOENT;

        g_mutex_lock(&registry->lock);
        if (g_hash_table_lookup(registry->by_key, container->key) == container) {
                remove_locked(registry, container);
                r = 0;
        }
        g_mutex_unlock(&registry->lock);
        return r;
}

/* Looks up in one of the indexes and takes a reference. */
static struct container *find_ref(struct registry *registry, GHashTable *index, gconstpointer key)
{
        g_mutex_lock(&registry->lock);
        struct container *found = g_hash_table_lookup(index, key);
        if (found)
                container_ref(found);
        g_mutex_unlock(&registry->lock);
        return found;
}

struct container *registry_find_serial(struct registry *registry, uint32_t serial)
{
        return find_ref(registry, registry->by_serial, GUINT_TO_POINTER(serial));
}

struct container *registry_find_key(struct registry *registry, const char *key)
{
        return find_ref(registry, registry->by_key, key);
}

struct container *registry_find_user_ns(struct registry *registry, ino_t user_ns)
{
        int64_t key = (int64_t)user_ns;

        return find_ref(registry, registry->by_user_ns, &key);
}

static bool name_begins(const struct container *c, const char *name)
{
        return strlen(name) >= NAME_BEGINNING_MIN &&
               (g_str_has_prefix(c->key, name) || g_str_has_prefix(c->id, name));
}

struct container *registry_find_name(struct registry *registry, const char *name, gboolean *ret_ambiguous)
{
        struct container *exact = NULL, *beginning = NULL;
        unsigned n_exact = 0, n_beginning = 0;

        g_mutex_lock(&registry->lock);
        for (guint i = 0; i < registry->list->len; i++) {
                struct container *c = g_ptr_array_index(registry->list, i);
                if (g_str_equal(c->key, name) || g_str_equal(c->id, name)) {
                        exact = c;
                        n_exact++;
                } else if (name_begins(c, name)) {
                        beginning = c;
                        n_beginning++;
                }
        }
        struct container *found = n_exact ? exact : beginning;
        *ret_ambiguous = n_exact > 1 || (n_exact == 0 && n_beginning > 1);
        found = found && !*ret_ambiguous ? container_ref(found) : NULL;
        g_mutex_unlock(&registry->lock);
        return found;
}

GPtrArray *registry_list(struct registry *registry)
{
        g_mutex_lock(&registry->lock);
        GPtrArray *copy = g_ptr_array_new_full(registry->list->len, (GDestroyNotify)container_unref);
        for (guint i = 0; i < registry->list->len; i++)
                g_ptr_array_add(copy, container_ref(g_ptr_array_index(registry->list, i)));
        g_mutex_unlock(&registry->lock);
        return copy;
}

static void drop_spot(struct registry *registry, GList *link)
{
        struct container *spot = link->data;

        g_hash_table_remove(registry->by_serial, GUINT_TO_POINTER(spot->serial));
        g_queue_delete_link(&registry->spots, link);
        container_unref(spot);
}

/* The lock is held. Drops a match whose init is dead: its namespaces' inode numbers may be somebody else's
 * now. */
static struct container *find_spot_locked(struct registry *registry, ino_t user_ns, ino_t pid_ns,
                                          const struct container *parent)
{
        for (GList *link = registry->spots.head; link; link = link->next) {
                struct container *spot = link->data;
                if (spot->user_ns != user_ns || spot->pid_ns != pid_ns || spot->parent != parent)
                        continue;
                if (!container_alive(spot)) {
                        drop_spot(registry, link);
                        return NULL;
                }
                g_queue_unlink(&registry->spots, link);
                g_queue_push_tail_link(&registry->spots, link);
                return container_ref(spot);
        }
        return NULL;
}

struct container *registry_find_spot(struct registry *registry, ino_t user_ns, ino_t pid_ns,
                                     const struct container *parent)
{
        g_mutex_lock(&registry->lock);
        struct container *found = find_spot_locked(registry, user_ns, pid_ns, parent);
        g_mutex_unlock(&registry->lock);
        return found;
}

/* The lock is held. Looks at a few, in turn, and drops those whose init is dead. */
static void sweep_spots(struct registry *registry)
{
        for (guint n = MIN(registry->spots.length, SPOTS_SWEPT); n > 0; n--) {
                GList *link = registry->spots.head;
                if (container_alive(link->data)) {
                        g_queue_unlink(&registry->spots, link);
                        g_queue_push_tail_link(&registry->spots, link);
                } else {
                        drop_spot(registry, link);
                }
        }
}

struct container *registry_add_spot(struct registry *registry, struct container *container)
{
        g_mutex_lock(&registry->lock);
        struct container *there = find_spot_locked(registry, container->user_ns, container->pid_ns,
                                                   container->parent);
        if (!there) {
                sweep_spots(registry);
                if (registry->spots.length >= SPOT_MAX)
                        drop_spot(registry, registry->spots.head);
                g_queue_push_tail(&registry->spots, container_ref(container));
                index_serial(registry, container);
                there = container_ref(container);
        }
        g_mutex_unlock(&registry->lock);
        return there;
}
