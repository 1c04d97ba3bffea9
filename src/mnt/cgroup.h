/* The container's own control groups below /sys/fs/cgroup of its tree, laid out as on the host. Used by
 * mnt/tree.c. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_source; /* hierarchies, and the container's group in each where it has no cgroup namespace */

/* Before the host is out of sight. The container without a cgroup namespace of its own gets its groups bound.
 */
int cgroup_open(pid_t init, struct cgroup_source **ret, GError **error);
void cgroup_close(struct cgroup_source *source);

/* Mounts onto path below root, in the container's cgroup namespace (joined by the caller). attr:
 * MOUNT_ATTR_*. */
int cgroup_place(const struct cgroup_source *source, int root, const char *path, uint64_t attr, uid_t uid,
                 gid_t gid, GError **error);
