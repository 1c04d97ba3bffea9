/* The control groups of one process, in every hierarchy (v1, v2 or both), as directory fds that stay good
 * when the process is gone; interface files that were read are kept open too. Immutable and counted; any
 * thread. Used by rows to read limits and usage. */
#pragma once

#include "base/cleanup.h"
#include "host/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The controllers that rows ask for, by their v1 names. On v2, CPUACCT is served by `cpu`, BLKIO by `io`. */
enum controller {
        CONTROLLER_CPU,
        CONTROLLER_CPUACCT,
        CONTROLLER_CPUSET,
        CONTROLLER_MEMORY,
        CONTROLLER_BLKIO,
        CONTROLLER_PIDS,
        CONTROLLER_COUNT
};

struct groups;

/* Reads proc/<pid>/cgroup below the host and opens the directories, with one trailing "/init.scope" cut.
 * A hierarchy that is not mounted, or a group that is gone, is left out. Returns 0 or -errno (-ENOENT,
 * -ESRCH: no such process; or it is a zombie, which has no groups any more). */
int groups_open(const struct host *host, pid_t pid, struct groups **ret);
struct groups *groups_ref(struct groups *groups);
void groups_unref(struct groups *groups);
DEFINE_AUTOPTR(groups, groups_unref)

/* Whether the controller is there for this process, and in which version of the interface: 0 (missing), 1
 * or 2. */
int groups_version(const struct groups *groups, enum controller controller);

/* Number of ancestors with an interface of their own: 0 for the root group. `level` below counts upwards from
 * the process's own group (0) to the root (depth). */
unsigned groups_depth(const struct groups *groups, enum controller controller);

/* Appends the text of an interface file ("memory.max", "memory.limit_in_bytes") of the group `level` steps
 * up. Returns 0, -ENOENT (no such file or controller), -ENODEV (the group is gone) or -errno. */
int groups_read(const struct groups *groups, enum controller controller, unsigned level, const char *file,
                GString *out);

/* The path of the group in that controller's hierarchy as the server sees it, or NULL. Owned by groups. */
const char *groups_path(const struct groups *groups, enum controller controller);
