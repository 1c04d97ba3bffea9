#include "fixture.h"
#include "view/sysctl/policy.h"
#include "view/vfile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { ROOT = 100000 };

static char *folder;
static struct host *host;
static struct container *box;

static void setup(void)
{
        folder = fixture_folder();
        fixture_write(folder, "proc/self/mountinfo", "");
        fixture_write(folder, "proc/uptime", "10.00 10.00\n");
        fixture_write(folder, "proc/sys/vm/overcommit_memory", "1\n");
        fixture_write(folder, "proc/sys/vm/max_map_count", "65530\n");
        fixture_write(folder, "proc/sys/kernel/osrelease", "6.1.0\n");
        fixture_write(folder, "proc/sys/kernel/yama/ptrace_scope", "1\n");
        fixture_write(folder, "proc/sys/kernel/secret", "key\n");
        fixture_write(folder, "proc/sys/dev/words", "a b\n");
        g_autofree char *secret = g_build_filename(folder, "proc/sys/kernel/secret", NULL);
        g_autofree char *link = g_build_filename(folder, "proc/sys/kernel/link", NULL);
        cr_assert_eq(chmod(secret, 0600), 0);
        cr_assert_eq(symlink("../../uptime", link), 0);
        host = fixture_host(folder);
        box = fixture_container(CONTAINER_REGISTERED, 1000, 0, ROOT);
}

static void teardown(void)
{
        container_unref(box);
        host_free(host);
        fixture_remove(folder);
}

TestSuite(sysctl, .init = setup, .fini = teardown);

/* Of the container's root. */
static struct view_ctx context(const struct sysctl_policy *policy)
{
        return (struct view_ctx){host, box, 4242, ROOT, ROOT, policy};
}

static int write_as(const struct view_ctx *ctx, const char *name, const char *text)
{
        g_autofree char *path = g_strconcat("proc/sys/", name, NULL);

        return view_store(ctx, path, text, strlen(text));
}

static void expect_text(const struct view_ctx *ctx, const char *name, const char *expected)
{
        g_autofree char *path = g_strconcat("proc/sys/", name, NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        cr_expect_eq(view_render(ctx, path, text), 0, "%s", name);
        cr_expect_str_eq(text->str, expected, "%s", name);
}

static int read_result(const struct view_ctx *ctx, const char *name)
{
        g_autofree char *path = g_strconcat("proc/sys/", name, NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        return view_render(ctx, path, text);
}

static void expect_host(const char *name, const char *expected)
{
        g_autofree char *path = g_build_filename(folder, "proc/sys", name, NULL), *text = NULL;

        cr_assert(g_file_get_contents(path, &text, NULL, NULL));
        cr_expect_str_eq(text, expected, "%s", name);
}

Test(sysctl, private_values_stay_inside)
{
        struct view_ctx ctx = context(NULL);
        autoptr(container) other = fixture_container(CONTAINER_REGISTERED, 1001, 0, 2 * ROOT);
        struct view_ctx others = {host, other, 4243, 2 * ROOT, 2 * ROOT, NULL};

        expect_text(&ctx, "vm/overcommit_memory", "1\n");
        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", "0x2\n"), 0);
        expect_text(&ctx, "vm/overcommit_memory", "2\n");
        expect_text(&others, "vm/overcommit_memory", "1\n");
        expect_host("vm/overcommit_memory", "1\n");
}

Test(sysctl, a_refused_value_changes_nothing)
{
        struct view_ctx ctx = context(NULL);

        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", "3"), -EINVAL);
        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", "x"), -EINVAL);
        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", "\n"), -EINVAL);
        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", ""), 0);
        expect_text(&ctx, "vm/overcommit_memory", "1\n");
}

Test(sysctl, only_the_root_of_the_container_writes)
{
        struct view_ctx user = context(NULL), nested = context(NULL), control = context(NULL);
        autoptr(container)
                inner = container_new(CONTAINER_SPOT, 0, NULL, NULL, NULL,
                                      &(struct container_init){.pid = 7, .pidfd = -1, .uid = ROOT + 5}, box);

        user.uid = ROOT + 1000;
        cr_expect_eq(write_as(&user, "vm/overcommit_memory", "2"), -EACCES);
        nested.container = inner;
        nested.uid = ROOT + 5;
        cr_expect_eq(write_as(&nested, "vm/overcommit_memory", "2"), -EACCES);
        control.caller = 0;
        control.uid = 0;
        cr_expect_eq(write_as(&control, "vm/overcommit_memory", "2"), 0);
        expect_text(&nested, "vm/overcommit_memory", "2\n");
}

Test(sysctl, unknown_names_are_the_hosts)
{
        struct view_ctx ctx = context(NULL);

        expect_text(&ctx, "kernel/osrelease", "6.1.0\n");
        cr_expect_eq(write_as(&ctx, "kernel/osrelease", "7\n"), -EACCES);
        cr_expect_eq(read_result(&ctx, "kernel/secret"), -EACCES);
        cr_expect_eq(write_as(&ctx, "kernel/secret", "7\n"), -EACCES);
        expect_host("kernel/osrelease", "6.1.0\n");
}

Test(sysctl, the_hosts_own_view)
{
        autoptr(container) machine = fixture_container(CONTAINER_HOST, 0, 0, 0);
        struct view_ctx root = {host, machine, 4242, 0, 0, NULL},
                        user = {host, machine, 4242, 1000, 1000, NULL};

        expect_text(&root, "kernel/secret", "key\n");
        cr_expect_eq(read_result(&user, "kernel/secret"), -EACCES);
        cr_expect_eq(write_as(&user, "vm/overcommit_memory", "2\n"), -EACCES);
        cr_expect_eq(write_as(&root, "vm/overcommit_memory", "2\n"), 0);
        expect_host("vm/overcommit_memory", "2\n");
}

Test(sysctl, raise_raises_the_host_up_to_the_limit)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        struct view_ctx ctx = context(policy);

        sysctl_policy_set(policy, "vm/max_map_count", &(struct sysctl_rule){SYSCTL_RAISE, 262144});
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "1000\n"), 0);
        expect_text(&ctx, "vm/max_map_count", "1000\n");
        expect_host("vm/max_map_count", "65530\n");
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "100000"), 0);
        expect_host("vm/max_map_count", "100000");
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "1000000"), 0);
        expect_text(&ctx, "vm/max_map_count", "1000000\n");
        expect_host("vm/max_map_count", "262144");
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "-1"), -EINVAL);
}

