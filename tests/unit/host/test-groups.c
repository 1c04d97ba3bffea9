#include "host/groups.h"

#include "base/fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static char *folder;

static void write_file(const char *path, const char *text)
{
        g_autofree char *full = g_build_filename(folder, path, NULL), *dir = g_path_get_dirname(full);

        cr_assert_eq(g_mkdir_with_parents(dir, 0755), 0);
        cr_assert(g_file_set_contents(full, text, -1, NULL));
}

static void setup(void)
{
        folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        write_file("proc/self/mountinfo", "30 22 0:26 /top /cg rw - cgroup2 cgroup2 rw\n"
                                          "31 22 0:27 / /memory rw - cgroup cgroup rw,memory\n");
        write_file("proc/7/stat", "7 (x) S 1 2 3 4 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 4242 100 5\n");
        write_file("cg/cgroup.controllers", "cpu memory\n");
        write_file("cg/cpu.max", "max 100000\n");
        write_file("cg/a/cgroup.procs", "7\n");
        write_file("cg/a/cpu.max", "5 10\n");
        write_file("cg/a/b/cgroup.procs", "7\n");
        write_file("memory/m/cgroup.procs", "7\n");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static void teardown(void)
{
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_free(folder);
}

TestSuite(groups, .init = setup, .fini = teardown);

static struct groups *open_groups(const char *cgroup)
{
        autofd int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoptr(host) host = NULL;
        struct groups *groups = NULL;

        write_file("proc/7/cgroup", cgroup);
        cr_assert_eq(host_new(root, &host), 0);
        cr_assert_eq(groups_open(host, 7, &groups), 0);
        return groups;
}

Test(groups, version_1_holds_what_it_has)
{
        autoptr(groups) groups = open_groups("3:memory:/m\n0::/top/a/b\n");

        cr_expect_eq(groups_version(groups, CONTROLLER_MEMORY), 1);
        cr_expect_eq(groups_version(groups, CONTROLLER_CPU), 2);
        cr_expect_eq(groups_version(groups, CONTROLLER_CPUACCT), 2);
        cr_expect_eq(groups_version(groups, CONTROLLER_PIDS), 0);
        cr_expect_str_eq(groups_path(groups, CONTROLLER_MEMORY), "/m");
        cr_expect_null(groups_path(groups, CONTROLLER_PIDS));
}

Test(groups, ancestors_end_at_the_mount)
{
        autoptr(groups) groups = open_groups("0::/top/a/b\n");
        g_autoptr(GString) text = g_string_new(NULL);

        cr_expect_eq(groups_depth(groups, CONTROLLER_CPU), 2);
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 0, "cpu.max", text), -ENOENT);
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 1, "cpu.max", text), 0);
        cr_expect_str_eq(text->str, "5 10\n");
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 2, "cpu.max", text), 0);
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 3, "cpu.max", text), -ENOENT);
}

Test(groups, one_init_scope_is_cut)
{
        autoptr(groups) groups = open_groups("0::/top/a/init.scope\n");

        cr_expect_eq(groups_depth(groups, CONTROLLER_CPU), 1);
        cr_expect_str_eq(groups_path(groups, CONTROLLER_CPU), "/top/a");
}

Test(groups, what_the_mount_does_not_show_is_left_out)
{
        static const char *const lines[] = {"0::/topper/a\n", "0::/\n",         "0::/../x\n",
                                            "0::/top/../a\n", "0::/top/gone\n", "3:memory:/..\n",
                                            "nonsense\n",     "::\n",           ""};

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                autoptr(groups) groups = open_groups(lines[i]);
                for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
                        cr_expect_eq(groups_version(groups, (enum controller)c), 0, "%s", lines[i]);
        }
}

Test(groups, nobody_nests_out_of_the_limits_above)
{
        g_autoptr(GString) path = g_string_new("cg/a"), text = g_string_new(NULL);

        for (unsigned i = 1; i < 200; i++)
                g_string_append(path, "/x");
        g_autofree char *file = g_strconcat(path->str, "/cgroup.procs", NULL);
        g_autofree char *line = g_strdup_printf("0::/top%s\n", path->str + strlen("cg"));
        write_file(file, "7\n");
        autoptr(groups) groups = open_groups(line);
        cr_expect_eq(groups_depth(groups, CONTROLLER_CPU), 128);
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 127, "cpu.max", text), 0);
        cr_expect_str_eq(text->str, "5 10\n");
}

Test(groups, a_group_that_went_says_so)
{
        autoptr(groups) groups = open_groups("0::/top/a/b\n");
        g_autofree char *dir = g_build_filename(folder, "cg/a/b", NULL);
        g_autofree char *file = g_build_filename(dir, "cgroup.procs", NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        cr_assert_eq(g_unlink(file), 0);
        cr_assert_eq(g_rmdir(dir), 0);
        cr_expect_eq(groups_read(groups, CONTROLLER_CPU, 0, "cpu.max", text), -ENODEV);
}

Test(groups, a_zombie_has_none)
{
        autofd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoptr(host) host = NULL;
        autoptr(groups) groups = NULL;
        siginfo_t info;
        pid_t child = fork();

        cr_assert_geq(child, 0);
        if (child == 0)
                _exit(0);
        cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
        cr_assert_eq(host_new(root, &host), 0);
        cr_expect_eq(groups_open(host, child, &groups), -ESRCH);
        cr_expect_eq(groups_open(host, getpid(), &groups), 0);
        waitpid(child, NULL, 0);
}
