#include "base/num.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

Test(num, u64)
{
        uint64_t v = 7;

        cr_assert(num_parse_u64("18446744073709551615", &v) == 0 && v == UINT64_MAX);
        cr_assert(num_parse_u64("0", &v) == 0 && v == 0);
        cr_assert(num_parse_u64("18446744073709551616", &v) == -ERANGE);
        static const char *const senseless[] = {"", " 1", "+1", "-1", "1 ", "0x1", "1\n", "a"};
        for (size_t i = 0; i < sizeof(senseless) / sizeof(*senseless); i++)
                cr_assert(num_parse_u64(senseless[i], &v) == -EINVAL, "'%s'", senseless[i]);
        cr_assert(v == 0, "written only on success");
}

Test(num, i64)
{
        int64_t v;

        cr_assert(num_parse_i64("-9223372036854775808", &v) == 0 && v == INT64_MIN);
        cr_assert(num_parse_i64("9223372036854775807", &v) == 0 && v == INT64_MAX);
        cr_assert(num_parse_i64("9223372036854775808", &v) == -ERANGE);
        cr_assert(num_parse_i64("-9223372036854775809", &v) == -ERANGE);
        cr_assert(num_parse_i64("--1", &v) == -EINVAL);
        cr_assert(num_parse_i64("-", &v) == -EINVAL);
}

Test(num, size)
{
        uint64_t v;

        cr_assert(num_parse_size("256M", &v) == 0 && v == 256ull << 20);
        cr_assert(num_parse_size("1g", &v) == 0 && v == 1ull << 30);
        cr_assert(num_parse_size("12", &v) == 0 && v == 12);
        cr_assert(num_parse_size("16777216T", &v) == -ERANGE);
        cr_assert(num_parse_size("1MB", &v) == -EINVAL);
        cr_assert(num_parse_size("M", &v) == -EINVAL);
}
