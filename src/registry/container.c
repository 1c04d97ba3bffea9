#include "registry/container.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/ns.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 64 * 1024, UNMAPPED_ID = 65534 };

static const uint64_t groups_max_age_ns = G_GUINT64_CONSTANT(1000000000);
static const uint64_t groups_idle_ns = G_GUINT64_CONSTANT(10000000000);

/* Field 22 of proc/<pid>/stat, in clock ticks since boot. The name in field 2 may hold anything: count from
 * the last ')'. See proc_pid_stat(5). */
static int read_start(const struct host *host, pid_t pid, uint64_t *ret_ns)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/stat", pid);
        int r = file_read_at(host_proc_fd(host), path, PROC_FILE_MAX, text);
        const char *rest = r < 0 ? NULL : strrchr(text->str, ')');
        unsigned long long ticks;

        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        if (!rest ||
            sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                   &ticks) != 1)
                return -EPROTO;
        *ret_ns = ticks * (G_GUINT64_CONSTANT(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
        return 0;
}

/* What id 0 inside is outside, by the extents "inside outside count" of proc/<pid>/uid_map or gid_map. */
static int read_root_id(const struct host *host, pid_t pid, const char *map, unsigned *ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/%s", pid, map);
        int r = file_read_at(host_proc_fd(host), path, PROC_FILE_MAX, text);
        unsigned inside, outside, count;
        int used;

        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        *ret = UNMAPPED_ID;
        for (const char *line = text->str; sscanf(line, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
             line += used)
                if (inside == 0 && count > 0)
                        *ret = outside;
        return 0;
}

static bool pidfd_alive(int pidfd)
{
        struct pollfd p = {.fd = pidfd, .events = POLLIN};

        return poll(&p, 1, 0) == 0;
}

static int read_identity(const struct host *host, struct container_init *init)
{
        int r = read_start(host, init->pid, &init->start_ns);

        if (r == 0)
                r = ns_inode(host_proc_fd(host), init->pid, "user", &init->user_ns);
        if (r == 0)
                r = ns_inode(host_proc_fd(host), init->pid, "pid", &init->pid_ns);
        if (r == 0)
                r = read_root_id(host, init->pid, "uid_map", &init->uid);
        if (r == 0)
                r = read_root_id(host, init->pid, "gid_map", &init->gid);
        return r;
}

int container_read_init(const struct host *host, pid_t pid, struct container_init *ret)
{
        struct container_init init = {.pid = pid};
        autofd int pidfd = pidfd_open(pid, 0);
        int r;

        if (pidfd < 0)
                return err_negative();
        r = read_identity(host, &init);
        if (r < 0)
                return r;
        if (!pidfd_alive(pidfd))
                return -ESRCH;
        init.pidfd = fd_steal(&pidfd);
        *ret = init;
        return 0;
}

struct container *container_new(enum container_kind kind, uint32_t serial, const char *root, const char *id,
                                const char *bundle, const struct container_init *init,
                                struct container *parent)
{
        struct container *c = g_new0(struct container, 1);

        g_atomic_ref_count_init(&c->refs);
        g_mutex_init(&c->groups_lock);
        c->kind = kind;
        c->serial = serial;
        c->root = g_strdup(root ?: "");
        c->id = g_strdup(id ?: "");
        c->bundle = g_strdup(bundle ?: "");
        c->token = g_strdup("");
        c->init = init->pid;
        c->pidfd = init->pidfd;
        c->start_ns = init->start_ns;
        c->user_ns = init->user_ns;
        c->pid_ns = init->pid_ns;
        c->uid = init->uid;
        c->gid = init->gid;
        c->parent = parent ? container_ref(parent) : NULL;
        c->sysctls = parent ? sysctl_store_ref(parent->sysctls) : sysctl_store_new();
        return c;
}

struct container *container_ref(struct container *container)
{
        g_atomic_ref_count_inc(&container->refs);
        return container;
}

void container_unref(struct container *container)
{
        if (!container || !g_atomic_ref_count_dec(&container->refs))
                return;
        fd_clear(&container->pidfd);
        container_unref(container->parent);
        sysctl_store_unref(container->sysctls);
        groups_unref(container->groups);
        g_mutex_clear(&container->groups_lock);
        g_free(container->root);
        g_free(container->id);
        g_free(container->bundle);
        g_free(container->token);
        g_free(container);
}

int container_alive(const struct container *container)
{
        return container->pidfd < 0 || pidfd_alive(container->pidfd);
}

static struct groups *groups_if_fresh(struct container *container, uint64_t now)
{
        struct groups *groups = NULL;

        g_mutex_lock(&container->groups_lock);
        if (container->groups && now - container->groups_ns < groups_max_age_ns)
                groups = groups_ref(container->groups);
        g_mutex_unlock(&container->groups_lock);
        return groups;
}

/* Keeps newly read groups (ownership passes), or the last ones for another while when there are none to be
 * had. */
static struct groups *groups_keep(struct container *container, struct groups *groups, uint64_t now)
{
        struct groups *old = NULL, *result;

        g_mutex_lock(&container->groups_lock);
        if (groups) {
                old = container->groups;
                container->groups = groups;
        }
        container->groups_ns = now;
        result = container->groups ? groups_ref(container->groups) : NULL;
        g_mutex_unlock(&container->groups_lock);
        groups_unref(old);
        return result;
}

struct groups *container_groups(struct container *container, const struct host *host)
{
        uint64_t now = host_boottime_ns(host);
        struct groups *groups;

        if (container->kind == CONTAINER_HOST)
                return NULL;
        groups = groups_if_fresh(container, now);
        if (groups)
                return groups;
        if (!container_alive(container) || groups_open(host, container->init, &groups) < 0)
                groups = NULL;
        return groups_keep(container, groups, now);
}

void container_rest(struct container *container, const struct host *host)
{
        uint64_t now = host_boottime_ns(host);
        struct groups *idle = NULL;

        if (!container_alive(container))
                return;
        g_mutex_lock(&container->groups_lock);
        if (now - container->groups_ns >= groups_idle_ns)
                idle = g_steal_pointer(&container->groups);
        g_mutex_unlock(&container->groups_lock);
        groups_unref(idle);
}
