#include "mnt/hierarchy.h"

#include "base/file.h"

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

/* The words of the superblock that select a version 1 hierarchy: all but rw, ro and the flags of the kernel.
 */
static char **select_words(const char *super)
{
        static const char *const others[] = {
                "rw",           "ro",         "xattr", "noprefix", "clone_children", "cpuset_v2_mode",
                "favordynmods", "nsdelegate", NULL};
        g_auto(GStrv) all = g_strsplit(super, ",", -1);
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();

        for (char **word = all; *word; word++)
                if (!g_strv_contains(others, *word) && !g_str_has_prefix(*word, "release_agent="))
                        g_strv_builder_add(words, *word);
        return g_strv_builder_end(words);
}

static struct hierarchy *hierarchy_new(const char *path, bool v2, const char *super)
{
        struct hierarchy *hierarchy = g_new0(struct hierarchy, 1);
        bool is_root = g_str_equal(path, CGROUP_ROOT);

        hierarchy->path = g_strcompress(path);
        hierarchy->name = is_root ? g_strdup("") : g_path_get_basename(hierarchy->path);
        hierarchy->v2 = v2;
        hierarchy->controllers = v2 ? g_new0(char *, 1) : select_words(super);
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

/* One line: "38 31 0:35 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu" */
static void parse_line(const char *line, GPtrArray *list)
{
        const char *dash = strstr(line, " - ");
        g_auto(GStrv) left = g_strsplit(line, " ", 6);
        g_auto(GStrv) right = dash ? g_strsplit(dash + 3, " ", 3) : NULL;

        if (!right || g_strv_length(left) < 6 || g_strv_length(right) < 3)
                return;
        bool v2 = g_str_equal(right[0], "cgroup2");
        if ((!v2 && !g_str_equal(right[0], "cgroup")) || !g_str_has_prefix(left[4], CGROUP_ROOT))
                return;
        struct hierarchy *hierarchy = hierarchy_new(left[4], v2, right[2]);
        if (is_listed(list, hierarchy))
                hierarchy_free(hierarchy);
        else
                g_ptr_array_add(list, hierarchy);
}

GPtrArray *hierarchy_parse(const char *mountinfo)
{
        GPtrArray *list = g_ptr_array_new_with_free_func(hierarchy_free);
        g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);

        for (char **line = lines; *line; line++)
                parse_line(*line, list);
        return list;
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
