#include "mnt/cgroup.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "mnt/error.h"
#include "mnt/hierarchy.h"
#include "mnt/place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { GROUPS_MAX = 1 << 16 };

struct cgroup_source {
        GPtrArray *hierarchies;
        int *groups; /* one detached bind each, or NULL: the cgroup namespace shows the right one */
};

static int has_namespace(pid_t init)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/ns/cgroup", init);
        struct stat own, other;

        if (stat("/proc/self/ns/cgroup", &own) < 0 || stat(path, &other) < 0)
                return err_negative();
        return own.st_ino != other.st_ino;
}

/* The path in the line "4:memory:/a/b" of proc/<pid>/cgroup that belongs to the hierarchy, or NULL. */
static const char *find_group(char **lines, const struct hierarchy *hierarchy)
{
        g_autofree char *middle = g_strconcat(":", hierarchy->options, ":/", NULL);

        for (char **line = lines; *line; line++) {
                const char *at = strchr(*line, ':');
                if (at && g_str_has_prefix(at, middle))
                        return at + strlen(middle);
        }
        return NULL;
}

/* A version 2 hierarchy beside version 1 may hold no group of the container: it would show everybody's. */
static bool is_foreign(const struct cgroup_source *source, const struct hierarchy *hierarchy,
                       const char *group)
{
        return hierarchy->v2 && source->hierarchies->len > 1 && (!group || !*group);
}

static int open_groups(pid_t init, bool own, struct cgroup_source *source)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/cgroup", init);
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(AT_FDCWD, path, GROUPS_MAX, text);

        if (r < 0)
                return r;
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        for (unsigned i = 0; i < source->hierarchies->len;) {
                const struct hierarchy *hierarchy = g_ptr_array_index(source->hierarchies, i);
                if (is_foreign(source, hierarchy, find_group(lines, hierarchy)))
                        g_ptr_array_remove_index(source->hierarchies, i);
                else
                        i++;
        }
        if (own)
                return 0;
        source->groups = g_new(int, source->hierarchies->len);
        for (unsigned i = 0; i < source->hierarchies->len; i++) {
                const struct hierarchy *hierarchy = g_ptr_array_index(source->hierarchies, i);
                const char *group = find_group(lines, hierarchy);
                g_autofree char *full = group ? g_build_filename(hierarchy->path, group, NULL) : NULL;
                source->groups[i] = full ? mnt_clone(AT_FDCWD, full, false) : -1;
        }
        return 0;
}

int cgroup_open(pid_t init, struct cgroup_source **ret, GError **error)
{
        struct cgroup_source *source = g_new0(struct cgroup_source, 1);
        int r = hierarchy_read(&source->hierarchies), own = has_namespace(init);

        if (r == 0)
                r = own < 0 ? own : open_groups(init, own, source);
        if (r < 0) {
                cgroup_close(source);
                return mnt_fail(error, r, "cannot find the control groups of process %d", init);
        }
        *ret = source;
        return 0;
}

void cgroup_close(struct cgroup_source *source)
{
        if (!source)
                return;
        for (unsigned i = 0; source->groups && i < source->hierarchies->len; i++)
                fd_clear(&source->groups[i]);
        g_clear_pointer(&source->hierarchies, g_ptr_array_unref);
        g_free(source->groups);
        g_free(source);
}

static int open_hierarchy(const struct cgroup_source *source, unsigned i, uint64_t attr)
{
        const struct hierarchy *hierarchy = g_ptr_array_index(source->hierarchies, i);
        g_autoptr(GPtrArray) data = g_ptr_array_new();

        if (source->groups) {
                int fd = source->groups[i] < 0 ? -1 : fcntl(source->groups[i], F_DUPFD_CLOEXEC, 0);
                int r = fd < 0 ? -ENOENT : mnt_set(fd, attr, false);
                return r < 0 ? r : fd;
        }
        for (char **word = hierarchy->controllers; !hierarchy->v2 && *word; word++)
                g_ptr_array_add(data, *word);
        if (!hierarchy->v2 && g_str_has_prefix(hierarchy->options, "name="))
                g_ptr_array_insert(data, 0, (char *)"none");
        return mnt_make(hierarchy->v2 ? "cgroup2" : "cgroup", attr, data);
}

static int place_hierarchy(const struct cgroup_source *source, unsigned i, int target, uint64_t attr,
                           GError **error)
{
        const struct hierarchy *hierarchy = g_ptr_array_index(source->hierarchies, i);
        autofd int fd = open_hierarchy(source, i, attr);
        int r = fd;

        if (fd == -ENOENT)
                return 0;
        if (r >= 0)
                r = mnt_move(fd, target);
        return r < 0 ? mnt_fail(error, r, "cannot mount the control groups of %s", hierarchy->path) : 0;
}

/* "cpu" and "cpuacct" beside "cpu,cpuacct", as every host has them. */
static int link_controllers(const struct hierarchy *hierarchy, int dir)
{
        for (char **word = hierarchy->controllers; *word; word++) {
                if (strchr(*word, '=') || g_str_equal(*word, hierarchy->name))
                        continue;
                if (symlinkat(hierarchy->name, dir, *word) < 0 && errno != EEXIST)
                        return err_negative();
        }
        return 0;
}

static int place_below(const struct cgroup_source *source, unsigned i, int dir, uint64_t attr, GError **error)
{
        const struct hierarchy *hierarchy = g_ptr_array_index(source->hierarchies, i);

        if (mkdirat(dir, hierarchy->name, 0755) < 0)
                return mnt_fail(error, err_negative(), "cannot make a place for %s", hierarchy->path);
        autofd int target = mnt_find(dir, hierarchy->name);
        if (target < 0)
                return mnt_fail(error, target, "cannot find the place for %s", hierarchy->path);
        int r = place_hierarchy(source, i, target, attr, error);
        if (r == 0 && !hierarchy->v2 && (r = link_controllers(hierarchy, dir)) < 0)
                return mnt_fail(error, r, "cannot link the controllers of %s", hierarchy->path);
        return r;
}

static int make_folder(int target, uid_t uid, gid_t gid, GError **error)
{
        g_autoptr(GPtrArray) data = g_ptr_array_new_with_free_func(g_free);
        int r;

        g_ptr_array_add(data, g_strdup("mode=0755"));
        g_ptr_array_add(data, g_strdup_printf("uid=%u", uid));
        g_ptr_array_add(data, g_strdup_printf("gid=%u", gid));
        autofd int fd = mnt_make("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, data);
        r = fd < 0 ? fd : mnt_move(fd, target);
        return r < 0 ? mnt_fail(error, r, "cannot mount a tmpfs for the control groups") : fd_steal(&fd);
}

int cgroup_place(const struct cgroup_source *source, int root, const char *path, uint64_t attr, uid_t uid,
                 gid_t gid, GError **error)
{
        autofd int target = mnt_find(root, path);
        int r;

        if (target < 0)
                return mnt_fail(error, target, "cannot mount the control groups at /%s", path);
        if (source->hierarchies->len == 1) {
                const struct hierarchy *only = g_ptr_array_index(source->hierarchies, 0);
                if (only->name[0] == '\0')
                        return place_hierarchy(source, 0, target, attr, error);
        }
        autofd int dir = make_folder(target, uid, gid, error);
        if (dir < 0)
                return dir;
        for (unsigned i = 0; i < source->hierarchies->len; i++)
                if ((r = place_below(source, i, dir, attr, error)) < 0)
                        return r;
        if ((r = mnt_set(dir, attr, false)) < 0)
                return mnt_fail(error, r, "cannot set the flags of /%s", path);
        return 0;
}
