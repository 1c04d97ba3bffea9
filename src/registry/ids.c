#include "registry/ids.h"

#include "base/fd.h"

#include <errno.h>
#include <stdbool.h>

/* Leases are few and sorted by their start: a walk is enough. */
struct ids {
        struct ids_range *ranges;
        size_t n_ranges;
        GPtrArray *leases; /* struct ids_lease *, by start */
};

static uint64_t range_end(const struct ids_range *range)
{
        return (uint64_t)range->start + range->count;
}

static bool ranges_valid(const struct ids_range *ranges, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                /* (uid_t)-1 is nobody: chown(2) and setresuid(2) read it as "leave as it is" */
                if (ranges[i].count == 0 || range_end(&ranges[i]) > UINT32_MAX)
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (ranges[i].start < range_end(&ranges[j]) &&
                            ranges[j].start < range_end(&ranges[i]))
                                return false;
        }
        return true;
}

static void lease_free(struct ids_lease *lease)
{
        fd_clear(&lease->pidfd);
        g_free(lease);
}

int ids_new(const struct ids_range *ranges, size_t n, struct ids **ret)
{
        if (!ranges_valid(ranges, n))
                return -EINVAL;
        struct ids *ids = g_new0(struct ids, 1);
        ids->ranges = g_memdup2(ranges, n * sizeof(*ranges));
        ids->n_ranges = n;
        ids->leases = g_ptr_array_new_with_free_func((GDestroyNotify)lease_free);
        *ret = ids;
        return 0;
}

void ids_free(struct ids *ids)
{
        if (!ids)
                return;
        g_ptr_array_unref(ids->leases);
        g_free(ids->ranges);
        g_free(ids);
}

/* The first lease that overlaps start .. start + size - 1, or NULL. *at is where to begin (all leases before
 * it end at or below start), then where a lease of these ids belongs: a search upwards passes each lease
 * once. */
static struct ids_lease *find_overlap(struct ids *ids, uint64_t start, uint64_t size, guint *at)
{
        for (; *at < ids->leases->len; (*at)++) {
                struct ids_lease *lease = g_ptr_array_index(ids->leases, *at);
                if ((uint64_t)lease->start + lease->size > start)
                        return lease->start < start + size ? lease : NULL;
        }
        return NULL;
}

/* The lowest free start in one range, or UINT64_MAX; *ret_at is the place of a lease there. */
static uint64_t find_free(struct ids *ids, const struct ids_range *range, uint32_t size, guint *ret_at)
{
        *ret_at = 0;
        for (uint64_t start = range->start; start + size <= range_end(range); start += size)
                if (!find_overlap(ids, start, size, ret_at))
                        return start;
        return UINT64_MAX;
}

static struct ids_lease *add_lease(struct ids *ids, guint at, const char *key, uint32_t start, uint32_t size)
{
        struct ids_lease *lease = g_new0(struct ids_lease, 1);

        lease->start = start;
        lease->size = size;
        lease->pidfd = -1;
        g_strlcpy(lease->key, key, sizeof(lease->key));
        g_ptr_array_insert(ids->leases, (int)at, lease);
        return lease;
}

int ids_lease(struct ids *ids, const char *key, uint32_t size, struct ids_lease **ret)
{
        struct ids_lease *old = ids_find(ids, key);
        guint at;

        if (size == 0)
                return -EINVAL;
        if (old) {
                *ret = old;
                return -EEXIST;
        }
        if (ids->leases->len >= IDS_LEASES_MAX)
                return -ENOSPC;
        for (size_t i = 0; i < ids->n_ranges; i++) {
                uint64_t start = find_free(ids, &ids->ranges[i], size, &at);
                if (start != UINT64_MAX) {
                        *ret = add_lease(ids, at, key, (uint32_t)start, size);
                        return 0;
                }
        }
        return -ENOSPC;
}

int ids_restore(struct ids *ids, const char *key, uint32_t start, uint32_t size, struct ids_lease **ret)
{
        guint at = 0;

        if (size == 0 || (uint64_t)start + size > UINT32_MAX)
                return -EINVAL;
        if (ids_find(ids, key))
                return -EEXIST;
        if (find_overlap(ids, start, size, &at))
                return -EADDRINUSE;
        *ret = add_lease(ids, at, key, start, size);
        return 0;
}

struct ids_lease *ids_find(struct ids *ids, const char *key)
{
        if (key[0] == '\0')
                return NULL;
        for (guint i = 0; i < ids->leases->len; i++) {
                struct ids_lease *lease = g_ptr_array_index(ids->leases, i);
                if (g_str_equal(lease->key, key))
                        return lease;
        }
        return NULL;
}

void ids_detach(struct ids *ids, struct ids_lease *lease)
{
        lease->key[0] = '\0';
}

void ids_release(struct ids *ids, struct ids_lease *lease)
{
        g_ptr_array_remove(ids->leases, lease);
}

size_t ids_sweep(struct ids *ids, gboolean (*alive)(const struct ids_lease *lease, void *data),
                 void (*dropped)(struct ids_lease *lease, void *data), void *data)
{
        size_t n = 0;

        for (guint i = 0; i < ids->leases->len;) {
                struct ids_lease *lease = g_ptr_array_index(ids->leases, i);
                if (alive(lease, data)) {
                        i++;
                        continue;
                }
                if (dropped)
                        dropped(lease, data);
                g_ptr_array_remove_index(ids->leases, i);
                n++;
        }
        return n;
}

void ids_foreach(struct ids *ids, void (*fn)(struct ids_lease *lease, void *data), void *data)
{
        for (guint i = 0; i < ids->leases->len; i++)
                fn(g_ptr_array_index(ids->leases, i), data);
}

size_t ids_count(const struct ids *ids)
{
        return ids->leases->len;
}
