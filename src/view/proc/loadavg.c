/* Load is the number of tasks that run or wait, averaged over 1, 5 and 15 minutes with exponential decay. The
 * kernel samples it for the machine only. Here it is derived from what a group does account: m = CPU time
 * used / life of the container is the mean number of tasks that ran; the kernel's decay, fed with m from the
 * container's start for its life u, stands at m * (1 - exp(-u / T)). So the figures are the container's own
 * and need no sampling; they lag behind a change of load more than the kernel's, and tasks that wait for the
 * disk do not count.
 */
#include "view/groups.h"
#include "view/proc/rows.h"

static const double nanosecond = 1e-9;

/* 1 - exp(-x) for x >= 0 without libm: by halving until the series is exact enough, and squaring back. */
static double rise(double x)
{
        unsigned halvings = 0;
        double fall;

        if (x > 40)
                return 1;
        for (; x > 0.01; x /= 2)
                halvings++;
        fall = 1 - x + x * x / 2 - x * x * x / 6;
        while (halvings-- > 0)
                fall *= fall;
        return 1 - fall;
}

/* Half a hundredth is added as in the kernel, then cut. */
static void append_load(double load, GString *out)
{
        uint64_t hundredths = (uint64_t)(MIN(load, 1e6) * 100 + 0.5);

        g_string_append_printf(out, "%" G_GUINT64_FORMAT ".%02u ", hundredths / 100,
                               (unsigned)(hundredths % 100));
}

static void append_loads(const struct view_ctx *ctx, const struct groups *groups, GString *out)
{
        static const double minutes[] = {1, 5, 15};
        struct view_cpu_time used = view_read_cpu_time(groups);
        double life = (double)view_uptime_ns(ctx) * nanosecond;
        double mean = life > 0 ? ((double)used.user + (double)used.system) * nanosecond / life : 0;

        for (size_t i = 0; i < G_N_ELEMENTS(minutes); i++)
                append_load(mean * rise(life / (minutes[i] * 60)), out);
}

int view_render_loadavg(const struct view_ctx *ctx, GString *out)
{
        struct view_tasks tasks;

        if (ctx->container->kind == CONTAINER_HOST)
                return host_read(ctx->host, "proc/loadavg", out);
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        view_read_tasks(ctx, groups, &tasks);
        append_loads(ctx, groups, out);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                               tasks.running, tasks.total, tasks.last_pid);
        return 0;
}
