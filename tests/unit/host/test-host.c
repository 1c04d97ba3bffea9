#include "host/host.h"

#include "base/fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

Test(host, the_machine_itself)
{
        autofd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoptr(host) host = NULL;
        g_autoptr(GString) text = g_string_new("before ");

        cr_assert_eq(host_new(root, &host), 0);
        cr_expect_eq(host_read(host, "proc/uptime", text), 0);
        cr_expect(g_str_has_prefix(text->str, "before "));
        cr_expect_eq(host_read(host, "proc/no-such-file", text), -ENOENT);
        cr_expect_gt(host_boottime_ns(host), 0);
        cr_expect_eq(host_boottime_ns(host) / 1000000000 / 10,
                     g_ascii_strtoull(text->str + 7, NULL, 10) / 10);
}

Test(host, a_folder_without_proc_is_no_host)
{
        autofd int root = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoptr(host) host = NULL;

        cr_expect_eq(host_new(root, &host), -ENOENT);
        cr_expect_null(host);
}
