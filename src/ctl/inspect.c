#include "config.h"
#include "ctl/server.h"

#include "base/log.h"
#include "view/vfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16 };

/* Returns a reference, or NULL and the answer. */
static struct container *find_container(struct ctl *ctl, const char *name, struct ctl_answer *answer);

static void add_sysctl(const char *name, const char *text, void *data)
{
        answer_add_text(data, name, text);
}

static json_object *describe_cgroups(struct ctl *ctl, struct container *container)
{
        static const char *const names[CONTROLLER_COUNT] = {
                [CONTROLLER_CPU] = "cpu",       [CONTROLLER_CPUACCT] = "cpuacct",
                [CONTROLLER_CPUSET] = "cpuset", [CONTROLLER_MEMORY] = "memory",
                [CONTROLLER_BLKIO] = "blkio",   [CONTROLLER_PIDS] = "pids",
        };
        json_object *cgroups = json_object_new_object();
        autoptr(groups) groups = container_groups(container, ctl->config.host);

        for (int i = 0; groups && i < CONTROLLER_COUNT; i++) {
                const char *path = groups_path(groups, (enum controller)i);
                if (path)
                        answer_add_text(cgroups, names[i], path);
        }
        return cgroups;
}

static void add_identity(json_object *object, const struct container *container)
{
        answer_add_text(object, "key", container->key);
        answer_add_text(object, "id", container->id);
        answer_add_text(object, "root", container->root);
        answer_add_text(object, "bundle", container->bundle);
        answer_add_int(object, "serial", container->serial);
        answer_add_int(object, "init", container->init);
        json_object_object_add(object, "alive", json_object_new_boolean(container_alive(container)));
        answer_add_int(object, "uid", container->uid);
        answer_add_int(object, "gid", container->gid);
        answer_add_int(object, "rangeStart", container->range_start);
        answer_add_int(object, "userNamespace", (int64_t)container->user_ns);
        answer_add_int(object, "pidNamespace", (int64_t)container->pid_ns);
}

static void add_seconds(json_object *object, const char *member, uint64_t now_ns, uint64_t start_ns)
{
        double seconds = now_ns > start_ns ? (double)(now_ns - start_ns) / 1e9 : 0;
        char text[32];

        g_snprintf(text, sizeof(text), "%.2f", seconds);
        json_object_object_add(object, member, json_object_new_double_s(seconds, text));
}

static json_object *describe(struct ctl *ctl, struct container *container)
{
        json_object *object = json_object_new_object(), *sysctl = json_object_new_object();

        add_identity(object, container);
        add_seconds(object, "uptime", host_boottime_ns(ctl->config.host), container->start_ns);
        json_object_object_add(object, "cgroups", describe_cgroups(ctl, container));
        sysctl_store_foreach(container->sysctls, add_sysctl, sysctl);
        json_object_object_add(object, "sysctl", sysctl);
        return object;
}

void ctl_list(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        g_autoptr(GPtrArray) list = registry_list(ctl->config.registry);
        json_object *containers = json_object_new_array();

        for (guint i = 0; i < list->len; i++)
                json_object_array_add(containers, describe(ctl, g_ptr_array_index(list, i)));
        answer->parameters = json_object_new_object();
        json_object_object_add(answer->parameters, "containers", containers);
}

/* The candidates of an ambiguous name: "<key> <id>" each. */
static void answer_ambiguous(struct ctl *ctl, const char *name, struct ctl_answer *answer)
{
        g_autoptr(GPtrArray) list = registry_list(ctl->config.registry);
        json_object *parameters = json_object_new_object(), *candidates = json_object_new_array();

        for (guint i = 0; i < list->len; i++) {
                const struct container *c = g_ptr_array_index(list, i);
                g_autofree char *candidate = g_strdup_printf("%s %s", c->key, c->id);
                if (g_str_has_prefix(c->key, name) || g_str_has_prefix(c->id, name))
                        json_object_array_add(candidates, proto_new_string(candidate, strlen(candidate)));
        }
        answer_add_text(parameters, "name", name);
        json_object_object_add(parameters, "candidates", candidates);
        answer_fail(answer, PROTO_INTERFACE ".AmbiguousName", parameters);
}

static struct container *find_container(struct ctl *ctl, const char *name, struct ctl_answer *answer)
{
        gboolean ambiguous = FALSE;
        struct container *found = registry_find_name(ctl->config.registry, name, &ambiguous);

        if (ambiguous)
                answer_ambiguous(ctl, name, answer);
        else if (!found)
                answer_fail_text(answer, PROTO_INTERFACE ".NoSuchContainer", "name", name);
        return found;
}

void ctl_get(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        autoptr(container) container = find_container(ctl, params->name, answer);

        if (!container)
                return;
        answer->parameters = json_object_new_object();
        json_object_object_add(answer->parameters, "container", describe(ctl, container));
}

static struct view_ctx make_ctx(struct ctl *ctl, struct container *container)
{
        return (struct view_ctx){.host = ctl->config.host,
                                 .container = container,
                                 .policy = ctl->config.policy,
                                 .uid = container->uid,
                                 .gid = container->gid};
}

