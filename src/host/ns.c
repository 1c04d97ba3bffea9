#include "host/ns.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"

#include <dirent.h>
#include <glib.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef NS_GET_PID_FROM_PIDNS /* Linux 6.11 */
#define NS_GET_PID_FROM_PIDNS _IOR(NSIO, 0x6, int)
#endif

enum {
        PIDFD_OF_THREAD = O_EXCL, /* PIDFD_THREAD, Linux 6.9 */
        STATUS_MAX = 64 * 1024,
        WALK_MAX = 64, /* the kernel nests user namespaces 32 deep */
        NS_RUN_FLAGS = CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
};

/* The namespaces that ns_run() enters, as called in proc/<pid>/ns. */
static const char *const ns_run_names[] = {"net", "uts", "ipc"};

/* Before 6.9 a pidfd of a thread that leads no group is not to be had: then by the files of /proc, one by
 * one. */
static int enter_by_files(pid_t pid)
{
        for (size_t i = 0; i < G_N_ELEMENTS(ns_run_names); i++) {
                g_autofree char *path = g_strdup_printf("/proc/%d/ns/%s", pid, ns_run_names[i]);
                autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT ? -ESRCH : err_negative();
                if (setns(fd, 0) < 0)
                        return err_negative();
        }
        return 0;
}

static int enter(pid_t pid)
{
        autofd int pidfd = (int)syscall(SYS_pidfd_open, pid, PIDFD_OF_THREAD);

        if (pidfd < 0 && errno == EINVAL)
                pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? -ESRCH : enter_by_files(pid);
        return setns(pidfd, NS_RUN_FLAGS) < 0 ? err_negative() : 0;
}

/* The thread's own namespaces, by open files. */
struct home {
        int fds[G_N_ELEMENTS(ns_run_names)];
        uid_t uid;
};

static void home_clear(struct home *home)
{
        for (size_t i = 0; i < G_N_ELEMENTS(home->fds); i++)
                fd_clear(&home->fds[i]);
}

static int home_open(struct home *home)
{
        home->uid = geteuid();
        for (size_t i = 0; i < G_N_ELEMENTS(home->fds); i++) {
                g_autofree char *path = g_strdup_printf("/proc/thread-self/ns/%s", ns_run_names[i]);
                home->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
                if (home->fds[i] < 0)
                        return err_negative();
        }
        return 0;
}

/* Only want of memory can keep a thread away. One that cannot return must not serve anybody else. */
static void home_return(const struct home *home)
{
        for (size_t i = 0; i < G_N_ELEMENTS(home->fds); i++)
                while (setns(home->fds[i], 0) < 0)
                        if (errno != ENOMEM)
                                g_error("cannot return to the server's own namespaces: %s",
                                        g_strerror(errno));
}

/* First the effective user id: the way back needs its capabilities. */
static int run_away(pid_t pid, int (*fn)(void *data), void *data, const struct home *home)
{
        int r = enter(pid);

        if (r == 0)
                r = fn(data);
        if (geteuid() != home->uid && syscall(SYS_setresuid, -1, home->uid, -1) < 0)
                g_error("cannot become the server's own user again: %s", g_strerror(errno));
        home_return(home);
        return r;
}

int ns_run(pid_t pid, int (*fn)(void *data), void *data)
{
        struct home home = {.fds = {-1, -1, -1}};
        int r = home_open(&home);

        if (r == 0)
                r = run_away(pid, fn, data, &home);
        home_clear(&home);
        return r;
}

