/* The content of the two trees, mount by mount, in the order of the specification: what it asks for at and
 * below /proc and /sys, then the rows, the kernel's own files above them, masked and read-only paths. Used by
 * mnt/tree.c in a helper process, whose end closes all descriptors. */
#pragma once

#include "mnt/tree.h"

struct cgroup_source;
struct mount_options;

struct build {
        const struct tree_spec *spec;
        int root;                      /* folder with the entries proc and sys */
        int *rows;                     /* a detached clone per row */
        int *binds;                    /* one per mount, -1: no bind */
        int *kernel;                   /* one per kernel path, < 0: not there */
        int null;                      /* /dev/null */
        struct mount_options *options; /* one per mount */
        struct cgroup_source *cgroups;
};

/* Opens everything that only the host's mount namespace shows and that only root of the server's namespaces
 * may open; build->spec is set. Returns 0 or -errno. */
int build_open(struct build *build, GError **error);

/* Builds below root, an O_PATH descriptor, in a process that has joined all namespaces of the container but
 * its user and mount namespaces, with a working directory of its own to leave a file in. Returns 0 or -errno.
 */
int build_make(struct build *build, int root, GError **error);
