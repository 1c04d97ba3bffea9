#include "oci/edit.h"

#include "oci/spec.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

static int check_level(json_object *object, const char *const *names, GError **error)
{
        json_object_object_foreach(object, name, value)
        {
                (void)value;
                if (!g_str_is_ascii(name))
                        return spec_fail(error, -EINVAL, "member \"%s\" of the container's spec is not ASCII",
                                         name);
                for (const char *const *known = names; *known; known++)
                        if (g_ascii_strcasecmp(name, *known) == 0 && !g_str_equal(name, *known))
                                return spec_fail(
                                        error, -EINVAL,
                                        "member \"%s\" of the container's spec must be written \"%s\"", name,
                                        *known);
        }
        return 0;
}

int edit_check_names(json_object *spec, GError **error)
{
        static const char *const top[] = {"root", "mounts", "linux", "hooks", NULL};
        static const char *const in_linux[] = {"namespaces",    "uidMappings", "gidMappings", "maskedPaths",
                                               "readonlyPaths", "sysctl",      NULL};
        static const char *const in_hooks[] = {"prestart", "createRuntime", "poststop", NULL};
        static const char *const in_root[] = {"path", NULL};
        static const struct {
                const char *member;
                const char *const *names;
        } levels[] = {{"linux", in_linux}, {"hooks", in_hooks}, {"root", in_root}};
        int r = check_level(spec, top, error);

        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(levels); i++) {
                json_object *level;
                r = spec_member(spec, levels[i].member, json_type_object, &level, error);
                if (r == 0 && level)
                        r = check_level(level, levels[i].names, error);
        }
        return r;
}

static int need_linux(json_object *spec, const char *name, json_type type, json_object **ret, GError **error)
{
        json_object *object;
        int r = spec_need(spec, "linux", json_type_object, &object, error);

        return r < 0 ? r : spec_need(object, name, type, ret, error);
}

/* The namespace of that type in the spec, borrowed, or NULL. */
static int find_namespace(json_object *spec, const char *type, json_object **ret, GError **error)
{
        json_object *namespaces;
        int r = need_linux(spec, "namespaces", json_type_array, &namespaces, error);

        *ret = NULL;
        for (size_t i = 0; r == 0 && i < json_object_array_length(namespaces); i++) {
                json_object *item = json_object_array_get_idx(namespaces, i);
                const char *found = NULL;
                if (!json_object_is_type(item, json_type_object))
                        return spec_fail(error, -EINVAL, "\"namespaces\" holds something that is no object");
                r = spec_string(item, "type", &found, error);
                if (r == 0 && found && g_str_equal(found, type))
                        *ret = item;
        }
        return r;
}

int edit_add_namespace(json_object *spec, const char *type, GError **error)
{
        json_object *found, *namespaces;
        int r = find_namespace(spec, type, &found, error);

        if (r < 0 || found)
                return r;
        r = need_linux(spec, "namespaces", json_type_array, &namespaces, error);
        if (r < 0)
                return r;
        found = json_object_new_object();
        json_object_object_add(found, "type", json_object_new_string(type));
        json_object_array_add(namespaces, found);
        return 0;
}

static int read_id(json_object *mapping, const char *name, uint64_t *ret, GError **error)
{
        json_object *number = NULL;
        int r = json_object_is_type(mapping, json_type_object)
                        ? spec_member(mapping, name, json_type_int, &number, error)
                        : spec_fail(error, -EINVAL, "an id mapping of the container's spec is no object");

        if (r == 0)
                *ret = number ? json_object_get_uint64(number) : 0;
        return r;
}

struct map_summary {
        bool present, has_root;
        uint64_t root, size;
};

static int add_mapping(json_object *mapping, struct map_summary *sum, GError **error)
{
        uint64_t inside, outside, size;
        int r = read_id(mapping, "containerID", &inside, error);

        if (r == 0)
                r = read_id(mapping, "hostID", &outside, error);
        if (r == 0)
                r = read_id(mapping, "size", &size, error);
        if (r < 0)
                return r;
        if (inside > UINT32_MAX || outside > UINT32_MAX || size > UINT32_MAX)
                return spec_fail(error, -EINVAL, "an id mapping of the container's spec is out of range");
        if (size > 0 && outside == 0)
                return spec_fail(error, -EINVAL,
                                 "the container's id mappings reach the host's root (hostID 0): take another "
                                 "range, or "
                                 "none, then Cloister leases one");
        if (size > 0 && inside == 0) {
                sum->has_root = true;
                sum->root = outside;
        }
        sum->size += size;
        return 0;
}

