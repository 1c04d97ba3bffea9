/* The sysctls Cloister knows by name: class, type and range. Data (entries.c), from the kernel's own tables
 * (ctl_table entries of Linux 5.15 to 6.18) and its admin-guide. Names below proc/sys with '/'. A name that
 * only some of these kernels have, or only with some option or driver, is here like the others: what exists
 * is asked of the running kernel. */
#pragma once

#include "view/sysctl/policy.h"

#include <stdint.h>

/* By the kernel's handlers. */
enum sysctl_type {
        SYSCTL_NONE,   /* the kernel's own affair: host and namespaced */
        SYSCTL_INT,    /* proc_dointvec_minmax, proc_dointvec_jiffies in seconds */
        SYSCTL_UINT,   /* proc_douintvec_minmax, proc_dou8vec_minmax */
        SYSCTL_ULONG,  /* proc_doulongvec_minmax */
        SYSCTL_LONG,   /* any 64-bit number: of names that only a policy file knows */
        SYSCTL_BOOL,   /* proc_dobool: a number, shown as 0 or 1 */
        SYSCTL_BITMAP, /* proc_do_large_bitmap: "0-3,8" */
        SYSCTL_STRING, /* proc_dostring */
};

enum sysctl_flags {
        SYSCTL_LATCH = 1 << 0,       /* once it has its largest value it keeps it */
        SYSCTL_LATCH_AT_1 = 1 << 1,  /* the same for 1, and the error is EPERM */
        SYSCTL_FALLS = 1 << 2,       /* can only be made smaller; -1 at first */
        SYSCTL_ADDS = 1 << 3,        /* bits can only be added */
        SYSCTL_POWER_OF_2 = 1 << 4,  /* rounded up to one, a page at least */
        SYSCTL_TRIGGER = 1 << 5,     /* what is written is checked and has no effect: the file shows what the
                                        host's does */
        SYSCTL_CLEARS = 1 << 6,      /* makes its partner 0 */
        SYSCTL_IF_CHANGED = 1 << 7,  /* but not by writing the value it has */
        SYSCTL_AT_MOST = 1 << 8,     /* never above its partner's value */
        SYSCTL_AT_LEAST = 1 << 9,    /* never below */
        SYSCTL_ERANGE = 1 << 10,     /* the error for what is too large */
        SYSCTL_INITIAL = 1 << 11,    /* namespaced, as the kernel shows it in the initial network namespace
                                        only (of a directory: some of it) */
        SYSCTL_PID_SPACE = 1 << 12,  /* of the PID namespace of who reads */
        SYSCTL_SINCE_6_14 = 1 << 13, /* namespaced by kernels from 6.14 on; private with older ones */
        SYSCTL_BIND = 1 << 14, /* below a kernel mount (view_kernel_mounts()), bound over the kernel's file */
        SYSCTL_OR_0 = 1 << 15, /* 0 too, below the smallest value */
        SYSCTL_ELSE_100 = 1 << 16, /* 100 in the place of 0 and less */
        SYSCTL_BY_512 = 1 << 17,   /* rounded up to a multiple of 512 */
        SYSCTL_LENIENT = 1 << 18, /* never an error: what cannot be read is left as it was, and less than 0 is
                                     0 */
        SYSCTL_BEGIN = 1 << 19,   /* of words: with anything behind */
};

struct sysctl_entry {
        const char *name;
        enum sysctl_class klass;
        enum sysctl_type type;
        int64_t min;         /* smallest value */
        uint64_t max;        /* largest value; of strings: bytes, with the NUL; of bitmaps: highest bit */
        unsigned count;      /* numbers in the file, as vectors have several; 0: as many as it shows */
        unsigned flags;      /* enum sysctl_flags */
        const char *partner; /* name of another entry, see the flags */
        const char *words;   /* of strings: "on|off", what can be written, and one more byte, a newline; NULL:
                               any */
};

/* The entry of a name, that of the directory it is in ("net"), or NULL. */
const struct sysctl_entry *sysctl_table_find(const char *name);

/* Whether a name belongs to the PID namespace of who reads it, with the running kernel. */
bool sysctl_table_is_pid_space(const char *name);

/* Its class with the running kernel. */
enum sysctl_class sysctl_table_class(const struct sysctl_entry *entry);

/* All entries, sorted by name, for lists. */
const struct sysctl_entry *sysctl_table(size_t *ret_count);

/* The type and what can be written, for people: "int, 0 to 2"; "" for a type of NONE. To free with g_free().
 */
char *sysctl_table_describe(const struct sysctl_entry *entry);
