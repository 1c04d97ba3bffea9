/* The control socket: methods of io.cloister.Containers on containers and leases, and the state that outlives
 * the server. Made by bin/cloisterd.c; everything runs on one GLib main context, in the thread that iterates
 * it, but for the two functions that say otherwise. Peers are root in the server's own user and PID
 * namespaces. */
#pragma once

#include "base/cleanup.h"
#include "registry/ids.h"
#include "registry/registry.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctl;
struct sysctl_policy;

/* What Status tells of one FUSE connection. Strings are borrowed from whoever fills it in. */
struct ctl_connection {
        const char *name, *mountpoint;
        unsigned fuse_minor;
        uint64_t handles; /* open files */
};

/* Everything is borrowed and must outlive the struct ctl. */
struct ctl_config {
        int listen_fd;   /* listening Unix stream socket, made by the keeper: clients of a crashed server wait
                            in its   backlog for the successor */
        int state_dirfd; /* /run/cloister/state */
        struct registry *registry;
        struct registry_serials
                *serials; /* the registry's; raised above every serial of the state. NULL: not kept */
        const struct host *host;
        const struct sysctl_policy *policy; /* NULL: the built-in table alone */
        const char *fs_dir;                 /* /run/cloister/fs */
        pid_t keeper;
        unsigned restarts;              /* of the server under this keeper */
        const struct ids_range *ranges; /* ids to lease */
        size_t n_ranges;
        const char *const *warnings; /* NULL-terminated, for Status; may be NULL */
        GMainContext *context;       /* NULL: the default one */
        /* Fills in at most max connections, for Status, and returns their number. May be NULL. */
        size_t (*list_connections)(struct ctl_connection *ret, size_t max, void *data);
        /* Reads the policy files anew for Reload: all or, with a message in error, nothing. Returns 0 or
         * -errno. NULL: there is nothing to read. */
        int (*reload)(void *data, GError **error);
        void *data;
};

/* Loads the state (containers whose init is still the same process are in the registry again, with the same
 * serial), then serves. Returns 0 or -errno (logged). */
int ctl_new(const struct ctl_config *config, struct ctl **ret);
void ctl_free(struct ctl *ctl);
DEFINE_AUTOPTR(ctl, ctl_free)

/* Writes the state of a container whose private sysctls changed; call before the write is acknowledged. Any
 * thread; returns when the file is in place. Returns 0 (also for a container that is no longer registered) or
 * -errno. */
int ctl_save_container(struct ctl *ctl, struct container *container);

/* The same, later: hands over to the main loop, which saves at once when it is idle. Any thread, never
 * blocks. */
void ctl_container_changed(struct ctl *ctl, struct container *container);
