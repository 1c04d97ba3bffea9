#include "base/cpuset.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 64 };

bool cpuset_has(const struct cpuset *set, unsigned cpu)
{
        return cpu < CPUSET_MAX && (set->bits[cpu / WORD] >> (cpu % WORD) & 1);
}

void cpuset_add(struct cpuset *set, unsigned cpu)
{
        if (cpu < CPUSET_MAX)
                set->bits[cpu / WORD] |= UINT64_C(1) << (cpu % WORD);
}

unsigned cpuset_count(const struct cpuset *set)
{
        unsigned n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(set->bits); i++)
                n += (unsigned)__builtin_popcountll(set->bits[i]);
        return n;
}

void cpuset_and(struct cpuset *set, const struct cpuset *other)
{
        for (size_t i = 0; i < G_N_ELEMENTS(set->bits); i++)
                set->bits[i] &= other->bits[i];
}

int cpuset_next(const struct cpuset *set, unsigned from)
{
        for (unsigned w = from / WORD; w < G_N_ELEMENTS(set->bits); w++, from = w * WORD) {
                uint64_t rest = set->bits[w] >> (from % WORD);
                if (rest)
                        return (int)(from + (unsigned)__builtin_ctzll(rest));
        }
        return -1;
}

void cpuset_keep_first(struct cpuset *set, unsigned n)
{
        struct cpuset kept = {0};

        for (int cpu = cpuset_next(set, 0); cpu >= 0 && n > 0; cpu = cpuset_next(set, (unsigned)cpu + 1), n--)
                cpuset_add(&kept, (unsigned)cpu);
        *set = kept;
}

static int parse_number(const char **text, unsigned long *ret)
{
        char *end;

        if (!g_ascii_isdigit(**text))
                return -EINVAL;
        *ret = strtoul(*text, &end, 10);
        *text = end;
        return *ret < CPUSET_MAX ? 0 : -ERANGE;
}

static int parse_range(const char **text, struct cpuset *set)
{
        unsigned long first, last;
        int r = parse_number(text, &first);

        if (r < 0)
                return r;
        last = first;
        if (**text == '-') {
                (*text)++;
                r = parse_number(text, &last);
                if (r < 0)
                        return r;
        }
        if (last < first)
                return -EINVAL;
        for (unsigned long cpu = first; cpu <= last; cpu++)
                cpuset_add(set, (unsigned)cpu);
        return 0;
}

int cpuset_parse(const char *text, struct cpuset *ret)
{
        struct cpuset set = {0};

        while (g_ascii_isspace(*text))
                text++;
        while (*text && !g_ascii_isspace(*text)) {
                int r = parse_range(&text, &set);
                if (r < 0)
                        return r;
                if (*text == ',' && g_ascii_isdigit(text[1]))
                        text++;
                else if (*text && !g_ascii_isspace(*text))
                        return -EINVAL;
        }
        while (g_ascii_isspace(*text))
                text++;
        if (*text)
                return -EINVAL;
        *ret = set;
        return 0;
}

void cpuset_format(const struct cpuset *set, GString *out)
{
        const char *comma = "";

        for (int first = cpuset_next(set, 0); first >= 0;) {
                int last = first;
                while (cpuset_has(set, (unsigned)last + 1))
                        last++;
                g_string_append_printf(out, last > first ? "%s%d-%d" : "%s%d", comma, first, last);
                comma = ",";
                first = cpuset_next(set, (unsigned)last + 1);
        }
}