void ctl_render(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        autoptr(container) container = find_container(ctl, params->name, answer);
        g_autoptr(GString) text = g_string_new(NULL);
        const char *path = params->path;

        if (!container)
                return;
        struct view_ctx ctx = make_ctx(ctl, container);
        while (*path == '/')
                path++;
        int r = view_render(&ctx, path, text);
        if (r < 0) {
                answer_fail_errno(answer, r, "/%s in the view of container %s", path, container->id);
                return;
        }
        answer->parameters = json_object_new_object();
        json_object_object_add(answer->parameters, "text", proto_new_string(text->str, text->len));
}

/* As sysctl(8) reads names: the first separator tells which of '.' and '/' parts the names, the other is
 * meant literally ("net.ipv4.conf.eth0/1.forwarding"). */
static char *sysctl_path(const char *name)
{
        char *path = g_strdup_printf("proc/sys/%s", name);
        char *p = path + strlen("proc/sys/");
        const char *first = strpbrk(p, "./");

        if (first && *first == '.')
                for (; *p; p++)
                        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        return path;
}

static void answer_sysctl(int r, const char *name, const char *value, struct ctl_answer *answer)
{
        json_object *parameters = json_object_new_object();
        const char *reason =
                r == -ENOENT ? "there is no such sysctl in this container; `cloisterctl files` lists what is"
                : r == -EINVAL                ? "the kernel would refuse this value"
                : r == -EACCES || r == -EPERM ? "it belongs to the whole machine; containers may only read it"
                                              : g_strerror(-r);
        g_autofree char *message = g_strdup_printf("%s = \"%.64s\": %s", name, value, reason);

        answer_add_text(parameters, "sysctl", name);
        answer_add_text(parameters, "message", message);
        answer_fail(answer, PROTO_INTERFACE ".InvalidSysctl", parameters);
}

int ctl_store_sysctl(struct ctl *ctl, struct container *container, const char *name, const char *value,
                     struct ctl_answer *answer)
{
        struct view_ctx ctx = make_ctx(ctl, container);
        g_autofree char *path = sysctl_path(name);
        /* a write of no bytes is none, and succeeds */
        int r = value[0] ? view_store(&ctx, path, value, strlen(value)) : -EINVAL;

        if (r < 0)
                answer_sysctl(r, name, value, answer);
        return r < 0 ? r : 0;
}

void ctl_set_sysctl(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        autoptr(container) container = find_container(ctl, params->name, answer);

        if (!container || ctl_store_sysctl(ctl, container, params->sysctl_name, params->value, answer) < 0)
                return;
        int r = ctl_save_container(ctl, container);
        if (r < 0)
                answer_fail_errno(answer, r,
                                  "%s is set, but the state folder cannot be written; is its disk full?",
                                  params->sysctl_name);
}

/* ---- Reload and Status ---- */

void ctl_reload(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        g_autoptr(GError) error = NULL;

        if (!ctl->config.reload || ctl->config.reload(ctl->config.data, &error) == 0)
                return;
        log_error("the policy stays as it was: %s", error->message);
        answer_fail_text(answer, PROTO_INTERFACE ".InvalidPolicy", "message", error->message);
}

static json_object *describe_connections(struct ctl *ctl)
{
        struct ctl_connection connections[CONNECTIONS_MAX];
        json_object *array = json_object_new_array();
        size_t n = 0;

        if (ctl->config.list_connections)
                n = ctl->config.list_connections(connections, CONNECTIONS_MAX, ctl->config.data);
        for (size_t i = 0; i < n; i++) {
                json_object *object = json_object_new_object();
                answer_add_text(object, "name", connections[i].name);
                answer_add_text(object, "mountpoint", connections[i].mountpoint);
                answer_add_int(object, "fuseMinor", connections[i].fuse_minor);
                answer_add_int(object, "handles", (int64_t)connections[i].handles);
                json_object_array_add(array, object);
        }
        return array;
}

static json_object *describe_ranges(struct ctl *ctl)
{
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < ctl->config.n_ranges; i++) {
                json_object *object = json_object_new_object();
                answer_add_int(object, "start", ctl->config.ranges[i].start);
                answer_add_int(object, "count", ctl->config.ranges[i].count);
                json_object_array_add(array, object);
        }
        return array;
}

void ctl_status(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        json_object *status = json_object_new_object(), *warnings = json_object_new_array();

        for (const char *const *w = ctl->config.warnings; w && *w; w++)
                json_object_array_add(warnings, proto_new_string(*w, strlen(*w)));
        answer_add_text(status, "version", CLOISTER_VERSION);
        answer_add_int(status, "serverPid", getpid());
        answer_add_int(status, "keeperPid", ctl->config.keeper);
        answer_add_int(status, "restarts", ctl->config.restarts);
        answer_add_int(status, "containers", g_hash_table_size(ctl->entries));
        answer_add_int(status, "leases", (int64_t)ids_count(ctl->ids));
        add_seconds(status, "uptime", host_boottime_ns(ctl->config.host), ctl->started_ns);
        json_object_object_add(status, "connections", describe_connections(ctl));
        json_object_object_add(status, "ranges", describe_ranges(ctl));
        json_object_object_add(status, "warnings", warnings);
        answer->parameters = status;
}
