/* What rows ask of a container's control groups, whatever the version: limits over all ancestors, the CPUs to
 * show, CPU time used, memory and swap with their usage, tasks. groups may be NULL everywhere: no limits are
 * known. */
#pragma once

#include "base/cpuset.h"
#include "view/vfile.h"

/* The smallest limit of the group and its ancestors, and the level that sets it (the topmost of equals, whose
 * usage is the largest). UINT64_MAX: none. ret_level may be NULL. */
uint64_t view_min_limit(const struct groups *groups, enum controller controller, const char *file,
                        unsigned *ret_level);

/* The number in an interface file, or 0 when there is none. */
uint64_t view_read_number(const struct groups *groups, enum controller controller, unsigned level,
                          const char *file);

/* The CPUs to show, with the kernel's numbers: the effective cpuset; where a quota is set, the first
 * ceil(quota / period) of it. Never empty. Returns 0 or -errno: the host's own are not to be read. */
int view_read_cpus(const struct view_ctx *ctx, const struct groups *groups, struct cpuset *ret);

/* CPU time used by the group and all below it, nanoseconds. */
struct view_cpu_time {
        uint64_t user, system;
};

/* All of it. Nothing known, or no group but the root, whose time is the machine's: zeros. */
struct view_cpu_time view_read_cpu_time(const struct groups *groups);

/* Shares it out over the CPUs of a set: ret[cpu] for each, with room for CPUSET_MAX. On version 1 by the CPUs
 * that were used, what ran on CPUs outside the set evenly; on version 2, which does not say, all evenly. */
void view_read_cpu_times(const struct groups *groups, const struct cpuset *cpus, struct view_cpu_time *ret);

/* Memory as the tightest limit leaves it, in bytes. */
struct view_memory {
        bool limited;         /* by less than the host has; else total, used and stat are not set */
        int version;          /* of the interface */
        unsigned level;       /* the group that sets the limit: used and stat are its */
        uint64_t total, used; /* used is at most total */
        bool swap_limited;    /* likewise */
        uint64_t swap_total, swap_used;
};

/* host_meminfo: the text of the host's proc/meminfo. */
void view_read_memory(const struct groups *groups, const char *host_meminfo, struct view_memory *ret);

/* The tasks of the container's own group; of the root group, which is the machine's, those in its PID
 * namespace. */
struct view_tasks {
        uint64_t total;            /* also those of groups below where the pids controller counts them */
        uint64_t running, blocked; /* among the first 256; the reader runs */
        uint64_t last_pid; /* the highest among the same, as the container's PID namespace numbers it */
};

/* Reads proc/<tid>/status of each. Nothing known: only the reader. */
void view_read_tasks(const struct view_ctx *ctx, const struct groups *groups, struct view_tasks *ret);

/* Nanoseconds since the container's start. */
uint64_t view_uptime_ns(const struct view_ctx *ctx);
