/* Sysctls of network, UTS, IPC and user namespaces, on the machine's own kernel. Needs root. */
#include "fixture.h"
#include "host/ns.h"
#include "view/vfile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { ROOT = 100000, NAMESPACES = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC };

static struct host *host;
static struct container *box, *machine;
static pid_t child;

static void live_in_child(int fd)
{
        if (write(fd, "x", 1) == 1)
                pause();
        _exit(1);
}

static void write_map(pid_t pid, const char *map)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, map);
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, "0 100000 65536", 14), 14);
        close(fd);
}

static pid_t start(unsigned flags)
{
        int fds[2];
        char byte;
        pid_t pid;

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
        cr_assert_geq(pid, 0, "%s", strerror(errno));
        if (pid == 0)
                live_in_child(fds[1]);
        cr_assert_eq(read(fds[0], &byte, 1), 1);
        close(fds[0]);
        close(fds[1]);
        if (flags & CLONE_NEWUSER) {
                write_map(pid, "uid_map");
                write_map(pid, "gid_map");
        }
        return pid;
}

static struct container *make_box(pid_t pid)
{
        struct container_init init;

        cr_assert_eq(container_read_init(host, pid, &init), 0);
        return container_new(CONTAINER_REGISTERED, 1, NULL, "box", NULL, &init, NULL);
}

static void setup(void)
{
        if (geteuid() != 0)
                cr_skip_test("needs root");
        host = fixture_host("/");
        child = start(NAMESPACES);
        box = make_box(child);
        machine = fixture_container(CONTAINER_HOST, 0, 0, 0);
        cr_assert_eq(box->uid, ROOT);
}

static void teardown(void)
{
        container_unref(box);
        container_unref(machine);
        host_free(host);
        if (child > 0) {
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
        }
}

TestSuite(namespaced, .init = setup, .fini = teardown, .timeout = 60);

static struct view_ctx context(struct container *container, pid_t caller, uid_t uid)
{
        return (struct view_ctx){host, container, caller, uid, uid, NULL};
}

static char *text_of(const struct view_ctx *ctx, const char *path)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = view_render(ctx, path, text);

        cr_assert_eq(r, 0, "%s: %s", path, strerror(-r));
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void check_private_to_box(const char *path, const char *value, const char *shown)
{
        struct view_ctx inside = context(box, child, ROOT), outside = context(machine, 0, 0);
        g_autofree char *before = text_of(&outside, path), *after = NULL, *own = NULL;
        int r = view_store(&inside, path, value, strlen(value));

        cr_expect_eq(r, 0, "%s: %s", path, strerror(-r));
        own = text_of(&inside, path);
        cr_expect_str_eq(own, shown, "%s", path);
        after = text_of(&outside, path);
        cr_expect_str_eq(after, before, "%s", path);
        cr_expect_str_neq(after, shown, "%s", path);
}

Test(namespaced, each_kind_reaches_the_callers_own_namespace)
{
        check_private_to_box("proc/sys/net/core/somaxconn", "1717\n", "1717\n");
        check_private_to_box("proc/sys/net/ipv4/ip_forward", "1\n", "1\n");
        check_private_to_box("proc/sys/kernel/hostname", "cell\n", "cell\n");
        check_private_to_box("proc/sys/kernel/shmmni", "717\n", "717\n");
        check_private_to_box("proc/sys/user/max_net_namespaces", "17\n", "17\n");
}

Test(namespaced, covered_names_are_not_rendered_for_a_lookup)
{
        struct view_ctx inside = context(box, child, ROOT), control = context(box, 0, 0);
        g_autofree char *last = text_of(&control, "proc/sys/kernel/ns_last_pid");
        g_autoptr(GString) text = g_string_new(NULL);

        cr_expect_neq(last[0], '\0');
        cr_expect_eq(view_render(&inside, "proc/sys/kernel/ns_last_pid", text), -EOPNOTSUPP);
}

Test(namespaced, errors_are_the_kernels)
{
        struct view_ctx inside = context(box, child, ROOT);
        g_autoptr(GString) text = g_string_new(NULL);

        cr_expect_eq(view_store(&inside, "proc/sys/net/core/somaxconn", "x", 1), -EINVAL);
        cr_expect_eq(view_render(&inside, "proc/sys/net/core/nothing", text), -ENOENT);
        cr_expect_eq(view_store(&inside, "proc/sys/net/core", "1", 1), -EISDIR);
}

Test(namespaced, others_in_the_container_may_not_write)
{
        struct view_ctx user = context(box, child, ROOT + 1000), control = context(box, 0, 0);

        cr_expect_eq(view_store(&user, "proc/sys/net/core/somaxconn", "99", 2), -EACCES);
        cr_expect_eq(view_store(&user, "proc/sys/kernel/hostname", "x", 1), -EACCES);
        cr_expect_eq(view_store(&user, "proc/sys/user/max_net_namespaces", "9", 1), -EACCES);
        cr_expect_eq(view_store(&control, "proc/sys/net/core/somaxconn", "99", 2), 0);
}

