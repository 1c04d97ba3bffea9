#include "base/fd.h"
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>

static char dir[] = "/tmp/cloister-test-file-XXXXXX";
static int dirfd_of_test;

static void set_up(void)
{
        cr_assert_not_null(g_mkdtemp(dir));
        dirfd_of_test = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tear_down(void)
{
        unlinkat(dirfd_of_test, "text", 0);
        unlinkat(dirfd_of_test, "link", 0);
        close(dirfd_of_test);
        g_rmdir(dir);
}

Test(file, replaces_and_reads, .init = set_up, .fini = tear_down)
{
        g_autoptr(GString) out = g_string_new("before ");
        struct stat st;

        cr_assert(file_replace_at(dirfd_of_test, "text", "one", 3, 0600) == 0);
        cr_assert(file_replace_at(dirfd_of_test, "text", "two\n", 4, 0640) == 0);
        cr_assert(file_read_at(dirfd_of_test, "text", 100, out) == 0);
        cr_assert_str_eq(out->str, "before two\n");
        cr_assert(fstatat(dirfd_of_test, "text", &st, 0) == 0 && (st.st_mode & 0777) == 0640);
}

Test(file, bounds_what_it_reads, .init = set_up, .fini = tear_down)
{
        g_autoptr(GString) out = g_string_new("kept");
        g_autofree char *big = g_strnfill(10000, 'x');

        cr_assert(file_replace_at(dirfd_of_test, "text", big, 10000, 0600) == 0);
        cr_assert(file_read_at(dirfd_of_test, "text", 9999, out) == -EFBIG);
        cr_assert_str_eq(out->str, "kept");
        cr_assert(file_read_at(dirfd_of_test, "text", 10000, out) == 0 && out->len == 10004);
}

Test(file, follows_no_link, .init = set_up, .fini = tear_down)
{
        g_autoptr(GString) out = g_string_new(NULL);

        cr_assert(symlinkat("/etc/passwd", dirfd_of_test, "link") == 0);
        cr_assert(file_read_at(dirfd_of_test, "link", 1 << 20, out) == -ELOOP);
        cr_assert(file_write_at(dirfd_of_test, "link", "x", 1) == -ELOOP);
        cr_assert(file_read_at(dirfd_of_test, "absent", 1 << 20, out) == -ENOENT);
}
