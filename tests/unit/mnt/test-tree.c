/* A container of our own making (root of a user namespace, all capabilities), the trees attached to it, and
 * what its root can and cannot do to them. Files of a tmpfs stand for the views. */
#include "mnt/tree.h"

#include "base/fd.h"
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA "/mnt"
#define ROOTFS AREA "/root"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif

struct box {
        pid_t init;
        int pidfd;
};

static void put(const char *path, const char *text)
{
        autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
        cr_assert_eq(file_write_all(fd, text, strlen(text)), 0);
}

/* A private mount namespace with sources and an empty rootfs. */
static void prepare(void)
{
        if (geteuid() != 0)
                cr_skip_test("needs root");
        cr_assert_eq(unshare(CLONE_NEWNS), 0);
        cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        cr_assert_eq(mount("tmpfs", AREA, "tmpfs", 0, "mode=0755"), 0);
        mkdir(AREA "/src", 0755);
        mkdir(AREA "/src/sys", 0755);
        mkdir(AREA "/src/sys/net", 0755);
        mkdir(AREA "/src/sys/kernel", 0755);
        mkdir(ROOTFS, 0755);
        mkdir(ROOTFS "/proc", 0755);
        mkdir(ROOTFS "/sys", 0755);
        mkdir(ROOTFS "/tmp", 01777);
        put(AREA "/src/uptime", "our uptime\n");
        put(AREA "/src/online", "7\n");
        put(AREA "/src/sys/kernel/shmmni", "");
        put(AREA "/src/sys/kernel/panic", "our panic\n");
        cr_assert_eq(chown(AREA "/src/sys/kernel/panic", 100000, 100000), 0);
}

static void map_ids(pid_t pid)
{
        g_autofree char *uids = g_strdup_printf("/proc/%d/uid_map", pid);
        g_autofree char *gids = g_strdup_printf("/proc/%d/gid_map", pid);
        static const char map[] = "0 100000 65536";

        cr_assert_eq(file_write_at(AT_FDCWD, uids, map, strlen(map)), 0);
        cr_assert_eq(file_write_at(AT_FDCWD, gids, map, strlen(map)), 0);
}

/* The init: its root is the rootfs, and nothing of the host's mounts is left. */
static void live(int ready, bool own_proc)
{
        if (setgid(0) < 0 || setuid(0) < 0)
                _exit(1);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user takes it away */
        if (mount(ROOTFS, ROOTFS, NULL, MS_BIND, NULL) < 0 || chdir(ROOTFS) < 0)
                _exit(2);
        if (own_proc && mount("proc", "proc", "proc", 0, NULL) < 0)
                _exit(5);
        if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                _exit(3);
        if (write(ready, "r", 1) != 1)
                _exit(4);
        close(ready);
        for (;;)
                pause();
}

static struct box start_with(bool own_proc)
{
        int ready[2];
        struct box box = {.pidfd = -1};
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                         CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
                .pidfd = (uintptr_t)&box.pidfd,
                .exit_signal = SIGCHLD,
        };

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready), 0);
        box.init = (pid_t)syscall(SYS_clone3, &args, sizeof args);
        cr_assert_geq(box.init, 0);
        if (box.init == 0) {
                char go;
                close(ready[0]);
                if (read(ready[1], &go, 1) == 1)
                        live(ready[1], own_proc);
                _exit(1);
        }
        map_ids(box.init);
        close(ready[1]);
        cr_assert_eq(write(ready[0], "g", 1), 1);
        char done;
        cr_assert_eq(read(ready[0], &done, 1), 1, "the container's init failed");
        close(ready[0]);
        return box;
}

static struct box start(void)
{
        return start_with(false);
}

static void stop(struct box *box)
{
        kill(box->init, SIGKILL);
        waitpid(box->init, NULL, 0);
        fd_clear(&box->pidfd);
}

