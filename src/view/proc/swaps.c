#include "view/groups.h"
#include "view/proc/rows.h"

/* The kernel pads the name to 40 columns and adds a tab behind small numbers; -2 is its first priority. */
static void append_swap(uint64_t size_kb, uint64_t used_kb, GString *out)
{
        g_string_append_printf(out, "%-40svirtual\t\t%" G_GUINT64_FORMAT "\t%s%" G_GUINT64_FORMAT "\t%s-2\n",
                               "none", size_kb, size_kb < 10000000 ? "\t" : "", used_kb,
                               used_kb < 10000000 ? "\t" : "");
}

int view_render_swaps(const struct view_ctx *ctx, GString *out)
{
        g_autoptr(GString) meminfo = g_string_new(NULL);
        struct view_memory memory;
        int r = host_read(ctx->host, "proc/meminfo", meminfo);

        if (r < 0)
                return r;
        autoptr(groups) groups = container_groups(ctx->container, ctx->host);
        view_read_memory(groups, meminfo->str, &memory);
        if (!memory.swap_limited)
                return host_read(ctx->host, "proc/swaps", out);
        g_string_append(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        if (memory.swap_total >= 1024)
                append_swap(memory.swap_total / 1024, memory.swap_used / 1024, out);
        return 0;
}
