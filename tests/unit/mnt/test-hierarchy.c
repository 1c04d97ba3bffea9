#include "mnt/hierarchy.h"

#include <criterion/criterion.h>

static const char hybrid[] =
        "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "34 31 0:30 / /sys/fs/cgroup/again rw - cgroup cgroup rw,memory\n"
        "35 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "36 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
        "37 27 0:30 / /var/lib/elsewhere rw - cgroup cgroup rw,memory\n";

Test(hierarchy, lists_each_once)
{
        g_autoptr(GPtrArray) list = hierarchy_parse(hybrid);

        cr_assert_eq(list->len, 4);
        const struct hierarchy *cpu = g_ptr_array_index(list, 0), *systemd = g_ptr_array_index(list, 2);
        cr_expect_str_eq(cpu->name, "cpu,cpuacct");
        cr_expect_str_eq(cpu->options, "cpu,cpuacct");
        cr_expect_str_eq(systemd->options, "name=systemd");
        const struct hierarchy *unified = g_ptr_array_index(list, 3);
        cr_expect(unified->v2);
        cr_expect_str_eq(unified->options, "");
}

Test(hierarchy, finds_controllers_also_when_mounted_together)
{
        g_autoptr(GPtrArray) list = hierarchy_parse(hybrid);

        cr_expect_eq(hierarchy_find(list, "cpuacct"), g_ptr_array_index(list, 0));
        cr_expect_eq(hierarchy_find(list, "memory"), g_ptr_array_index(list, 1));
        cr_expect_null(hierarchy_find(list, "pids"));
}

Test(hierarchy, knows_the_unified_one)
{
        g_autoptr(GPtrArray) list = hierarchy_parse(
                "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");

        cr_assert_eq(list->len, 1);
        const struct hierarchy *only = g_ptr_array_index(list, 0);
        cr_expect_str_eq(only->name, "");
        cr_expect(only->v2);
}

Test(hierarchy, survives_torn_lines)
{
        g_autoptr(GPtrArray) list = hierarchy_parse("1 2 3\n - cgroup cgroup rw,cpu\n36 31 0:32 / - \n\n");

        cr_expect_eq(list->len, 0);
}
