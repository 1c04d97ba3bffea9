#include "view/sysctl/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACED(name)                                                                                     \
        {                                                                                                    \
                name, SYSCTL_NAMESPACED, SYSCTL_STRING, 0, 0, 0, 0                                           \
        }
#define INT(name, min, max)                                                                                  \
        {                                                                                                    \
                name, SYSCTL_PRIVATE, SYSCTL_INT, min, max, 1, 0                                             \
        }
#define UINT(name, min, max)                                                                                 \
        {                                                                                                    \
                name, SYSCTL_PRIVATE, SYSCTL_UINT, min, max, 1, 0                                            \
        }
#define ULONG(name, min, max)                                                                                \
        {                                                                                                    \
                name, SYSCTL_PRIVATE, SYSCTL_ULONG, min, max, 1, 0                                           \
        }

/* Sorted by name. A directory stands for all below it. */
static const struct sysctl_entry entries[] = {
        ULONG("fs/aio-max-nr", 0, ULONG_MAX),
        ULONG("fs/epoll/max_user_watches", 0, LONG_MAX),
        ULONG("fs/file-max", 0, LONG_MAX),
        INT("fs/inotify/max_queued_events", 0, INT_MAX),
        ULONG("fs/inotify/max_user_instances", 0, INT_MAX),
        ULONG("fs/inotify/max_user_watches", 0, INT_MAX),
        INT("fs/lease-break-time", INT_MIN, INT_MAX),
        INT("fs/leases-enable", INT_MIN, INT_MAX),
        UINT("fs/mount-max", 1, UINT_MAX),
        NAMESPACED("fs/mqueue"),
        UINT("fs/nr_open", 64, 0x7fffffc0),
        INT("fs/protected_fifos", 0, 2),
        INT("fs/protected_hardlinks", 0, 1),
        INT("fs/protected_regular", 0, 2),
        INT("fs/protected_symlinks", 0, 1),
        INT("fs/suid_dumpable", 0, 2),
        NAMESPACED("kernel/auto_msgmni"),
        INT("kernel/core_uses_pid", INT_MIN, INT_MAX),
        INT("kernel/dmesg_restrict", 0, 1),
        NAMESPACED("kernel/domainname"),
        NAMESPACED("kernel/hostname"),
        INT("kernel/kptr_restrict", 0, 2),
        NAMESPACED("kernel/msg_next_id"),
        NAMESPACED("kernel/msgmax"),
        NAMESPACED("kernel/msgmnb"),
        NAMESPACED("kernel/msgmni"),
        INT("kernel/panic", INT_MIN, INT_MAX),
        INT("kernel/panic_on_oops", INT_MIN, INT_MAX),
        INT("kernel/panic_on_warn", 0, 1),
        INT("kernel/perf_event_paranoid", INT_MIN, INT_MAX),
        INT("kernel/pid_max", 301, 4194304),
        {"kernel/printk", SYSCTL_PRIVATE, SYSCTL_INT, INT_MIN, INT_MAX, 4, 0},
        INT("kernel/randomize_va_space", INT_MIN, INT_MAX),
        NAMESPACED("kernel/sem"),
        NAMESPACED("kernel/sem_next_id"),
        NAMESPACED("kernel/shm_next_id"),
        NAMESPACED("kernel/shm_rmid_forced"),
        NAMESPACED("kernel/shmall"),
        NAMESPACED("kernel/shmmax"),
        NAMESPACED("kernel/shmmni"),
        INT("kernel/sysrq", INT_MIN, INT_MAX),
        INT("kernel/threads-max", 1, INT_MAX),
        {"kernel/yama/ptrace_scope", SYSCTL_PRIVATE, SYSCTL_INT, 0, 3, 1, SYSCTL_LATCH},
        NAMESPACED("net"),
        NAMESPACED("user"),
        INT("vm/dirty_background_ratio", 0, 100),
        INT("vm/dirty_expire_centisecs", 0, INT_MAX),
        INT("vm/dirty_ratio", 0, 100),
        INT("vm/dirty_writeback_centisecs", INT_MIN, INT_MAX),
        INT("vm/max_map_count", 0, INT_MAX),
        INT("vm/min_free_kbytes", 0, INT_MAX),
        ULONG("vm/mmap_min_addr", 0, ULONG_MAX),
        INT("vm/oom_dump_tasks", INT_MIN, INT_MAX),
        INT("vm/oom_kill_allocating_task", INT_MIN, INT_MAX),
        INT("vm/overcommit_memory", 0, 2),
        INT("vm/overcommit_ratio", INT_MIN, INT_MAX),
        INT("vm/page-cluster", 0, 31),
        INT("vm/panic_on_oom", 0, 2),
        INT("vm/swappiness", 0, 200),
        INT("vm/vfs_cache_pressure", 0, INT_MAX),
};

const struct sysctl_entry *sysctl_table(size_t *ret_count)
{
        *ret_count = G_N_ELEMENTS(entries);
        return entries;
}

static int compare_name(const void *name, const void *entry)
{
        return strcmp(name, ((const struct sysctl_entry *)entry)->name);
}

static const struct sysctl_entry *find_exact(const char *name)
{
        return bsearch(name, entries, G_N_ELEMENTS(entries), sizeof(entries[0]), compare_name);
}

const struct sysctl_entry *sysctl_table_find(const char *name)
{
        g_autofree char *prefix = g_strdup(name);
        const struct sysctl_entry *entry = find_exact(name);
        char *slash;

        while (!entry && (slash = strrchr(prefix, '/'))) {
                *slash = '\0';
                entry = find_exact(prefix);
                if (entry && entry->klass != SYSCTL_NAMESPACED)
                        return NULL;
        }
        return entry;
}