static const char *const safe[] = {"nosuid", "noexec", "nodev", NULL};
static const struct tree_mount mounts[] = {
        {"proc", "proc", "proc", safe},
        {"sys", "sysfs", "sysfs", safe},
        {"sys/fs/cgroup", "cgroup", "cgroup", safe},
};
static const struct tree_row rows[] = {
        {AREA "/src/uptime", "proc/uptime"},
        {AREA "/src/sys", "proc/sys"},
        {AREA "/src/online", "sys/devices/system/cpu/online"},
        {AREA "/src/online", "proc/no-such-file"},
};
static const char *const kernel[] = {"proc/sys/net", "proc/sys/kernel/shmmni", "proc/sys/absent", NULL};
static const char *const masked[] = {"proc/kcore", "proc/interrupts", "sys/firmware", "proc/absent", NULL};
static const char *const readonly[] = {"proc/sys", "proc/bus", NULL};

static struct tree_spec make_spec(const struct box *box)
{
        return (struct tree_spec){
                .init = box->init,
                .pidfd = box->pidfd,
                .uid = 100000,
                .gid = 100000,
                .rootfs = "/",
                .mounts = mounts,
                .n_mounts = G_N_ELEMENTS(mounts),
                .rows = rows,
                .n_rows = G_N_ELEMENTS(rows),
                .kernel = kernel,
                .masked = masked,
                .locked = true,
        };
}

static void attach(const struct tree_spec *spec)
{
        g_autoptr(GError) error = NULL;
        int r = tree_attach(spec, &error);

        cr_assert_eq(r, 0, "%s", error ? error->message : "no message");
        cr_assert_null(error);
}

/* Runs fn as the container's root with all capabilities; its result is an errno or 0.
 */
static int inside(const struct box *box, int (*fn)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
                            CLONE_NEWIPC | CLONE_NEWCGROUP;
                if (setns(box->pidfd, flags) < 0 || setgid(0) < 0 || setuid(0) < 0)
                        _exit(200);
                pid_t inner = fork(); /* into the PID namespace */
                if (inner == 0)
                        _exit(fn());
                waitpid(inner, &status, 0);
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 202);
        }
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 203;
}

static int result(int r)
{
        return r < 0 ? errno : 0;
}

static bool shows(const char *path, const char *start)
{
        g_autoptr(GString) text = g_string_new(NULL);

        return file_read_at(AT_FDCWD, path, 4096, text) == 0 && g_str_has_prefix(text->str, start);
}

static int views_are_there(void)
{
        struct stat st;

        if (!shows("/proc/uptime", "our uptime") || !shows("/sys/devices/system/cpu/online", "7"))
                return 1;
        if (!shows("/proc/self/uid_map", "         0     100000      65536") ||
            !shows("/proc/sys/kernel/panic", "our"))
                return 2;
        if (stat("/proc/1", &st) < 0 || access("/proc/sys/net/ipv4/ip_forward", F_OK) < 0)
                return 3;
        if (!shows("/proc/interrupts", "") || access("/proc/no-such-file", F_OK) == 0)
                return 4;
        if (stat("/proc/interrupts", &st) < 0 || !S_ISCHR(st.st_mode))
                return 5;
        return stat("/sys/fs/cgroup", &st) < 0 || st.st_uid != 0 ? 6 : 0;
}

static int write_forward(void)
{
        return -file_write_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1", 1);
}

static int write_panic(void)
{
        autofd int fd = open("/proc/sys/kernel/panic", O_WRONLY);

        return fd < 0 ? errno : 0;
}

Test(tree, shows_the_views_and_the_container)
{
        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);

        attach(&spec);
        cr_expect_eq(inside(&box, views_are_there), 0, "%d", inside(&box, views_are_there));
        cr_expect_eq(inside(&box, write_forward), 0);
        stop(&box);
}

Test(tree, keeps_read_only_paths_with_all_below_them)
{
        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);

        spec.readonly = readonly;
        attach(&spec);
        cr_expect_eq(inside(&box, write_panic), EROFS);
        cr_expect_eq(inside(&box, write_forward), EROFS);
        stop(&box);
}

