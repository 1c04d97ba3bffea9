#include "mnt/group.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/num.h"
#include "mnt/error.h"
#include "mnt/hierarchy.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        PERIOD_MICRO = 100000,
        MAKE_TRIES = 20,
        REMOVE_TRIES = 500,
        REMOVE_PAUSE_MICRO = 10000,
        PROCS_MAX = 1 << 20
};

struct group {
        GPtrArray *hierarchies;
        char **parts; /* of the parent's path */
        char *parent, *name;
        bool tidy;
};

int group_new(const char *parent, const char *name, bool tidy, struct group **ret, GError **error)
{
        g_autofree char *clean = g_canonicalize_filename(parent, "/");
        GPtrArray *hierarchies;
        int r = hierarchy_read(&hierarchies);

        if (r < 0)
                return mnt_fail(error, r, "cannot read where the control groups are mounted");
        struct group *group = g_new0(struct group, 1);
        group->hierarchies = hierarchies;
        group->parts = g_strsplit(clean + 1, "/", -1);
        group->parent = g_steal_pointer(&clean);
        group->name = g_strdup(name);
        group->tidy = tidy;
        *ret = group;
        return 0;
}

void group_free(struct group *group)
{
        if (!group)
                return;
        g_ptr_array_unref(group->hierarchies);
        g_strfreev(group->parts);
        g_free(group->parent);
        g_free(group->name);
        g_free(group);
}

static int put(const char *dir, const char *file, const char *text)
{
        g_autofree char *path = g_build_filename(dir, file, NULL);

        return file_write_at(AT_FDCWD, path, text, strlen(text));
}