static int sum_mappings(json_object *spec, const char *name, struct map_summary *ret, GError **error)
{
        json_object *mappings;
        int r = need_linux(spec, name, json_type_array, &mappings, error);

        for (size_t i = 0; r == 0 && i < json_object_array_length(mappings); i++) {
                ret->present = true;
                r = add_mapping(json_object_array_get_idx(mappings, i), ret, error);
        }
        if (r == 0 && ret->present && (!ret->has_root || ret->size < EDIT_RANGE_SIZE))
                r = spec_fail(
                        error, -EINVAL,
                        "\"%s\" of the container's spec maps %" G_GUINT64_FORMAT
                        " ids%s; Cloister needs at least %d from id 0 up: widen it, or leave it out, then "
                        "Cloister leases a range",
                        name, ret->size, ret->has_root ? "" : ", none of them id 0", EDIT_RANGE_SIZE);
        return r;
}

int edit_find_ids(json_object *spec, struct edit_ids *ret, GError **error)
{
        struct map_summary uids = {0}, gids = {0};
        json_object *user;
        const char *path = NULL;
        int r = find_namespace(spec, "user", &user, error);

        if (r == 0 && user)
                r = spec_string(user, "path", &path, error);
        if (r == 0 && path && *path)
                r = spec_fail(error, -EOPNOTSUPP,
                              "the container is to join the user namespace %s; cloister-runc gives every "
                              "container a "
                              "user namespace of its own: drop the option that asks for it (--userns)",
                              path);
        if (r == 0)
                r = sum_mappings(spec, "uidMappings", &uids, error);
        if (r == 0)
                r = sum_mappings(spec, "gidMappings", &gids, error);
        if (r == 0 && uids.present != gids.present)
                r = spec_fail(error, -EINVAL, "the container's spec has mappings for %s ids only",
                              uids.present ? "user" : "group");
        if (r == 0)
                *ret = (struct edit_ids){uids.present, (uint32_t)uids.root, (uint32_t)gids.root};
        return r;
}

static int set_mapping(json_object *spec, const char *name, uint32_t start, GError **error)
{
        json_object *linux_member;
        int r = spec_need(spec, "linux", json_type_object, &linux_member, error);

        if (r < 0)
                return r;
        json_object *array = json_object_new_array(), *mapping = json_object_new_object();
        json_object_object_add(mapping, "containerID", json_object_new_int64(0));
        json_object_object_add(mapping, "hostID", json_object_new_int64(start));
        json_object_object_add(mapping, "size", json_object_new_int64(EDIT_RANGE_SIZE));
        json_object_array_add(array, mapping);
        json_object_object_add(linux_member, name, array);
        return 0;
}

int edit_add_user_namespace(json_object *spec, uint32_t start, GError **error)
{
        int r = edit_add_namespace(spec, "user", error);

        if (r == 0)
                r = set_mapping(spec, "uidMappings", start, error);
        return r < 0 ? r : set_mapping(spec, "gidMappings", start, error);
}

/* Whether the path that member `name` of an element (or the element itself, name NULL) gives is a view's. */
static int is_view(json_object *item, const char *name, bool *ret, GError **error)
{
        const char *path = NULL;
        int r = 0;

        if (!name && json_object_is_type(item, json_type_string))
                path = json_object_get_string(item);
        else if (name && json_object_is_type(item, json_type_object))
                r = spec_string(item, name, &path, error);
        else
                r = spec_fail(error, -EINVAL, "a list of mounts or paths in the spec holds something else");
        if (r < 0)
                return r;
        g_autofree char *clean = spec_clean_path("/", path ?: "");
        *ret = spec_path_is_view(clean);
        return 0;
}

static int take_from_array(json_object *object, const char *list, const char *name, GError **error)
{
        json_object *array;
        int r = spec_member(object, list, json_type_array, &array, error);

        for (size_t i = r == 0 && array ? json_object_array_length(array) : 0; i-- > 0;) {
                bool view = false;
                r = is_view(json_object_array_get_idx(array, i), name, &view, error);
                if (r < 0)
                        return r;
                if (view)
                        json_object_array_del_idx(array, i, 1);
        }
        return r;
}

int edit_take_views(json_object *spec, GError **error)
{
        json_object *linux_member;
        int r = spec_need(spec, "linux", json_type_object, &linux_member, error);

        if (r == 0)
                r = take_from_array(spec, "mounts", "destination", error);
        if (r == 0)
                r = take_from_array(linux_member, "maskedPaths", NULL, error);
        if (r == 0)
                r = take_from_array(linux_member, "readonlyPaths", NULL, error);
        return r;
}