Test(sysctl, names_that_only_the_policy_knows)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        struct view_ctx ctx = context(policy);

        sysctl_policy_set(policy, "dev/words", &(struct sysctl_rule){SYSCTL_PRIVATE, 0});
        cr_expect_eq(write_as(&ctx, "dev/words", "c d\n"), 0);
        expect_text(&ctx, "dev/words", "c d\n");
        sysctl_policy_set(policy, "dev/words", &(struct sysctl_rule){SYSCTL_RAISE, 5});
        cr_expect_eq(write_as(&ctx, "dev/words", "e\n"), -EINVAL);
        expect_host("dev/words", "a b\n");
}

static void collect(const char *name, mode_t mode, void *data)
{
        g_string_append_printf(data, "%s%s ", name, S_ISDIR(mode) ? "/" : "");
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *list_sorted(const struct view_ctx *ctx, const char *name)
{
        g_autoptr(GString) text = g_string_new(NULL);
        const struct vdir *dir = view_find("proc/sys")->dir;

        cr_assert_eq(dir->list(ctx, name, collect, text), 0);
        g_auto(GStrv) names = g_strsplit(g_strchomp(text->str), " ", -1);
        GPtrArray *sorted = g_ptr_array_new();
        for (char **n = names; *n; n++)
                g_ptr_array_add(sorted, *n);
        g_ptr_array_sort(sorted, compare_names);
        g_ptr_array_add(sorted, NULL);
        char *joined = g_strjoinv(" ", (char **)sorted->pdata);
        g_ptr_array_unref(sorted);
        return joined;
}

Test(sysctl, hidden_names_are_not_there)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        struct view_ctx ctx = context(policy);
        struct vdir_entry entry;
        g_autofree char *before = list_sorted(&ctx, "kernel"), *after = NULL;

        sysctl_policy_set(policy, "kernel/yama", &(struct sysctl_rule){SYSCTL_HIDDEN, 0});
        after = list_sorted(&ctx, "kernel");
        cr_expect_str_eq(before, "osrelease secret yama/");
        cr_expect_str_eq(after, "osrelease secret");
        cr_expect_eq(view_find("proc/sys")->dir->lookup(&ctx, "kernel/yama", &entry), -ENOENT);
        cr_expect_eq(read_result(&ctx, "kernel/yama/ptrace_scope"), -ENOENT);
        cr_expect_eq(write_as(&ctx, "kernel/yama/ptrace_scope", "1"), -ENOENT);
}

