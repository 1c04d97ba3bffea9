#include "view/vfile.h"

#include "view/sysctl/policy.h"
#include "view/sysctl/table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(view, rows_are_sorted_and_have_parents)
{
        size_t count, n = 0;

        for (const struct vfile *row = view_rows(&count); row->path; row++, n++) {
                g_autofree char *parent = g_path_get_dirname(row->path);
                cr_expect(n == 0 || strcmp(row[-1].path, row->path) < 0, "%s", row->path);
                cr_expect_eq(view_find(row->path), row);
                cr_expect_eq(view_find_row(row->row), row);
                cr_expect(strcmp(parent, ".") == 0 ||
                          (view_find(parent) && S_ISDIR(view_find(parent)->mode)));
                cr_expect_eq(S_ISREG(row->mode), row->render != NULL, "%s", row->path);
                cr_expect_eq((row->flags & VFILE_DYNAMIC) != 0, row->dir != NULL, "%s", row->path);
        }
        cr_expect_eq(n, count);
        cr_expect_null(view_find("proc/sys/vm"));
        cr_expect_null(view_find(""));
        cr_expect_null(view_find_row(0));
}

Test(view, sysctls_are_sorted)
{
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        for (size_t i = 0; i < count; i++) {
                cr_expect(i == 0 || strcmp(entries[i - 1].name, entries[i].name) < 0, "%s", entries[i].name);
                cr_expect_eq(sysctl_table_find(entries[i].name), &entries[i]);
        }
}

Test(view, kernel_mounts_are_namespaced)
{
        g_auto(GStrv) mounts = view_kernel_mounts();

        for (char **name = mounts; *name; name++) {
                cr_assert(g_str_has_prefix(*name, "proc/sys/"));
                cr_expect_eq(sysctl_policy_class(NULL, *name + strlen("proc/sys/")), SYSCTL_NAMESPACED, "%s",
                             *name);
        }
}

Test(policy, classes_that_are_built_in)
{
        cr_expect_eq(sysctl_policy_class(NULL, "net/core/somaxconn"), SYSCTL_NAMESPACED);
        cr_expect_eq(sysctl_policy_class(NULL, "kernel/shmmax"), SYSCTL_NAMESPACED);
        cr_expect_eq(sysctl_policy_class(NULL, "vm/overcommit_memory"), SYSCTL_PRIVATE);
        cr_expect_eq(sysctl_policy_class(NULL, "vm/overcommit_memory/x"), SYSCTL_HOST);
        cr_expect_eq(sysctl_policy_class(NULL, "kernel/osrelease"), SYSCTL_HOST);
        cr_expect_eq(sysctl_policy_class(NULL, "netx"), SYSCTL_HOST);
        cr_expect_eq(sysctl_policy_class(NULL, "/"), SYSCTL_HOST);
        cr_expect_eq(sysctl_policy_class(NULL, ""), SYSCTL_HOST);
}

Test(policy, the_administrators_come_first)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        const struct sysctl_rule raise = {SYSCTL_RAISE, 7}, hidden = {SYSCTL_HIDDEN, 0},
                                 host = {SYSCTL_HOST, 0};
        const struct sysctl_rule namespaced = {SYSCTL_NAMESPACED, 0};
        struct sysctl_rule found;

        cr_expect_eq(sysctl_policy_set(policy, "vm/max_map_count", &raise), 0);
        cr_expect_eq(sysctl_policy_set(policy, "kernel/yama", &hidden), 0);
        cr_expect_eq(sysctl_policy_set(policy, "kernel/panic", &host), 0);
        cr_expect_eq(sysctl_policy_set(policy, "kernel/panic_on_oops", &namespaced), -EPERM);
        cr_expect_eq(sysctl_policy_class(policy, "vm/max_map_count"), SYSCTL_RAISE);
        cr_assert(sysctl_policy_find(policy, "vm/max_map_count", &found));
        cr_expect_eq(found.limit, 7);
        cr_expect_eq(sysctl_policy_class(policy, "kernel/yama/ptrace_scope"), SYSCTL_HIDDEN);
        cr_expect_eq(sysctl_policy_class(policy, "kernel/panic"), SYSCTL_HOST);
        cr_expect_eq(sysctl_policy_class(policy, "kernel/panic_on_oops"), SYSCTL_PRIVATE);
}

Test(policy, senseless_names)
{
        static const char *const names[] = {"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.", "./a"};
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        const struct sysctl_rule rule = {SYSCTL_PRIVATE, 0};
        g_autofree char *longest = g_strnfill(255, 'a'), *too_long = g_strnfill(256, 'a');

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                cr_expect_eq(sysctl_policy_set(policy, names[i], &rule), -EINVAL, "%s", names[i]);
        cr_expect_eq(sysctl_policy_set(policy, too_long, &rule), -EINVAL);
        cr_expect_eq(sysctl_policy_set(policy, longest, &rule), 0);
        cr_expect_eq(sysctl_policy_set(policy, "net/ipv4/conf/a.b/...", &rule), 0);
}

Test(policy, class_names)
{
        enum sysctl_class klass;

        cr_expect_eq(sysctl_class_parse("raise", &klass), 0);
        cr_expect_eq(klass, SYSCTL_RAISE);
        cr_expect_str_eq(sysctl_class_name(klass), "raise");
        cr_expect_eq(sysctl_class_parse("Raise", &klass), -EINVAL);
}
