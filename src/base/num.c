#include "base/num.h"

#include "base/err.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* strtoull() takes blanks, signs and an empty text: refuse those first. */
static int parse_digits(const char *text, uint64_t *ret, char **ret_end)
{
        if (!g_ascii_isdigit(text[0]))
                return -EINVAL;
        errno = 0;
        *ret = strtoull(text, ret_end, 10);
        return errno == ERANGE ? -ERANGE : 0;
}

int num_parse_u64(const char *text, uint64_t *ret)
{
        uint64_t value;
        char *end;
        int r = parse_digits(text, &value, &end);

        if (r < 0)
                return r;
        if (*end != '\0')
                return -EINVAL;
        *ret = value;
        return 0;
}

int num_parse_i64(const char *text, int64_t *ret)
{
        int negative = text[0] == '-';
        uint64_t value;
        int r = num_parse_u64(text + negative, &value);

        if (r < 0)
                return r;
        if (value > (uint64_t)INT64_MAX + (uint64_t)negative)
                return -ERANGE;
        *ret = negative ? (int64_t)-value : (int64_t)value;
        return 0;
}

int num_parse_size(const char *text, uint64_t *ret)
{
        static const char suffixes[] = "KMGT";
        uint64_t value;
        char *end;
        int r = parse_digits(text, &value, &end);
        unsigned shift = 0;

        if (r < 0)
                return r;
        if (*end != '\0') {
                const char *s = strchr(suffixes, g_ascii_toupper(*end));
                if (!s || end[1] != '\0')
                        return -EINVAL;
                shift = 10 * (unsigned)(s - suffixes + 1);
        }
        if (value > UINT64_MAX >> shift)
                return -ERANGE;
        *ret = value << shift;
        return 0;
}
