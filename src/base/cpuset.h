/* Sets of CPU (or node) numbers in the kernel's list format: "0-3,7". */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { CPUSET_MAX = 8192 }; /* CONFIG_NR_CPUS of the largest distribution kernels */

struct cpuset {
        uint64_t bits[CPUSET_MAX / 64];
};

/* Text like "0-3,7\n" or "" (the empty set), white space around it allowed. Any size of text; numbers from
 * CPUSET_MAX up give -ERANGE, anything else that is no list -EINVAL. */
int cpuset_parse(const char *text, struct cpuset *ret);

/* Appends the list, without a newline. */
void cpuset_format(const struct cpuset *set, GString *out);

bool cpuset_has(const struct cpuset *set, unsigned cpu);
void cpuset_add(struct cpuset *set, unsigned cpu);
unsigned cpuset_count(const struct cpuset *set);

/* Takes out of set whatever is not in other too. */
void cpuset_and(struct cpuset *set, const struct cpuset *other);

/* Keeps the n lowest numbers. */
void cpuset_keep_first(struct cpuset *set, unsigned n);

/* The lowest number >= from, or -1. */
int cpuset_next(const struct cpuset *set, unsigned from);
