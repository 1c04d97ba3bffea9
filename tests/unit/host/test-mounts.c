#include "host/mounts.h"

#include <criterion/criterion.h>

static const char hybrid[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "31 22 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                             "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:2 - cgroup "
                             "cgroup rw,cpu,cpuacct\n"
                             "33 31 0:33 /docker /a\\040b rw - cgroup cgroup rw,memory\n"
                             "34 31 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "35 31 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
                             "36 31 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

Test(mounts, are_found_by_controller)
{
        autoptr(mounts) mounts = mounts_parse(hybrid);

        cr_assert_eq(mounts->count, 5);
        cr_expect_str_eq(mounts_find(mounts, "cpuacct")->point, "/sys/fs/cgroup/cpu,cpuacct");
        cr_expect_str_eq(mounts_find(mounts, NULL)->point, "/sys/fs/cgroup/unified");
        cr_expect_null(mounts_find(mounts, "pids"));
}

Test(mounts, the_whole_hierarchy_is_preferred)
{
        autoptr(mounts) mounts = mounts_parse(hybrid);

        cr_expect_str_eq(mounts_find(mounts, "memory")->point, "/sys/fs/cgroup/memory");
        cr_expect_str_eq(mounts->cgroups[1].point, "/a b");
        cr_expect_str_eq(mounts->cgroups[1].root, "/docker");
}

Test(mounts, nonsense_is_left_out)
{
        autoptr(mounts) mounts = mounts_parse("\n\n1 2 3\n - - - -\n36 31 0:40 / /x rw - cgroup2\n36 31 0:40 "
                                              "/ /x rw cgroup2 cgroup2 rw\n\\");

        cr_expect_eq(mounts->count, 0);
        cr_expect_null(mounts_find(mounts, NULL));
}
