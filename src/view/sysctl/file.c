#include "view/sysctl/file.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/ns.h"
#include "host/parse.h"
#include "view/sysctl/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum { FILE_MAX = 1024 * 1024, LIST_MAX = 65536 };

/* What is to be done with one file, in the thread (or child process) that has the right namespaces. */
struct job {
        const struct view_ctx *ctx;
        const char *name;
        int (*work)(struct job *job);
        const char *text; /* write */
        size_t len;
        off_t offset;
        GString *out;     /* read */
        GPtrArray *names; /* list: each with a leading 'd' or 'f' */
        mode_t mode;      /* stat */
        bool owned;       /* stat: by the container's root */
};

/* proc/sys is opened on its own: in some containers the server's one is a mount point. */
static int open_sys(const struct host *host)
{
        int fd = openat(host_proc_fd(host), "sys", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 ? err_negative() : fd;
}

static int open_name(const struct host *host, const char *name, int flags)
{
        struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                          RESOLVE_NO_XDEV};
        autofd int sys = open_sys(host);

        if (sys < 0)
                return sys;
        int fd = (int)syscall(SYS_openat2, sys, *name ? name : ".", &how, sizeof(how));
        return fd < 0 ? err_negative() : fd;
}

static bool is_below(const char *name, const char *dir)
{
        size_t len = strlen(dir);

        return strncmp(name, dir, len) == 0 && (name[len] == '\0' || name[len] == '/');
}

/* Which namespace a namespaced name belongs to, as called in proc/<pid>/ns. */
static const char *namespace_of(const char *name)
{
        if (is_below(name, "net"))
                return "net";
        if (is_below(name, "user"))
                return "user";
        if (sysctl_table_is_pid_space(name))
                return "pid";
        return is_below(name, "kernel/hostname") || is_below(name, "kernel/domainname") ? "uts" : "ipc";
}

pid_t sysctl_file_target(const struct view_ctx *ctx, const char *name)
{
        if (sysctl_policy_class(ctx->policy, name) != SYSCTL_NAMESPACED)
                return 0;
        return ctx->caller ? ctx->caller : ctx->container->init;
}

static int run_job(void *data)
{
        struct job *job = data;

        return job->work(job);
}

/* Whether the namespace that a name belongs to is the server's own for target too: no thread needs to enter
 * it. */
static bool is_own_namespace(const struct host *host, pid_t target, const char *name)
{
        ino_t theirs, ours;

        return ns_inode(host_proc_fd(host), target, namespace_of(name), &theirs) == 0 &&
               ns_inode(host_proc_fd(host), getpid(), namespace_of(name), &ours) == 0 && theirs == ours;
}

/* User and PID namespaces are of the process, not of its threads: what is theirs is read and written by a
 * child, the rest of it is the same in all. */
static bool is_of_process(const char *name)
{
        return is_below(name, "user") || sysctl_table_is_pid_space(name);
}

static int run(struct job *job)
{
        pid_t target = sysctl_file_target(job->ctx, job->name);

        if (target == 0 || is_of_process(job->name) || is_own_namespace(job->ctx->host, target, job->name))
                return job->work(job);
        return ns_run(target, run_job, job);
}

static bool needs_child(const struct view_ctx *ctx, const char *name)
{
        pid_t target = sysctl_file_target(ctx, name);

        return target != 0 && is_of_process(name) && !is_own_namespace(ctx->host, target, name);
}

static int run_child(const struct view_ctx *ctx, struct job *job, int (*fn)(void *data, int out),
                     GString *out)
{
        pid_t target = sysctl_file_target(ctx, job->name);
        int proc = host_proc_fd(ctx->host);

        return sysctl_table_is_pid_space(job->name) ? ns_run_in_pid(proc, target, fn, job, out)
                                                    : ns_run_in_user(proc, target, fn, job, out);
}

static int read_mode(const struct host *host, const char *name, mode_t *ret)
{
        autofd int fd = open_name(host, name, O_PATH);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return err_negative();
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return -ENOENT;
        *ret = st.st_mode;
        return 0;
}

static int read_work(struct job *job)
{
        autofd int fd = open_name(job->ctx->host, job->name, O_RDONLY);

        return fd < 0 ? fd : file_read_fd(fd, FILE_MAX, job->out);
}

/* In a forked child: system calls only. */
static int read_in_child(void *data, int out)
{
        struct job *job = data;
        autofd int fd = open_name(job->ctx->host, job->name, O_RDONLY);
        char buffer[4096];
        ssize_t n;

        if (fd < 0)
                return fd;
        n = read(fd, buffer, sizeof(buffer));
        if (n < 0 || write(out, buffer, (size_t)n) != n)
                return err_negative();
        return 0;
}