static int try_umount(void)
{
        return result(umount2("/proc/uptime", 0));
}
static int try_detach(void)
{
        return result(umount2("/proc/uptime", MNT_DETACH));
}
static int try_detach_sys(void)
{
        return result(umount2("/sys/devices/system/cpu/online", MNT_DETACH));
}
static int try_detach_kernel(void)
{
        return result(umount2("/proc/sys/net", MNT_DETACH));
}
static int try_detach_mask(void)
{
        return result(umount2("/proc/interrupts", MNT_DETACH));
}
static int try_umount_tree(void)
{
        return result(umount2("/proc", 0));
}
static int try_move(void)
{
        return result(mount("/proc/sys", "/tmp", NULL, MS_MOVE, NULL));
}
static int try_remount(void)
{
        return result(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                            NULL));
}
static int try_setattr(void)
{
        struct mount_attr change = {.attr_clr = MOUNT_ATTR_RDONLY};

        return result(mount_setattr(AT_FDCWD, "/proc/sys", 0, &change, sizeof change));
}
static int try_setattr_exec(void)
{
        struct mount_attr change = {.attr_clr = MOUNT_ATTR_NOEXEC};

        return result(mount_setattr(AT_FDCWD, "/proc", 0, &change, sizeof change));
}
static int try_beneath(void)
{
        autofd int tree = open_tree(AT_FDCWD, "/proc/loadavg", OPEN_TREE_CLONE);

        if (tree < 0)
                return 0;
        return result(
                move_mount(tree, "", AT_FDCWD, "/proc/uptime", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
}
static int try_bind_tree(void)
{
        return result(mount("/proc", "/tmp", NULL, MS_BIND, NULL));
}
static int try_clone_tree(void)
{
        return result(open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE));
}
static int try_fresh_proc(void)
{
        return result(mount("proc", "/tmp", "proc", 0, NULL));
}
static int try_fresh_sysfs(void)
{
        return result(mount("sysfs", "/tmp", "sysfs", 0, NULL));
}
static int try_fresh_after_detach(void)
{
        if (umount2("/proc", MNT_DETACH) == 0 && access("/proc/uptime", F_OK) == 0)
                return 0;
        return result(mount("proc", "/proc", "proc", 0, NULL));
}
static int try_nested(void)
{
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return 0;
        return result(umount2("/proc/uptime", MNT_DETACH));
}

/* Each of these, done by a root with all capabilities, must fail with that very error. */
static const struct {
        const char *name;
        int (*attempt)(void);
        int expected;
} attempts[] = {
        {"umount a view", try_umount, EINVAL},
        {"umount -l a view", try_detach, EINVAL},
        {"umount -l a view of /sys", try_detach_sys, EINVAL},
        {"umount -l the kernel's own above it", try_detach_kernel, EINVAL},
        {"umount -l a masked path", try_detach_mask, EINVAL},
        {"umount /proc", try_umount_tree, EBUSY},
        {"move a view", try_move, EINVAL},
        {"remount read-write", try_remount, EPERM},
        {"mount_setattr read-write", try_setattr, EPERM},
        {"mount_setattr exec on /proc", try_setattr_exec, EPERM},
        {"mount beneath a view", try_beneath, EINVAL},
        {"bind /proc without its views", try_bind_tree, EINVAL},
        {"clone /proc without its views", try_clone_tree, EINVAL},
        {"a fresh procfs", try_fresh_proc, EPERM},
        {"a fresh sysfs", try_fresh_sysfs, EPERM},
        {"a view, from a nested user namespace", try_nested, EINVAL},
        {"a fresh procfs after umount -l /proc", try_fresh_after_detach, EPERM},
};

Test(tree, is_locked_against_the_containers_root)
{
        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);

        spec.readonly = readonly;
        attach(&spec);
        for (size_t i = 0; i < G_N_ELEMENTS(attempts); i++) {
                int got = inside(&box, attempts[i].attempt);
                cr_expect_eq(got, attempts[i].expected, "%s: %s", attempts[i].name, strerror(got));
        }
        stop(&box);
}

