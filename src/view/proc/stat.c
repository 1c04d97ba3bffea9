#include "host/parse.h"
#include "view/groups.h"
#include "view/proc/rows.h"

static const uint64_t tick = 10000000, second = 1000000000;

struct ticks {
        uint64_t user, system, idle;
};

static void append_cpu(const char *name, const struct ticks *t, GString *out)
{
        g_string_append_printf(
                out, "%s %" G_GUINT64_FORMAT " 0 %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " 0 0 0 0 0 0\n",
                name, t->user, t->system, t->idle);
}

static struct ticks make_ticks(const struct view_cpu_time *time, uint64_t uptime)
{
        struct ticks t = {.user = time->user / tick, .system = time->system / tick};
        uint64_t life = uptime / tick;

        life -= MIN(life, t.user);
        t.idle = life - MIN(life, t.system);
        return t;
}

/* The line of all CPUs is the sum of those shown, as in the kernel. */
static void append_cpus(const struct cpuset *cpus, const struct view_cpu_time *times, uint64_t uptime,
                        GString *out)
{
        g_autoptr(GString) each = g_string_new(NULL);
        struct ticks all = {0};

        for (int cpu = cpuset_next(cpus, 0); cpu >= 0; cpu = cpuset_next(cpus, (unsigned)cpu + 1)) {
                g_autofree char *name = g_strdup_printf("cpu%d", cpu);
                struct ticks t = make_ticks(&times[cpu], uptime);
                append_cpu(name, &t, each);
                all.user += t.user;
                all.system += t.system;
                all.idle += t.idle;
        }
        append_cpu("cpu ", &all, out);
        g_string_append_len(out, each->str, (gssize)each->len);
}

static int append_rest(const struct view_ctx *ctx, const struct groups *groups, GString *out)
{
        g_autoptr(GString) host = g_string_new(NULL);
        struct view_tasks tasks;
        uint64_t boot = 0;
        int r = host_read(ctx->host, "proc/stat", host);

        if (r < 0)
                return r;
        host_find_value(host->str, "btime", &boot);
        view_read_tasks(ctx, groups, &tasks);
        g_string_append_printf(out,
                               "intr 0\nctxt 0\nbtime %" G_GUINT64_FORMAT "\nprocesses %" G_GUINT64_FORMAT
                               "\nprocs_running %" G_GUINT64_FORMAT "\nprocs_blocked %" G_GUINT64_FORMAT
                               "\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
                               boot + ctx->container->start_ns / second, tasks.last_pid, tasks.running,
                               tasks.blocked);
        return 0;
}

int view_render_stat(const struct view_ctx *ctx, GString *out)
{
        struct cpuset cpus;
        int r;

        if (ctx->container->kind == CONTAINER_HOST)
                return host_read(ctx->host, "proc/stat", out);
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        r = view_read_cpus(ctx, groups, &cpus);
        if (r < 0)
                return r;
        g_autofree struct view_cpu_time *times = g_new0(struct view_cpu_time, CPUSET_MAX);
        view_read_cpu_times(groups, &cpus, times);
        append_cpus(&cpus, times, view_uptime_ns(ctx), out);
        return append_rest(ctx, groups, out);
}
