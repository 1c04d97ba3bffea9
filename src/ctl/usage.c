#include "ctl/server.h"

#include "base/fd.h"
#include "base/file.h"
#include "base/num.h"
#include "host/ns.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { PROC_FILE_MAX = 64 * 1024 };

struct ctl_usage {
        GHashTable *namespaces; /* &user_ns of type gint64 -> itself */
        GArray *extents;        /* struct ids_range: what those namespaces map */
};

/* A process that has ended and only waits for its parent uses nothing; unless other threads of it go on.
 * Fields 3 and 20 of proc/<pid>/stat. */
static bool is_zombie(struct ctl *ctl, pid_t pid)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/stat", pid);
        char state;
        long threads;

        if (file_read_at(host_proc_fd(ctl->config.host), path, PROC_FILE_MAX, text) < 0)
                return true;
        const char *rest = strrchr(text->str, ')');
        if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld",
                            &state, &threads) != 2)
                return false;
        return (state == 'Z' || state == 'X') && threads <= 1;
}

/* The extents "inside outside count" of a map, outside in the server's own user namespace. */
static void add_extents(struct ctl *ctl, struct ctl_usage *usage, pid_t pid, const char *map)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/%s", pid, map);
        unsigned inside, outside, count;
        int used;

        if (file_read_at(host_proc_fd(ctl->config.host), path, PROC_FILE_MAX, text) < 0)
                return;
        for (const char *line = text->str; sscanf(line, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
             line += used) {
                struct ids_range range = {outside, count};
                g_array_append_val(usage->extents, range);
        }
}

static void add_process(struct ctl *ctl, struct ctl_usage *usage, pid_t pid)
{
        ino_t user_ns;

        if (ns_inode(host_proc_fd(ctl->config.host), pid, "user", &user_ns) < 0 || user_ns == ctl->user_ns)
                return;
        gint64 key = (gint64)user_ns;
        if (g_hash_table_contains(usage->namespaces, &key) || is_zombie(ctl, pid))
                return;
        g_hash_table_add(usage->namespaces, g_memdup2(&key, sizeof(key)));
        add_extents(ctl, usage, pid, "uid_map");
        add_extents(ctl, usage, pid, "gid_map");
}

struct ctl_usage *ctl_usage_read(struct ctl *ctl)
{
        struct ctl_usage *usage = g_new0(struct ctl_usage, 1);
        int fd = openat(host_proc_fd(ctl->config.host), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        uint64_t pid;

        usage->namespaces = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        usage->extents = g_array_new(FALSE, FALSE, sizeof(struct ids_range));
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (num_parse_u64(entry->d_name, &pid) == 0 && pid <= INT32_MAX)
                        add_process(ctl, usage, (pid_t)pid);
        if (dir)
                closedir(dir);
        return usage;
}

void ctl_usage_free(struct ctl_usage *usage)
{
        if (!usage)
                return;
        g_hash_table_unref(usage->namespaces);
        g_array_unref(usage->extents);
        g_free(usage);
}

bool ctl_usage_has_ns(const struct ctl_usage *usage, ino_t user_ns)
{
        gint64 key = (gint64)user_ns;

        return g_hash_table_contains(usage->namespaces, &key);
}

bool ctl_usage_has_ids(const struct ctl_usage *usage, uint32_t start, uint32_t size)
{
        for (guint i = 0; i < usage->extents->len; i++) {
                const struct ids_range *range = &g_array_index(usage->extents, struct ids_range, i);
                if (range->count <= size && range->start < (uint64_t)start + size &&
                    start < (uint64_t)range->start + range->count)
                        return true;
        }
        return false;
}
