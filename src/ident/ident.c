#include "ident/ident.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/ns.h"

#include <stdio.h>
#include <string.h>

enum { STATUS_MAX = 64 * 1024 };

struct ident {
        const struct host *host;
        struct registry *registry;
        ino_t user_ns, pid_ns; /* the server's own */
};

int ident_new(const struct host *host, struct registry *registry, struct ident **ret)
{
        g_autofree struct ident *ident = g_new0(struct ident, 1);
        int proc = host_proc_fd(host);
        int r = ns_inode(proc, getpid(), "user", &ident->user_ns);

        if (r == 0)
                r = ns_inode(proc, getpid(), "pid", &ident->pid_ns);
        if (r < 0)
                return r;
        ident->host = host;
        ident->registry = registry;
        *ret = g_steal_pointer(&ident);
        return 0;
}

void ident_free(struct ident *ident)
{
        g_free(ident);
}

/* A number of proc/<pid>/status, by the newline, name and colon before it. Returns it or -errno. */
static int read_status_number(const struct ident *ident, pid_t pid, const char *name)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *path = g_strdup_printf("%d/status", pid);
        int r = file_read_at(host_proc_fd(ident->host), path, STATUS_MAX, text);
        const char *line = r < 0 ? NULL : strstr(text->str, name);
        int number;

        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        return line && sscanf(line + strlen(name), "%d", &number) == 1 ? number : -EPROTO;
}

/* The thread group of a thread: pidfds and groups are of processes. */
static pid_t read_process(const struct ident *ident, pid_t thread)
{
        return read_status_number(ident, thread, "\nTgid:");
}

static pid_t read_parent(const struct ident *ident, pid_t process)
{
        return read_status_number(ident, process, "\nPPid:");
}

/* The process that stands for a spot view: the init of the caller's PID namespace, or, in the server's own
 * one, the eldest of the caller's line that is in its user namespace. When it ends the view is dropped;
 * whoever is left gets a new one. */
static pid_t find_anchor(const struct ident *ident, pid_t process, ino_t user_ns, ino_t pid_ns)
{
        int proc = host_proc_fd(ident->host);

        if (pid_ns != ident->pid_ns)
                return ns_init_pid(proc, process);
        for (;;) {
                pid_t parent = read_parent(ident, process);
                ino_t parent_ns;
                if (parent <= 1 || ns_inode(proc, parent, "user", &parent_ns) < 0 || parent_ns != user_ns)
                        return process;
                process = parent;
        }
}

/* The identity of a spot view: init is the anchor, the owner of what is shown is the caller's own user
 * namespace. */
static int read_spot(const struct ident *ident, pid_t caller, ino_t pid_ns, struct container_init *ret)
{
        struct container_init user;
        pid_t process = read_process(ident, caller);
        int r = process < 0 ? process : container_read_init(ident->host, process, &user);

        if (r < 0)
                return r;
        close(user.pidfd);
        pid_t anchor = find_anchor(ident, process, user.user_ns, pid_ns);
        r = anchor < 0 ? anchor : container_read_init(ident->host, anchor, ret);
        if (r < 0)
                return r;
        ret->user_ns = user.user_ns;
        ret->uid = user.uid;
        ret->gid = user.gid;
        return 0;
}

static int resolve_spot(struct ident *ident, pid_t caller, ino_t user_ns, ino_t pid_ns,
                        struct container *parent, struct container **ret)
{
        struct container_init init;
        uint32_t serial;
        int r;

        *ret = registry_find_spot(ident->registry, user_ns, pid_ns, parent);
        if (*ret)
                return 0;
        r = read_spot(ident, caller, pid_ns, &init);
        if (r < 0)
                return r;
        serial = parent ? 0 : registry_next_spot_serial(ident->registry);
        if (serial == 0 && !parent) {
                close(init.pidfd);
                return -ENFILE;
        }
        autoptr(container) spot = container_new(CONTAINER_SPOT, serial, NULL, NULL, NULL, &init, parent);
        *ret = registry_add_spot(ident->registry, spot);
        return 0;
}

int ident_resolve_in(struct ident *ident, pid_t caller, struct container *container, struct container **ret)
{
        int proc = host_proc_fd(ident->host);
        ino_t user_ns, pid_ns;
        int r = ns_inode(proc, caller, "pid", &pid_ns);

        if (r < 0)
                return r;
        if (pid_ns == container->pid_ns || pid_ns == ident->pid_ns) {
                *ret = container_ref(container);
                return 0;
        }
        r = ns_user_below(proc, caller, container->user_ns);
        if (r == 0) {
                *ret = container_ref(container);
                return 0;
        }
        if (r > 0)
                r = ns_inode(proc, caller, "user", &user_ns);
        return r < 0 ? r : resolve_spot(ident, caller, user_ns, pid_ns, container, ret);
}

struct search {
        const struct ident *ident;
        struct container *found;
};

static int match_registered(ino_t user_ns, void *data)
{
        struct search *search = data;

        if (user_ns != search->ident->user_ns)
                search->found = registry_find_user_ns(search->ident->registry, user_ns);
        return search->found != NULL;
}

int ident_resolve(struct ident *ident, pid_t caller, struct container **ret)
{
        struct search search = {.ident = ident};
        int proc = host_proc_fd(ident->host);
        ino_t user_ns, pid_ns;
        int r = ns_inode(proc, caller, "user", &user_ns);

        if (r == 0)
                r = ns_inode(proc, caller, "pid", &pid_ns);
        if (r < 0)
                return r;
        if (user_ns == ident->user_ns && pid_ns == ident->pid_ns) {
                *ret = container_ref(registry_host(ident->registry));
                return 0;
        }
        if (user_ns != ident->user_ns)
                r = ns_user_walk(proc, caller, match_registered, &search);
        if (r < 0)
                return r;
        autoptr(container) container = search.found;
        if (container)
                return ident_resolve_in(ident, caller, container, ret);
        return resolve_spot(ident, caller, user_ns, pid_ns, NULL, ret);
}

int ident_is_peer(struct ident *ident, pid_t caller)
{
        int proc = host_proc_fd(ident->host);
        ino_t user_ns, pid_ns;
        int r = ns_inode(proc, caller, "user", &user_ns);

        if (r == 0)
                r = ns_inode(proc, caller, "pid", &pid_ns);
        return r < 0 ? r : user_ns == ident->user_ns && pid_ns == ident->pid_ns;
}
