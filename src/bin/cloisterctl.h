/* What the files of the cloisterctl program share. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { STATUS_GOOD = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* The options that stand before or behind any command but run. */
struct cloisterctl_options {
        const char *control; /* NULL: the default */
        const char *config;  /* doctor: cloister.conf, or NULL: the default */
        bool json;
        bool sysctl; /* files: the sysctls instead */
};

/* The commands: args are what stands behind the name, as many as the table in cloisterctl.c says. Each
 * returns the exit status and says on standard error why it failed. */
int cloisterctl_status(const struct cloisterctl_options *options, char **args);
int cloisterctl_list(const struct cloisterctl_options *options, char **args);
int cloisterctl_inspect(const struct cloisterctl_options *options, char **args);
int cloisterctl_get(const struct cloisterctl_options *options, char **args);
int cloisterctl_set(const struct cloisterctl_options *options, char **args);
int cloisterctl_reload(const struct cloisterctl_options *options, char **args);
int cloisterctl_files(const struct cloisterctl_options *options, char **args);
int cloisterctl_doctor(const struct cloisterctl_options *options, char **args);

/* `cloisterctl run ...`: argv[0] is "run", the global options are gone. control: socket path or NULL for the
 * default. Returns the exit status of the command, 125 when Cloister itself failed, 2 for wrong usage. */
int cloisterctl_run(int argc, char **argv, const char *control);

/* ---- cloisterctl-table.c: output for people ---- */

struct table;

/* Columns are as wide as their longest cell. headings end with NULL; NULL: none. */
struct table *table_new(const char *const *headings);
void table_free(struct table *table);

/* Adds a cell to the row at hand; after the last column a new row begins. Control characters of text, which
 * may be a container's, are shown as escapes. */
void table_add(struct table *table, const char *text);
void table_add_int(struct table *table, int64_t n);
void table_print(const struct table *table, FILE *out);

/* A copy with everything escaped that a terminal would not print. */
char *table_escape(const char *text);

/* JSON for programs, two spaces of indentation, and a newline. */
void print_json(json_object *object);
