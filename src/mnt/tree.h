/* The views' way into a container: two trees, a procfs and a sysfs of the container's own namespaces with all
 * that belongs on them, built out of sight, locked by the kernel (mnt/room.h) and attached to the container's
 * root file system. Knows nothing of OCI or of cloisterd: the caller translates. Used by cloister-hook and
 * `cloisterctl run`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* A mount of the container's specification. path is "proc", "sys", or a path below one of them; the first
 * mount at each of these two begins that tree, and without it the tree is not made. */
struct tree_mount {
        const char *path;
        const char *type;           /* proc, sysfs, tmpfs, cgroup, cgroup2; ignored for a bind */
        const char *source;         /* of a bind: absolute, as the calling process sees it */
        const char *const *options; /* NULL-terminated, or NULL */
};

/* A file or directory to show at path ("proc/uptime") in place of the kernel's. Skipped where there is no
 * such path. */
struct tree_row {
        const char *source; /* absolute, as the calling process sees it */
        const char *path;
};

struct tree_spec {
        pid_t init; /* of the container, created and not yet running the user's program */
        int pidfd;  /* of init */
        uid_t uid;  /* the container's root, as the initial user namespace numbers it: owner of empty
                       directories */
        gid_t gid;
        const char *rootfs; /* absolute, as init's mount namespace sees it */
        const struct tree_mount *mounts;
        size_t n_mounts;
        const struct tree_row *rows;
        size_t n_rows;
        /* All NULL or NULL-terminated; paths without a leading slash. */
        const char *const *kernel; /* paths of the container's own procfs that stay visible above the rows */
        const char *const *masked; /* made empty; skipped where absent */
        const char *const *readonly; /* with all that is mounted there; skipped where absent */
        const char *const
                *sysctls; /* name, value, ...: "net/ipv4/ip_forward", written to the container's own procfs */
        bool locked;
        bool replace; /* take off what is mounted at /proc and /sys of the rootfs already */
};

/* Builds and attaches both trees in a helper process; a tree that is attached already (its rows are there),
 * or whose target is absent from the rootfs, is left alone. Blocks, at most 20 seconds. The calling process
 * must be root of the initial user namespace and able to see the sources; its own namespaces stay as they
 * are. Returns 0 or -errno: then what was attached of the two may be one, none or both, and the container
 * must not be started. */
int tree_attach(const struct tree_spec *spec, GError **error);