int sysctl_file_read(const struct view_ctx *ctx, const char *name, GString *out)
{
        struct job job = {.ctx = ctx, .name = name, .work = read_work, .out = out};

        if (!needs_child(ctx, name))
                return run(&job);
        return run_child(ctx, &job, read_in_child, out);
}

/* The user namespace that owns one of the namespaces of a process, or of this thread (0). Returns 0 or -errno
 * (-EPERM: none below ours). */
static int read_owner(const struct host *host, pid_t pid, const char *ns, ino_t *ret)
{
        g_autofree char *path = pid ? g_strdup_printf("%d/ns/%s", pid, ns)
                                    : g_strdup_printf("thread-self/ns/%s", ns);
        autofd int fd = openat(host_proc_fd(host), path, O_RDONLY | O_CLOEXEC), owner = -1;
        struct stat st;

        if (fd < 0)
                return err_negative();
        owner = ioctl(fd, NS_GET_USERNS);
        if (owner < 0 || fstat(owner, &st) < 0)
                return err_negative();
        *ret = st.st_ino;
        return 0;
}

/* What uid 0 of a process's user namespace is for the server, or -1. */
static int64_t read_root_uid(const struct host *host, pid_t pid)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/uid_map", pid);
        unsigned inside, outside, count;
        int used;

        if (file_read_at(host_proc_fd(host), path, FILE_MAX, text) < 0)
                return -1;
        for (const char *p = text->str; sscanf(p, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
             p += used)
                if (inside == 0 && count > 0)
                        return outside;
        return -1;
}

static int64_t root_uid_of(const struct view_ctx *ctx, ino_t user_ns)
{
        const struct container *c = ctx->container;
        pid_t pid = ctx->caller ? ctx->caller : c->init;
        ino_t own;

        if (user_ns == c->user_ns)
                return c->uid;
        if (ns_inode(host_proc_fd(ctx->host), pid, "user", &own) == 0 && own == user_ns)
                return read_root_uid(ctx->host, pid);
        return -1;
}

/* Run in the thread that has entered the namespaces: what it finds is what it then writes to. uid: who asks.
 */
static int check_owner(const struct view_ctx *ctx, const char *name, uid_t uid)
{
        const char *ns = namespace_of(name);
        pid_t target = is_of_process(name) ? sysctl_file_target(ctx, name) : 0;
        ino_t owner, server;
        int r = strcmp(ns, "user") == 0 ? ns_inode(host_proc_fd(ctx->host), target, ns, &owner)
                                        : read_owner(ctx->host, target, ns, &owner);

        if (r == 0)
                r = ns_inode(host_proc_fd(ctx->host), getpid(), "user", &server);
        if (r < 0)
                return r == -EPERM ? -EACCES : r;
        return owner != server && root_uid_of(ctx, owner) == (int64_t)uid ? 0 : -EACCES;
}

static int find_mode(struct job *job)
{
        g_autofree char *parent = g_path_get_dirname(job->name);
        int r = read_mode(job->ctx->host, job->name, &job->mode);

        if (r != -EXDEV)
                return r == -ELOOP ? -ENOENT : r;
        if (read_mode(job->ctx->host, parent, &job->mode) < 0)
                return -ENOENT;
        job->mode = S_IFDIR | 0555;
        return 0;
}

static int stat_work(struct job *job)
{
        int r = find_mode(job);

        if (r == 0 && sysctl_file_target(job->ctx, job->name) != 0)
                job->owned = check_owner(job->ctx, job->name, job->ctx->container->uid) == 0;
        return r;
}

int sysctl_file_stat(const struct view_ctx *ctx, const char *name, mode_t *ret_mode, bool *ret_owned)
{
        struct job job = {.ctx = ctx, .name = name, .work = stat_work};
        int r = run(&job);

        if (r < 0)
                return r;
        *ret_mode = job.mode;
        if (ret_owned)
                *ret_owned = job.owned;
        return 0;
}

/* The machine's own files are the host root's; the control socket is the host's root, with a container's
 * rights in a container's view. */
static int check_writer(const struct view_ctx *ctx, const char *name)
{
        if (ctx->container->kind == CONTAINER_HOST)
                return ctx->caller == 0 || ctx->uid == 0 ? 0 : -EACCES;
        return check_owner(ctx, name, ctx->caller ? ctx->uid : ctx->container->uid);
}

/* Changes the effective id of this thread only: the C library's function would change that of all. */
static int set_thread_uid(uid_t uid)
{
        return syscall(SYS_setresuid, -1, uid, -1) < 0 ? err_negative() : 0;
}

