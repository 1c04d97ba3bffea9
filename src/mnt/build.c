#include "mnt/build.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "mnt/cgroup.h"
#include "mnt/error.h"
#include "mnt/option.h"
#include "mnt/place.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTR_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Whether path is the tree of that name or lies below it. */
static bool is_in_tree(const char *path, const char *name)
{
        size_t len = strlen(name);

        return strncmp(path, name, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_absent(int r)
{
        return r == -ENOENT || r == -ENOTDIR;
}

/* Whether a row lies in another: it may be absent, as what this kernel lacks is. */
static bool is_in_row(const struct tree_spec *spec, size_t row)
{
        for (size_t i = 0; i < spec->n_rows; i++)
                if (i != row && is_in_tree(spec->rows[row].path, spec->rows[i].path))
                        return true;
        return false;
}

static bool is_cgroup(const struct tree_mount *mount)
{
        return g_strcmp0(mount->type, "cgroup") == 0 || g_strcmp0(mount->type, "cgroup2") == 0;
}

static int open_mount(struct build *build, size_t i, GError **error)
{
        const struct tree_mount *mount = &build->spec->mounts[i];
        int r = mount_options_parse(mount->options, &build->options[i]);

        if (r < 0)
                return mnt_fail(error, r,
                                "the mount at /%s asks for mapped ids, which Cloister does not do there",
                                mount->path);
        if (g_strcmp0(mount->type, "bind") == 0 || build->options[i].bind) {
                build->options[i].bind = true;
                build->binds[i] = mnt_clone(AT_FDCWD, mount->source, build->options[i].recursive);
                if (build->binds[i] < 0)
                        return mnt_fail(error, build->binds[i], "cannot bind %s to /%s", mount->source,
                                        mount->path);
        }
        if (is_cgroup(mount) && !build->options[i].bind && !build->cgroups)
                return cgroup_open(build->spec->init, &build->cgroups, error);
        return 0;
}

int build_open(struct build *build, GError **error)
{
        const struct tree_spec *spec = build->spec;
        int r = 0;

        build->null = mnt_clone(AT_FDCWD, "/dev/null", false);
        if (build->null < 0)
                return mnt_fail(error, build->null, "cannot open /dev/null");
        build->options = g_new0(struct mount_options, spec->n_mounts);
        build->binds = g_new(int, spec->n_mounts);
        memset(build->binds, -1, spec->n_mounts * sizeof(int));
        for (size_t i = 0; i < spec->n_mounts; i++)
                if ((r = open_mount(build, i, error)) < 0)
                        return r;
        build->rows = g_new(int, spec->n_rows);
        for (size_t i = 0; i < spec->n_rows; i++) {
                build->rows[i] = mnt_clone(AT_FDCWD, spec->rows[i].source, false);
                if (build->rows[i] < 0 && !(is_absent(build->rows[i]) && is_in_row(spec, i)))
                        return mnt_fail(error, build->rows[i],
                                        "cannot open the view %s (is cloisterd running, and its mount "
                                        "visible in this mount namespace?)",
                                        spec->rows[i].source);
        }
        return 0;
}

static int place(int fd, int root, const char *path)
{
        autofd int target = mnt_find(root, path);

        return target < 0 ? target : mnt_move(fd, target);
}

/* A procfs shows the PID namespace of the process that makes it: a child is in the joined one. */
static int place_proc(const struct build *build, const char *path, const struct mount_options *options)
{
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return err_negative();
        if (pid == 0) {
                int fd = mnt_make("proc", options->attr | ATTR_SAFE, options->data);
                int r = fd < 0 ? fd : place(fd, build->root, path);
                _exit(-r);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return err_negative();
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int place_new(const struct build *build, const struct tree_mount *mount,
                     const struct mount_options *options)
{
        static const char *const types[] = {"sysfs", "tmpfs", NULL};
        uint64_t attr = options->attr | (g_str_equal(mount->type, "sysfs") ? ATTR_SAFE : 0);

        if (!g_strv_contains(types, mount->type))
                return -ENODEV;
        autofd int fd = mnt_make(mount->type, attr, options->data);
        return fd < 0 ? fd : place(fd, build->root, mount->path);
}

static bool has_option(const GPtrArray *data, const char *prefix)
{
        for (unsigned i = 0; i < data->len; i++)
                if (g_str_has_prefix(g_ptr_array_index(data, i), prefix))
                        return true;
        return false;
}

static int place_mount(struct build *build, size_t i, GError **error)
{
        const struct tree_mount *mount = &build->spec->mounts[i];
        struct mount_options *options = &build->options[i];
        int r;

        if (build->binds[i] >= 0) {
                r = mnt_set(build->binds[i], options->attr, options->recursive);
                if (r == 0)
                        r = place(build->binds[i], build->root, mount->path);
        } else if (is_cgroup(mount)) {
                return cgroup_place(build->cgroups, build->root, mount->path, options->attr, build->spec->uid,
                                    build->spec->gid, error);
        } else if (g_strcmp0(mount->type, "proc") == 0) {
                r = has_option(options->data, "pidns") ? -EINVAL : place_proc(build, mount->path, options);
        } else {
                r = mount->type ? place_new(build, mount, options) : -ENODEV;
        }
        if (r == -ENODEV)
                return mnt_fail(
                        error, r,
                        "cannot mount a file system of type %s at /%s (only proc, sysfs, tmpfs, cgroup and "
                        "binds can stand below /proc and /sys)",
                        mount->type ? mount->type : "(none)", mount->path);
        return r < 0 ? mnt_fail(error, r, "cannot make the mount at /%s", mount->path) : 0;
}

/* The kernel opens some to whoever has CAP_NET_ADMIN over the namespace, some to the host's root, some (IPC,
 * by effective user id alone) only to the root of the namespace. */
static int write_sysctl(const struct build *build, const char *path, const char *value)
{
        int r = file_write_at(build->root, path, value, strlen(value));

        if (r != -EACCES)
                return r;
        if (setegid(build->spec->gid) < 0 || seteuid(build->spec->uid) < 0)
                return err_negative();
        r = file_write_at(build->root, path, value, strlen(value));
        if (seteuid(0) < 0 || setegid(0) < 0)
                return err_negative();
        return r;
}

static int write_sysctls(const struct build *build, GError **error)
{
        const char *const *pair = build->spec->sysctls;

        for (; pair && pair[0] && pair[1]; pair += 2) {
                g_autofree char *path = g_strconcat("proc/sys/", pair[0], NULL);
                int r = write_sysctl(build, path, pair[1]);
                if (r < 0)
                        return mnt_fail(error, r, "cannot set sysctl %s to \"%s\"", pair[0], pair[1]);
        }
        return 0;
}

static void open_each(const struct build *build, int *ret)
{
        const char *const *kernel = build->spec->kernel;

        for (size_t i = 0; kernel[i]; i++) {
                autofd int found = mnt_find(build->root, kernel[i]);
                ret[i] = found < 0 ? found : mnt_clone(found, "", true);
        }
}

/* Before the rows cover them. Some files are those of the PID namespace of who looks them up (pid_max, Linux
 * 6.14): a child is in the joined one, and has the same file descriptors. */
static int open_kernel(struct build *build)
{
        size_t n = build->spec->kernel ? g_strv_length((char **)build->spec->kernel) : 0;
        size_t size = (n + 1) * sizeof(int);
        int *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int status = -1;

        if (shared == MAP_FAILED)
                return err_negative();
        pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0) {
                if (n > 0)
                        open_each(build, shared);
                _exit(0);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        build->kernel = g_memdup2(shared, size);
        munmap(shared, size);
        return status == 0 ? 0 : -EIO;
}

static int place_kernel(const struct build *build, GError **error)
{
        const char *const *kernel = build->spec->kernel;

        for (size_t i = 0; kernel && kernel[i]; i++) {
                int r = build->kernel[i] < 0 ? build->kernel[i]
                                             : place(build->kernel[i], build->root, kernel[i]);
                if (r < 0 && !is_absent(r))
                        return mnt_fail(error, r, "cannot show the kernel's own /%s", kernel[i]);
        }
        return 0;
}

/* The flags of the mount that begins the tree hold for the rows on it too. */
static uint64_t row_attr(const struct build *build, const char *path)
{
        for (size_t i = 0; i < build->spec->n_mounts; i++) {
                const char *root = build->spec->mounts[i].path;
                if (!strchr(root, '/') && is_in_tree(path, root))
                        return ATTR_SAFE | (build->options[i].attr & MOUNT_ATTR_RDONLY);
        }
        return ATTR_SAFE;
}

static bool is_in_kernel(const struct build *build, const char *path)
{
        const char *const *kernel = build->spec->kernel;

        for (; kernel && *kernel; kernel++)
                if (is_in_tree(path, *kernel))
                        return true;
        return false;
}

/* Those over what the kernel's own mounts show come after them, the others before. */
static int place_rows(const struct build *build, bool over_kernel, GError **error)
{
        for (size_t i = 0; i < build->spec->n_rows; i++) {
                const struct tree_row *row = &build->spec->rows[i];
                if (build->rows[i] < 0 || is_in_kernel(build, row->path) != over_kernel)
                        continue;
                int r = mnt_set(build->rows[i], row_attr(build, row->path), false);
                if (r == 0)
                        r = place(build->rows[i], build->root, row->path);
                if (r < 0 && !is_absent(r))
                        return mnt_fail(error, r, "cannot put the view over /%s", row->path);
        }
        return 0;
}

static int make_empty(const struct build *build)
{
        g_autoptr(GPtrArray) data = g_ptr_array_new_with_free_func(g_free);

        g_ptr_array_add(data, g_strdup("mode=0755"));
        g_ptr_array_add(data, g_strdup_printf("uid=%u", build->spec->uid));
        g_ptr_array_add(data, g_strdup_printf("gid=%u", build->spec->gid));
        return mnt_make("tmpfs", ATTR_SAFE | MOUNT_ATTR_RDONLY, data);
}

static int mask(const struct build *build, const char *path)
{
        struct stat st;
        autofd int target = mnt_find(build->root, path);

        if (target < 0)
                return is_absent(target) ? 0 : target;
        if (fstat(target, &st) < 0)
                return err_negative();
        autofd int fd = S_ISDIR(st.st_mode) ? make_empty(build) : mnt_clone(AT_FDCWD, "/null", false);
        return fd < 0 ? fd : mnt_move(fd, target);
}

static int protect(const struct build *build, const char *path)
{
        autofd int target = mnt_find(build->root, path);
        int r = target < 0 ? target : mnt_is_root(target);

        if (r < 0)
                return is_absent(r) ? 0 : r;
        if (r > 0)
                return mnt_set(target, MOUNT_ATTR_RDONLY, true);
        autofd int fd = mnt_clone(target, "", true);
        r = fd < 0 ? fd : mnt_set(fd, MOUNT_ATTR_RDONLY, true);
        return r < 0 ? r : mnt_move(fd, target);
}

/* /dev/null has to be attached once to be cloned on every kernel. */
static int bring_null(const struct build *build)
{
        autofd int file = open("/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        int r = file < 0 ? err_negative()
                         : mnt_set(build->null, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false);

        return r < 0 ? r : place(build->null, AT_FDCWD, "null");
}

static int finish(const struct build *build, GError **error)
{
        const char *const *path;
        int r = bring_null(build);

        if (r < 0)
                return mnt_fail(error, r, "cannot bring /dev/null for the masked paths");
        for (path = build->spec->masked; path && *path; path++)
                if ((r = mask(build, *path)) < 0)
                        return mnt_fail(error, r, "cannot mask /%s", *path);
        for (path = build->spec->readonly; path && *path; path++)
                if ((r = protect(build, *path)) < 0)
                        return mnt_fail(error, r, "cannot make /%s read-only", *path);
        return 0;
}

int build_make(struct build *build, int root, GError **error)
{
        int r = 0;

        build->root = root;
        for (size_t i = 0; r == 0 && i < build->spec->n_mounts; i++)
                r = place_mount(build, i, error);
        if (r == 0)
                r = write_sysctls(build, error);
        if (r < 0)
                return r;
        r = open_kernel(build);
        if (r < 0)
                return mnt_fail(error, r, "cannot open the kernel's own files");
        r = place_rows(build, false, error);
        if (r == 0)
                r = place_kernel(build, error);
        if (r == 0)
                r = place_rows(build, true, error);
        return r < 0 ? r : finish(build, error);
}
