/* A finished tree and the place where it goes. Used by mnt/tree.c in its helper, inside the container's mount
 * namespace, with the rights of the host's root. */
#pragma once

#include "mnt/tree.h"

/* Opens the rootfs of the specification as the current mount namespace shows it. A descriptor or -errno. */
int attach_open_rootfs(const struct tree_spec *spec, GError **error);

/* Whether one of our rows stands below that entry of rootfs already: the work of an earlier hook of the same
 * start. */
bool attach_is_ours(const struct tree_spec *spec, const dev_t *devices, int rootfs, const char *name);

/* Attaches the tree to the entry of that name ("proc") of rootfs, if it is a directory there; devices: st_dev
 * of each row's source, to know our own tree by. Returns 0 or -errno. */
int attach_tree(const struct tree_spec *spec, const dev_t *devices, int rootfs, const char *name, int tree,
                GError **error);
