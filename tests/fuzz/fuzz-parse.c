/* Any bytes to every parser of host/. */
#include "base/cpuset.h"
#include "host/mounts.h"
#include "host/parse.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_blocks(const char *text)
{
        const char *cursor = text, *block;
        uint64_t user, system;
        unsigned cpu;
        size_t len, all = 0;
        int number;

        while (host_next_cpuinfo(&cursor, &block, &len, &number)) {
                g_assert_cmpuint(len, >, 0);
                all += len;
        }
        g_assert_true(text + all == cursor);
        cursor = text;
        while (host_next_cpu_usage(&cursor, &cpu, &user, &system))
                g_assert_cmpuint(cpu, <=, 65535);
}

static void parse_cpus(const char *text)
{
        g_autoptr(GString) shown = g_string_new(NULL), again = g_string_new(NULL);
        struct cpuset cpus;

        if (cpuset_parse(text, &cpus) < 0)
                return;
        cpuset_format(&cpus, shown);
        g_assert_cmpint(cpuset_parse(shown->str, &cpus), ==, 0);
        cpuset_format(&cpus, again);
        g_assert_cmpstr(shown->str, ==, again->str);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        autoptr(mounts) mounts = mounts_parse(text);
        struct pid_stat stat;
        uint64_t value, period;

        g_assert_cmpuint(mounts->count, <=, 256);
        mounts_find(mounts, "memory");
        host_parse_pid_stat(text, &stat);
        host_find_value(text, "file", &value);
        host_find_field(text, "MemTotal", &value);
        host_parse_limit(text, &value);
        if (host_parse_cpu_max(text, &value, &period) == 0)
                g_assert_cmpuint(period, >, 0);
        parse_blocks(text);
        parse_cpus(text);
        return 0;
}
