#include "host/parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TAIL " S 1 2 3 4 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 4242 100 5\n"

Test(parse, pid_stat_counts_from_the_last_parenthesis)
{
        static const char *const names[] = {"(sh)", "(a b)", "(a) R 1 2)", "(())", "()", "(x\n) y)"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                char text[256];
                struct pid_stat stat;
                snprintf(text, sizeof(text), "17 %s" TAIL, names[i]);
                cr_assert_eq(host_parse_pid_stat(text, &stat), 0, "%s", names[i]);
                cr_expect_eq(stat.state, 'S');
                cr_expect_eq(stat.flags, 4194560);
                cr_expect_eq(stat.start_ticks, 4242, "%s", names[i]);
        }
}

Test(parse, pid_stat_refuses_what_is_cut_off)
{
        struct pid_stat stat = {.start_ticks = 7};

        cr_expect_eq(host_parse_pid_stat("", &stat), -EINVAL);
        cr_expect_eq(host_parse_pid_stat("1 (sh", &stat), -EINVAL);
        cr_expect_eq(host_parse_pid_stat("1 (sh)", &stat), -EINVAL);
        cr_expect_eq(host_parse_pid_stat("1 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n", &stat),
                     -EINVAL);
        cr_expect_eq(stat.start_ticks, 7);
}

Test(parse, values_are_found_by_their_whole_key)
{
        static const char text[] =
                "file 1\nfile_mapped 22\nanon_thp 333\nuser_usec 99999999999999999999\nempty \n";
        uint64_t value = 0;

        cr_expect(host_find_value(text, "file_mapped", &value));
        cr_expect_eq(value, 22);
        cr_expect(host_find_value(text, "file", &value));
        cr_expect_eq(value, 1);
        cr_expect(host_find_value(text, "user_usec", &value));
        cr_expect_eq(value, UINT64_MAX);
        cr_expect_not(host_find_value(text, "anon", &value));
        cr_expect_not(host_find_value(text, "empty", &value));
        cr_expect_not(host_find_value("", "file", &value));
}

Test(parse, fields_of_meminfo)
{
        static const char text[] = "MemTotal:        8000000 kB\nActive:   5 kB\nActive(anon):   6 kB\n";
        uint64_t value = 0;

        cr_expect(host_find_field(text, "MemTotal", &value));
        cr_expect_eq(value, 8000000);
        cr_expect(host_find_field(text, "Active(anon)", &value));
        cr_expect_eq(value, 6);
        cr_expect_not(host_find_field(text, "Mem", &value));
}

Test(parse, limits)
{
        uint64_t value = 0;

        cr_expect_eq(host_parse_limit("max\n", &value), 0);
        cr_expect_eq(value, UINT64_MAX);
        cr_expect_eq(host_parse_limit("-1\n", &value), 0);
        cr_expect_eq(value, UINT64_MAX);
        cr_expect_eq(host_parse_limit("268435456\n", &value), 0);
        cr_expect_eq(value, 268435456);
        cr_expect_eq(host_parse_limit("", &value), -EINVAL);
        cr_expect_eq(host_parse_limit("12k\n", &value), -EINVAL);
        cr_expect_eq(host_parse_limit("-\n", &value), -EINVAL);
        cr_expect_eq(value, 268435456);
}

Test(parse, cpu_max)
{
        uint64_t quota = 0, period = 0;

        cr_expect_eq(host_parse_cpu_max("50000 100000\n", &quota, &period), 0);
        cr_expect_eq(quota, 50000);
        cr_expect_eq(period, 100000);
        cr_expect_eq(host_parse_cpu_max("max 100000\n", &quota, &period), 0);
        cr_expect_eq(quota, UINT64_MAX);
        cr_expect_eq(host_parse_cpu_max("max\n", &quota, &period), -EINVAL);
        cr_expect_eq(host_parse_cpu_max("1 0\n", &quota, &period), -EINVAL);
}

Test(parse, cpuinfo_blocks)
{
        static const char text[] = "processor\t: 0\nflags\t: a\n\nprocessor\t: 12\n\nHardware\t: B\n";
        const char *cursor = text, *block;
        size_t len, all = 0;
        int cpu;

        cr_assert(host_next_cpuinfo(&cursor, &block, &len, &cpu));
        cr_expect_eq(cpu, 0);
        all += len;
        cr_assert(host_next_cpuinfo(&cursor, &block, &len, &cpu));
        cr_expect_eq(cpu, 12);
        all += len;
        cr_assert(host_next_cpuinfo(&cursor, &block, &len, &cpu));
        cr_expect_eq(cpu, -1);
        all += len;
        cr_expect_not(host_next_cpuinfo(&cursor, &block, &len, &cpu));
        cr_expect_eq(all, strlen(text));
}

Test(parse, usage_by_cpu)
{
        const char *cursor = "cpu user system\n0 5 6\nnonsense\n99999999 1 1\n3 7 8";
        uint64_t user, system;
        unsigned cpu;

        cr_assert(host_next_cpu_usage(&cursor, &cpu, &user, &system));
        cr_expect(cpu == 0 && user == 5 && system == 6);
        cr_assert(host_next_cpu_usage(&cursor, &cpu, &user, &system));
        cr_expect(cpu == 3 && user == 7 && system == 8);
        cr_expect_not(host_next_cpu_usage(&cursor, &cpu, &user, &system));
}
