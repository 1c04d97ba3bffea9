#include "host/groups.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/mounts.h"
#include "host/parse.h"

#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

enum {
        GROUP_FILE_MAX = 1024 * 1024,
        PROC_FILE_MAX = 64 * 1024,
        DEPTH_MAX = 128,
        KEPT_MAX = 32,
        PF_EXITING = 4, /* of the kernel, in the flags of proc/<pid>/stat */
};

/* One controller's place: a directory fd of the process's group; ancestors are reached through "..". */
struct group {
        int version;
        int fd;
        unsigned depth;
        char *path;
};

/* An interface file that was read once and is kept open. */
struct kept_file {
        enum controller controller;
        unsigned level;
        char *name;
        int fd;
};

struct kept_files {
        GMutex lock; /* never held over a read */
        unsigned n;
        struct kept_file files[KEPT_MAX];
};

struct groups {
        gatomicrefcount refs;
        struct group group[CONTROLLER_COUNT];
        struct kept_files *kept;
};

static const struct {
        const char *v1, *v2;
} names[CONTROLLER_COUNT] = {
        [CONTROLLER_CPU] = {"cpu", "cpu"},          [CONTROLLER_CPUACCT] = {"cpuacct", "cpu"},
        [CONTROLLER_CPUSET] = {"cpuset", "cpuset"}, [CONTROLLER_MEMORY] = {"memory", "memory"},
        [CONTROLLER_BLKIO] = {"blkio", "io"},       [CONTROLLER_PIDS] = {"pids", "pids"},
};

/* No symlink and no ".." leads out; nothing in a cgroup file system is a symlink. */
static int open_beneath(int dirfd, const char *path)
{
        struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

        while (*path == '/')
                path++;
        int fd = (int)syscall(SYS_openat2, dirfd, *path ? path : ".", &how, sizeof(how));
        return fd < 0 ? err_negative() : fd;
}

/* The part of a group's path that is below the group a mount shows, or NULL: it is not seen there. */
static const char *below_mount(const struct cgroup_mount *mount, const char *path)
{
        size_t len = strlen(mount->root);

        if (strcmp(mount->root, "/") == 0)
                return path;
        if (!g_str_has_prefix(path, mount->root) || (path[len] != '/' && path[len] != '\0'))
                return NULL;
        return path + len;
}

/* Counts the components, and cuts the path behind the last one that is read: who nests deeper than that still
 * is under the limits above. */
static unsigned cut_depth(char *path)
{
        unsigned depth = 0;

        for (char *p = path; *p; p++) {
                if (*p == '/' || (p[1] != '/' && p[1] != '\0'))
                        continue;
                if (++depth == DEPTH_MAX)
                        p[1] = '\0';
        }
        return depth;
}

/* Whether the version 2 hierarchy at fd has a controller: "cpuset cpu io" in its topmost group. */
static bool has_controller(int top_fd, const char *controller)
{
        g_autofree char *line = NULL;

        if (file_read_line_at(top_fd, "cgroup.controllers", &line) < 0)
                return false;
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        return g_strv_contains((const char *const *)words, controller);
}

/* Fills one place. A group or mount that is not there leaves it empty. */
static void open_group(const struct host *host, const struct cgroup_mount *mount, const char *path,
                       const char *controller, struct group *group)
{
        g_autofree char *below = g_strdup(below_mount(mount, path));
        unsigned depth = below ? cut_depth(below) : 0;
        autofd int top = open_beneath(host_root_fd(host), mount->point);
        autofd int fd = -1;

        if (!below || top < 0 || (mount->version == 2 && !has_controller(top, controller)))
                return;
        fd = open_beneath(top, below);
        if (fd < 0)
                return;
        group->version = mount->version;
        group->fd = fd_steal(&fd);
        group->depth = depth;
        group->path = g_strdup(path);
}

/* A line of proc/<pid>/cgroup: "4:cpu,cpuacct:/path", version 2 with an empty second field. */
static void open_line(const struct host *host, char *line, struct groups *groups)
{
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path)
                return;
        *path++ = '\0';
        controllers++;
        if (g_str_has_suffix(path, "/init.scope"))
                path[strlen(path) - strlen("/init.scope")] = '\0';
        g_auto(GStrv) listed = g_strsplit(controllers, ",", -1);
        for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
                bool v1 = g_strv_contains((const char *const *)listed, names[c].v1),
                     v2 = *controllers == '\0';
                const struct cgroup_mount *mount = v1 || v2 ? mounts_find(host_mounts(host),
                                                                          v2 ? NULL : names[c].v1)
                                                            : NULL;
                if (mount && groups->group[c].version == 0)
                        open_group(host, mount, *path ? path : "/", names[c].v2, &groups->group[c]);
        }
}

