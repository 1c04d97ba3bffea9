#include "host/parse.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_STATE = 3, FIELD_FLAGS = 9, FIELD_START = 22, CPU_MAX = 65535 };

static const char *skip_blanks(const char *text)
{
        return text + strspn(text, " \t");
}

/* A run of digits, cut to UINT64_MAX. Returns where it ends, or NULL when there is none. */
static const char *parse_number(const char *text, uint64_t *ret)
{
        uint64_t value = 0;
        bool too_large = false;

        if (!g_ascii_isdigit(*text))
                return NULL;
        for (; g_ascii_isdigit(*text); text++) {
                bool over = __builtin_mul_overflow(value, 10, &value) ||
                            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
                too_large = too_large || over;
        }
        *ret = too_large ? UINT64_MAX : value;
        return text;
}

static const char *next_line(const char *text)
{
        const char *end = strchr(text, '\n');

        return end ? end + 1 : text + strlen(text);
}

static void set_field(struct pid_stat *stat, unsigned field, const char *text)
{
        if (field == FIELD_STATE)
                stat->state = *text;
        else if (field == FIELD_FLAGS)
                parse_number(text, &stat->flags);
        else if (field == FIELD_START)
                parse_number(text, &stat->start_ticks);
}

int host_parse_pid_stat(const char *text, struct pid_stat *ret)
{
        const char *rest = strrchr(text, ')');
        struct pid_stat stat = {0};
        unsigned field;

        if (!rest)
                return -EINVAL;
        rest = skip_blanks(rest + 1);
        for (field = FIELD_STATE; field <= FIELD_START && *rest && *rest != '\n'; field++) {
                set_field(&stat, field, rest);
                rest = skip_blanks(rest + strcspn(rest, " \t\n"));
        }
        if (field <= FIELD_START)
                return -EINVAL;
        *ret = stat;
        return 0;
}

bool host_find_value(const char *text, const char *key, uint64_t *ret)
{
        size_t len = strlen(key);

        for (; *text; text = next_line(text))
                if (strncmp(text, key, len) == 0 && (text[len] == ' ' || text[len] == '\t'))
                        return parse_number(skip_blanks(text + len), ret) != NULL;
        return false;
}

bool host_find_field(const char *text, const char *name, uint64_t *ret)
{
        size_t len = strlen(name);

        for (; *text; text = next_line(text))
                if (strncmp(text, name, len) == 0 && text[len] == ':')
                        return parse_number(skip_blanks(text + len + 1), ret) != NULL;
        return false;
}

/* A limit at the beginning of text; returns where it ends, or NULL. */
static const char *parse_limit(const char *text, uint64_t *ret)
{
        const char *end;

        if (strncmp(text, "max", 3) == 0) {
                *ret = UINT64_MAX;
                return text + 3;
        }
        end = parse_number(text + (*text == '-'), ret);
        if (end && *text == '-')
                *ret = UINT64_MAX;
        return end;
}

int host_parse_limit(const char *text, uint64_t *ret)
{
        uint64_t value;
        const char *end = parse_limit(text, &value);

        if (!end || (*end && *end != '\n'))
                return -EINVAL;
        *ret = value;
        return 0;
}

int host_parse_cpu_max(const char *text, uint64_t *ret_quota, uint64_t *ret_period)
{
        uint64_t quota, period;
        const char *end = parse_limit(text, &quota);

        if (!end || *end != ' ' || !parse_number(end + 1, &period) || period == 0)
                return -EINVAL;
        *ret_quota = quota;
        *ret_period = period;
        return 0;
}

/* "processor<tabs>: 3", or s390's "processor 3: ...". */
static int parse_processor(const char *line)
{
        uint64_t cpu;

        if (strncmp(line, "processor", strlen("processor")) != 0)
                return -1;
        line = skip_blanks(line + strlen("processor"));
        if (*line == ':')
                line = skip_blanks(line + 1);
        return parse_number(line, &cpu) && cpu <= CPU_MAX ? (int)cpu : -1;
}

bool host_next_cpuinfo(const char **cursor, const char **ret_block, size_t *ret_len, int *ret_cpu)
{
        const char *line = *cursor;
        int cpu = -1;

        if (!*line)
                return false;
        for (; *line && *line != '\n'; line = next_line(line))
                if (cpu < 0)
                        cpu = parse_processor(line);
        while (*line == '\n')
                line++;
        *ret_block = *cursor;
        *ret_len = (size_t)(line - *cursor);
        *ret_cpu = cpu;
        *cursor = line;
        return true;
}

bool host_next_cpu_usage(const char **cursor, unsigned *ret_cpu, uint64_t *ret_user, uint64_t *ret_system)
{
        while (**cursor) {
                const char *line = *cursor, *p;
                uint64_t cpu, user, system;

                *cursor = next_line(line);
                p = parse_number(line, &cpu);
                p = p ? parse_number(skip_blanks(p), &user) : NULL;
                p = p ? parse_number(skip_blanks(p), &system) : NULL;
                if (!p || cpu > CPU_MAX)
                        continue;
                *ret_cpu = (unsigned)cpu;
                *ret_user = user;
                *ret_system = system;
                return true;
        }
        return false;
}
