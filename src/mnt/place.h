/* The new mount API of the kernel (5.12), one step each: a mount is made or cloned as a descriptor, gets its
 * attributes, and is moved onto a target that was found without following links. Used by the rest of mnt/. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A new mount of a file system, attached nowhere. attr: MOUNT_ATTR_*; data: NULL or char * "key=value" and
 * "word" options for the file system. Made with the namespaces of the calling thread. Returns a descriptor or
 * -errno. */
int mnt_make(const char *type, uint64_t attr, const GPtrArray *data);

/* A copy of the mount at path below dirfd (links in path are followed; "" is dirfd itself), attached nowhere;
 * recursive: with all that is mounted below. Returns a descriptor or -errno. */
int mnt_clone(int dirfd, const char *path, bool recursive);

/* Sets MOUNT_ATTR_* on the mount of fd, and takes none away; recursive: on all below it too. 0 or -errno. */
int mnt_set(int fd, uint64_t attr, bool recursive);

/* Finds path below root, crossing mounts but no link of either kind. Returns an O_PATH descriptor or -errno:
 * -ENOENT or -ENOTDIR absent, -ELOOP a link is in the way. */
int mnt_find(int root, const char *path);

/* Attaches a detached mount, or moves an attached one. 0 or -errno; -ENOTDIR also for a file onto a
 * directory. */
int mnt_move(int fd, int target);

/* Whether fd is the root of a mount: 1, 0 or -errno. */
int mnt_is_root(int fd);

/* The device number of the file system of fd. 0 or -errno. */
int mnt_read_device(int fd, dev_t *ret);
