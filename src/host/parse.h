/* Texts of kernel files -> numbers. Every parser takes any text whatsoever and is total: what makes no sense
 * gives an error or "not there", a number too large is cut to the largest. Used by host/ and the rows of
 * view/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What rows need of proc/<pid>/stat, see proc_pid_stat(5). */
struct pid_stat {
        char state;           /* field 3 */
        uint64_t flags;       /* field 9, PF_* of the kernel */
        uint64_t start_ticks; /* field 22, since boot */
};

/* The name in field 2 may hold blanks, parentheses and newlines: fields count from the last ')'. Returns 0 or
 * -EINVAL. */
int host_parse_pid_stat(const char *text, struct pid_stat *ret);

/* The value of "key value\n", as in memory.stat and cpu.stat. */
bool host_find_value(const char *text, const char *key, uint64_t *ret);

/* The kB of "Name:  value kB\n", as in proc/meminfo and proc/<pid>/status. */
bool host_find_field(const char *text, const char *name, uint64_t *ret);

/* A limit: a number, or "max" or a negative number for UINT64_MAX. Returns 0 or -EINVAL. */
int host_parse_limit(const char *text, uint64_t *ret);

/* cpu.max: "50000 100000\n" or "max 100000\n" (quota UINT64_MAX). Returns 0 or -EINVAL. */
int host_parse_cpu_max(const char *text, uint64_t *ret_quota, uint64_t *ret_period);

/* One block of proc/cpuinfo with its empty line. cpu is -1 when it says no "processor : N" (the trailer on
 * ARM). Start with *cursor at the text; false at its end. */
bool host_next_cpuinfo(const char **cursor, const char **ret_block, size_t *ret_len, int *ret_cpu);

/* A line of cpuacct.usage_all ("0 user system", nanoseconds). Start with *cursor at the text, whose header is
 * passed over; false at its end. */
bool host_next_cpu_usage(const char **cursor, unsigned *ret_cpu, uint64_t *ret_user, uint64_t *ret_system);
