#include "policy/config.h"

#include "base/file.h"
#include "base/num.h"
#include "policy/keyfile.h"

#include <errno.h>
#include <string.h>

#define GROUP "cloister"

/* How the value of a key is read; each sets error on failure. */
typedef int (*config_reader)(struct config *config, const struct keyfile *file, const char *key,
                             GError **error);

static char *get_value(const struct keyfile *file, const char *key)
{
        char *value = g_key_file_get_value(file->keys, GROUP, key, NULL);

        return g_strchomp(value);
}

static int read_path(const struct keyfile *file, const char *key, char **ret, GError **error)
{
        g_autofree char *value = get_value(file, key);

        if (value[0] != '/')
                return keyfile_fail(file, GROUP, key, "not an absolute path", error);
        g_free(*ret);
        *ret = g_steal_pointer(&value);
        return 0;
}

static int read_mountpoint(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        return read_path(file, key, &config->mountpoint, error);
}

static int read_control(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        return read_path(file, key, &config->control, error);
}

static int read_state(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        return read_path(file, key, &config->state, error);
}

static int read_threads(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        g_autofree char *value = get_value(file, key);
        uint64_t n;

        if (num_parse_u64(value, &n) < 0 || n < 1 || n > CONFIG_THREADS_MAX)
                return keyfile_fail(file, GROUP, key, "not a number from 1 to 256", error);
        config->threads = (unsigned)n;
        return 0;
}

/* The index of the value among words, or -EINVAL and an error that lists them. */
static int read_word(const struct keyfile *file, const char *key, const char *const *words, GError **error)
{
        g_autofree char *value = get_value(file, key);
        g_autofree char *list = keyfile_join_words(words);
        g_autofree char *reason = g_strdup_printf("not one of %s", list);

        for (int i = 0; words[i]; i++)
                if (g_str_equal(words[i], value))
                        return i;
        return keyfile_fail(file, GROUP, key, reason, error);
}

static int read_log_level(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        static const char *const words[] = {"error", "warning", "info", "debug", NULL};
        int i = read_word(file, key, words, error);

        if (i < 0)
                return i;
        g_free(config->log_level);
        config->log_level = g_strdup(words[i]);
        return 0;
}

static int read_cpu_view(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        static const char *const words[] = {
                [CONFIG_CPU_QUOTA] = "quota", [CONFIG_CPU_CPUSET] = "cpuset", NULL};
        int i = read_word(file, key, words, error);

        if (i >= 0)
                config->cpu_view = (enum config_cpu_view)i;
        return MIN(i, 0);
}

static int read_cgroup_view(struct config *config, const struct keyfile *file, const char *key,
                            GError **error)
{
        static const char *const words[] = {[CONFIG_CGROUP_NATIVE] = "native",
                                            [CONFIG_CGROUP_VIEW] = "view",
                                            [CONFIG_CGROUP_V1] = "v1",
                                            [CONFIG_CGROUP_V2] = "v2",
                                            NULL};
        int i = read_word(file, key, words, error);

        if (i >= 0)
                config->cgroup_view = (enum config_cgroup_view)i;
        return MIN(i, 0);
}

static int read_writable(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        static const char *const words[] = {
                [CONFIG_SYSCTL_SPEC] = "spec", [CONFIG_SYSCTL_ALWAYS] = "always", NULL};
        int i = read_word(file, key, words, error);

        if (i >= 0)
                config->writable_sysctl = (enum config_writable_sysctl)i;
        return MIN(i, 0);
}

static int read_annotations(struct config *config, const struct keyfile *file, const char *key,
                            GError **error)
{
        g_autofree char *value = get_value(file, key);
        g_auto(GStrv) words = g_strsplit_set(value, " ,;", -1);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (char **word = words; *word; word++)
                if (**word)
                        g_strv_builder_add(builder, *word);
        g_strfreev(config->annotations);
        config->annotations = g_strv_builder_end(builder);
        return 0;
}

/* "start:count" */
static int parse_range(const char *text, struct ids_range *ret)
{
        g_auto(GStrv) parts = g_strsplit(text, ":", 3);
        uint64_t start, count;

        if (g_strv_length(parts) != 2 || num_parse_u64(parts[0], &start) < 0 ||
            num_parse_u64(parts[1], &count) < 0)
                return -EINVAL;
        if (count == 0 || start == 0 || start > UINT32_MAX || count > UINT32_MAX ||
            start + count > UINT32_MAX)
                return -ERANGE;
        *ret = (struct ids_range){(uint32_t)start, (uint32_t)count};
        return 0;
}

static const char *check_range(const GArray *ranges, const struct ids_range *range)
{
        if (ranges->len >= CONFIG_RANGES_MAX)
                return "more than 64 ranges";
        for (guint i = 0; i < ranges->len; i++) {
                const struct ids_range *other = &g_array_index(ranges, struct ids_range, i);
                if (range->start < (uint64_t)other->start + other->count &&
                    other->start < (uint64_t)range->start + range->count)
                        return "two of the ranges overlap";
        }
        return NULL;
}

static void take_ranges(struct config *config, GArray *ranges)
{
        gsize n;

        g_free(config->ranges);
        config->ranges = g_array_steal(ranges, &n);
        config->n_ranges = n;
}

