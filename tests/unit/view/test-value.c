#include "view/sysctl/value.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct sysctl_entry small = {"x", SYSCTL_PRIVATE, SYSCTL_INT, 0, 200, 1, 0};
static const struct sysctl_entry any_int = {"x", SYSCTL_PRIVATE, SYSCTL_INT, INT_MIN, INT_MAX, 1, 0};
static const struct sysctl_entry any_ulong = {"x", SYSCTL_PRIVATE, SYSCTL_ULONG, 0, ULONG_MAX, 1, 0};
static const struct sysctl_entry four = {"x", SYSCTL_PRIVATE, SYSCTL_INT, INT_MIN, INT_MAX, 4, 0};
static const struct sysctl_entry latch = {"x", SYSCTL_PRIVATE, SYSCTL_INT, 0, 3, 1, SYSCTL_LATCH};
static const struct sysctl_entry word = {"x", SYSCTL_PRIVATE, SYSCTL_STRING, 0, 5, 0, 0};

/* expected: the text shown then, or NULL for -EINVAL. */
static void check(const struct sysctl_entry *entry, const char *current, const char *text, size_t len,
                  const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        int r = sysctl_value_parse(entry, current, text, len, out);

        cr_expect_eq(r, expected ? 0 : -EINVAL, "'%s' gave %d", text, r);
        cr_expect_str_eq(out->str, expected ? expected : "", "'%s'", text);
}

static void check_text(const struct sysctl_entry *entry, const char *text, const char *expected)
{
        check(entry, NULL, text, strlen(text), expected);
}

Test(value, numbers_in_the_kernels_notations)
{
        check_text(&small, "1", "1");
        check_text(&small, "1\n", "1");
        check_text(&small, " \t\n 1 \n", "1");
        check_text(&small, "0x1f", "31");
        check_text(&small, "0X1F\n", "31");
        check_text(&small, "010", "8");
        check_text(&small, "000", "0");
        check_text(&small, "-0", "0");
        check_text(&any_int, "-2147483648", "-2147483648");
        check_text(&any_int, "2147483647", "2147483647");
        check_text(&any_ulong, "18446744073709551615", "18446744073709551615");
}

Test(value, only_the_first_of_several_counts)
{
        check_text(&small, "1 2", "1");
        check_text(&small, "1 x", "1");
        check(&small, NULL, "1\n\0", 3, "1");
}

Test(value, nonsense_is_refused)
{
        static const char *const texts[] = {"x",
                                            "",
                                            "\n",
                                            "   ",
                                            "-",
                                            "+1",
                                            "1x",
                                            "0x",
                                            "0xg",
                                            "08",
                                            "1,2",
                                            "1.5",
                                            "--1",
                                            "- 1",
                                            "1\v",
                                            "max",
                                            "99999999999999999999999"};

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                check(&small, "7", *texts[i] ? texts[i] : "\n", MAX(1, strlen(texts[i])), NULL);
        check(&small, NULL, "1\0", 2, NULL);
}

Test(value, out_of_range_is_refused)
{
        check_text(&small, "-1", NULL);
        check_text(&small, "201", NULL);
        check_text(&small, "200", "200");
        check_text(&any_int, "2147483648", NULL);
        check_text(&any_int, "-2147483649", NULL);
        check_text(&any_ulong, "18446744073709551616", NULL);
        check_text(&any_ulong, "-1", NULL);
}

Test(value, the_kernel_looks_at_21_characters_of_a_number)
{
        check_text(&any_ulong, "00000000000000000001", "1");   /* 20 */
        check_text(&any_ulong, "000000000000000000001", NULL); /* 21 */
        check_text(&any_ulong, "0x000000000000000001", "1");
}

Test(value, no_more_than_a_page_less_one)
{
        char text[8192];

        memset(text, ' ', sizeof(text));
        text[4094] = '1';
        check(&small, NULL, text, sizeof(text), "1");
        text[4094] = ' ';
        text[4095] = '1';
        check(&small, NULL, text, sizeof(text), NULL);
        check(&small, NULL, text, 0, "");
}

