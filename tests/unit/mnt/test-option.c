#include "mnt/option.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mount.h>

Test(option, reads_flags_and_keeps_the_rest)
{
        static const char *const words[] = {"rw",      "nosuid", "noexec",   "nodev", "ro",
                                            "size=1m", "rslave", "mode=755", NULL};
        struct mount_options options;

        cr_assert_eq(mount_options_parse(words, &options), 0);
        cr_expect_eq(options.attr,
                     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
        cr_expect_not(options.bind);
        cr_assert_eq(options.data->len, 2);
        cr_expect_str_eq(g_ptr_array_index(options.data, 0), "size=1m");
        cr_expect_str_eq(g_ptr_array_index(options.data, 1), "mode=755");
        mount_options_clear(&options);
}

Test(option, lets_the_last_word_win)
{
        static const char *const words[] = {"ro", "noatime", "rw", "relatime", NULL};
        struct mount_options options;

        cr_assert_eq(mount_options_parse(words, &options), 0);
        cr_expect_eq(options.attr, 0);
        mount_options_clear(&options);
}

Test(option, knows_binds)
{
        static const char *const words[] = {"rbind", "rro", NULL};
        struct mount_options options;

        cr_assert_eq(mount_options_parse(words, &options), 0);
        cr_expect(options.bind);
        cr_expect(options.recursive);
        mount_options_clear(&options);
}

Test(option, refuses_mapped_ids)
{
        static const char *const plain[] = {"bind", "idmap", NULL};
        static const char *const mapped[] = {"idmap=uids=0-1-2", NULL};
        struct mount_options options;

        cr_expect_eq(mount_options_parse(plain, &options), -EINVAL);
        cr_expect_eq(mount_options_parse(mapped, &options), -EINVAL);
}

Test(option, takes_no_options_for_none)
{
        struct mount_options options;

        cr_assert_eq(mount_options_parse(NULL, &options), 0);
        cr_expect_eq(options.attr, 0);
        cr_expect_eq(options.data->len, 0);
        mount_options_clear(&options);
}
