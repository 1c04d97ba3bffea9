/* OCI configuration (config.json) as a json-c tree: read with limits, looked into with types checked,
 * written. For the plan, the edits and the wrapper. json-c keeps numbers up to 18446744073709551615, which
 * specs use. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum { SPEC_MAX_BYTES = 4 * 1024 * 1024, SPEC_MAX_DEPTH = 64, SPEC_MAX_PATH = 4096 };

/* Sets error (domain G_FILE_ERROR) to the text and returns r, so that `return spec_fail(...)` is one line. */
int spec_fail(GError **error, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Parses len bytes that are one JSON object and nothing else, at most SPEC_MAX_DEPTH deep. name is said in
 * errors. *ret is to be released with json_object_put(). Returns 0, -EINVAL, -EFBIG or -ENOMEM. */
int spec_parse(const char *text, size_t len, const char *name, json_object **ret, GError **error);

/* The same of a file (no symlink as its last component) of at most max bytes. */
int spec_read(const char *path, size_t max, json_object **ret, GError **error);

/* Puts the object at path with mode 0600, whole or not at all. Returns 0 or -errno. */
int spec_write(json_object *spec, const char *path, GError **error);

/* Finds a member of that JSON type. Returns 0 with *ret borrowed; with *ret NULL where the member is absent
 * or null; -EINVAL where it is of another type. */
int spec_member(json_object *object, const char *name, json_type type, json_object **ret, GError **error);

/* The same of a string without NUL bytes, at most SPEC_MAX_PATH long; *ret is borrowed, NULL where absent. */
int spec_string(json_object *object, const char *name, const char **ret, GError **error);

/* A member that is an array of strings, as a NULL-terminated array of copies; an empty one where absent. */
int spec_strings(json_object *object, const char *name, char ***ret, GError **error);

/* The object member of that name, made empty where it is absent or null. Borrowed. Returns 0 or -EINVAL. */
int spec_need(json_object *object, const char *name, json_type type, json_object **ret, GError **error);

/* A path made absolute below base and lexically clean: no "//", ".", "..", nor a '/' at its end.
 * base is absolute. Free with g_free(). */
char *spec_clean_path(const char *base, const char *path);

/* Whether a clean absolute path is /proc, /sys or below one of them. */
bool spec_path_is_view(const char *path);