static int read_ids(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        g_autofree char *value = get_value(file, key);
        g_auto(GStrv) words = g_strsplit_set(value, " ,;", -1);
        g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct ids_range));
        struct ids_range range;

        for (char **word = words; *word; word++) {
                if (!**word)
                        continue;
                int r = parse_range(*word, &range);
                const char *reason = r == -ERANGE
                                             ? "a range is empty, begins at 0 or reaches beyond 4294967294"
                                     : r < 0 ? "write ranges as start:count, for example 100000:655360"
                                             : check_range(ranges, &range);
                if (reason)
                        return keyfile_fail(file, GROUP, key, reason, error);
                g_array_append_val(ranges, range);
        }
        take_ranges(config, ranges);
        return 0;
}

static const struct {
        const char *key;
        config_reader read;
} readers[] = {
        {"annotations", read_annotations},
        {"cgroup-view", read_cgroup_view},
        {"control", read_control},
        {"cpu-view", read_cpu_view},
        {"ids", read_ids},
        {"log-level", read_log_level},
        {"mountpoint", read_mountpoint},
        {"state", read_state},
        {"threads", read_threads},
        {"writable-sysctl", read_writable},
};

static void warn_unknown(struct config *config, const struct keyfile *file, const char *group,
                         const char *key)
{
        unsigned line = keyfile_find_line(file, group, key);

        g_ptr_array_add(
                config->warnings,
                key ? g_strdup_printf("%s:%u: key %s is unknown to this version and has no effect",
                                      file->path, line, key)
                    : g_strdup_printf("%s:%u: group [%s] is unknown to this version and has no effect",
                                      file->path, line, group));
}

static int read_key(struct config *config, const struct keyfile *file, const char *key, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
                if (g_str_equal(readers[i].key, key))
                        return readers[i].read(config, file, key, error);
        warn_unknown(config, file, GROUP, key);
        return 0;
}

static int read_group(struct config *config, const struct keyfile *file, GError **error)
{
        g_auto(GStrv) keys = g_key_file_get_keys(file->keys, GROUP, NULL, NULL);
        int r = 0;

        for (char **key = keys; r == 0 && key && *key; key++)
                r = read_key(config, file, *key, error);
        return r;
}

static int read_groups(struct config *config, const struct keyfile *file, GError **error)
{
        g_auto(GStrv) groups = g_key_file_get_groups(file->keys, NULL);

        for (char **group = groups; *group; group++)
                if (!g_str_equal(*group, GROUP))
                        warn_unknown(config, file, *group, NULL);
        return read_group(config, file, error);
}

int config_read(const char *path, bool required, struct config **ret, GError **error)
{
        autoptr(config) config = g_new0(struct config, 1);
        g_autoptr(GError) reason = NULL;
        struct keyfile file = {0};
        int r = keyfile_read(path, CONFIG_SIZE_MAX, &file, &reason);

        config->annotations = g_new0(char *, 1);
        config->warnings = g_ptr_array_new_with_free_func(g_free);
        if (r == -ENOENT && !required)
                r = 0;
        else if (r == 0)
                r = read_groups(config, &file, &reason);
        keyfile_clear(&file);
        if (r < 0) {
                g_propagate_error(error, g_steal_pointer(&reason));
                return r;
        }
        *ret = g_steal_pointer(&config);
        return 0;
}

void config_free(struct config *config)
{
        if (!config)
                return;
        g_free(config->mountpoint);
        g_free(config->control);
        g_free(config->state);
        g_free(config->log_level);
        g_free(config->ranges);
        g_strfreev(config->annotations);
        g_ptr_array_unref(config->warnings);
        g_free(config);
}

/* ---- subuid and subgid ---- */

/* The ranges of user in the text of a subuid(5) file. Lines of others are not looked at. */
static int parse_subids(const char *path, const char *text, const char *user, GArray *ranges, GError **error)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        size_t len = strlen(user);
        struct ids_range range;

        for (size_t i = 0; lines[i]; i++) {
                if (strncmp(lines[i], user, len) != 0 || lines[i][len] != ':')
                        continue;
                const char *reason = parse_range(g_strchomp(lines[i]) + len + 1, &range) < 0
                                             ? "not user:start:count, or out of range"
                                             : check_range(ranges, &range);
                if (reason)
                        return policy_fail(error, -EINVAL, "%s:%zu: %s: %s", path, i + 1, lines[i], reason);
                g_array_append_val(ranges, range);
        }
        return 0;
}

static gint compare_ranges(gconstpointer a, gconstpointer b)
{
        const struct ids_range *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* A file that does not exist has no lines. */
static int read_subids(const char *path, const char *user, GArray *ranges, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(AT_FDCWD, path, CONFIG_SIZE_MAX, text);

        if (r < 0 && r != -ENOENT)
                return policy_fail(error, r, "%s: cannot be read: %s", path, g_strerror(-r));
        r = parse_subids(path, text->str, user, ranges, error);
        g_array_sort(ranges, compare_ranges);
        return r;
}

int config_add_subids(struct config *config, const char *subuid, const char *subgid, const char *user,
                      GError **error)
{
        g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(struct ids_range));
        g_autoptr(GArray) gids = g_array_new(FALSE, FALSE, sizeof(struct ids_range));

        if (config->n_ranges > 0)
                return 0;
        int r = read_subids(subuid, user, uids, error);
        if (r == 0)
                r = read_subids(subgid, user, gids, error);
        if (r < 0)
                return r;
        if (uids->len != gids->len ||
            (uids->len > 0 && memcmp(uids->data, gids->data, uids->len * sizeof(struct ids_range)) != 0))
                return policy_fail(
                        error, -EINVAL,
                        "%s and %s give user %s different ranges: a container's user and group ids are the "
                        "same numbers; give both files the same lines, or write ids= into cloister.conf",
                        subuid, subgid, user);
        take_ranges(config, uids);
        return 0;
}
