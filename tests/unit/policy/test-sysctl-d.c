#include "policy/sysctl-d.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static char *folder;

static void setup(void)
{
        folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        cr_assert(folder);
}

static void put(const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);

        cr_assert(g_file_set_contents(path, text, -1, NULL));
}

static void teardown(void)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                g_unlink(path);
        }
        g_rmdir(folder);
        g_free(folder);
}

TestSuite(sysctl_d, .init = setup, .fini = teardown);

static void expect_error(const char *text, const char *message)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        g_autoptr(GError) error = NULL;

        put("a.conf", text);
        cr_assert(sysctl_d_read(folder, policy, &error) == -EINVAL, "%s", text);
        cr_assert(strstr(error->message, message), "%s", error->message);
}

Test(sysctl_d, rules_in_order)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        g_autoptr(GError) error = NULL;

        put("10-a.conf",
            "[vm.swappiness]\nclass=hidden\n[net.netfilter.nf_conntrack_max]\nclass=raise\nlimit=1048576\n");
        put("20-b.conf", "[vm/swappiness]\nclass=host\n");
        put("30-c.conf.dpkg-old", "senseless");
        cr_assert(sysctl_d_read(folder, policy, &error) == 0, "%s", error ? error->message : "");
        struct sysctl_rule rule;
        cr_assert(sysctl_policy_find(policy, "net/netfilter/nf_conntrack_max", &rule));
        cr_assert(rule.klass == SYSCTL_RAISE && rule.limit == 1048576);
        cr_assert(sysctl_policy_find(policy, "vm/swappiness", &rule));
        cr_assert(rule.klass == SYSCTL_HOST, "the later file counts");
}

Test(sysctl_d, missing_folder)
{
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        g_autoptr(GError) error = NULL;

        cr_assert(sysctl_d_read("/nonexistent/sysctl.d", policy, &error) == 0 && !error);
}

Test(sysctl_d, errors_say_where)
{
        expect_error("[vm.swappiness]\nclass=secret\n", "a.conf:2: class=secret: not one of");
        expect_error("\n[vm.swappiness]\n", "a.conf:2: [vm.swappiness]: has no class=");
        expect_error("[vm.swappiness]\nclass=raise\n", "a.conf:2: class=raise: needs a limit=");
        expect_error("[vm.swappiness]\nclass=raise\nlimit=-1\n", "a.conf:3: limit=-1: not a number");
        expect_error("[vm.swappiness]\nclass=host\nlimit=1\n", "a.conf:3: limit=1: only class=raise");
        expect_error("[vm.swappiness]\nclass=host\nmode=1\n", "a.conf:3: mode=1: unknown key");
        expect_error("[../../etc/passwd]\nclass=host\n",
                     "a.conf:1: [../../etc/passwd]: not the name of a sysctl");
        expect_error("class=host\n", "a.conf:1: ");
        expect_error("[vm.swappiness]\nclass=host\n\n???\n", "a.conf:4: ");
        expect_error("[vm.swappiness]\nclass=namespaced\n", "for the kernel to say");
}
