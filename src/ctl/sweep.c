#include "ctl/server.h"

#include <glib-unix.h>
#include <poll.h>

bool ctl_pidfd_alive(int pidfd)
{
        struct pollfd p = {.fd = pidfd, .events = POLLIN};

        return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

GSource *ctl_watch_pidfd(struct ctl *ctl, int pidfd,
                         gboolean (*fn)(int fd, GIOCondition condition, void *data), void *data)
{
        GSource *source = g_unix_fd_source_new(pidfd, G_IO_IN);

        g_source_set_callback(source, G_SOURCE_FUNC(fn), data, NULL);
        g_source_attach(source, ctl->context);
        return source;
}

void ctl_unwatch(GSource **source)
{
        if (!*source)
                return;
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
}

void ctl_sweep(struct ctl *ctl)
{
        autoptr(ctl_usage) usage = ctl_usage_read(ctl);

        ctl_sweep_containers(ctl, usage);
        ctl_sweep_leases(ctl, usage);
}

static gboolean on_sweep(void *data)
{
        struct ctl *ctl = data;

        ctl_unwatch(&ctl->sweep_source);
        ctl_sweep(ctl);
        if (ctl_containers_waiting(ctl) || ctl_leases_waiting(ctl))
                ctl_sweep_later(ctl, CTL_SWEEP_SECONDS);
        return G_SOURCE_REMOVE;
}

void ctl_sweep_later(struct ctl *ctl, unsigned seconds)
{
        if (ctl->sweep_source)
                return;
        ctl->sweep_source = g_timeout_source_new_seconds(seconds);
        g_source_set_callback(ctl->sweep_source, on_sweep, ctl, NULL);
        g_source_attach(ctl->sweep_source, ctl->context);
}
