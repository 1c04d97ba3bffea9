#include "host/mounts.h"

#include <glib.h>
#include <string.h>

enum { MOUNTS_MAX = 256, FIELDS_MAX = 64, FIELD_ROOT = 3, FIELD_POINT = 4, FIELD_OPTIONAL = 6 };

/* mountinfo writes blanks, newlines and backslashes of paths as three octal digits. */
static char *unescape(const char *text)
{
        GString *out = g_string_new(NULL);

        for (; *text; text++) {
                if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
                    text[3] >= '0' && text[3] <= '7') {
                        g_string_append_c(
                                out, (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')));
                        text += 3;
                } else {
                        g_string_append_c(out, *text);
                }
        }
        return g_string_free(out, FALSE);
}

/* The words of a version 1 superblock that select its hierarchy: all but rw, ro and the kernel's flags. */
static char **select_words(const char *super)
{
        static const char *const others[] = {
                "rw",           "ro",         "xattr", "noprefix", "clone_children", "cpuset_v2_mode",
                "favordynmods", "nsdelegate", NULL};
        g_auto(GStrv) all = g_strsplit(super, ",", FIELDS_MAX);
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();

        for (char **word = all; *word; word++)
                if (!g_strv_contains(others, *word) && !g_str_has_prefix(*word, "release_agent="))
                        g_strv_builder_add(words, *word);
        return g_strv_builder_end(words);
}

/* The type stands behind the lone "-" that ends the optional fields; then source and superblock options. */
static bool parse_line(const char *line, struct cgroup_mount *ret)
{
        g_auto(GStrv) fields = g_strsplit(line, " ", FIELDS_MAX);
        unsigned count = g_strv_length(fields), dash = FIELD_OPTIONAL;

        while (dash < count && strcmp(fields[dash], "-") != 0)
                dash++;
        if (dash + 3 >= count)
                return false;
        if (strcmp(fields[dash + 1], "cgroup2") == 0)
                ret->version = 2;
        else if (strcmp(fields[dash + 1], "cgroup") == 0)
                ret->version = 1;
        else
                return false;
        ret->root = unescape(fields[FIELD_ROOT]);
        ret->point = unescape(fields[FIELD_POINT]);
        ret->controllers = ret->version == 1 ? select_words(fields[dash + 3]) : NULL;
        return true;
}

struct mounts *mounts_parse(const char *text)
{
        struct mounts *mounts = g_new0(struct mounts, 1);

        mounts->cgroups = g_new0(struct cgroup_mount, MOUNTS_MAX);
        while (*text && mounts->count < MOUNTS_MAX) {
                size_t len = strcspn(text, "\n");
                g_autofree char *line = g_strndup(text, len);
                if (parse_line(line, &mounts->cgroups[mounts->count]))
                        mounts->count++;
                text += len + (text[len] == '\n');
        }
        return mounts;
}

void mounts_free(struct mounts *mounts)
{
        if (!mounts)
                return;
        for (size_t i = 0; i < mounts->count; i++) {
                g_free(mounts->cgroups[i].point);
                g_free(mounts->cgroups[i].root);
                g_strfreev(mounts->cgroups[i].controllers);
        }
        g_free(mounts->cgroups);
        g_free(mounts);
}

static bool has_controller(const struct cgroup_mount *mount, const char *controller)
{
        if (!controller)
                return mount->version == 2;
        return mount->version == 1 && g_strv_contains((const char *const *)mount->controllers, controller);
}

const struct cgroup_mount *mounts_find(const struct mounts *mounts, const char *controller)
{
        const struct cgroup_mount *found = NULL;

        for (size_t i = 0; i < mounts->count; i++) {
                const struct cgroup_mount *mount = &mounts->cgroups[i];
                if (!has_controller(mount, controller))
                        continue;
                if (strcmp(mount->root, "/") == 0)
                        return mount;
                if (!found)
                        found = mount;
        }
        return found;
}