int edit_take_sysctls(json_object *spec, GError **error)
{
        json_object *linux_member;
        int r = spec_need(spec, "linux", json_type_object, &linux_member, error);

        if (r == 0)
                json_object_object_del(linux_member, "sysctl");
        return r;
}

int edit_set_rootfs(json_object *spec, const char *path, GError **error)
{
        json_object *root;
        int r = spec_need(spec, "root", json_type_object, &root, error);

        if (r == 0)
                json_object_object_add(root, "path", json_object_new_string(path));
        return r;
}

static void bind_clear(void *data)
{
        struct edit_bind *bind = data;

        g_free(bind->source);
}

/* Whether the mount is a bind mount, and a recursive one. */
static int read_bind(json_object *mount, bool *ret_bind, bool *ret_recursive, GError **error)
{
        g_auto(GStrv) options = NULL;
        const char *type = NULL;
        int r = json_object_is_type(mount, json_type_object)
                        ? spec_string(mount, "type", &type, error)
                        : spec_fail(error, -EINVAL, "\"mounts\" holds something that is no object");

        if (r == 0)
                r = spec_strings(mount, "options", &options, error);
        if (r < 0)
                return r;
        *ret_recursive = g_strv_contains((const char *const *)options, "rbind");
        *ret_bind = *ret_recursive || g_strv_contains((const char *const *)options, "bind") ||
                    (type && g_str_equal(type, "bind"));
        return 0;
}

int edit_find_binds(json_object *spec, const char *bundle, GArray **ret, GError **error)
{
        g_autoptr(GArray) binds = g_array_new(FALSE, TRUE, sizeof(struct edit_bind));
        json_object *mounts;
        int r = spec_member(spec, "mounts", json_type_array, &mounts, error);
        size_t n = r == 0 && mounts ? json_object_array_length(mounts) : 0;

        g_array_set_clear_func(binds, bind_clear);
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct edit_bind bind = {.index = i};
                json_object *mount = json_object_array_get_idx(mounts, i);
                const char *source = NULL;
                bool is_bind = false;
                r = read_bind(mount, &is_bind, &bind.recursive, error);
                if (r == 0 && is_bind)
                        r = spec_string(mount, "source", &source, error);
                if (r == 0 && source) {
                        bind.source = spec_clean_path(bundle, source);
                        g_array_append_val(binds, bind);
                }
        }
        if (r == 0)
                *ret = g_steal_pointer(&binds);
        return r;
}

static json_object *options_with_flags(char *const *options, unsigned long flags)
{
        static const struct {
                unsigned long flag;
                const char *set, *unset;
        } table[] = {{ST_RDONLY, "ro", "rw"},
                     {ST_NOSUID, "nosuid", "suid"},
                     {ST_NODEV, "nodev", "dev"},
                     {ST_NOEXEC, "noexec", "exec"}};
        json_object *array = json_object_new_array();

        for (; *options; options++) {
                bool dropped = false;
                for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                        dropped |= (flags & table[i].flag) && (g_str_equal(*options, table[i].set) ||
                                                               g_str_equal(*options, table[i].unset));
                if (!dropped)
                        json_object_array_add(array, json_object_new_string(*options));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (flags & table[i].flag)
                        json_object_array_add(array, json_object_new_string(table[i].set));
        return array;
}

int edit_set_bind(json_object *spec, size_t index, const char *source, unsigned long flags, GError **error)
{
        g_auto(GStrv) options = NULL;
        json_object *mounts, *mount;
        int r = spec_need(spec, "mounts", json_type_array, &mounts, error);

        if (r < 0)
                return r;
        mount = json_object_array_get_idx(mounts, index);
        if (!json_object_is_type(mount, json_type_object))
                return spec_fail(error, -EINVAL, "\"mounts\" has no object %zu", index);
        r = spec_strings(mount, "options", &options, error);
        if (r < 0)
                return r;
        json_object_object_add(mount, "source", json_object_new_string(source));
        json_object_object_add(mount, "options", options_with_flags(options, flags));
        return 0;
}

int edit_add_hook(json_object *spec, const char *stage, const char *const *args, GError **error)
{
        json_object *hooks, *list;
        int r = spec_need(spec, "hooks", json_type_object, &hooks, error);

        if (r == 0)
                r = spec_need(hooks, stage, json_type_array, &list, error);
        if (r < 0)
                return r;
        json_object *hook = json_object_new_object(), *array = json_object_new_array();
        json_object_object_add(hook, "path", json_object_new_string(args[0]));
        for (; *args; args++)
                json_object_array_add(array, json_object_new_string(*args));
        json_object_object_add(hook, "args", array);
        json_object_array_add(list, hook);
        return 0;
}
