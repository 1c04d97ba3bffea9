#include "policy/sysctl-d.h"

#include "base/num.h"
#include "policy/keyfile.h"

#include <errno.h>
#include <string.h>

/* As sysctl(8): the first separator parts the names, the other one is meant literally. */
static char *make_path(const char *name)
{
        char *path = g_strdup(name);
        const char *first = strpbrk(path, "./");

        if (first && *first == '.')
                for (char *p = path; *p; p++)
                        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        return path;
}

static int check_keys(const struct keyfile *file, const char *name, GError **error)
{
        g_auto(GStrv) keys = g_key_file_get_keys(file->keys, name, NULL, NULL);

        for (char **key = keys; key && *key; key++)
                if (!g_str_equal(*key, "class") && !g_str_equal(*key, "limit"))
                        return keyfile_fail(file, name, *key, "unknown key; there are class and limit",
                                            error);
        return 0;
}

static int read_limit(const struct keyfile *file, const char *name, struct sysctl_rule *rule, GError **error)
{
        g_autofree char *text = g_key_file_get_value(file->keys, name, "limit", NULL);

        if (rule->klass != SYSCTL_RAISE)
                return text ? keyfile_fail(file, name, "limit", "only class=raise has a limit", error) : 0;
        if (!text)
                return keyfile_fail(file, name, "class",
                                    "needs a limit= above which the host's value never goes", error);
        if (num_parse_u64(g_strchomp(text), &rule->limit) < 0)
                return keyfile_fail(file, name, "limit", "not a number", error);
        return 0;
}

static int read_rule(const struct keyfile *file, const char *name, struct sysctl_rule *ret, GError **error)
{
        g_autofree char *text = g_key_file_get_value(file->keys, name, "class", NULL);
        struct sysctl_rule rule = {.limit = UINT64_MAX};
        int r = check_keys(file, name, error);

        if (r < 0)
                return r;
        if (!text)
                return keyfile_fail(file, name, NULL, "has no class=", error);
        if (sysctl_class_parse(g_strchomp(text), &rule.klass) < 0)
                return keyfile_fail(file, name, "class",
                                    "not one of private, raise, host, hidden or namespaced", error);
        r = read_limit(file, name, &rule, error);
        if (r == 0)
                *ret = rule;
        return r;
}

static int add_rule(const struct keyfile *file, const char *name, struct sysctl_policy *policy,
                    GError **error)
{
        g_autofree char *path = make_path(name);
        struct sysctl_rule rule;
        int r = read_rule(file, name, &rule, error);

        if (r < 0)
                return r;
        r = sysctl_policy_set(policy, path, &rule);
        if (r == -EPERM)
                return keyfile_fail(
                        file, name, "class",
                        rule.klass == SYSCTL_NAMESPACED
                                ? "what is namespaced is for the kernel to say"
                                : "Cloister does not know which values this sysctl takes, so that it "
                                  "cannot keep one for a container",
                        error);
        return r < 0 ? keyfile_fail(file, name, NULL, "not the name of a sysctl", error) : 0;
}

static int read_file(const char *path, struct sysctl_policy *policy, GError **error)
{
        struct keyfile file = {0};
        int r = keyfile_read(path, SYSCTL_D_SIZE_MAX, &file, error);

        if (r < 0)
                return r;
        g_auto(GStrv) names = g_key_file_get_groups(file.keys, NULL);
        for (char **name = names; r == 0 && *name; name++)
                r = add_rule(&file, *name, policy, error);
        keyfile_clear(&file);
        return r;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_files(const char *folder, GPtrArray *ret, GError **error)
{
        g_autoptr(GError) reason = NULL;
        g_autoptr(GDir) dir = g_dir_open(folder, 0, &reason);

        if (!dir && g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                return 0;
        if (!dir)
                return policy_fail(error, -EACCES, "%s", reason->message);
        for (const char *name; (name = g_dir_read_name(dir));)
                if (g_str_has_suffix(name, ".conf") && name[0] != '.')
                        g_ptr_array_add(ret, g_strdup(name));
        g_ptr_array_sort(ret, compare_names);
        return 0;
}

int sysctl_d_read(const char *folder, struct sysctl_policy *policy, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r = list_files(folder, names, error);

        for (guint i = 0; r == 0 && i < names->len; i++) {
                g_autofree char *path = g_build_filename(folder, g_ptr_array_index(names, i), NULL);
                r = read_file(path, policy, error);
        }
        return r;
}

static void append_rule(const char *name, const struct sysctl_rule *rule, void *data)
{
        g_string_append_printf(data, "[%s]\nclass=%s\n", name, sysctl_class_name(rule->klass));
        if (rule->klass == SYSCTL_RAISE)
                g_string_append_printf(data, "limit=%" G_GUINT64_FORMAT "\n", rule->limit);
}

char *sysctl_d_render(const struct sysctl_policy *policy)
{
        GString *text = g_string_new(NULL);

        sysctl_policy_foreach(policy, append_rule, text);
        return g_string_free(text, FALSE);
}