Test(sysctl, lookup_says_type_mode_and_owner)
{
        const struct vdir *dir = view_find("proc/sys")->dir;
        struct view_ctx ctx = context(NULL);
        struct vdir_entry entry;

        cr_assert_eq(dir->lookup(&ctx, "vm", &entry), 0);
        cr_expect(S_ISDIR(entry.mode) && !entry.unowned);
        cr_assert_eq(dir->lookup(&ctx, "vm/overcommit_memory", &entry), 0);
        cr_expect(S_ISREG(entry.mode) && !entry.unowned);
        cr_assert_eq(dir->lookup(&ctx, "kernel/osrelease", &entry), 0);
        cr_expect(S_ISREG(entry.mode) && entry.unowned);
        cr_assert_eq(dir->lookup(&ctx, "", &entry), 0);
        cr_expect(S_ISDIR(entry.mode));
}

Test(sysctl, hostile_names_lead_nowhere)
{
        static const char *const names[] = {
                "..",     ".",   "vm/..",       "vm/../../uptime",        "vm//overcommit_memory",
                "/vm",    "vm/", "kernel/link", "vm/overcommit_memory/x", "vm/nothing",
                "nothing"};
        const struct vdir *dir = view_find("proc/sys")->dir;
        struct view_ctx ctx = context(NULL);
        struct vdir_entry entry;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                cr_expect_eq(dir->lookup(&ctx, names[i], &entry), -ENOENT, "%s", names[i]);
                cr_expect_lt(read_result(&ctx, names[i]), 0, "%s", names[i]);
                cr_expect_lt(write_as(&ctx, names[i], "1"), 0, "%s", names[i]);
        }
}

Test(sysctl, directories_are_no_files)
{
        struct view_ctx ctx = context(NULL);

        cr_expect_eq(read_result(&ctx, "vm"), -EISDIR);
        cr_expect_eq(write_as(&ctx, "vm", "1"), -EISDIR);
        cr_expect_eq(read_result(&ctx, ""), -EISDIR);
        cr_expect_eq(view_store(&ctx, "proc/sys", "1", 1), -EISDIR);
}

static void put(const char *name, const char *text)
{
        g_autofree char *path = g_strconcat("proc/sys/", name, NULL);

        fixture_write(folder, path, text);
}

static int write_at(const struct view_ctx *ctx, const char *name, const char *text, off_t offset)
{
        const struct vfile *row = view_find("proc/sys");

        return row->dir->store(ctx, name, text, strlen(text), offset);
}

Test(sysctl, partners_clear_each_other)
{
        struct view_ctx ctx = context(NULL);

        put("vm/dirty_ratio", "20\n");
        put("vm/dirty_bytes", "0\n");
        cr_expect_eq(write_as(&ctx, "vm/dirty_bytes", "1048576"), 0);
        expect_text(&ctx, "vm/dirty_ratio", "0\n");
        cr_expect_eq(write_as(&ctx, "vm/dirty_ratio", "0"), 0, "no change clears nothing");
        expect_text(&ctx, "vm/dirty_bytes", "1048576\n");
        cr_expect_eq(write_as(&ctx, "vm/dirty_ratio", "30"), 0);
        expect_text(&ctx, "vm/dirty_bytes", "0\n");
        put("vm/overcommit_ratio", "50\n");
        put("vm/overcommit_kbytes", "0\n");
        cr_expect_eq(write_as(&ctx, "vm/overcommit_kbytes", "77"), 0);
        expect_text(&ctx, "vm/overcommit_ratio", "0\n");
}

Test(sysctl, partners_bound_each_other)
{
        struct view_ctx ctx = context(NULL);

        put("kernel/sched_rt_period_us", "1000000\n");
        put("kernel/sched_rt_runtime_us", "950000\n");
        cr_expect_eq(write_as(&ctx, "kernel/sched_rt_runtime_us", "1000001"), -EINVAL);
        cr_expect_eq(write_as(&ctx, "kernel/sched_rt_period_us", "900000"), -EINVAL);
        cr_expect_eq(write_as(&ctx, "kernel/sched_rt_runtime_us", "-1"), 0);
        cr_expect_eq(write_as(&ctx, "kernel/sched_rt_period_us", "900000"), 0);
        expect_text(&ctx, "kernel/sched_rt_period_us", "900000\n");
}