static int open_and_write(const struct job *job)
{
        autofd int fd = open_name(job->ctx->host, job->name, O_WRONLY);

        if (fd < 0)
                return fd;
        ssize_t n = pwrite(fd, job->text, job->len, job->offset);
        if (n < 0)
                return err_negative();
        return (size_t)n == job->len ? 0 : (int)n;
}

/* IPC namespaces let their root write and nobody else, whatever the capabilities: this thread becomes it for
 * as long as it writes (the kernel asks at open and again at the write). */
static int write_as_root_of(const struct job *job)
{
        uid_t own = geteuid();
        ino_t owner;
        int64_t uid;
        int back, r = read_owner(job->ctx->host, 0, namespace_of(job->name), &owner);

        if (r < 0)
                return r;
        uid = root_uid_of(job->ctx, owner);
        if (uid < 0 || set_thread_uid((uid_t)uid) < 0)
                return -EACCES;
        r = open_and_write(job);
        back = set_thread_uid(own);
        g_assert(back == 0); /* the saved id is the server's own: always allowed */
        return r;
}

static int write_work(struct job *job)
{
        int r = check_writer(job->ctx, job->name);

        if (r < 0)
                return r;
        r = open_and_write(job);
        return r == -EACCES && job->ctx->container->kind != CONTAINER_HOST ? write_as_root_of(job) : r;
}

static int write_in_child(void *data, int out)
{
        int r = open_and_write(data);

        return MIN(r, 0); /* an exit status has no room for more */
}

static int write_through_child(const struct view_ctx *ctx, struct job *job)
{
        g_autoptr(GString) none = g_string_new(NULL);
        int r = check_writer(ctx, job->name);

        return r < 0 ? r : run_child(ctx, job, write_in_child, none);
}

int sysctl_file_write(const struct view_ctx *ctx, const char *name, const char *text, size_t len,
                      off_t offset)
{
        struct job job = {
                .ctx = ctx, .name = name, .work = write_work, .text = text, .len = len, .offset = offset};

        return needs_child(ctx, name) ? write_through_child(ctx, &job) : run(&job);
}

static int list_work(struct job *job)
{
        autofd int fd = open_name(job->ctx->host, job->name, O_RDONLY | O_DIRECTORY);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir)
                return fd == -EXDEV ? 0 : fd < 0 ? fd : err_negative();
        fd_steal(&fd);
        while (job->names->len < LIST_MAX && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_REG))
                        g_ptr_array_add(
                                job->names,
                                g_strdup_printf("%c%s", entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name));
        closedir(dir);
        return 0;
}

int sysctl_file_list(const struct view_ctx *ctx, const char *name,
                     void (*add)(const char *name, mode_t mode, void *data), void *data)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        struct job job = {.ctx = ctx, .name = name, .work = list_work, .names = names};
        int r = run(&job);

        for (guint i = 0; r == 0 && i < names->len; i++) {
                const char *entry = names->pdata[i];
                add(entry + 1, *entry == 'd' ? S_IFDIR | 0555 : S_IFREG | 0644, data);
        }
        return r;
}

int sysctl_file_lock(const struct host *host)
{
        autofd int fd = openat(host_proc_fd(host), "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0 || flock(fd, LOCK_EX) < 0)
                return err_negative();
        return fd_steal(&fd);
}

static int read_number(int fd, uint64_t *ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = lseek(fd, 0, SEEK_SET) < 0 ? err_negative() : file_read_fd(fd, FILE_MAX, text);

        if (r < 0)
                return r;
        return host_parse_limit(text->str, ret) < 0 ? -EINVAL : 0;
}

static int write_number(int fd, uint64_t value)
{
        char text[32];

        g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
        return pwrite(fd, text, strlen(text), 0) < 0 ? err_negative() : 0;
}

int sysctl_file_raise(const struct host *host, const char *name, uint64_t value, struct sysctl_raise *ret)
{
        autofd int lock = sysctl_file_lock(host), fd = -1;
        struct sysctl_raise raise;
        int r = lock;

        if (r >= 0)
                r = fd = open_name(host, name, O_RDWR);
        if (r >= 0)
                r = read_number(fd, &raise.old);
        if (r < 0)
                return r;
        raise.now = raise.old;
        if (raise.old < value)
                r = write_number(fd, value);
        if (r >= 0 && raise.old < value)
                r = read_number(fd, &raise.now);
        if (r >= 0)
                *ret = raise;
        return MIN(r, 0);
}

int sysctl_file_restore(const struct host *host, const char *name, const struct sysctl_raise *raise)
{
        autofd int fd = open_name(host, name, O_RDWR);
        uint64_t now;
        int r = fd < 0 ? fd : read_number(fd, &now);

        if (r < 0)
                return r;
        return now == raise->now && raise->now > raise->old ? write_number(fd, raise->old) : 0;
}