Test(tree, can_be_taken_off_when_unlocked)
{
        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);

        spec.locked = false;
        attach(&spec);
        cr_expect_eq(inside(&box, views_are_there), 0);
        cr_expect_eq(inside(&box, try_detach), 0);
        stop(&box);
}

static int count_proc_mounts(void)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int n = 0;

        if (file_read_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, text) < 0)
                return 100;
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        for (char **line = lines; *line; line++)
                n += strstr(*line, " /proc rw") != NULL;
        return n;
}

Test(tree, is_attached_once)
{
        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);

        spec.replace = true;
        attach(&spec);
        attach(&spec);
        cr_expect_eq(inside(&box, count_proc_mounts), 1);
        stop(&box);
}

Test(tree, replaces_what_the_runtime_mounted)
{
        prepare();
        struct box box = start_with(true);
        struct tree_spec spec = make_spec(&box);

        spec.replace = true;
        attach(&spec);
        cr_expect_eq(inside(&box, views_are_there), 0);
        cr_expect_eq(inside(&box, count_proc_mounts), 1);
        cr_expect_eq(inside(&box, try_fresh_after_detach), EPERM);
        stop(&box);
}

Test(tree, refuses_a_symbolic_link_for_proc)
{
        g_autoptr(GError) error = NULL;

        prepare();
        cr_assert_eq(rmdir(ROOTFS "/proc"), 0);
        cr_assert_eq(symlink("/mnt/src", ROOTFS "/proc"), 0);
        struct box box = start();
        struct tree_spec spec = make_spec(&box);
        cr_expect_eq(tree_attach(&spec, &error), -ELOOP);
        cr_assert_not_null(error);
        cr_expect_not_null(strstr(error->message, "symbolic link"), "%s", error->message);
        stop(&box);
}

Test(tree, skips_what_the_rootfs_lacks)
{
        prepare();
        cr_assert_eq(rmdir(ROOTFS "/sys"), 0);
        struct box box = start();
        struct tree_spec spec = make_spec(&box);
        attach(&spec);
        stop(&box);
}

Test(tree, says_which_mount_failed)
{
        static const struct tree_mount wrong[] = {{"proc", "proc", "proc", safe},
                                                  {"proc/x", "ext4", "/dev/x", safe}};
        static const struct tree_row absent[] = {{AREA "/src/absent", "proc/uptime"}};
        g_autoptr(GError) error = NULL, second = NULL;

        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);
        spec.mounts = wrong;
        spec.n_mounts = G_N_ELEMENTS(wrong);
        cr_expect_eq(tree_attach(&spec, &error), -ENODEV);
        cr_expect_not_null(strstr(error->message, "ext4 at /proc/x"), "%s", error->message);
        spec = make_spec(&box);
        spec.rows = absent;
        spec.n_rows = 1;
        cr_expect_eq(tree_attach(&spec, &second), -ENOENT);
        cr_expect_not_null(strstr(second->message, "src/absent"), "%s", second->message);
        stop(&box);
}

static int sysctls_are_set(void)
{
        return !shows("/proc/sys/net/ipv4/ip_forward", "1") || !shows("/proc/sys/kernel/shmmni", "123");
}

Test(tree, writes_namespaced_sysctls_before_they_are_read_only)
{
        static const char *const pairs[] = {"net/ipv4/ip_forward", "1", "kernel/shmmni", "123", NULL};

        prepare();
        struct box box = start();
        struct tree_spec spec = make_spec(&box);
        spec.readonly = readonly;
        spec.sysctls = pairs;
        attach(&spec);
        cr_expect_eq(inside(&box, sysctls_are_set), 0);
        stop(&box);
}