Test(namespaced, the_hosts_namespaces_are_read_only)
{
        pid_t shared = start(CLONE_NEWUSER);
        autoptr(container) guest = make_box(shared);
        struct view_ctx root = context(guest, shared, ROOT), control = context(guest, 0, 0),
                        outside = context(machine, 0, 0);
        const struct vdir *dir = view_find("proc/sys")->dir;
        g_autofree char *before = text_of(&outside, "proc/sys/net/core/somaxconn"), *seen = NULL;
        struct vdir_entry entry;

        cr_expect_eq(view_store(&root, "proc/sys/net/core/somaxconn", "99", 2), -EACCES);
        cr_expect_eq(view_store(&control, "proc/sys/net/core/somaxconn", "99", 2), -EACCES);
        cr_expect_eq(view_store(&root, "proc/sys/kernel/hostname", "x", 1), -EACCES);
        cr_expect_eq(view_store(&root, "proc/sys/kernel/shmmni", "7", 1), -EACCES);
        seen = text_of(&root, "proc/sys/net/core/somaxconn");
        cr_expect_str_eq(seen, before);
        cr_assert_eq(dir->lookup(&root, "net/core/somaxconn", &entry), 0);
        cr_expect(entry.unowned);
        kill(shared, SIGKILL);
        waitpid(shared, NULL, 0);
}

Test(namespaced, files_that_the_namespace_does_not_own)
{
        const struct vdir *dir = view_find("proc/sys")->dir;
        struct view_ctx inside = context(box, child, ROOT);
        struct vdir_entry entry;

        cr_assert_eq(dir->lookup(&inside, "net/core/somaxconn", &entry), 0);
        cr_expect_not(entry.unowned);
        cr_expect_eq(entry.mode, S_IFREG | 0644);
        cr_assert_eq(dir->lookup(&inside, "kernel/hostname", &entry), 0);
        cr_expect_not(entry.unowned);
        cr_assert_eq(dir->lookup(&inside, "user/max_net_namespaces", &entry), 0);
        cr_expect_not(entry.unowned);
}

static int name_loopback(void *data)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq change = {.ifr_name = "lo", .ifr_newname = "cell0"};
        int r = fd < 0 || ioctl(fd, SIOCSIFNAME, &change) < 0 ? -errno : 0;

        close(fd);
        return r;
}

static void find_name(const char *name, mode_t mode, void *data)
{
        if (strcmp(name, "cell0") == 0 && S_ISDIR(mode))
                ++*(unsigned *)data;
}

Test(namespaced, names_that_only_the_callers_namespace_has)
{
        const struct vdir *dir = view_find("proc/sys")->dir;
        struct view_ctx inside = context(box, child, ROOT), outside = context(machine, 0, 0);
        unsigned seen_inside = 0, seen_outside = 0;
        struct vdir_entry entry;

        cr_assert_eq(ns_run(child, name_loopback, NULL), 0);
        cr_assert_eq(dir->list(&inside, "net/ipv4/conf", find_name, &seen_inside), 0);
        cr_assert_eq(dir->list(&outside, "net/ipv4/conf", find_name, &seen_outside), 0);
        cr_expect_eq(seen_inside, 1);
        cr_expect_eq(seen_outside, 0);
        cr_expect_eq(dir->lookup(&inside, "net/ipv4/conf/cell0/forwarding", &entry), 0);
        cr_expect_eq(dir->lookup(&outside, "net/ipv4/conf/cell0/forwarding", &entry), -ENOENT);
}

Test(namespaced, a_caller_that_is_gone)
{
        struct view_ctx inside = context(box, child, ROOT);
        g_autoptr(GString) text = g_string_new(NULL);

        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        child = 0;
        cr_expect_eq(view_render(&inside, "proc/sys/kernel/hostname", text), -ESRCH);
        cr_expect_eq(view_render(&inside, "proc/sys/user/max_net_namespaces", text), -ESRCH);
        cr_expect_eq(view_store(&inside, "proc/sys/net/core/somaxconn", "1", 1), -ESRCH);
}

Test(namespaced, every_file_of_the_machine_can_be_asked_for)
{
        struct view_ctx inside = context(box, child, ROOT), outside = context(machine, child, 0);
        g_autofree char *osrelease = text_of(&inside, "proc/sys/kernel/osrelease");
        g_autofree char *same = text_of(&outside, "proc/sys/kernel/osrelease");

        cr_expect_str_eq(osrelease, same);
        cr_expect_eq(view_store(&inside, "proc/sys/kernel/osrelease", "1", 1), -EACCES);
        cr_expect_eq(view_store(&inside, "proc/sys/kernel/cad_pid", "1", 1), -EACCES);
}

Test(namespaced, the_hosts_callers_read_their_own)
{
        struct view_ctx outside = context(machine, getpid(), 0);
        g_autofree char *user = text_of(&outside, "proc/sys/user/max_net_namespaces");
        g_autofree char *net = text_of(&outside, "proc/sys/net/core/somaxconn");

        cr_expect_gt(g_ascii_strtoull(user, NULL, 10), 0);
        cr_expect_gt(g_ascii_strtoull(net, NULL, 10), 0);
}
