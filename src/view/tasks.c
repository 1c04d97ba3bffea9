#include "view/groups.h"

#include "base/file.h"
#include "host/parse.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS_EXAMINED = 256, STATUS_MAX = 64 * 1024 };

uint64_t view_uptime_ns(const struct view_ctx *ctx)
{
        uint64_t now = host_boottime_ns(ctx->host), start = ctx->container->start_ns;

        return now > start ? now - start : 0;
}

static bool read_status(const struct view_ctx *ctx, pid_t tid, GString *text)
{
        g_autofree char *path = g_strdup_printf("%d/status", tid);

        return file_read_at(host_proc_fd(ctx->host), path, STATUS_MAX, text) == 0;
}

/* The number at an index of a NSpid line, outermost namespace first; 0: the task is not in so deep a one. */
static uint64_t parse_nspid(const char *status, unsigned index, unsigned *ret_count)
{
        const char *p = strstr(status, "\nNSpid:");
        uint64_t found = 0;

        *ret_count = 0;
        p = p ? p + strlen("\nNSpid:") : "";
        while (*p == '\t') {
                char *end;
                uint64_t number = strtoull(p + 1, &end, 10);
                if ((*ret_count)++ == index)
                        found = number;
                p = end;
        }
        return found;
}

/* How deep the container's PID namespace is: where its numbers stand in NSpid lines. Init dead: nowhere. */
static unsigned read_depth(const struct view_ctx *ctx)
{
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned count = 0;

        if (read_status(ctx, ctx->container->init, text))
                parse_nspid(text->str, 0, &count);
        return count - 1;
}

static void examine_task(const struct view_ctx *ctx, pid_t tid, unsigned depth, bool all,
                         struct view_tasks *tasks)
{
        g_autoptr(GString) text = g_string_new(NULL);
        const char *state;
        unsigned count;
        uint64_t pid;

        if (!read_status(ctx, tid, text))
                return;
        pid = parse_nspid(text->str, depth, &count);
        if (pid == 0 && !all)
                return;
        state = strstr(text->str, "\nState:\t");
        state = state ? state + strlen("\nState:\t") : "";
        tasks->total++;
        tasks->running += *state == 'R' || tid == ctx->caller;
        tasks->blocked += *state == 'D' && tid != ctx->caller;
        tasks->last_pid = MAX(tasks->last_pid, pid);
}

static void read_list(const struct view_ctx *ctx, const struct groups *groups, enum controller controller,
                      struct view_tasks *tasks)
{
        const char *file = groups_version(groups, controller) == 2 ? "cgroup.threads" : "tasks";
        bool all = groups_depth(groups, controller) > 0;
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned depth = read_depth(ctx), n = 0;
        char *p, *end;

        if (groups_read(groups, controller, 0, file, text) < 0)
                return;
        for (p = text->str;; p = end) {
                unsigned long tid = strtoul(p, &end, 10);
                if (end == p)
                        break;
                if (n++ < TASKS_EXAMINED && tid > 0 && tid <= G_MAXINT32)
                        examine_task(ctx, (pid_t)tid, depth, all, tasks);
        }
        if (all)
                tasks->total = n;
}

void view_read_tasks(const struct view_ctx *ctx, const struct groups *groups, struct view_tasks *ret)
{
        static const enum controller choices[] = {CONTROLLER_PIDS, CONTROLLER_CPU, CONTROLLER_CPUACCT,
                                                  CONTROLLER_MEMORY, CONTROLLER_CPUSET};
        struct view_tasks tasks = {0};

        for (size_t i = 0; groups && tasks.total == 0 && i < G_N_ELEMENTS(choices); i++)
                if (groups_version(groups, choices[i]) != 0)
                        read_list(ctx, groups, choices[i], &tasks);
        if (groups && groups_depth(groups, CONTROLLER_PIDS) > 0)
                tasks.total = MAX(tasks.total, view_read_number(groups, CONTROLLER_PIDS, 0, "pids.current"));
        if (ctx->caller != 0) /* the reader runs for the kernel; here it waits for our answer */
                tasks.running = MAX(tasks.running, 1);
        tasks.total = MAX(tasks.total, tasks.running);
        *ret = tasks;
}
