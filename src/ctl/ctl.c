#include "ctl/server.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/ns.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_folder(int dirfd, const char *name, int *ret)
{
        if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
                return log_errno(err_negative(), "cannot make the state folder %s", name);
        int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return log_errno(err_negative(), "cannot open the state folder %s", name);
        *ret = fd;
        return 0;
}

static int open_state(struct ctl *ctl)
{
        int r = open_folder(ctl->config.state_dirfd, "containers", &ctl->containers_dirfd);

        return r < 0 ? r : open_folder(ctl->config.state_dirfd, "leases", &ctl->leases_dirfd);
}

static int read_own(struct ctl *ctl)
{
        int proc = host_proc_fd(ctl->config.host);
        int r = ns_inode(proc, getpid(), "user", &ctl->user_ns);

        if (r == 0)
                r = ns_inode(proc, getpid(), "pid", &ctl->pid_ns);
        return r < 0 ? log_errno(r, "cannot read cloisterd's own namespaces") : 0;
}

static int make_ids(struct ctl *ctl)
{
        int r = ids_new(ctl->config.ranges, ctl->config.n_ranges, &ctl->ids);

        return r < 0 ? log_errno(r, "the ranges of ids overlap or reach beyond 4294967294") : 0;
}

static int start(struct ctl *ctl)
{
        int r = read_own(ctl);

        if (r == 0)
                r = make_ids(ctl);
        if (r == 0)
                r = open_state(ctl);
        if (r == 0)
                r = ctl_leases_load(ctl);
        if (r == 0)
                r = ctl_containers_load(ctl);
        if (r == 0)
                ctl_sweep(ctl);
        if (r == 0 && ctl_leases_waiting(ctl))
                ctl_sweep_later(ctl, CTL_SWEEP_SECONDS);
        return r < 0 ? r : ctl_listen(ctl);
}

int ctl_new(const struct ctl_config *config, struct ctl **ret)
{
        autoptr(ctl) ctl = g_new0(struct ctl, 1);

        ctl->config = *config;
        ctl->context = config->context ?: g_main_context_default();
        ctl->containers_dirfd = ctl->leases_dirfd = -1;
        ctl->started_ns = host_boottime_ns(config->host);
        g_mutex_init(&ctl->lock);
        g_queue_init(&ctl->connections);
        ctl->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)ctl_entry_free);
        ctl->changed = g_hash_table_new_full(g_direct_hash, g_direct_equal, (GDestroyNotify)container_unref,
                                             NULL);
        int r = start(ctl);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&ctl);
        return 0;
}

/* Takes the set of changed containers away, empty ones too. */
static GList *take_changed(struct ctl *ctl)
{
        g_mutex_lock(&ctl->lock);
        GList *changed = g_hash_table_get_keys(ctl->changed);
        g_hash_table_steal_all(ctl->changed);
        ctl_unwatch(&ctl->save_source);
        g_mutex_unlock(&ctl->lock);
        return changed;
}

static gboolean save_changed(void *data)
{
        struct ctl *ctl = data;
        GList *changed = take_changed(ctl);

        for (GList *link = changed; link; link = link->next) {
                int r = ctl_save_container(ctl, link->data);
                if (r < 0)
                        log_errno(r, "cannot save container %s", ((struct container *)link->data)->id);
        }
        g_list_free_full(changed, (GDestroyNotify)container_unref);
        return G_SOURCE_REMOVE;
}

void ctl_container_changed(struct ctl *ctl, struct container *container)
{
        while (container->parent)
                container = container->parent;
        g_mutex_lock(&ctl->lock);
        g_hash_table_add(ctl->changed, container_ref(container));
        if (!ctl->save_source) {
                ctl->save_source = g_idle_source_new();
                g_source_set_priority(ctl->save_source, G_PRIORITY_DEFAULT);
                g_source_set_callback(ctl->save_source, save_changed, ctl, NULL);
                g_source_attach(ctl->save_source, ctl->context);
        }
        g_mutex_unlock(&ctl->lock);
}

void ctl_free(struct ctl *ctl)
{
        if (!ctl)
                return;
        ctl_unwatch(&ctl->listen_source);
        ctl_unwatch(&ctl->sweep_source);
        ctl_connections_clear(ctl);
        save_changed(ctl);
        ctl_leases_clear(ctl);
        ids_free(ctl->ids);
        g_hash_table_unref(ctl->entries);
        g_hash_table_unref(ctl->changed);
        fd_clear(&ctl->containers_dirfd);
        fd_clear(&ctl->leases_dirfd);
        g_mutex_clear(&ctl->lock);
        g_free(ctl);
}
