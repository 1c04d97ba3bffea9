/* Key files of the administrator: read whole, and errors that say where. Inside policy/. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct keyfile {
        char *path;
        char *text; /* for line numbers */
        GKeyFile *keys;
};

/* Reads a file of at most max bytes. A file that does not exist gives -ENOENT, error set as for all failures.
 */
int keyfile_read(const char *path, size_t max, struct keyfile *ret, GError **error);
void keyfile_clear(struct keyfile *file);

/* Sets error to "<path>:<line>: <key>=<value>: <reason>" and returns -EINVAL. */
int keyfile_fail(const struct keyfile *file, const char *group, const char *key, const char *reason,
                 GError **error);

/* The line of a key in a group (key NULL: of the group), counted from 1; 0 if it is not there. */
unsigned keyfile_find_line(const struct keyfile *file, const char *group, const char *key);

/* "<a>, <b> or <c>" of a NULL-terminated array, for messages. */
char *keyfile_join_words(const char *const *words);

/* Sets error to "<text>" with code -r and returns r. */
int policy_fail(GError **error, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);
