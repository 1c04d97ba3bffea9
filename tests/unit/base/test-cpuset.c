#include "base/cpuset.h"

#include <criterion/criterion.h>
#include <errno.h>

static void check_round_trip(const char *text, const char *expected, unsigned count)
{
        struct cpuset set;
        g_autoptr(GString) out = g_string_new(NULL);

        cr_assert(cpuset_parse(text, &set) == 0, "'%s'", text);
        cpuset_format(&set, out);
        cr_assert_str_eq(out->str, expected);
        cr_assert(cpuset_count(&set) == count);
}

Test(cpuset, round_trips)
{
        check_round_trip("", "", 0);
        check_round_trip("\n", "", 0);
        check_round_trip("0\n", "0", 1);
        check_round_trip("0-3,7", "0-3,7", 5);
        check_round_trip("7,0-1,2-3", "0-3,7", 5);
        check_round_trip("63-64", "63-64", 2);
        check_round_trip("8191", "8191", 1);
}

Test(cpuset, refuses)
{
        static const char *const senseless[] = {"a",  "-1",   "1-",  "3-1",  "1,",
                                                ",1", "1,,2", "1 2", "0-3x", "1--2"};
        struct cpuset set;

        for (size_t i = 0; i < G_N_ELEMENTS(senseless); i++)
                cr_assert(cpuset_parse(senseless[i], &set) == -EINVAL, "'%s'", senseless[i]);
        cr_assert(cpuset_parse("8192", &set) == -ERANGE);
        cr_assert(cpuset_parse("0-99999999999999999999", &set) == -ERANGE);
}

Test(cpuset, keeps_and_cuts)
{
        struct cpuset set, other;

        cr_assert(cpuset_parse("1,3,5-9", &set) == 0 && cpuset_parse("3-6,200", &other) == 0);
        cpuset_and(&set, &other);
        cr_assert(cpuset_count(&set) == 3 && cpuset_has(&set, 3) && cpuset_has(&set, 5) &&
                  cpuset_has(&set, 6));
        cpuset_keep_first(&set, 2);
        cr_assert(cpuset_count(&set) == 2 && !cpuset_has(&set, 6));
        cr_assert(cpuset_next(&set, 0) == 3 && cpuset_next(&set, 4) == 5 && cpuset_next(&set, 6) == -1);
        cr_assert(!cpuset_has(&set, 100000));
}
