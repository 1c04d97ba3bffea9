#include "oci/plan.h"

#include "oci/spec.h"
#include "oci/sysctl.h"

#include <errno.h>
#include <string.h>

static void mount_clear(struct plan_mount *mount)
{
        g_free(mount->destination);
        g_free(mount->type);
        g_free(mount->source);
        g_strfreev(mount->options);
}

void plan_free(struct plan *plan)
{
        if (!plan)
                return;
        for (size_t i = 0; i < plan->n_mounts; i++)
                mount_clear(&plan->mounts[i]);
        g_free(plan->mounts);
        g_free(plan->root);
        g_free(plan->id);
        g_free(plan->bundle);
        g_free(plan->rootfs);
        g_strfreev(plan->masked);
        g_strfreev(plan->readonly);
        g_strfreev(plan->sysctls);
        g_strfreev(plan->namespaced);
        g_free(plan);
}

static int copy_string(json_object *object, const char *name, char **ret, GError **error)
{
        const char *text;
        int r = spec_string(object, name, &text, error);

        if (r == 0)
                *ret = g_strdup(text ?: "");
        return r;
}

static int mount_parse(json_object *object, struct plan_mount *ret, GError **error)
{
        int r = json_object_is_type(object, json_type_object)
                        ? 0
                        : spec_fail(error, -EINVAL, "\"mounts\" holds something that is no object");

        if (r == 0)
                r = copy_string(object, "destination", &ret->destination, error);
        if (r == 0)
                r = copy_string(object, "type", &ret->type, error);
        if (r == 0)
                r = copy_string(object, "source", &ret->source, error);
        if (r == 0)
                r = spec_strings(object, "options", &ret->options, error);
        return r;
}

static int add_mount(struct plan *plan, json_object *object, bool *ret_view, GError **error)
{
        struct plan_mount mount = {0};
        int r = mount_parse(object, &mount, error);

        if (r == 0) {
                g_autofree char *given = mount.destination;
                mount.destination = spec_clean_path("/", given);
                *ret_view = spec_path_is_view(mount.destination);
        }
        if (r < 0 || !*ret_view)
                mount_clear(&mount);
        else
                plan->mounts[plan->n_mounts++] = mount;
        return r;
}

/* All elements of an array of mounts that are views; with `all`, one that is not is an error. */
static int take_mounts(struct plan *plan, json_object *object, bool all, GError **error)
{
        json_object *mounts;
        int r = spec_member(object, "mounts", json_type_array, &mounts, error);
        size_t n = r == 0 && mounts ? json_object_array_length(mounts) : 0;

        if (n > PLAN_MAX_MOUNTS)
                return spec_fail(error, -E2BIG, "\"mounts\" has %zu elements, more than %d", n,
                                 PLAN_MAX_MOUNTS);
        plan->mounts = g_new0(struct plan_mount, n + 1);
        for (size_t i = 0; r == 0 && i < n; i++) {
                bool view = false;
                r = add_mount(plan, json_object_array_get_idx(mounts, i), &view, error);
                if (r == 0 && all && !view)
                        r = spec_fail(error, -EINVAL, "mount %zu of the plan is not below /proc or /sys", i);
        }
        return r;
}

static int take_paths(json_object *object, const char *name, char ***ret, GError **error)
{
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) all = NULL;
        int r = spec_strings(object, name, &all, error);

        if (r < 0)
                return r;
        for (char **p = all; *p; p++) {
                g_autofree char *path = spec_clean_path("/", *p);
                if (spec_path_is_view(path))
                        g_ptr_array_add(paths, g_steal_pointer(&path));
        }
        g_ptr_array_add(paths, NULL);
        *ret = (char **)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
        return 0;
}

static int add_sysctl(const char *name, json_object *value, GPtrArray *private, GPtrArray *namespaced,
                      GError **error)
{
        g_autofree char *normal = sysctl_normal_name(name);

        if (!normal)
                return spec_fail(error, -EINVAL,
                                 "sysctl \"%s\" of the container's spec is no name of a kernel parameter",
                                 name);
        if (!json_object_is_type(value, json_type_string) ||
            strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
                return spec_fail(error, -EINVAL, "the value of sysctl \"%s\" is no text", name);
        GPtrArray *list = sysctl_is_namespaced(normal) ? namespaced : private;
        g_ptr_array_add(list, g_steal_pointer(&normal));
        g_ptr_array_add(list, g_strdup(json_object_get_string(value)));
        return 0;
}

static int take_sysctls(struct plan *plan, json_object *sysctls, GError **error)
{
        g_autoptr(GPtrArray) private = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) namespaced = g_ptr_array_new_with_free_func(g_free);

        if (sysctls) {
                json_object_object_foreach(sysctls, name, value)
                {
                        int r = add_sysctl(name, value, private, namespaced, error);
                        if (r < 0)
                                return r;
                }
        }
        g_ptr_array_add(private, NULL);
        g_ptr_array_add(namespaced, NULL);
        plan->sysctls = (char **)g_ptr_array_free(g_steal_pointer(&private), FALSE);
        plan->namespaced = (char **)g_ptr_array_free(g_steal_pointer(&namespaced), FALSE);
        return 0;
}

/* `source` holds maskedPaths, readonlyPaths and sysctl: the spec's "linux", or the plan itself. */
static int take_paths_and_sysctls(struct plan *plan, json_object *source, GError **error)
{
        json_object *sysctls;
        int r = take_paths(source, "maskedPaths", &plan->masked, error);

        if (r == 0)
                r = take_paths(source, "readonlyPaths", &plan->readonly, error);
        if (r == 0)
                r = spec_member(source, "sysctl", json_type_object, &sysctls, error);
        return r == 0 ? take_sysctls(plan, sysctls, error) : r;
}