Test(value, vectors_keep_what_was_not_written)
{
        check(&four, "4\t4\t1\t7\n", "7", 1, "7\t4\t1\t7");
        check(&four, "4\t4\t1\t7\n", "1 2\t3 -4\n", 9, "1\t2\t3\t-4");
        check(&four, "4\t4\t1\t7\n", "1 2 x", 5, NULL);
        check(&four, NULL, "1", 1, "1\t0\t0\t0");
}

Test(value, latches_stay)
{
        check(&latch, "2\n", "1", 1, "1");
        check(&latch, "3\n", "3", 1, "3");
        check(&latch, "3\n", "1", 1, NULL);
}

Test(value, strings_end_at_the_line_and_at_their_size)
{
        check_text(&word, "ab\ncd", "ab");
        check_text(&word, "abcdefg", "abcd");
        check(&word, NULL, "a\0b", 3, "a");
}

Test(value, unknown_names_are_guessed_from_the_hosts_text)
{
        struct sysctl_entry one = sysctl_value_guess("262144\n"),
                            several = sysctl_value_guess("4\t-4\t1\t7\n");
        struct sysctl_entry text = sysctl_value_guess("cubic reno\n"), none = sysctl_value_guess("\n");

        cr_expect(one.type == SYSCTL_LONG && one.count == 1);
        cr_expect(several.type == SYSCTL_LONG && several.count == 4);
        cr_expect_eq(text.type, SYSCTL_STRING);
        cr_expect_eq(none.type, SYSCTL_STRING);
        check_text(&one, "-9223372036854775808", "-9223372036854775808");
}

/* A named entry of the table: what a write gives, and its error. */
static void check_named(const char *name, const char *current, const char *text, int error,
                        const char *expected)
{
        const struct sysctl_entry *entry = sysctl_table_find(name);
        g_autoptr(GString) out = g_string_new(NULL);

        cr_assert(entry && strcmp(entry->name, name) == 0, "%s", name);
        cr_expect_eq(sysctl_value_parse(entry, current, text, strlen(text), out), error, "%s '%s'", name,
                     text);
        cr_expect_str_eq(out->str, expected, "%s '%s'", name, text);
}

Test(value, some_move_in_one_direction_only)
{
        check_named("kernel/unprivileged_bpf_disabled", "2\n", "0", 0, "0");
        check_named("kernel/unprivileged_bpf_disabled", "1\n", "0", -EPERM, "");
        check_named("kernel/unprivileged_bpf_disabled", "1\n", "3", -EINVAL, "");
        check_named("kernel/unprivileged_bpf_disabled", "1\n", "1", 0, "1");
        check_named("kernel/modules_disabled", "0\n", "0", -EINVAL, "");
        check_named("kernel/modules_disabled", "0\n", "1", 0, "1");
        check_named("kernel/kexec_load_limit_panic", "-1\n", "5", 0, "5");
        check_named("kernel/kexec_load_limit_panic", "5\n", "5", -EINVAL, "");
        check_named("kernel/kexec_load_limit_panic", "5\n", "4", 0, "4");
        check_named("kernel/kexec_load_limit_panic", "-1\n", "-1", -EINVAL, "");
        check_named("kernel/tainted", "4097\n", "2", 0, "4099");
}

