#include "oci/spec.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"

#include <stdarg.h>
#include <string.h>

int spec_fail(GError **error, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        g_autofree char *text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error_literal(error, G_FILE_ERROR, (int)g_file_error_from_errno(-r), text);
        return r;
}

static int parse_with(json_tokener *tokener, const char *text, size_t len, const char *name,
                      json_object **ret, GError **error)
{
        json_object *object = NULL;

        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text, (int)len);
        enum json_tokener_error e = json_tokener_get_error(tokener);
        if (e == json_tokener_continue)
                return spec_fail(error, -EINVAL, "%s ends in the middle: write it again", name);
        if (e != json_tokener_success)
                return spec_fail(error, -EINVAL, "%s is not JSON: %s at byte %zu", name,
                                 json_tokener_error_desc(e), json_tokener_get_parse_end(tokener));
        if (!json_object_is_type(object, json_type_object)) {
                json_object_put(object);
                return spec_fail(error, -EINVAL, "%s is not a JSON object", name);
        }
        *ret = object;
        return 0;
}

int spec_parse(const char *text, size_t len, const char *name, json_object **ret, GError **error)
{
        if (len > SPEC_MAX_BYTES)
                return spec_fail(error, -EFBIG, "%s is larger than %d bytes", name, SPEC_MAX_BYTES);
        if (memchr(text, '\0', len))
                return spec_fail(error, -EINVAL, "%s holds a NUL byte: it is not JSON", name);

        json_tokener *tokener = json_tokener_new_ex(SPEC_MAX_DEPTH);
        if (!tokener)
                return spec_fail(error, -ENOMEM, "no memory to parse %s", name);
        int r = parse_with(tokener, text, len, name, ret, error);
        json_tokener_free(tokener);
        return r;
}

int spec_read(const char *path, size_t max, json_object **ret, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(AT_FDCWD, path, max, text);

        if (r == -EFBIG)
                return spec_fail(error, r, "%s is larger than %zu bytes", path, max);
        if (r < 0)
                return spec_fail(error, r, "cannot read %s: %s", path, g_strerror(-r));
        return spec_parse(text->str, text->len, path, ret, error);
}

int spec_write(json_object *spec, const char *path, GError **error)
{
        size_t len;
        const char *text = json_object_to_json_string_length(
                spec, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
        int r = text ? file_replace_at(AT_FDCWD, path, text, len, 0600) : -ENOMEM;

        return r < 0 ? spec_fail(error, r, "cannot write %s: %s", path, g_strerror(-r)) : 0;
}

int spec_member(json_object *object, const char *name, json_type type, json_object **ret, GError **error)
{
        json_object *member = NULL;

        json_object_object_get_ex(object, name, &member);
        if (member && !json_object_is_type(member, type))
                return spec_fail(error, -EINVAL, "member \"%s\" of the container's spec is no %s", name,
                                 json_type_to_name(type));
        *ret = member;
        return 0;
}

static int check_string(json_object *string, const char *name, const char **ret, GError **error)
{
        const char *text = json_object_get_string(string);
        size_t len = (size_t)json_object_get_string_len(string);

        if (len > SPEC_MAX_PATH || strlen(text) != len)
                return spec_fail(error, -EINVAL, "\"%s\" of the container's spec %s", name,
                                 len > SPEC_MAX_PATH ? "is longer than 4096 bytes" : "holds a NUL byte");
        *ret = text;
        return 0;
}

int spec_string(json_object *object, const char *name, const char **ret, GError **error)
{
        json_object *member;
        int r = spec_member(object, name, json_type_string, &member, error);

        if (r < 0)
                return r;
        if (member)
                return check_string(member, name, ret, error);
        *ret = NULL;
        return 0;
}

int spec_strings(json_object *object, const char *name, char ***ret, GError **error)
{
        g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
        json_object *array;
        int r = spec_member(object, name, json_type_array, &array, error);

        for (size_t i = 0; r == 0 && array && i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);
                const char *text = NULL;
                r = json_object_is_type(item, json_type_string)
                            ? check_string(item, name, &text, error)
                            : spec_fail(error, -EINVAL, "\"%s\" holds something that is no string", name);
                if (r == 0)
                        g_ptr_array_add(strings, g_strdup(text));
        }
        if (r < 0)
                return r;
        g_ptr_array_add(strings, NULL);
        *ret = (char **)g_ptr_array_free(g_steal_pointer(&strings), FALSE);
        return 0;
}

int spec_need(json_object *object, const char *name, json_type type, json_object **ret, GError **error)
{
        json_object *member;
        int r = spec_member(object, name, type, &member, error);

        if (r < 0)
                return r;
        if (!member) {
                member = type == json_type_array ? json_object_new_array() : json_object_new_object();
                json_object_object_add(object, name, member);
        }
        *ret = member;
        return 0;
}

char *spec_clean_path(const char *base, const char *path)
{
        if (path[0] != '/')
                return g_canonicalize_filename(path, base);
        path += strspn(path, "/"); /* GLib would keep two slashes at the beginning */
        return g_canonicalize_filename(path, "/");
}

bool spec_path_is_view(const char *path)
{
        static const char *const views[] = {"/proc", "/sys"};

        for (size_t i = 0; i < G_N_ELEMENTS(views); i++) {
                size_t len = strlen(views[i]);
                if (strncmp(path, views[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
                        return true;
        }
        return false;
}
