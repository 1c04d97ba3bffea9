#include "mnt/hierarchy.h"

#include "base/file.h"
#include "host/mounts.h"

#include <fcntl.h>
#include <string.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

enum { MOUNTINFO_MAX = 4 << 20, CONTROLLERS_MAX = 4096 };

static void hierarchy_free(gpointer data)
{
        struct hierarchy *hierarchy = data;

        g_free(hierarchy->path);
        g_free(hierarchy->name);
        g_free(hierarchy->options);
        g_strfreev(hierarchy->controllers);
        g_free(hierarchy);
}

static struct hierarchy *hierarchy_new(const struct cgroup_mount *mount)
{
        struct hierarchy *hierarchy = g_new0(struct hierarchy, 1);

        hierarchy->path = g_strdup(mount->point);
        hierarchy->name = g_str_equal(mount->point, CGROUP_ROOT) ? g_strdup("")
                                                                 : g_path_get_basename(mount->point);
        hierarchy->v2 = mount->version == 2;
        hierarchy->controllers = hierarchy->v2 ? g_new0(char *, 1) : g_strdupv(mount->controllers);
        hierarchy->options = g_strjoinv(",", hierarchy->controllers);
        return hierarchy;
}

static bool is_listed(const GPtrArray *list, const struct hierarchy *hierarchy)
{
        for (unsigned i = 0; i < list->len; i++) {
                const struct hierarchy *other = g_ptr_array_index(list, i);
                if (other->v2 == hierarchy->v2 && g_str_equal(other->options, hierarchy->options))
                        return true;
        }
        return false;
}

static GPtrArray *list_hierarchies(const struct mounts *mounts)
{
        GPtrArray *list = g_ptr_array_new_with_free_func(hierarchy_free);

        for (size_t i = 0; i < mounts->count; i++) {
                if (!g_str_has_prefix(mounts->cgroups[i].point, CGROUP_ROOT))
                        continue;
                struct hierarchy *hierarchy = hierarchy_new(&mounts->cgroups[i]);
                if (is_listed(list, hierarchy))
                        hierarchy_free(hierarchy);
                else
                        g_ptr_array_add(list, hierarchy);
        }
        return list;
}

GPtrArray *hierarchy_parse(const char *mountinfo)
{
        autoptr(mounts) mounts = mounts_parse(mountinfo);

        return list_hierarchies(mounts);
}

static void read_controllers(struct hierarchy *hierarchy)
{
        g_autofree char *path = g_build_filename(hierarchy->path, "cgroup.controllers", NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        if (file_read_at(AT_FDCWD, path, CONTROLLERS_MAX, text) < 0)
                return;
        g_strfreev(hierarchy->controllers);
        hierarchy->controllers = g_strsplit(g_strchomp(text->str), " ", -1);
}

int hierarchy_read(GPtrArray **ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, text);

        if (r < 0)
                return r;
        GPtrArray *list = hierarchy_parse(text->str);
        for (unsigned i = 0; i < list->len; i++) {
                struct hierarchy *hierarchy = g_ptr_array_index(list, i);
                if (hierarchy->v2)
                        read_controllers(hierarchy);
        }
        *ret = list;
        return 0;
}

const struct hierarchy *hierarchy_find(const GPtrArray *hierarchies, const char *controller)
{
        for (unsigned i = 0; i < hierarchies->len; i++) {
                const struct hierarchy *hierarchy = g_ptr_array_index(hierarchies, i);
                if (g_strv_contains((const char *const *)hierarchy->controllers, controller))
                        return hierarchy;
        }
        return NULL;
}
