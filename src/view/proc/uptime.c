#include "view/groups.h"
#include "view/proc/rows.h"

static const uint64_t second = 1000000000, hundredth = 10000000;

/* The kernel sums idle time over all CPUs: so does this. Without CPU accounting all of it was idle. */
static uint64_t read_idle(const struct view_ctx *ctx, uint64_t uptime)
{
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        struct view_cpu_time used = view_read_cpu_time(groups);
        struct cpuset cpus;
        uint64_t all;

        if (view_read_cpus(ctx, groups, &cpus) < 0)
                return 0;
        if (__builtin_mul_overflow(uptime, (uint64_t)cpuset_count(&cpus), &all))
                all = UINT64_MAX;
        all -= MIN(all, used.user);
        return all - MIN(all, used.system);
}

int view_render_uptime(const struct view_ctx *ctx, GString *out)
{
        uint64_t uptime, idle;

        if (ctx->container->kind == CONTAINER_HOST)
                return host_read(ctx->host, "proc/uptime", out);
        uptime = view_uptime_ns(ctx);
        idle = read_idle(ctx, uptime);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT ".%02u %" G_GUINT64_FORMAT ".%02u\n",
                               uptime / second, (unsigned)(uptime % second / hundredth), idle / second,
                               (unsigned)(idle % second / hundredth));
        return 0;
}
