#include "oci/sysctl.h"

#include <criterion/criterion.h>
#include <glib.h>

static void is_name(const char *given, const char *wanted)
{
        g_autofree char *got = sysctl_normal_name(given);

        cr_assert_str_eq(got ?: "(none)", wanted ?: "(none)", "%s: got %s", given, got ?: "(none)");
}

Test(sysctl, first_separator_decides)
{
        is_name("kernel.panic", "kernel/panic");
        is_name("kernel/panic", "kernel/panic");
        is_name("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding");
        is_name("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding");
        is_name("panic", "panic");
}

Test(sysctl, paths_outside_are_refused)
{
        is_name("", NULL);
        is_name("../../etc/passwd", NULL);
        is_name("kernel/../../etc", NULL);
        is_name("kernel..panic", NULL);
        is_name(".panic", NULL);
        is_name("/etc/passwd", NULL);
        is_name("kernel/", NULL);
        is_name("kernel/./panic", NULL);
        g_autofree char *longest = g_strnfill(255, 'a'), *too_long = g_strnfill(256, 'a');
        is_name(longest, longest);
        is_name(too_long, NULL);
}

Test(sysctl, namespaced_are_those_that_runtimes_accept)
{
        static const char *const yes[] = {"net/ipv4/ip_forward", "fs/mqueue/msg_max", "kernel/shmmax",
                                          "kernel/sem", "kernel/domainname"};
        static const char *const no[] = {"kernel/panic",
                                         "vm/swappiness",
                                         "fs/file-max",
                                         "net",
                                         "netx/y",
                                         "kernel/semx",
                                         "kernel/shm_next_id",
                                         "fs/mqueue",
                                         "user/max_user_namespaces"};

        for (size_t i = 0; i < G_N_ELEMENTS(yes); i++)
                cr_assert(sysctl_is_namespaced(yes[i]), "%s", yes[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
                cr_assert(!sysctl_is_namespaced(no[i]), "%s", no[i]);
}

static void is_shifted(const char *given, const char *wanted)
{
        g_autofree char *got = sysctl_shift_groups(given, 100000, 65536);

        cr_assert_str_eq(got ?: "(none)", wanted, "%s: got %s", given, got ?: "(none)");
}

Test(sysctl, groups_move_into_the_range)
{
        is_shifted("0 2147483647", "100000 165535");
        is_shifted("0 0", "100000 100000");
        is_shifted("5\t 7 ", "100005 100007");
        is_shifted("1 0", "1 0");
        is_shifted("65536 65537", "1 0");
        is_shifted("5", "(none)");
        is_shifted("a b", "(none)");
        is_shifted("", "(none)");
}
