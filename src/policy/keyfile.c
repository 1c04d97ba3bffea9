#include "policy/keyfile.h"

#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int policy_fail(GError **error, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        if (error)
                *error = g_error_new_valist(g_quark_from_static_string("cloister-policy"), -r, format, ap);
        va_end(ap);
        return r;
}

/* The first line, from 1, that a GKeyFile cannot have: GLib tells what is wrong, but not where. */
static unsigned find_bad_line(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        bool grouped = false;
        unsigned i = 0;

        for (; lines[i]; i++) {
                const char *line = g_strstrip(lines[i]);
                bool group = line[0] == '[' && g_str_has_suffix(line, "]") && line[1] != ']';
                bool empty = line[0] == '\0' || line[0] == '#';
                if (!empty && !group && (!grouped || line[0] == '=' || !strchr(line, '=')))
                        break;
                grouped = grouped || group;
        }
        return lines[i] ? i + 1 : MAX(i, 1);
}

int keyfile_read(const char *path, size_t max, struct keyfile *ret, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GKeyFile) keys = g_key_file_new();
        g_autoptr(GError) reason = NULL;
        int r = file_read_at(AT_FDCWD, path, max, text);

        if (r == -EFBIG)
                return policy_fail(error, r, "%s: larger than %zu bytes; this is no configuration", path,
                                   max);
        if (r == -ELOOP)
                return policy_fail(error, r, "%s: a symbolic link; name the file itself", path);
        if (r < 0)
                return policy_fail(error, r, "%s: cannot be read: %s", path, g_strerror(-r));
        if (memchr(text->str, '\0', text->len))
                return policy_fail(error, -EINVAL, "%s: has a NUL byte; this is no configuration", path);
        if (!g_key_file_load_from_data(keys, text->len ? text->str : "\n", text->len ? text->len : 1,
                                       G_KEY_FILE_NONE, &reason))
                return policy_fail(error, -EINVAL, "%s:%u: %s", path, find_bad_line(text->str),
                                   reason->message);
        *ret = (struct keyfile){g_strdup(path), g_string_free(g_steal_pointer(&text), FALSE),
                                g_steal_pointer(&keys)};
        return 0;
}

void keyfile_clear(struct keyfile *file)
{
        g_free(file->path);
        g_free(file->text);
        if (file->keys)
                g_key_file_unref(file->keys);
        *file = (struct keyfile){0};
}

/* Whether a line is "[group]" or "key = ...", blanks around the key allowed. */
static bool is_group(const char *line, const char *group)
{
        size_t len = strlen(group);

        return line[0] == '[' && strncmp(line + 1, group, len) == 0 && line[1 + len] == ']';
}

static bool is_key(const char *line, const char *key)
{
        size_t len = strlen(key);

        while (*line == ' ' || *line == '\t')
                line++;
        if (strncmp(line, key, len) != 0)
                return false;
        line += len;
        while (*line == ' ' || *line == '\t')
                line++;
        return *line == '=';
}

unsigned keyfile_find_line(const struct keyfile *file, const char *group, const char *key)
{
        unsigned number = 1, found = 0;
        bool inside = false;

        for (const char *line = file->text; line && *line; number++) {
                if (line[0] == '[') {
                        inside = is_group(line, group);
                        if (inside && !key)
                                return number;
                } else if (inside && key && is_key(line, key)) {
                        found = number; /* the last one counts */
                }
                line = strchr(line, '\n');
                line = line ? line + 1 : NULL;
        }
        return found;
}

int keyfile_fail(const struct keyfile *file, const char *group, const char *key, const char *reason,
                 GError **error)
{
        unsigned line = keyfile_find_line(file, group, key);
        g_autofree char *value = key ? g_key_file_get_value(file->keys, group, key, NULL) : NULL;

        if (!key)
                return policy_fail(error, -EINVAL, "%s:%u: [%s]: %s", file->path, line, group, reason);
        return policy_fail(error, -EINVAL, "%s:%u: %s=%.128s: %s", file->path, line, key, value ?: "",
                           reason);
}

char *keyfile_join_words(const char *const *words)
{
        GString *text = g_string_new(words[0]);

        for (size_t i = 1; words[i]; i++)
                g_string_append_printf(text, "%s%s", words[i + 1] ? ", " : " or ", words[i]);
        return g_string_free(text, FALSE);
}
