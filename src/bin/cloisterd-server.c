/* The server half of cloisterd: connections, registry, identity and control socket on the descriptors that
 * the keeper handed over. */
#include "bin/cloisterd.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "ctl/ctl.h"
#include "fs/fs.h"
#include "fs/shared.h"
#include "policy/sysctl-d.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

enum { REST_SECONDS = 5 };

struct server {
        const struct cloisterd_options *options;
        struct cloisterd_inherited inherited;
        GMainLoop *loop;
        struct host *host;
        struct registry *registry;
        struct ident *ident;
        struct sysctl_policy *policy;
        struct ctl *ctl;
        struct shared *shared[KEEP_CONNECTIONS_MAX];
        struct fs *fs[KEEP_CONNECTIONS_MAX];
        int state_dirfd;
        GPtrArray *warnings; /* char *, borrowed, NULL at the end */
};

char *cloisterd_format_inherited(const struct cloisterd_inherited *inherited)
{
        GString *text = g_string_new(NULL);

        g_string_printf(text, "control=%d,ready=%d,keeper=%d,restarts=%u", inherited->control_fd,
                        inherited->ready_fd, inherited->keeper, inherited->restarts);
        for (size_t i = 0; i < inherited->n_connections; i++) {
                const struct keep_connection *c = &inherited->connections[i];
                g_string_append_printf(text, ",%s=%d:%d:%s", c->name, c->fd, c->shared_fd, c->mountpoint);
        }
        return g_string_free(text, FALSE);
}

static int parse_connection(char *name, char *value, struct cloisterd_inherited *ret)
{
        struct keep_connection *c = &ret->connections[ret->n_connections];
        int used = 0;

        if (ret->n_connections == KEEP_CONNECTIONS_MAX ||
            sscanf(value, "%d:%d:%n", &c->fd, &c->shared_fd, &used) != 2 || used == 0)
                return -EINVAL;
        c->name = name;
        c->mountpoint = value + used;
        ret->n_connections++;
        return 0;
}

int cloisterd_parse_inherited(char *text, struct cloisterd_inherited *ret)
{
        *ret = (struct cloisterd_inherited){0};
        if (sscanf(text, "control=%d,ready=%d,keeper=%d,restarts=%u", &ret->control_fd, &ret->ready_fd,
                   &ret->keeper, &ret->restarts) != 4)
                return -EINVAL;
        strsep(&text, ",");
        for (char *item; (item = strsep(&text, ","));) {
                char *name = strsep(&item, "=");
                if (g_str_equal(name, "ready") || g_str_equal(name, "keeper") ||
                    g_str_equal(name, "restarts"))
                        continue;
                if (!item || parse_connection(name, item, ret) < 0)
                        return -EINVAL;
        }
        return ret->n_connections > 0 ? 0 : -EINVAL;
}

static size_t list_connections(struct ctl_connection *ret, size_t max, void *data)
{
        const struct server *s = data;
        size_t n = MIN(max, s->inherited.n_connections);

        for (size_t i = 0; i < n; i++)
                ret[i] = (struct ctl_connection){
                        .name = s->inherited.connections[i].name,
                        .mountpoint = s->inherited.connections[i].mountpoint,
                        .fuse_minor = fs_protocol_minor(s->fs[i]),
                        .handles = fs_handles(s->fs[i]),
                };
        return n;
}

/* In a serving thread: what a container wrote is on disk before the write is acknowledged. */
static void container_changed(struct container *container, void *data)
{
        struct server *s = data;

        if (s->ctl && ctl_save_container(s->ctl, container) < 0)
                log_warning("the settings of container %s are not saved", container->key);
}

/* Open files of containers that nobody asks about are let go. */
static gboolean rest_containers(gpointer data)
{
        const struct server *s = data;
        g_autoptr(GPtrArray) list = registry_list(s->registry);

        for (guint i = 0; i < list->len; i++)
                container_rest(g_ptr_array_index(list, i), s->host);
        return G_SOURCE_CONTINUE;
}

static gboolean quit(gpointer data)
{
        g_main_loop_quit(((struct server *)data)->loop);
        return G_SOURCE_REMOVE;
}

static void connection_ended(void *data)
{
        g_idle_add(quit, data);
}

static unsigned connection_flags(const char *name)
{
        if (g_str_equal(name, "views"))
                return FS_VIEWS;
        return g_str_equal(name, "knobs") ? FS_KNOBS : FS_VIEWS | FS_KNOBS;
}

static int attach(struct server *s, size_t i)
{
        const struct keep_connection *c = &s->inherited.connections[i];
        struct fs_config config = {
                .name = c->name,
                .flags = connection_flags(c->name),
                .fd = c->fd,
                .shared = s->shared[i],
                .host = s->host,
                .registry = s->registry,
                .ident = s->ident,
                .policy = s->policy,
                .threads = s->options->threads,
                .changed = container_changed,
                .ended = connection_ended,
                .data = s,
        };
        int r = fs_new(&config, &s->fs[i]);

        return r < 0 ? log_errno(r, "cannot take part in the FUSE connection %s", c->name) : 0;
}

static int set_up_core(struct server *s)
{
        autofd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = root < 0 ? err_negative() : host_new(root, &s->host);

        if (r < 0)
                return log_errno(r, "cannot read the kernel's files (are /proc and /sys mounted?)");
        for (size_t i = 0; i < s->inherited.n_connections; i++) {
                r = shared_map(s->inherited.connections[i].shared_fd, &s->shared[i]);
                if (r < 0)
                        return log_errno(r, "cannot use the memory file of connection %s",
                                         s->inherited.connections[i].name);
        }
        s->registry = registry_new(&s->shared[0]->serials);
        r = ident_new(s->host, s->registry, &s->ident);
        return r < 0 ? log_errno(r, "cannot read the own namespaces") : 0;
}

