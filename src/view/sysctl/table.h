/* The sysctls Cloister knows by name: class, type and range. Data, from the kernel's own tables (ctl_table
 * entries of kernel/, mm/, fs/ up to Linux 6.18). Names below proc/sys with '/'. */
#pragma once

#include "view/sysctl/policy.h"

#include <stdint.h>

/* By the kernel's handlers. */
enum sysctl_type {
        SYSCTL_INT,    /* proc_dointvec_minmax */
        SYSCTL_UINT,   /* proc_douintvec_minmax */
        SYSCTL_ULONG,  /* proc_doulongvec_minmax */
        SYSCTL_LONG,   /* any 64-bit number: of names that only a policy file knows */
        SYSCTL_STRING, /* proc_dostring */
};

enum sysctl_flags {
        SYSCTL_LATCH = 1 << 0, /* once it has its largest value it keeps it */
};

struct sysctl_entry {
        const char *name;
        enum sysctl_class klass;
        enum sysctl_type type;
        int64_t min;    /* smallest value */
        uint64_t max;   /* largest value; of strings: bytes, with the NUL */
        unsigned count; /* numbers in the file, as vectors have several */
        unsigned flags; /* enum sysctl_flags */
};

/* The entry of a name, that of the directory it is in ("net"), or NULL. */
const struct sysctl_entry *sysctl_table_find(const char *name);

/* All entries, sorted by name, for lists. */
const struct sysctl_entry *sysctl_table(size_t *ret_count);