static struct groups *groups_new(void)
{
        struct groups *groups = g_new0(struct groups, 1);

        g_atomic_ref_count_init(&groups->refs);
        for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
                groups->group[c].fd = -1;
        groups->kept = g_new0(struct kept_files, 1);
        g_mutex_init(&groups->kept->lock);
        return groups;
}

/* A process that ends leaves its groups and then reads as "/" in version 1 hierarchies: it must not be taken
 * for one of the root group. Asked after the groups were read. */
static int check_not_exiting(const struct host *host, pid_t pid)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/stat", pid);
        struct pid_stat stat;
        int r = file_read_at(host_proc_fd(host), path, PROC_FILE_MAX, text);

        if (r == 0)
                r = host_parse_pid_stat(text->str, &stat);
        if (r < 0)
                return r;
        return stat.flags & PF_EXITING || stat.state == 'Z' || stat.state == 'X' ? -ESRCH : 0;
}

int groups_open(const struct host *host, pid_t pid, struct groups **ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/cgroup", pid);
        int r = file_read_at(host_proc_fd(host), path, PROC_FILE_MAX, text);

        if (r == 0)
                r = check_not_exiting(host, pid);
        if (r < 0)
                return r;
        autoptr(groups) groups = groups_new();
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        for (char **line = lines; *line; line++)
                open_line(host, *line, groups);
        *ret = g_steal_pointer(&groups);
        return 0;
}

struct groups *groups_ref(struct groups *groups)
{
        g_atomic_ref_count_inc(&groups->refs);
        return groups;
}

static void kept_free(struct kept_files *kept)
{
        for (unsigned i = 0; i < kept->n; i++) {
                close(kept->files[i].fd);
                g_free(kept->files[i].name);
        }
        g_mutex_clear(&kept->lock);
        g_free(kept);
}

void groups_unref(struct groups *groups)
{
        if (!groups || !g_atomic_ref_count_dec(&groups->refs))
                return;
        for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
                fd_clear(&groups->group[c].fd);
                g_free(groups->group[c].path);
        }
        kept_free(groups->kept);
        g_free(groups);
}

int groups_version(const struct groups *groups, enum controller controller)
{
        return groups->group[controller].version;
}

unsigned groups_depth(const struct groups *groups, enum controller controller)
{
        return groups->group[controller].depth;
}

/* The lock is held. */
static int find_kept(const struct kept_files *kept, enum controller controller, unsigned level,
                     const char *name)
{
        for (unsigned i = 0; i < kept->n; i++) {
                const struct kept_file *file = &kept->files[i];
                if (file->controller == controller && file->level == level && strcmp(file->name, name) == 0)
                        return file->fd;
        }
        return -1;
}

static int open_file(const struct group *group, unsigned level, const char *name)
{
        g_autoptr(GString) path = g_string_new(NULL);

        for (unsigned i = 0; i < level; i++)
                g_string_append(path, "../");
        g_string_append(path, name);
        int fd = openat(group->fd, path->str, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? err_negative() : fd;
}

/* Keeps fd, unless there is no room or another thread was faster. Returns whether it is kept. */
static bool keep_file(struct kept_files *kept, enum controller controller, unsigned level, const char *name,
                      int fd)
{
        bool room;

        g_mutex_lock(&kept->lock);
        room = kept->n < KEPT_MAX && find_kept(kept, controller, level, name) < 0;
        if (room)
                kept->files[kept->n++] = (struct kept_file){
                        .controller = controller, .level = level, .name = g_strdup(name), .fd = fd};
        g_mutex_unlock(&kept->lock);
        return room;
}

int groups_read(const struct groups *groups, enum controller controller, unsigned level, const char *file,
                GString *out)
{
        const struct group *group = &groups->group[controller];
        int fd, r;

        if (group->version == 0 || level > group->depth)
                return -ENOENT;
        g_mutex_lock(&groups->kept->lock);
        fd = find_kept(groups->kept, controller, level, file);
        g_mutex_unlock(&groups->kept->lock);
        if (fd >= 0)
                return file_read_record_fd(fd, GROUP_FILE_MAX, out);
        fd = open_file(group, level, file);
        if (fd == -ENOENT && faccessat(group->fd, "cgroup.procs", F_OK, 0) < 0)
                return -ENODEV;
        if (fd < 0)
                return fd;
        r = file_read_record_fd(fd, GROUP_FILE_MAX, out);
        if (!keep_file(groups->kept, controller, level, file, fd))
                close(fd);
        return r;
}

const char *groups_path(const struct groups *groups, enum controller controller)
{
        return groups->group[controller].path;
}