/* A cpuset of version 1 begins empty, and no task can enter it so. */
static int fill_cpuset(const char *above, const char *dir)
{
        static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *from = g_build_filename(above, files[i], NULL);
                g_autofree char *to = g_build_filename(dir, files[i], NULL);
                g_autofree char *text = NULL, *present = NULL;
                int r = file_read_line_at(AT_FDCWD, to, &present);
                if (r == 0 && *present == '\0')
                        r = file_read_line_at(AT_FDCWD, from, &text);
                if (r == 0 && text)
                        r = file_write_at(AT_FDCWD, to, text, strlen(text));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_dir(const struct hierarchy *hierarchy, const char *above, const char *dir)
{
        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
                return err_negative();
        if (!hierarchy->v2 && g_strv_contains((const char *const *)hierarchy->controllers, "cpuset"))
                return fill_cpuset(above, dir);
        return 0;
}

static int make_path(const struct group *group, const struct hierarchy *hierarchy)
{
        g_autofree char *dir = g_strdup(hierarchy->path);

        for (char **part = group->parts;; part++) {
                const char *name = *part ? *part : group->name;
                g_autofree char *above = g_steal_pointer(&dir);
                dir = g_build_filename(above, name, NULL);
                int r = make_dir(hierarchy, above, dir);
                if (r < 0 || !*part)
                        return r;
        }
}

/* Again while another run, ending, takes the common parent away. */
static int make_in(const struct group *group, const struct hierarchy *hierarchy)
{
        int r = -ENOENT;

        for (unsigned i = 0; i < MAKE_TRIES && (r == -ENOENT || r == -ENODEV); i++)
                r = make_path(group, hierarchy);
        return r;
}

static char *get_dir(const struct group *group, const struct hierarchy *hierarchy)
{
        return g_build_filename(hierarchy->path, group->parent, group->name, NULL);
}

/* On version 2 a controller must be handed down from the root to the parent. */
static int hand_down(const struct group *group, const struct hierarchy *hierarchy, const char *controller)
{
        g_autofree char *text = g_strconcat("+", controller, NULL);
        g_autofree char *dir = g_strdup(hierarchy->path);
        int r = put(dir, "cgroup.subtree_control", text);

        for (char **part = group->parts; r == 0 && *part; part++) {
                g_autofree char *above = g_steal_pointer(&dir);
                dir = g_build_filename(above, *part, NULL);
                r = put(dir, "cgroup.subtree_control", text);
        }
        return r;
}

static int set_limit(const struct group *group, const char *controller, const char *v1_file,
                     const char *v2_file, const char *v1_text, const char *v2_text, GError **error)
{
        const struct hierarchy *hierarchy = hierarchy_find(group->hierarchies, controller);

        if (!hierarchy) {
                g_set_error(
                        error, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                        "this machine has no control group controller \"%s\" to limit with (see `cloisterctl "
                        "doctor`)",
                        controller);
                return -EOPNOTSUPP;
        }
        g_autofree char *dir = get_dir(group, hierarchy);
        int r = hierarchy->v2 ? hand_down(group, hierarchy, controller) : 0;
        if (r == 0)
                r = put(dir, hierarchy->v2 ? v2_file : v1_file, hierarchy->v2 ? v2_text : v1_text);
        if (r < 0)
                return mnt_fail(error, r, "cannot set %s of %s to %s", hierarchy->v2 ? v2_file : v1_file, dir,
                                hierarchy->v2 ? v2_text : v1_text);
        return 0;
}

static int set_cpu(const struct group *group, uint64_t micro, GError **error)
{
        g_autofree char *quota = g_strdup_printf("%" G_GUINT64_FORMAT, micro);
        g_autofree char *both = g_strdup_printf("%s %d", quota, PERIOD_MICRO);

        return set_limit(group, "cpu", "cpu.cfs_quota_us", "cpu.max", quota, both, error);
}

static int set_limits(const struct group *group, const struct group_limits *limits, GError **error)
{
        g_autofree char *memory = g_strdup_printf("%" G_GUINT64_FORMAT, limits->memory);
        g_autofree char *pids = g_strdup_printf("%" G_GUINT64_FORMAT, limits->pids);
        const char *cpuset = limits->cpuset;
        int r = 0;

        if (limits->memory)
                r = set_limit(group, "memory", "memory.limit_in_bytes", "memory.max", memory, memory, error);
        if (r == 0 && limits->cpu_micro)
                r = set_cpu(group, limits->cpu_micro, error);
        if (r == 0 && limits->pids)
                r = set_limit(group, "pids", "pids.max", "pids.max", pids, pids, error);
        if (r == 0 && cpuset)
                r = set_limit(group, "cpuset", "cpuset.cpus", "cpuset.cpus", cpuset, cpuset, error);
        return r;
}

int group_make(struct group *group, const struct group_limits *limits, GError **error)
{
        for (unsigned i = 0; i < group->hierarchies->len; i++) {
                const struct hierarchy *hierarchy = g_ptr_array_index(group->hierarchies, i);
                int r = make_in(group, hierarchy);
                if (r < 0)
                        return mnt_fail(error, r, "cannot make the control group %s/%s in %s", group->parent,
                                        group->name, hierarchy->path);
        }
        return set_limits(group, limits, error);
}

/* The file `tasks` of version 1 moves one thread without the lock that stops all forks of the machine. */
int group_enter(const struct group *group)
{
        for (unsigned i = 0; i < group->hierarchies->len; i++) {
                const struct hierarchy *hierarchy = g_ptr_array_index(group->hierarchies, i);
                g_autofree char *dir = get_dir(group, hierarchy);
                int r = put(dir, hierarchy->v2 ? "cgroup.procs" : "tasks", "0");
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_member(const char *path, const char *pid)
{
        g_autoptr(GString) text = g_string_new(NULL);

        if (file_read_at(AT_FDCWD, path, PROCS_MAX, text) < 0)
                return false;
        g_auto(GStrv) pids = g_strsplit(text->str, "\n", -1);
        return g_strv_contains((const char *const *)pids, pid);
}

/* A number may be another process by now: it counts only if it is in the group while its pidfd is open. */
static void kill_member(const char *path, const char *text)
{
        uint64_t pid;

        if (num_parse_u64(text, &pid) < 0 || pid == 0 || pid > G_MAXINT)
                return;
        autofd int pidfd = pidfd_open((pid_t)pid, 0);
        if (pidfd >= 0 && is_member(path, text))
                pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

static void kill_members(const char *dir)
{
        g_autofree char *path = g_build_filename(dir, "cgroup.procs", NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        if (file_read_at(AT_FDCWD, path, PROCS_MAX, text) < 0)
                return;
        g_auto(GStrv) pids = g_strsplit(text->str, "\n", -1);
        for (char **pid = pids; *pid; pid++)
                if (**pid)
                        kill_member(path, *pid);
}

static int remove_in(const struct group *group, const struct hierarchy *hierarchy)
{
        g_autofree char *dir = get_dir(group, hierarchy);
        g_autofree char *parent = g_build_filename(hierarchy->path, group->parent, NULL);

        for (unsigned i = 0; rmdir(dir) < 0 && errno != ENOENT; i++) {
                if (i == REMOVE_TRIES)
                        return -EBUSY;
                kill_members(dir);
                g_usleep(REMOVE_PAUSE_MICRO);
        }
        if (group->tidy)
                rmdir(parent); /* refused while others are in it */
        return 0;
}

int group_remove(const struct group *group)
{
        int r = 0;

        for (unsigned i = 0; i < group->hierarchies->len; i++)
                if (remove_in(group, g_ptr_array_index(group->hierarchies, i)) < 0)
                        r = -EBUSY;
        return r;
}
