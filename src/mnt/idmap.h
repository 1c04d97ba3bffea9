/* Owners: mounts that show the ids of a disk shifted into a container's range (idmapped mounts, Linux 5.12),
 * and work done under the ids of a container's root. Used by the wrapper for root file systems and volumes,
 * so that the ids on disk start at 0 whatever range a container has. Needs root and a process with a single
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A user namespace in which ids 0..size-1 are uid.. and gid.. outside, kept alive by nothing but the
 * descriptor that is returned. -errno with error set otherwise. */
int idmap_open_user_ns(uint32_t uid, uint32_t gid, uint32_t size, GError **error);

/* A copy of the mount at fd (O_PATH, a file or directory of it), attached nowhere, whose owners are shifted
 * by user_ns. recursive: with the mounts below it, which stay unshifted where their file system cannot be
 * shifted. Returns a descriptor, or -EOPNOTSUPP where the file system of fd itself cannot be shifted, or
 * -errno. */
int idmap_clone(int fd, bool recursive, int user_ns);

/* Runs fn(data) in a child process that creates files as uid and gid, with every capability that the caller
 * has, and returns what fn returned: 0 or -errno. */
int idmap_run_as(uid_t uid, gid_t gid, int (*fn)(void *data), void *data);

/* Makes the directories /proc and /sys of a root file system (mode 0755) as the container's root would, where
 * they are absent and the file system can be written. Links are left alone. Returns 0 or -errno. */
int idmap_make_view_dirs(int rootfs, uid_t uid, gid_t gid);
