/* Who is asking: from the thread id that FUSE gives to the container whose view it gets. Called by fs/ for
 * every request whose answer depends on the caller.
 *
 * Nothing is cached by thread id, so a recycled id can never bring up another's view: the kernel lets a task
 * whose request the server has read go nowhere before the answer (request_wait_answer() in fs/fuse/dev.c), so
 * while a request is being served its caller is alive and its /proc entry is its own. What is looked up are
 * the inode numbers of its namespaces as they are now; a task that has changed them since its last request
 * gets the view of the new ones. */
#pragma once

#include "registry/registry.h"

struct ident;

/* host and registry are borrowed and must outlive it. Reads the server's own namespaces. Returns 0 or -errno.
 */
int ident_new(const struct host *host, struct registry *registry, struct ident **ret);
void ident_free(struct ident *ident);

/* The view of a caller: the registered container that owns its user namespace or an ancestor of it, else one
 * made on the spot from its namespaces, else (initial user and PID namespace) the host's. *ret is referenced.
 * Returns 0 or -errno (-ESRCH: the caller is not visible from here). Any thread. */
int ident_resolve(struct ident *ident, pid_t caller, struct container **ret);

/* The view of a caller on an inode of this container: the container's own, or, for a caller in a PID
 * namespace of its own below the container's user namespace, a nested one with the limits of that. As
 * ident_resolve(). */
int ident_resolve_in(struct ident *ident, pid_t caller, struct container *container, struct container **ret);

/* Whether the caller is in the server's own user and PID namespaces: together with uid 0, a peer that may see
 * all containers. Returns 1, 0 or -errno. */
int ident_is_peer(struct ident *ident, pid_t caller);
