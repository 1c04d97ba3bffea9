#include "proto/key.h"

#include <criterion/criterion.h>
#include <string.h>

/* printf '/run/runc\0web' | sha256sum */
Test(key, known)
{
        char key[KEY_SIZE];

        key_make("/run/runc", "web", key);
        cr_assert_str_eq(key, "77d1f8318ab61023");
}

Test(key, parts_do_not_run_together)
{
        char a[KEY_SIZE], b[KEY_SIZE];

        key_make("/run/a", "b", a);
        key_make("/run/", "ab", b);
        cr_assert_str_neq(a, b);
}
