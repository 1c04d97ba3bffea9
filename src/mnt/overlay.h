/* An engine's overlay mounted a second time for a container with ids of its own: over idmapped copies of its
 * lower directories and of its upper one, so that ids on disk start at 0. The mounter has to have the file
 * system ids of the container's root (an idmapped upper directory has no id for root) with root's
 * capabilities. Used by the wrapper in a mount namespace of its own. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

enum { OVERLAY_MAX_LOWERS = 500 }; /* the kernel's own limit */

/* The layers of an overlay as mountinfo tells them. */
struct overlay {
        char **lowers;       /* topmost first; NULL-terminated */
        char *upper, *work;  /* both NULL: there is nothing to write to */
        char *options;       /* the others that shape what is seen, joined by commas; "" if none */
        unsigned long flags; /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC of the mount */
};

/* Parses the mount options and the super block options of a line of mountinfo, escapes and all. Pure.
 * Returns 0 or -EINVAL with error set. */
int overlay_parse(const char *mount_options, const char *super_options, struct overlay **ret, GError **error);
void overlay_free(struct overlay *overlay);
DEFINE_AUTOPTR(overlay, overlay_free)

/* What the overlay is whose root rootfs (a descriptor) is; *ret is NULL where it is not the root of an
 * overlay. path is where rootfs was found: relative layers are sought from there upwards, and made absolute.
 */
int overlay_find(int rootfs, const char *path, struct overlay **ret, GError **error);

/* Mounts it at <room>/rootfs, shifted by user_ns. room is a directory of the caller's own, with nothing
 * mounted on `layers` below it. *ret_work is the work directory, made beside the engine's (which the engine's
 * own mount goes on using) and to be removed by overlay_remove_work() when the container is gone; NULL if
 * there is none. */
int overlay_mount(const struct overlay *overlay, const char *room, int user_ns, uid_t uid, gid_t gid,
                  char **ret_work, GError **error);

/* Makes the overlay of fd forget what it knows of its directories and nobody uses. Two overlays on one upper
 * directory do not hear of each other's changes: the engine, which has looked into its own before the
 * container started, would show files as they were then (a list of changes without those in /etc). Returns 0
 * or -errno. */
int overlay_refresh(int fd);

/* Removes a work directory with all in it. Refuses every other path. Returns 0 or -errno; 0 if it is gone. */
int overlay_remove_work(const char *work);