Test(value, what_is_shaped)
{
        check_named("dev/tty/legacy_tiocsti", "1\n", "-7", 0, "1");
        check_named("fs/pipe-max-size", "1048576\n", "1", 0, "4096");
        check_named("fs/pipe-max-size", "1048576\n", "4097", 0, "8192");
        check_named("fs/pipe-max-size", "1048576\n", "2147483648", 0, "2147483648");
        check_named("fs/pipe-max-size", "1048576\n", "2147483649", -EINVAL, "");
        check_named("vm/dirty_bytes", "0\n", "0", -EINVAL, "");
        check_named("vm/dirty_bytes", "0\n", "17592186044417", -ERANGE, "");
        check_named("vm/lowmem_reserve_ratio", "256\t256\t32\t0\n", "1", 0, "1\t256\t32\t0");
        check_named("kernel/printk_devkmsg", "on\n", "off\n", 0, "off");
        check_named("vm/percpu_pagelist_high_fraction", "0\n", "7", -EINVAL, "");
        check_named("vm/percpu_pagelist_high_fraction", "8\n", "0", 0, "0");
        check_named("vm/lowmem_reserve_ratio", "256\t32\n", "-1 x", 0, "0\t32");
        check_named("kernel/sched_rr_timeslice_ms", "90\n", "-1", 0, "100");
        check_named("net/netfilter/nf_conntrack_buckets", "512\n", "513", 0, "1024");
        check_named("kernel/printk_devkmsg", "on\n", "off", -EINVAL, "");
        check_named("kernel/printk_devkmsg", "on\n", "never\n", -EINVAL, "");
}

Test(value, bitmaps)
{
        check_named("kernel/watchdog_cpumask", "0-3\n", "1,0-2,8\n", 0, "0-2,8");
        check_named("kernel/watchdog_cpumask", "0-3\n", "\n", 0, "");
        check_named("kernel/watchdog_cpumask", "0-3\n", "3-1", -EINVAL, "");
        check_named("kernel/watchdog_cpumask", "0-3\n", "8192", -EINVAL, "");
        check_named("kernel/watchdog_cpumask", "0-3\n", "0 1", -EINVAL, "");
        check_named("kernel/watchdog_cpumask", "0-3\n", "x", -EINVAL, "");
}

static void check_at(const struct sysctl_entry *entry, const char *current, const char *text, off_t offset,
                     bool ignored, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        size_t taken;
        bool got;

        cr_expect_eq(sysctl_value_parse_at(entry, current, text, strlen(text), offset, &got, &taken, out), 0);
        cr_expect_eq(got, ignored, "'%s' at %jd", text, (intmax_t)offset);
        cr_expect_str_eq(out->str, expected, "'%s' at %jd", text, (intmax_t)offset);
}

Test(value, writes_at_an_offset)
{
        check_at(&small, "7\n", "9", 1, true, "");
        check_at(&small, "7\n", "senseless", 1, true, "");
        check_at(&word, "abc\n", "X", 1, false, "aX");
        check_at(&word, "abc\n", "XYZ", 3, false, "abcX");
        check_at(&word, "abc\n", "X", 4, true, "");
        check_at(&word, "\n", "X\n", 0, false, "X");
        check_at(sysctl_table_find("kernel/watchdog_cpumask"), "0-3\n", "8", 1, false, "0-3,8");
}

/* The kernel itself begins with what it would not take (0, for never). */
static bool is_odd(const struct sysctl_entry *entry)
{
        return entry->flags &
                       (SYSCTL_TRIGGER | SYSCTL_LATCH | SYSCTL_LATCH_AT_1 | SYSCTL_FALLS | SYSCTL_CLEARS) ||
               strcmp(entry->name, "kernel/max_rcu_stall_to_panic") == 0;
}

/* The machine's own values are in normal form and can be written, but for odd ones. */
Test(value, the_machines_own_values)
{
        size_t count;
        const struct sysctl_entry *entries = sysctl_table(&count);

        for (size_t i = 0; i < count; i++) {
                const struct sysctl_entry *entry = &entries[i];
                g_autofree char *path = g_build_filename("/proc/sys", entry->name, NULL), *text = NULL;
                g_autoptr(GString) out = g_string_new(NULL);
                if (entry->klass != SYSCTL_PRIVATE || is_odd(entry) ||
                    !g_file_get_contents(path, &text, NULL, NULL))
                        continue;
                cr_expect_eq(sysctl_value_parse(entry, text, text, strlen(text), out), 0, "%s %s",
                             entry->name, text);
                g_string_append_c(out, '\n');
                cr_expect_str_eq(out->str, text, "%s", entry->name);
        }
}
