#include "host/parse.h"
#include "view/groups.h"
#include "view/proc/rows.h"

#include <stdio.h>
#include <string.h>

struct meminfo {
        const char *host; /* the host's text */
        struct view_memory memory;
        GString *stat;   /* memory.stat of the group that sets the limit */
        uint64_t kernel; /* version 1: kernel memory, which its memory.stat lacks */
};

static uint64_t stat_bytes(const struct meminfo *m, const char *v2, const char *v1)
{
        const char *key = m->memory.version == 2 ? v2 : v1;
        uint64_t value = 0;

        return key && host_find_value(m->stat->str, key, &value) ? value : 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t host_bytes(const struct meminfo *m, const char *name)
{
        uint64_t kb;

        return host_find_field(m->host, name, &kb) ? MIN(kb, UINT64_MAX / 1024) * 1024 : UINT64_MAX;
}

static uint64_t total(const struct meminfo *m)
{
        return m->memory.total;
}

static uint64_t available(const struct meminfo *m)
{
        uint64_t files = sum(stat_bytes(m, "active_file", "total_active_file"),
                             stat_bytes(m, "inactive_file", "total_inactive_file"));
        uint64_t slab = stat_bytes(m, "slab_reclaimable", NULL);
        uint64_t most = MIN(m->memory.total, host_bytes(m, "MemAvailable"));

        return MIN(most, sum(m->memory.total - m->memory.used, sum(files, slab)));
}

static uint64_t free_bytes(const struct meminfo *m)
{
        return MIN(m->memory.total - m->memory.used, host_bytes(m, "MemAvailable"));
}

static uint64_t cached(const struct meminfo *m)
{
        uint64_t files = stat_bytes(m, "file", "total_cache");
        uint64_t swapped = stat_bytes(m, "swapcached", "total_swapcached");

        return files > swapped ? files - swapped : 0;
}

static uint64_t active(const struct meminfo *m)
{
        return sum(stat_bytes(m, "active_anon", "total_active_anon"),
                   stat_bytes(m, "active_file", "total_active_file"));
}

static uint64_t inactive(const struct meminfo *m)
{
        return sum(stat_bytes(m, "inactive_anon", "total_inactive_anon"),
                   stat_bytes(m, "inactive_file", "total_inactive_file"));
}

static uint64_t mlocked(const struct meminfo *m)
{
        return MIN(stat_bytes(m, "unevictable", "total_unevictable"), host_bytes(m, "Mlocked"));
}

static uint64_t slab(const struct meminfo *m)
{
        return m->memory.version == 2 ? stat_bytes(m, "slab", NULL) : m->kernel;
}

static uint64_t slab_unreclaimable(const struct meminfo *m)
{
        return m->memory.version == 2 ? stat_bytes(m, "slab_unreclaimable", NULL) : m->kernel;
}

static uint64_t swap_total(const struct meminfo *m)
{
        return m->memory.swap_limited ? m->memory.swap_total : host_bytes(m, "SwapTotal");
}

static uint64_t swap_free(const struct meminfo *m)
{
        uint64_t host = host_bytes(m, "SwapFree");

        return m->memory.swap_limited ? MIN(m->memory.swap_total - m->memory.swap_used, host) : host;
}

/* Half of memory and all of swap, as with the kernel's own overcommit_ratio; overcommit is the host's to
 * grant. */
static uint64_t commit_limit(const struct meminfo *m)
{
        return sum(m->memory.total / 2, swap_total(m));
}

/* No group has this: what it has of anonymous and shared memory is the committed part that is in use. */
static uint64_t committed(const struct meminfo *m)
{
        return sum(stat_bytes(m, "anon", "total_rss"), stat_bytes(m, "shmem", "total_shmem"));
}

/* What a line shows under a limit: a function, or the figure of memory.stat. All others show 0: the kernel
 * does not count them by group, and the host's figures are the host's. */
static const struct line {
        const char *name;
        uint64_t (*bytes)(const struct meminfo *m);
        const char *v2, *v1;
} lines[] = {
        {"MemTotal", total},
        {"MemFree", free_bytes},
        {"MemAvailable", available},
        {"Cached", cached},
        {"SwapCached", NULL, "swapcached", "total_swapcached"},
        {"Active", active},
        {"Inactive", inactive},
        {"Active(anon)", NULL, "active_anon", "total_active_anon"},
        {"Inactive(anon)", NULL, "inactive_anon", "total_inactive_anon"},
        {"Active(file)", NULL, "active_file", "total_active_file"},
        {"Inactive(file)", NULL, "inactive_file", "total_inactive_file"},
        {"Unevictable", NULL, "unevictable", "total_unevictable"},
        {"Mlocked", mlocked},
        {"SwapTotal", swap_total},
        {"SwapFree", swap_free},
        {"Zswap", NULL, "zswap", NULL},
        {"Zswapped", NULL, "zswapped", NULL},
        {"Dirty", NULL, "file_dirty", "total_dirty"},
        {"Writeback", NULL, "file_writeback", "total_writeback"},
        {"AnonPages", NULL, "anon", "total_rss"},
        {"Mapped", NULL, "file_mapped", "total_mapped_file"},
        {"Shmem", NULL, "shmem", "total_shmem"},
        {"KReclaimable", NULL, "slab_reclaimable", NULL},
        {"Slab", slab},
        {"SReclaimable", NULL, "slab_reclaimable", NULL},
        {"SUnreclaim", slab_unreclaimable},
        {"KernelStack", NULL, "kernel_stack", NULL},
        {"PageTables", NULL, "pagetables", NULL},
        {"SecPageTables", NULL, "sec_pagetables", NULL},
        {"CommitLimit", commit_limit},
        {"Committed_AS", committed},
        {"VmallocUsed", NULL, "vmalloc", NULL},
        {"Percpu", NULL, "percpu", NULL},
        {"AnonHugePages", NULL, "anon_thp", "total_rss_huge"},
        {"ShmemHugePages", NULL, "shmem_thp", NULL},
        {"FileHugePages", NULL, "file_thp", NULL},
        {"DirectMap4k", total},
};

/* Facts of the machine, the same whatever the size of memory. */
static const char *const host_lines[] = {"VmallocTotal", "Hugepagesize", NULL};

static uint64_t line_bytes(const struct meminfo *m, const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
                if (strcmp(lines[i].name, name) == 0)
                        return lines[i].bytes ? lines[i].bytes(m) : stat_bytes(m, lines[i].v2, lines[i].v1);
        return 0;
}

/* The kernel's columns: names padded to 16 (two families to 19), numbers right-aligned up to column 24. */
static void append_line(const char *name, const char *unit, uint64_t bytes, GString *out)
{
        bool wide = g_str_has_prefix(name, "HugePages_") || strcmp(name, "HardwareCorrupted") == 0;
        g_autofree char *label = g_strconcat(name, ":", NULL);

        g_string_append_printf(out, "%-*s%*" G_GUINT64_FORMAT "%s\n", wide ? 19 : 16, label, wide ? 5 : 8,
                               bytes / 1024, unit);
}

/* Whether the host's own line stands as it is. */
static bool keeps_host(const struct meminfo *m, const char *name)
{
        if (strcmp(name, "SwapTotal") == 0 || strcmp(name, "SwapFree") == 0)
                return !m->memory.swap_limited;
        return !m->memory.limited || g_strv_contains(host_lines, name);
}

static void append_all(const struct meminfo *m, GString *out)
{
        g_auto(GStrv) host = g_strsplit(m->host, "\n", -1);

        for (char **line = host; *line && **line; line++) {
                g_autofree char *name = g_strndup(*line, strcspn(*line, ":"));
                if (keeps_host(m, name))
                        g_string_append_printf(out, "%s\n", *line);
                else
                        append_line(name, g_str_has_suffix(*line, " kB") ? " kB" : "", line_bytes(m, name),
                                    out);
        }
}

int view_render_meminfo(const struct view_ctx *ctx, GString *out)
{
        g_autoptr(GString) host = g_string_new(NULL), stat = g_string_new(NULL);
        struct meminfo m = {.stat = stat};
        int r = host_read(ctx->host, "proc/meminfo", host);

        if (r < 0)
                return r;
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        m.host = host->str;
        view_read_memory(groups, host->str, &m.memory);
        if (m.memory.limited) {
                groups_read(groups, CONTROLLER_MEMORY, m.memory.level, "memory.stat", stat);
                if (m.memory.version == 1)
                        m.kernel = view_read_number(groups, CONTROLLER_MEMORY, m.memory.level,
                                                    "memory.kmem.usage_in_bytes");
        }
        append_all(&m, out);
        return 0;
}
