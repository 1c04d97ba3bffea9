/* The kernel's own files below proc/sys, reached in the namespaces that shall answer. Names are checked with
 * sysctl_name_is_valid() before; "" is proc/sys itself. No symlink is followed and no mount point crossed. */
#pragma once

#include "view/vfile.h"

/* Whose namespaces answer: those of the server (0) or of a process. */
pid_t sysctl_file_target(const struct view_ctx *ctx, const char *name);

/* Mode of the kernel's file or directory as it is there, and whether it is namespaced and the namespace
 * belongs to the container's root (ret_owned may be NULL). Returns 0 or -errno. A directory that something is
 * mounted on counts as an empty one. */
int sysctl_file_stat(const struct view_ctx *ctx, const char *name, mode_t *ret_mode, bool *ret_owned);

/* Appends its text. Returns 0 or -errno. */
int sysctl_file_read(const struct view_ctx *ctx, const char *name, GString *out);

/* Writes to it in one pwrite(2), after checking that the caller owns the namespaces that answer: in a
 * container's view by being root of the user namespace that owns them, -EACCES where that is the host's.
 * Returns as struct vdir's store. */
int sysctl_file_write(const struct view_ctx *ctx, const char *name, const char *text, size_t len,
                      off_t offset);

/* Adds the names in a directory. Returns 0 or -errno. */
int sysctl_file_list(const struct view_ctx *ctx, const char *name,
                     void (*add)(const char *name, mode_t mode, void *data), void *data);

/* Holds off other raises and restores, in this process and others, while the returned file descriptor is
 * open. Returns it or -errno. */
int sysctl_file_lock(const struct host *host);

/* Raises the server's own value to this one, and never lowers it, also when several do so at once; in
 * ret->old what it was, in ret->now what the kernel made of it. Returns 0 or -errno. */
int sysctl_file_raise(const struct host *host, const char *name, uint64_t value, struct sysctl_raise *ret);

/* Takes a raise back, unless somebody changed the value since. The lock is held by the caller. Returns 0 or
 * -errno. */
int sysctl_file_restore(const struct host *host, const char *name, const struct sysctl_raise *raise);
