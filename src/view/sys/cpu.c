#include "view/groups.h"
#include "view/sys/rows.h"

int view_render_cpu_online(const struct view_ctx *ctx, GString *out)
{
        struct cpuset cpus;
        int r;

        if (ctx->container->kind == CONTAINER_HOST)
                return host_read(ctx->host, "sys/devices/system/cpu/online", out);
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        r = view_read_cpus(ctx, groups, &cpus);
        if (r < 0)
                return r;
        cpuset_format(&cpus, out);
        g_string_append_c(out, '\n');
        return 0;
}