Test(sysctl, triggers_are_checked_and_do_nothing)
{
        struct view_ctx ctx = context(NULL);

        put("vm/drop_caches", "0\n");
        cr_expect_eq(write_as(&ctx, "vm/drop_caches", "3"), 0);
        cr_expect_eq(write_as(&ctx, "vm/drop_caches", "5"), -EINVAL);
        expect_text(&ctx, "vm/drop_caches", "0\n");
        expect_host("vm/drop_caches", "0\n");
}

Test(sysctl, random_names)
{
        struct view_ctx ctx = context(NULL);
        g_autoptr(GString) one = g_string_new(NULL), two = g_string_new(NULL);
        autoptr(container) other = fixture_container(CONTAINER_REGISTERED, 1001, 0, 2 * ROOT);
        struct view_ctx others = {host, other, 4243, 2 * ROOT, 2 * ROOT, NULL};

        put("kernel/random/uuid", "of the machine\n");
        put("kernel/random/boot_id", "of the machine\n");
        cr_expect_eq(view_render(&ctx, "proc/sys/kernel/random/uuid", one), 0);
        cr_expect_eq(view_render(&ctx, "proc/sys/kernel/random/uuid", two), 0);
        cr_expect(one->len == 37 && two->len == 37 && strcmp(one->str, two->str) != 0);
        cr_expect(one->str[14] == '4' && strchr("89ab", one->str[19]));
        g_string_truncate(one, 0);
        cr_expect_eq(view_render(&ctx, "proc/sys/kernel/random/boot_id", one), 0);
        expect_text(&ctx, "kernel/random/boot_id", one->str);
        g_string_truncate(two, 0);
        cr_expect_eq(view_render(&others, "proc/sys/kernel/random/boot_id", two), 0);
        cr_expect_str_neq(one->str, two->str);
        cr_expect_eq(write_as(&ctx, "kernel/random/boot_id", "x"), -EACCES);
}

Test(sysctl, writes_at_an_offset)
{
        struct view_ctx ctx = context(NULL);

        put("kernel/sysctl_writes_strict", "1\n");
        put("kernel/core_pattern", "core\n");
        cr_expect_eq(write_at(&ctx, "vm/overcommit_memory", "2", 1), 0);
        expect_text(&ctx, "vm/overcommit_memory", "1\n");
        cr_expect_eq(write_at(&ctx, "kernel/core_pattern", ".%p\n", 4), 0);
        expect_text(&ctx, "kernel/core_pattern", "core.%p\n");
        cr_expect_eq(write_as(&ctx, "kernel/sysctl_writes_strict", "0"), 0);
        cr_expect_eq(write_at(&ctx, "vm/overcommit_memory", "2", 1), 0);
        expect_text(&ctx, "vm/overcommit_memory", "2\n");
        cr_expect_eq(write_at(&ctx, "kernel/core_pattern", "x", 3), 0);
        expect_text(&ctx, "kernel/core_pattern", "x\n");
}

Test(sysctl, raises_are_noted)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        const struct sysctl_rule raise = {SYSCTL_RAISE, 100000};
        struct view_ctx ctx = context(policy);
        struct sysctl_raise noted;

        cr_assert_eq(sysctl_policy_set(policy, "vm/max_map_count", &raise), 0);
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "70000"), 0);
        cr_expect_eq(write_as(&ctx, "vm/max_map_count", "200000"), 0);
        expect_host("vm/max_map_count", "100000");
        cr_assert(sysctl_store_find_raise(box->sysctls, "vm/max_map_count", &noted));
        cr_expect(noted.old == 65530 && noted.now == 100000);
}

Test(sysctl, a_policy_is_replaced_as_a_whole)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        autoptr(sysctl_policy) next = sysctl_policy_new();
        const struct sysctl_rule hidden = {SYSCTL_HIDDEN, 0}, to_host = {SYSCTL_HOST, 0};
        struct view_ctx ctx = context(policy);

        cr_assert_eq(sysctl_policy_set(policy, "vm/max_map_count", &hidden), 0);
        cr_assert_eq(sysctl_policy_set(next, "vm/overcommit_memory", &to_host), 0);
        cr_expect_eq(read_result(&ctx, "vm/max_map_count"), -ENOENT);
        sysctl_policy_replace(policy, next);
        expect_text(&ctx, "vm/max_map_count", "65530\n");
        cr_expect_eq(write_as(&ctx, "vm/overcommit_memory", "2"), -EACCES);
        cr_expect(!sysctl_policy_find(next, "vm/max_map_count", NULL));
}
