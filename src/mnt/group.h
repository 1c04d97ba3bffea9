/* A control group made for one container in every hierarchy of the machine, version 1 and 2, with limits.
 * Used by `cloisterctl run`, which needs no engine. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct group_limits {
        uint64_t memory;    /* bytes; 0 here and below: no limit */
        uint64_t cpu_micro; /* microseconds of CPU in 100 ms */
        uint64_t pids;
        const char *cpuset; /* "0-1", or NULL */
};

struct group;

/* parent ("/cloister") and name are below the root of each hierarchy. tidy: the parent goes too with its last
 * group. Nothing is made yet. Returns 0 or -errno. */
int group_new(const char *parent, const char *name, bool tidy, struct group **ret, GError **error);
void group_free(struct group *group);
DEFINE_AUTOPTR(group, group_free)

/* Makes the group everywhere and sets the limits. -EOPNOTSUPP, with the controller's name in the error: no
 * hierarchy here has it. After an error group_remove() takes away what was made. */
int group_make(struct group *group, const struct group_limits *limits, GError **error);

/* Moves the calling process (of a single thread) into the group. 0 or -errno. */
int group_enter(const struct group *group);

/* Kills what is left in the group and removes it, waiting at most 5 seconds for the kernel. Returns 0, or
 * -EBUSY. */
int group_remove(const struct group *group);
