#include "view/proc/rows.h"
#include "view/sys/rows.h"
#include "view/sysctl/sysctl.h"
#include "view/sysctl/table.h"
#include "view/vfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by path. A row keeps its number for ever; a new one takes the next: 14. */
static const struct vfile rows[] = {
        {1, "proc", S_IFDIR | 0555},
        {2, "proc/cpuinfo", S_IFREG | 0444, VFILE_MOUNT, view_render_cpuinfo},
        {3, "proc/loadavg", S_IFREG | 0444, VFILE_MOUNT, view_render_loadavg},
        {4, "proc/meminfo", S_IFREG | 0444, VFILE_MOUNT, view_render_meminfo},
        {5, "proc/stat", S_IFREG | 0444, VFILE_MOUNT, view_render_stat},
        {6, "proc/swaps", S_IFREG | 0444, VFILE_MOUNT, view_render_swaps},
        {7, "proc/sys", S_IFDIR | 0555, VFILE_MOUNT | VFILE_KNOB | VFILE_DYNAMIC, .dir = &view_sysctl_dir},
        {8, "proc/uptime", S_IFREG | 0444, VFILE_MOUNT, view_render_uptime},
        {9, "sys", S_IFDIR | 0555},
        {10, "sys/devices", S_IFDIR | 0555},
        {11, "sys/devices/system", S_IFDIR | 0555},
        {12, "sys/devices/system/cpu", S_IFDIR | 0555},
        {13, "sys/devices/system/cpu/online", S_IFREG | 0444, VFILE_MOUNT, view_render_cpu_online},
        {0},
};

/* Where what is bound goes on answering in the namespaces of who reads. Names of IPC namespaces do not: their
 * files and the directory fs/mqueue are those of the namespace in which they were looked up. The three
 * *_next_id are here although they belong to these: writing them takes CAP_CHECKPOINT_RESTORE, which only the
 * kernel can ask for. */
static const char *const kernel_mounts[] = {
        "proc/sys/net",
        "proc/sys/user",
        "proc/sys/kernel/domainname",
        "proc/sys/kernel/hostname",
        "proc/sys/kernel/msg_next_id",
        "proc/sys/kernel/ns_last_pid",
        "proc/sys/kernel/pid_max",
        "proc/sys/kernel/sem_next_id",
        "proc/sys/kernel/shm_next_id",
        "proc/sys/vm/memfd_noexec",
};

const struct vfile *view_rows(size_t *ret_count)
{
        if (ret_count)
                *ret_count = G_N_ELEMENTS(rows) - 1;
        return rows;
}

static int compare_path(const void *path, const void *row)
{
        return strcmp(path, ((const struct vfile *)row)->path);
}

const struct vfile *view_find(const char *path)
{
        return bsearch(path, rows, G_N_ELEMENTS(rows) - 1, sizeof(rows[0]), compare_path);
}

const struct vfile *view_find_row(unsigned number)
{
        for (const struct vfile *row = rows; row->path; row++)
                if (row->row == number)
                        return row;
        return NULL;
}

/* The row for a path: its own, or the dynamic directory it is in; *ret_below is the rest of the path there.
 */
static const struct vfile *find_row_for(const char *path, const char **ret_below)
{
        for (const struct vfile *row = rows; row->path; row++) {
                size_t len = strlen(row->path);
                if (strncmp(path, row->path, len) != 0 || (path[len] && path[len] != '/'))
                        continue;
                *ret_below = path[len] ? path + len + 1 : "";
                if (!path[len] || row->flags & VFILE_DYNAMIC)
                        return row;
        }
        return NULL;
}

int view_render(const struct view_ctx *ctx, const char *path, GString *out)
{
        const char *below;
        const struct vfile *row = find_row_for(path, &below);

        if (!row)
                return -ENOENT;
        if (row->dir && *below)
                return row->dir->render(ctx, below, out);
        return row->render ? row->render(ctx, out) : -EISDIR;
}

int view_store(const struct view_ctx *ctx, const char *path, const char *text, size_t len)
{
        const char *below;
        const struct vfile *row = find_row_for(path, &below);

        if (!row)
                return -ENOENT;
        if (S_ISDIR(row->mode))
                return row->dir && *below ? MIN(row->dir->store(ctx, below, text, len, 0), 0) : -EISDIR;
        return row->store ? row->store(ctx, text, len) : -EROFS;
}

char **view_kernel_mounts(void)
{
        GPtrArray *mounts = g_ptr_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(kernel_mounts); i++)
                if (sysctl_policy_class(NULL, kernel_mounts[i] + strlen("proc/sys/")) == SYSCTL_NAMESPACED)
                        g_ptr_array_add(mounts, g_strdup(kernel_mounts[i]));
        g_ptr_array_add(mounts, NULL);
        return (char **)g_ptr_array_free(mounts, FALSE);
}

char **view_knob_mounts(void)
{
        GPtrArray *mounts = g_ptr_array_new();
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        for (size_t i = 0; i < count; i++)
                if (entries[i].flags & SYSCTL_BIND)
                        g_ptr_array_add(mounts, g_strconcat("proc/sys/", entries[i].name, NULL));
        g_ptr_array_add(mounts, NULL);
        return (char **)g_ptr_array_free(mounts, FALSE);
}