static int take_rootfs(struct plan *plan, json_object *spec, GError **error)
{
        json_object *root;
        const char *path = NULL;
        int r = spec_member(spec, "root", json_type_object, &root, error);

        if (r == 0 && root)
                r = spec_string(root, "path", &path, error);
        if (r < 0)
                return r;
        if (!path || !*path)
                return spec_fail(error, -EINVAL, "the container's spec in %s has no root.path", plan->bundle);
        plan->rootfs = spec_clean_path(plan->bundle, path);
        return 0;
}

int plan_from_spec(json_object *spec, const char *root, const char *id, const char *bundle, struct plan **ret,
                   GError **error)
{
        autoptr(plan) plan = g_new0(struct plan, 1);
        json_object *linux_member, *empty = json_object_new_object();
        int r = spec_member(spec, "linux", json_type_object, &linux_member, error);

        plan->root = g_strdup(root ?: "");
        plan->id = g_strdup(id);
        plan->bundle = spec_clean_path("/", bundle);
        plan->locked = true;
        if (r == 0)
                r = take_rootfs(plan, spec, error);
        if (r == 0)
                r = take_mounts(plan, spec, false, error);
        if (r == 0)
                r = take_paths_and_sysctls(plan, linux_member ?: empty, error);
        json_object_put(empty);
        if (r == 0)
                *ret = g_steal_pointer(&plan);
        return r;
}

static int read_strings(struct plan *plan, json_object *object, GError **error)
{
        int r = copy_string(object, "root", &plan->root, error);

        if (r == 0)
                r = copy_string(object, "id", &plan->id, error);
        if (r == 0)
                r = copy_string(object, "bundle", &plan->bundle, error);
        if (r == 0)
                r = copy_string(object, "rootfs", &plan->rootfs, error);
        if (r == 0 && (!*plan->id || plan->bundle[0] != '/' || plan->rootfs[0] != '/'))
                r = spec_fail(error, -EINVAL, "the plan lacks \"id\", \"bundle\" or \"rootfs\"");
        return r;
}

static int read_flag(json_object *object, const char *name, bool *ret, GError **error)
{
        json_object *flag;
        int r = spec_member(object, name, json_type_boolean, &flag, error);

        if (r == 0 && !flag)
                r = spec_fail(error, -EINVAL, "the plan lacks \"%s\"", name);
        if (r == 0)
                *ret = json_object_get_boolean(flag);
        return r;
}

static int plan_parse(json_object *object, struct plan *plan, GError **error)
{
        int r = read_strings(plan, object, error);

        if (r == 0)
                r = read_flag(object, "taken", &plan->taken, error);
        if (r == 0)
                r = read_flag(object, "locked", &plan->locked, error);
        if (r == 0)
                r = take_mounts(plan, object, true, error);
        if (r == 0)
                r = take_paths_and_sysctls(plan, object, error);
        return r;
}

int plan_read(const char *path, struct plan **ret, GError **error)
{
        autoptr(plan) plan = g_new0(struct plan, 1);
        json_object *object;
        int r = spec_read(path, PLAN_MAX_BYTES, &object, error);

        if (r < 0)
                return r;
        r = plan_parse(object, plan, error);
        json_object_put(object);
        if (r == 0)
                *ret = g_steal_pointer(&plan);
        else
                g_prefix_error(error, "%s: ", path);
        return r;
}

static json_object *strings_to_json(char *const *strings)
{
        json_object *array = json_object_new_array();

        for (; strings && *strings; strings++)
                json_object_array_add(array, json_object_new_string(*strings));
        return array;
}

static void pairs_to_json(char *const *pairs, json_object *object)
{
        for (; pairs && *pairs; pairs += 2)
                json_object_object_add(object, pairs[0], json_object_new_string(pairs[1]));
}

static json_object *mounts_to_json(const struct plan *plan)
{
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < plan->n_mounts; i++) {
                const struct plan_mount *mount = &plan->mounts[i];
                json_object *object = json_object_new_object();
                json_object_object_add(object, "destination", json_object_new_string(mount->destination));
                json_object_object_add(object, "type", json_object_new_string(mount->type));
                json_object_object_add(object, "source", json_object_new_string(mount->source));
                json_object_object_add(object, "options", strings_to_json(mount->options));
                json_object_array_add(array, object);
        }
        return array;
}

int plan_write(const struct plan *plan, const char *path, GError **error)
{
        json_object *object = json_object_new_object(), *sysctls = json_object_new_object();

        json_object_object_add(object, "root", json_object_new_string(plan->root));
        json_object_object_add(object, "id", json_object_new_string(plan->id));
        json_object_object_add(object, "bundle", json_object_new_string(plan->bundle));
        json_object_object_add(object, "rootfs", json_object_new_string(plan->rootfs));
        json_object_object_add(object, "taken", json_object_new_boolean(plan->taken));
        json_object_object_add(object, "locked", json_object_new_boolean(plan->locked));
        json_object_object_add(object, "mounts", mounts_to_json(plan));
        json_object_object_add(object, "maskedPaths", strings_to_json(plan->masked));
        json_object_object_add(object, "readonlyPaths", strings_to_json(plan->readonly));
        pairs_to_json(plan->sysctls, sysctls);
        pairs_to_json(plan->namespaced, sysctls);
        json_object_object_add(object, "sysctl", sysctls);
        int r = spec_write(object, path, error);
        json_object_put(object);
        return r;
}
