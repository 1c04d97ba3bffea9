#include "host/parse.h"
#include "view/groups.h"
#include "view/proc/rows.h"

int view_render_cpuinfo(const struct view_ctx *ctx, GString *out)
{
        g_autoptr(GString) host = g_string_new(NULL);
        const char *cursor, *block;
        struct cpuset cpus;
        size_t len;
        int cpu, r;

        if (ctx->container->kind == CONTAINER_HOST)
                return host_read(ctx->host, "proc/cpuinfo", out);
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        r = view_read_cpus(ctx, groups, &cpus);
        if (r == 0)
                r = host_read(ctx->host, "proc/cpuinfo", host);
        if (r < 0)
                return r;
        cursor = host->str;
        while (host_next_cpuinfo(&cursor, &block, &len, &cpu))
                if (cpu < 0 || cpuset_has(&cpus, (unsigned)cpu))
                        g_string_append_len(out, block, (gssize)len);
        return 0;
}