/* Between clone and exit of a child of a process with threads: system calls only. */
static int wait_child(pid_t child)
{
        int status;

        while (waitpid(child, &status, __WALL) < 0)
                if (errno != EINTR)
                        return err_negative();
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* No signal at its end: nobody else in the server waits for it, and SIGCHLD may be ignored. */
static pid_t fork_silently(void)
{
        return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

G_NORETURN static void exit_with(int r)
{
        _exit(r < 0 ? -r & 0xff : 0);
}

/* In a PID namespace that was joined are only the children made since. */
G_NORETURN static void run_child(int ns, int type, int out, int (*fn)(void *data, int out), void *data)
{
        pid_t child = 0;

        if (setns(ns, type) < 0)
                exit_with(-errno);
        if (type == CLONE_NEWPID)
                child = fork_silently();
        if (child < 0)
                exit_with(-errno);
        exit_with(child > 0 ? wait_child(child) : fn(data, out));
}

static int read_pipe(int fd, size_t max, GString *ret)
{
        char buffer[1024];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_negative();
                if (ret->len + (size_t)n > max)
                        return -EFBIG;
                g_string_append_len(ret, buffer, n);
        }
        return 0;
}

static int run_in_child(int proc_fd, pid_t pid, int type, int (*fn)(void *data, int out), void *data,
                        GString *ret)
{
        g_autofree char *path = g_strdup_printf("%d/ns/%s", pid, type == CLONE_NEWPID ? "pid" : "user");
        autofd int ns = openat(proc_fd, path, O_RDONLY | O_CLOEXEC), in = -1, out = -1;
        int fds[2], r, status;
        pid_t child;

        if (ns < 0)
                return errno == ENOENT ? -ESRCH : err_negative();
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_negative();
        in = fds[0];
        out = fds[1];
        child = fork_silently();
        if (child < 0)
                return err_negative();
        if (child == 0)
                run_child(ns, type, out, fn, data);
        fd_clear(&out);
        r = read_pipe(in, STATUS_MAX, ret);
        fd_clear(&in);
        status = wait_child(child);
        return r < 0 ? r : status;
}

int ns_run_in_user(int proc_fd, pid_t pid, int (*fn)(void *data, int out), void *data, GString *ret)
{
        return run_in_child(proc_fd, pid, CLONE_NEWUSER, fn, data, ret);
}

int ns_run_in_pid(int proc_fd, pid_t pid, int (*fn)(void *data, int out), void *data, GString *ret)
{
        return run_in_child(proc_fd, pid, CLONE_NEWPID, fn, data, ret);
}

int ns_inode(int proc_fd, pid_t pid, const char *name, ino_t *ret)
{
        g_autofree char *path = g_strdup_printf("%d/ns/%s", pid, name);
        struct stat st;

        if (fstatat(proc_fd, path, &st, 0) < 0)
                return errno == ENOENT ? -ESRCH : err_negative();
        *ret = st.st_ino;
        return 0;
}

/* Whether pid is process 1 of its innermost PID namespace: the last number of its NSpid line. */
static bool is_init(int proc_fd, pid_t pid)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/status", pid);
        const char *line, *end, *last;

        if (file_read_at(proc_fd, path, STATUS_MAX, text) < 0)
                return false;
        line = strstr(text->str, "\nNSpid:");
        end = line ? strchr(line + 1, '\n') : NULL;
        last = end ? g_strrstr_len(line, end - line, "\t") : NULL;
        return last && end - last == 2 && last[1] == '1';
}

/* Looks through all processes for the init of a PID namespace. */
static pid_t find_init(int proc_fd, ino_t pid_ns)
{
        autofd int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;
        pid_t found = -ESRCH;

        if (!dir)
                return err_negative();
        fd_steal(&fd);
        while (found < 0 && (entry = readdir(dir))) {
                pid_t pid = atoi(entry->d_name);
                ino_t ns;
                if (pid > 0 && ns_inode(proc_fd, pid, "pid", &ns) == 0 && ns == pid_ns &&
                    is_init(proc_fd, pid))
                        found = pid;
        }
        closedir(dir);
        return found;
}

pid_t ns_init_pid(int proc_fd, pid_t pid)
{
        g_autofree char *path = g_strdup_printf("%d/ns/pid", pid);
        autofd int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        int init;

        if (fd < 0)
                return errno == ENOENT ? -ESRCH : err_negative();
        init = ioctl(fd, NS_GET_PID_FROM_PIDNS, 1);
        if (init > 0)
                return init;
        if (init < 0 && errno != ENOTTY && errno != EINVAL)
                return err_negative();
        if (fstat(fd, &st) < 0)
                return err_negative();
        return find_init(proc_fd, st.st_ino);
}

int ns_user_walk(int proc_fd, pid_t pid, int (*match)(ino_t user_ns, void *data), void *data)
{
        g_autofree char *path = g_strdup_printf("%d/ns/user", pid);
        autofd int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? -ESRCH : err_negative();
        for (unsigned i = 0; i < WALK_MAX; i++) {
                struct stat st;
                if (fstat(fd, &st) < 0)
                        return err_negative();
                if (match(st.st_ino, data))
                        return 1;
                int parent = ioctl(fd, NS_GET_PARENT);
                if (parent < 0) /* EPERM: above the initial or the server's own one */
                        return errno == EPERM ? 0 : err_negative();
                fd_clear(&fd);
                fd = parent;
        }
        return -ELOOP;
}

static int match_inode(ino_t user_ns, void *data)
{
        return user_ns == *(ino_t *)data;
}

int ns_user_below(int proc_fd, pid_t pid, ino_t ancestor)
{
        return ns_user_walk(proc_fd, pid, match_inode, &ancestor);
}
