/* The containers of this server, by serial, key and user namespace; and the subordinate id ranges they lease.
 * One lock, never held over I/O; records come out referenced. No sockets, no files: ctl/ and bin/ load and
 * save. */
#pragma once

#include "registry/container.h"

struct registry;

/* The serials given out so far. They stand in node ids that the kernel may hold for as long as a connection
 * lives, so they are never used again: the caller keeps them where they outlive the server. All zero for new
 * connections. */
struct registry_serials {
        _Atomic uint32_t registered; /* 1 .. 2^23 - 1 */
        _Atomic uint32_t spot;       /* counted from 2^23; a flood of spot views leaves the others' alone */
};

/* serials is borrowed and must outlive the registry; NULL: the registry's own, from the beginning. */
struct registry *registry_new(struct registry_serials *serials);
void registry_free(struct registry *registry);

/* The record of the host's own view. Owned by the registry. */
struct container *registry_host(struct registry *registry);

/* A new serial for a registered container or a spot view, or 0 when all 2^23 are used up. */
uint32_t registry_next_serial(struct registry *registry);
uint32_t registry_next_spot_serial(struct registry *registry);

/* Adds a registered container (a reference is taken). Returns 0, -EEXIST: the key is taken by one that is
 * alive (a dead one is replaced). */
int registry_add(struct registry *registry, struct container *container);

/* Takes it out; records in use live on until their last reference goes. Returns 0 or -ENOENT. */
int registry_remove(struct registry *registry, struct container *container);

/* Each returns a reference or NULL. by_name: key, id, or unambiguous beginning of either (at least 4
 * characters of a beginning); *ret_ambiguous is set when several match. by_user_ns: registered ones only. */
struct container *registry_find_serial(struct registry *registry, uint32_t serial);
struct container *registry_find_key(struct registry *registry, const char *key);
struct container *registry_find_name(struct registry *registry, const char *name, gboolean *ret_ambiguous);
struct container *registry_find_user_ns(struct registry *registry, ino_t user_ns);

/* All registered ones, in order of registration, referenced; free with g_ptr_array_unref(). */
GPtrArray *registry_list(struct registry *registry);

/* Spot views: by the two namespaces. find drops and forgets one whose init (anchor) is dead. add takes a
 * reference, and returns the one already there (referenced) if another thread was faster, else container. At
 * most 256 live at once, the longest unused goes first. */
struct container *registry_find_spot(struct registry *registry, ino_t user_ns, ino_t pid_ns,
                                     const struct container *parent);
struct container *registry_add_spot(struct registry *registry, struct container *container);
