#include "host/ns.h"

#include "base/fd.h"
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child in namespaces of its own that waits to be killed; its host name is "inside". 0: not to be had here.
 */
static pid_t start_child(unsigned flags)
{
        int fds[2];
        char byte = 0;
        pid_t child;

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        child = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
        cr_assert_geq(child, 0, "clone: %s", strerror(errno));
        if (child == 0) {
                if (flags & CLONE_NEWUTS)
                        sethostname("inside", 6);
                if (write(fds[1], "x", 1) == 1)
                        pause();
                _exit(1);
        }
        cr_assert_eq(read(fds[0], &byte, 1), 1);
        close(fds[0]);
        close(fds[1]);
        return child;
}

static void stop_child(pid_t child)
{
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

static int open_proc(void)
{
        return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int get_name(void *data)
{
        return uname(data) < 0 ? -errno : 5;
}

static int become_other(void *data)
{
        return (int)syscall(SYS_setresuid, -1, 12345, -1) < 0 ? -errno : (int)geteuid();
}

Test(ns, puts_the_effective_user_back)
{
        pid_t child = start_child(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC);
        struct utsname name;

        cr_expect_eq(ns_run(child, become_other, NULL), 12345);
        cr_expect_eq(geteuid(), 0);
        cr_expect_eq(ns_run(child, get_name, &name), 5);
        stop_child(child);
}

Test(ns, runs_in_the_namespaces_of_a_process)
{
        pid_t child = start_child(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC);
        struct utsname inside, own;

        cr_expect_eq(ns_run(child, get_name, &inside), 5);
        cr_expect_str_eq(inside.nodename, "inside");
        cr_assert_eq(uname(&own), 0);
        cr_expect_str_neq(own.nodename, "inside");
        stop_child(child);
        cr_expect_eq(ns_run(child, get_name, &inside), -ESRCH);
}

static int show_level(void *data, int out)
{
        return write(out, data, 3) == 3 ? 0 : -EIO;
}

static int fail(void *data, int out)
{
        return -EACCES;
}

Test(ns, runs_in_a_user_namespace)
{
        autofd int proc = open_proc();
        pid_t child = start_child(CLONE_NEWUSER);
        g_autoptr(GString) text = g_string_new(NULL);
        char data[] = "abc";

        cr_expect_eq(ns_run_in_user(proc, child, show_level, data, text), 0);
        cr_expect_str_eq(text->str, "abc");
        cr_expect_eq(ns_run_in_user(proc, child, fail, data, text), -EACCES);
        stop_child(child);
        cr_expect_eq(ns_run_in_user(proc, child, show_level, data, text), -ESRCH);
}

Test(ns, inode_numbers)
{
        autofd int proc = open_proc();
        pid_t child = start_child(CLONE_NEWUSER);
        ino_t own, other;

        cr_assert_eq(ns_inode(proc, getpid(), "user", &own), 0);
        cr_assert_eq(ns_inode(proc, child, "user", &other), 0);
        cr_expect_neq(own, other);
        cr_assert_eq(ns_inode(proc, child, "net", &other), 0);
        stop_child(child);
        cr_expect_eq(ns_inode(proc, child, "user", &other), -ESRCH);
}

Test(ns, init_of_a_pid_namespace)
{
        autofd int proc = open_proc();
        pid_t child = start_child(CLONE_NEWUSER | CLONE_NEWPID);

        cr_expect_eq(ns_init_pid(proc, child), child);
        stop_child(child);
        cr_expect_eq(ns_init_pid(proc, child), -ESRCH);
}

Test(ns, user_namespaces_above)
{
        autofd int proc = open_proc();
        pid_t child = start_child(CLONE_NEWUSER);
        ino_t own, inner;

        cr_assert_eq(ns_inode(proc, getpid(), "user", &own), 0);
        cr_assert_eq(ns_inode(proc, child, "user", &inner), 0);
        cr_expect_eq(ns_user_below(proc, child, inner), 1);
        cr_expect_eq(ns_user_below(proc, child, own), 1);
        cr_expect_eq(ns_user_below(proc, getpid(), inner), 0);
        stop_child(child);
        cr_expect_eq(ns_user_below(proc, child, own), -ESRCH);
}
