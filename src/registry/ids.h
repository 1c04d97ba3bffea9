/* Exclusive ranges of subordinate ids: which of the configured ids are leased, to which container, for whose
 * life. Pure bookkeeping for ctl/, which reads processes, writes the state and decides when a lease ends. One
 * thread. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

enum { IDS_SIZE_DEFAULT = 65536, IDS_LEASES_MAX = 65536 };

/* A configured block of ids: start .. start + count - 1. */
struct ids_range {
        uint32_t start, count;
};

/* One leased range. The holder is the process whose life it has: the runtime's wrapper, then the container's
 * init. */
struct ids_lease {
        uint32_t start, size;
        char key[17]; /* as struct container: "": given up by its container, kept while processes still use
                         the ids */
        pid_t holder;
        int pidfd;         /* of the holder, owned; -1 when it was dead already at a takeover */
        uint64_t start_ns; /* of the holder, as in struct container_init */
        ino_t user_ns;     /* of the container, from Register on; else 0 */
        gpointer data;     /* ctl's watch of the holder */
};

struct ids;

/* The ranges are copied. Those that overlap or reach beyond 2^32 - 2 give -EINVAL. Returns 0 or -errno. */
int ids_new(const struct ids_range *ranges, size_t n, struct ids **ret);
void ids_free(struct ids *ids);
DEFINE_AUTOPTR(ids, ids_free)

/* Leases the lowest free block of size ids that begins at a range's start or a multiple of size above it. The
 * holder's fields are the caller's to fill in; the lease belongs to ids. Returns 0, -EINVAL (size is 0),
 * -ENOSPC (none free) or -EEXIST (the key has one: *ret is that lease). */
int ids_lease(struct ids *ids, const char *key, uint32_t size, struct ids_lease **ret);

/* Puts a lease back that a former server gave out; ranges that are no longer configured are taken as well.
 * Returns 0, -EEXIST (the key has one) or -EADDRINUSE (it overlaps another). */
int ids_restore(struct ids *ids, const char *key, uint32_t start, uint32_t size, struct ids_lease **ret);

/* The lease of a key, or NULL. */
struct ids_lease *ids_find(struct ids *ids, const char *key);

/* Takes the key from a lease: another incarnation may have a range of its own while processes use this one.
 */
void ids_detach(struct ids *ids, struct ids_lease *lease);

/* Ends a lease and closes its pidfd. */
void ids_release(struct ids *ids, struct ids_lease *lease);

/* Ends every lease for which alive() is false. Calls dropped(), which may be NULL, before each end. Returns
 * the number ended. */
size_t ids_sweep(struct ids *ids, gboolean (*alive)(const struct ids_lease *lease, void *data),
                 void (*dropped)(struct ids_lease *lease, void *data), void *data);

/* Calls fn for each lease, lowest first. fn must not lease or release. */
void ids_foreach(struct ids *ids, void (*fn)(struct ids_lease *lease, void *data), void *data);

size_t ids_count(const struct ids *ids);
