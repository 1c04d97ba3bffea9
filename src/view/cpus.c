#include "view/groups.h"

#include "host/parse.h"

#include <errno.h>

/* ceil(quota / period) of one group, or UINT64_MAX without a quota. */
static uint64_t read_quota_cpus(const struct groups *groups, unsigned level)
{
        g_autoptr(GString) text = g_string_new(NULL);
        uint64_t quota = UINT64_MAX, period = 0;

        if (groups_version(groups, CONTROLLER_CPU) == 2) {
                if (groups_read(groups, CONTROLLER_CPU, level, "cpu.max", text) < 0 ||
                    host_parse_cpu_max(text->str, &quota, &period) < 0)
                        return UINT64_MAX;
        } else {
                if (groups_read(groups, CONTROLLER_CPU, level, "cpu.cfs_quota_us", text) < 0 ||
                    host_parse_limit(text->str, &quota) < 0)
                        return UINT64_MAX;
                period = view_read_number(groups, CONTROLLER_CPU, level, "cpu.cfs_period_us");
        }
        return quota == UINT64_MAX || period == 0 ? UINT64_MAX : quota / period + (quota % period != 0);
}

static void cut_to_quota(const struct groups *groups, struct cpuset *cpus)
{
        uint64_t least = UINT64_MAX;

        if (groups_version(groups, CONTROLLER_CPU) == 0)
                return;
        for (unsigned level = 0; level <= groups_depth(groups, CONTROLLER_CPU); level++)
                least = MIN(least, read_quota_cpus(groups, level));
        if (least < CPUSET_MAX)
                cpuset_keep_first(cpus, MAX(1, (unsigned)least));
}

/* The effective cpuset of the nearest group that has one. */
static bool read_cpuset(const struct groups *groups, struct cpuset *ret)
{
        const char *file = groups_version(groups, CONTROLLER_CPUSET) == 2 ? "cpuset.cpus.effective"
                                                                          : "cpuset.effective_cpus";

        for (unsigned level = 0; level <= groups_depth(groups, CONTROLLER_CPUSET); level++) {
                g_autoptr(GString) text = g_string_new(NULL);
                if (groups_read(groups, CONTROLLER_CPUSET, level, file, text) == 0 &&
                    cpuset_parse(text->str, ret) == 0 && cpuset_count(ret) > 0)
                        return true;
        }
        return false;
}

int view_read_cpus(const struct view_ctx *ctx, const struct groups *groups, struct cpuset *ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct cpuset online, own;
        int r = host_read(ctx->host, "sys/devices/system/cpu/online", text);

        if (r == 0)
                r = cpuset_parse(text->str, &online);
        if (r < 0)
                return r;
        *ret = online;
        if (!groups)
                return 0;
        if (read_cpuset(groups, &own)) {
                cpuset_and(ret, &own);
                if (cpuset_count(ret) == 0) /* all of them went offline just now */
                        *ret = online;
        }
        cut_to_quota(groups, ret);
        return 0;
}

static uint64_t multiply(uint64_t value, uint64_t factor)
{
        uint64_t product;

        return __builtin_mul_overflow(value, factor, &product) ? UINT64_MAX : product;
}

static uint64_t add(uint64_t a, uint64_t b)
{
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t subtract(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

/* Version 1, by CPU; for some kernels without cpuacct.usage_all. */
static struct view_cpu_time read_cpuacct_stat(const struct groups *groups)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct view_cpu_time time = {0};

        if (groups_read(groups, CONTROLLER_CPUACCT, 0, "cpuacct.stat", text) < 0)
                return time;
        host_find_value(text->str, "user", &time.user);
        host_find_value(text->str, "system", &time.system);
        time.user = multiply(time.user, 10000000);
        time.system = multiply(time.system, 10000000);
        return time;
}

static struct view_cpu_time read_v1(const struct groups *groups, struct view_cpu_time *per_cpu)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct view_cpu_time sum = {0}, one;
        const char *cursor;
        unsigned cpu;

        if (groups_read(groups, CONTROLLER_CPUACCT, 0, "cpuacct.usage_all", text) < 0)
                return read_cpuacct_stat(groups);
        cursor = text->str;
        while (host_next_cpu_usage(&cursor, &cpu, &one.user, &one.system)) {
                sum.user = add(sum.user, one.user);
                sum.system = add(sum.system, one.system);
                if (per_cpu && cpu < CPUSET_MAX)
                        per_cpu[cpu] = one;
        }
        return sum;
}

static struct view_cpu_time read_v2(const struct groups *groups)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct view_cpu_time time = {0};

        if (groups_read(groups, CONTROLLER_CPUACCT, 0, "cpu.stat", text) < 0)
                return time;
        host_find_value(text->str, "user_usec", &time.user);
        host_find_value(text->str, "system_usec", &time.system);
        time.user = multiply(time.user, 1000);
        time.system = multiply(time.system, 1000);
        return time;
}

static struct view_cpu_time read_time(const struct groups *groups, struct view_cpu_time *per_cpu)
{
        int version = groups ? groups_version(groups, CONTROLLER_CPUACCT) : 0;

        if (version == 0 || groups_depth(groups, CONTROLLER_CPUACCT) == 0)
                return (struct view_cpu_time){0};
        return version == 2 ? read_v2(groups) : read_v1(groups, per_cpu);
}

struct view_cpu_time view_read_cpu_time(const struct groups *groups)
{
        return read_time(groups, NULL);
}

void view_read_cpu_times(const struct groups *groups, const struct cpuset *cpus, struct view_cpu_time *ret)
{
        g_autofree struct view_cpu_time *used = g_new0(struct view_cpu_time, CPUSET_MAX);
        struct view_cpu_time rest = read_time(groups, used);
        unsigned n = cpuset_count(cpus);

        for (int cpu = cpuset_next(cpus, 0); cpu >= 0; cpu = cpuset_next(cpus, (unsigned)cpu + 1)) {
                rest.user = subtract(rest.user, used[cpu].user);
                rest.system = subtract(rest.system, used[cpu].system);
        }
        for (int cpu = cpuset_next(cpus, 0); cpu >= 0; cpu = cpuset_next(cpus, (unsigned)cpu + 1)) {
                ret[cpu].user = add(used[cpu].user, rest.user / n);
                ret[cpu].system = add(used[cpu].system, rest.system / n);
        }
}
