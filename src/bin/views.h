/* What cloisterd said of a container, told to mnt/: shared by cloister-hook and `cloisterctl run`. */
#pragma once

#include "client/cloister.h"
#include "mnt/tree.h"

#include <stdbool.h>

/* Who root of the user namespace of pid is, as the initial one numbers it: from proc/<pid>/uid_map and
 * gid_map. Returns 0, -ENXIO (no mapping for 0) or -errno. */
int views_read_root(pid_t pid, uid_t *ret_uid, gid_t *ret_gid);

/* Attaches the trees: rows and kernel paths of spec are filled from the registration, the rest is given.
 * Kernel paths at or below one of skip are left out, those of spec are added. Returns as tree_attach(). */
int views_attach(const struct tree_spec *spec, const struct cloister_registration *registration,
                 const char *const *skip, GError **error);

/* Whether the process of a pidfd is alive. */
bool views_is_alive(int pidfd);
