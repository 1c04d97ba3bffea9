#include "fs/names.h"
#include "shared-fixture.h"

#include <errno.h>

Test(names, one_index_a_path_until_forgotten)
{
        struct shared *shared = shared_fixture();
        struct names *names = names_new(shared);
        char path[SHARED_NAME_MAX];
        int a = names_acquire(names, "proc/sys/vm"), b = names_acquire(names, "proc/sys/fs");

        cr_assert(a >= 0 && b >= 0 && a != b);
        cr_assert(names_acquire(names, "proc/sys/vm") == a);
        names_release(names, (unsigned)a, 1);
        cr_assert(names_path(names, (unsigned)a, path) == 0);
        cr_assert_str_eq(path, "proc/sys/vm");
        names_release(names, (unsigned)a, 5); /* more than there are: no wrap */
        cr_assert(names_path(names, (unsigned)a, path) == -ESTALE);
        cr_assert(names_path(names, SHARED_NAMES, path) == -ESTALE);
        cr_assert(names_acquire(names, "proc/sys/net") == a, "a free index is used again");
        names_free(names);
        shared_unmap(shared);
}

Test(names, a_successor_knows_them)
{
        struct shared *shared = shared_fixture();
        struct names *names = names_new(shared);
        int a = names_acquire(names, "one"), b = names_acquire(names, "two");

        names_release(names, (unsigned)a, 1);
        names_free(names);
        names = names_new(shared);
        cr_assert(names_acquire(names, "two") == b);
        cr_assert(names_acquire(names, "three") == a);
        names_free(names);
        shared_unmap(shared);
}

Test(names, is_bounded)
{
        struct shared *shared = shared_fixture();
        struct names *names = names_new(shared);
        g_autofree char *long_path = g_strnfill(SHARED_NAME_MAX, 'x');

        cr_assert(names_acquire(names, long_path) == -ENAMETOOLONG);
        for (unsigned i = 0; i < SHARED_NAMES; i++) {
                g_autofree char *path = g_strdup_printf("name%u", i);
                cr_assert(names_acquire(names, path) >= 0);
        }
        cr_assert(names_acquire(names, "one more") == -ENFILE);
        cr_assert(names_acquire(names, "name7") >= 0, "known ones still work");
        names_free(names);
        shared_unmap(shared);
}