/* What packages say about single sysctls, then what the administrator says. */
static int read_policy(const struct server *s, struct sysctl_policy *policy, GError **error)
{
        const char *folders[] = {"/usr/lib/cloister/sysctl.d", CLOISTER_SYSCONFDIR "/sysctl.d", NULL};
        int r = 0;

        if (s->options->sysctl_dir) {
                folders[0] = s->options->sysctl_dir;
                folders[1] = NULL;
        }
        for (size_t i = 0; r == 0 && folders[i]; i++)
                r = sysctl_d_read(folders[i], policy, error);
        return r;
}

/* The policy in force, for a successor that finds bad files: in a folder of the state like the others. */
static char *saved_policy(const struct server *s)
{
        return g_build_filename(s->options->state, "sysctl.d", NULL);
}

static void save_policy(const struct server *s)
{
        g_autofree char *text = sysctl_d_render(s->policy), *folder = NULL;
        int r = 0;

        if (!s->options->state)
                return;
        folder = saved_policy(s);
        if (g_mkdir_with_parents(folder, 0700) < 0)
                r = err_negative();
        autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r == 0)
                r = fd < 0 ? err_negative() : file_replace_at(fd, "policy.conf", text, strlen(text), 0600);
        if (r < 0)
                log_errno(r, "cannot save the sysctl policy in %s", folder);
}

/* At the first start bad files are an error; later on containers run, and the last policy goes on. */
static int set_up_policy(struct server *s)
{
        g_autoptr(GError) error = NULL;
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        int r = read_policy(s, policy, &error);

        s->policy = sysctl_policy_new();
        if (r < 0) {
                log_error("%s", error->message);
                if (s->inherited.restarts == 0 || !s->options->state)
                        return r;
                g_autofree char *folder = saved_policy(s);
                log_warning("going on with the sysctl policy that was in force; mend that file, then run "
                            "cloisterctl reload");
                sysctl_policy_free(policy);
                policy = sysctl_policy_new();
                r = sysctl_d_read(folder, policy, NULL);
        }
        sysctl_policy_replace(s->policy, policy);
        if (r == 0)
                save_policy(s);
        return r;
}

static int reload(void *data, GError **error)
{
        struct server *s = data;
        autoptr(sysctl_policy) policy = sysctl_policy_new();
        int r = read_policy(s, policy, error);

        if (r < 0)
                return r;
        sysctl_policy_replace(s->policy, policy);
        save_policy(s);
        log_info("the sysctl policy was read anew");
        return 0;
}

static int set_up_control(struct server *s)
{
        const struct cloisterd_options *o = s->options;

        if (s->inherited.control_fd < 0)
                return 0;
        s->state_dirfd = open(o->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->state_dirfd < 0)
                return log_errno(err_negative(), "cannot open %s", o->state);
        s->warnings = g_ptr_array_copy(o->config->warnings, NULL, NULL);
        g_ptr_array_set_free_func(s->warnings, NULL);
        g_ptr_array_add(s->warnings, NULL);
        struct ctl_config config = {
                .listen_fd = s->inherited.control_fd,
                .state_dirfd = s->state_dirfd,
                .registry = s->registry,
                .serials = &s->shared[0]->serials,
                .host = s->host,
                .policy = s->policy,
                .fs_dir = o->mountpoint,
                .keeper = s->inherited.keeper,
                .restarts = s->inherited.restarts,
                .ranges = o->config->ranges,
                .n_ranges = o->config->n_ranges,
                .warnings = (const char *const *)s->warnings->pdata,
                .list_connections = list_connections,
                .reload = reload,
                .data = s,
        };
        return ctl_new(&config, &s->ctl);
}

/* The registry is loaded before the first request is served: a container of before must not look unknown. */
static int set_up(struct server *s)
{
        int r = set_up_policy(s);

        if (r == 0)
                r = set_up_core(s);
        for (size_t i = 0; r == 0 && i < s->inherited.n_connections; i++)
                r = attach(s, i);
        if (r == 0)
                r = set_up_control(s);
        for (size_t i = 0; r == 0 && i < s->inherited.n_connections; i++)
                r = fs_start(s->fs[i]);
        return r;
}

static void tear_down(struct server *s)
{
        for (size_t i = 0; i < s->inherited.n_connections; i++)
                if (s->fs[i])
                        fs_stop(s->fs[i]);
        ctl_free(s->ctl);
        for (size_t i = 0; i < s->inherited.n_connections; i++) {
                fs_free(s->fs[i]);
                shared_unmap(s->shared[i]);
        }
        ident_free(s->ident);
        sysctl_policy_free(s->policy);
        registry_free(s->registry);
        host_free(s->host);
        fd_clear(&s->state_dirfd);
        g_clear_pointer(&s->warnings, g_ptr_array_unref);
        g_main_loop_unref(s->loop);
}

int cloisterd_serve(const struct cloisterd_options *options, const char *inherited)
{
        struct server server = {.options = options, .state_dirfd = -1};
        g_autofree char *text = g_strdup(inherited);
        int r = cloisterd_parse_inherited(text, &server.inherited);

        if (r < 0)
                return log_errno(r, "--serve is for cloisterd's own use") < 0;
        server.loop = g_main_loop_new(NULL, FALSE);
        g_unix_signal_add(SIGTERM, quit, &server);
        g_timeout_add_seconds(REST_SECONDS, rest_containers, &server);
        r = set_up(&server);
        if (r == 0 && write(server.inherited.ready_fd, "", 1) == 1) {
                close(server.inherited.ready_fd);
                g_main_loop_run(server.loop);
        }
        tear_down(&server);
        return r < 0;
}
