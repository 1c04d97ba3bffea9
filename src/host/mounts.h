/* Where the cgroup hierarchies are mounted, from the text of proc/<pid>/mountinfo (see
 * proc_pid_mountinfo(5)). Used by host/ to find group directories, by doctor to say what the machine has. */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* One mount of a hierarchy. */
struct cgroup_mount {
        int version;        /* 1 or 2 */
        char *point;        /* where it is mounted, absolute, unescaped */
        char *root;         /* the group that is seen there, "/" as a rule */
        char **controllers; /* of version 1: "cpu", "cpuacct", or "name=systemd"; NULL for version 2 */
};

struct mounts {
        struct cgroup_mount *cgroups;
        size_t count;
};

/* Total: lines that make no sense are left out, at most 256 mounts are kept. Free with mounts_free(). */
struct mounts *mounts_parse(const char *text);
void mounts_free(struct mounts *mounts);
DEFINE_AUTOPTR(mounts, mounts_free)

/* The mount of a version 1 hierarchy with this controller, the whole hierarchy ("/") preferred; with NULL,
 * that of version 2. NULL if there is none. */
const struct cgroup_mount *mounts_find(const struct mounts *mounts, const char *controller);
