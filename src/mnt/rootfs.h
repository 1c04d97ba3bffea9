/* A root file system for `cloisterctl run`: a directory, or the host's own root with its state out of sight.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

struct rootfs_spec {
        const char *dir;   /* shown with its owners shifted by uid and gid, writable; NULL: the host's root,
                              read-only,   with an empty tmpfs on /run, /root, /tmp and /var/lib and not
                              shifted,   so that the files of   the host's root stay closed */
        uint32_t uid, gid; /* the container's root */
};

/* Moves the calling process, of a single thread, into a new mount namespace whose root this is and which
 * holds nothing else of the host; /proc and /sys are empty, /dev is minimal. Returns 0 or -errno. */
int rootfs_enter(const struct rootfs_spec *spec, GError **error);

/* The mounts that the container's own namespaces have to make: /dev/pts and /dev/shm, where there is a /dev.
 */
int rootfs_finish(void);
