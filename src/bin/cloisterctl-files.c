/* `cloisterctl files`: the tables of views and of sysctls, as this version has them. */
#include "bin/cloisterctl.h"

#include "proto/varlink.h"
#include "view/sysctl/table.h"
#include "view/vfile.h"

#include <glib.h>

static const char *connection_of(const struct vfile *row)
{
        return row->flags & VFILE_KNOB ? "knobs" : "views";
}

static void print_rows(void)
{
        static const char *const headings[] = {"MODE", "CONNECTION", "MOUNTED", "PATH", NULL};
        struct table *table = table_new(headings);

        for (const struct vfile *row = view_rows(NULL); row->path; row++) {
                g_autofree char *mode = g_strdup_printf("%c%04o", S_ISDIR(row->mode) ? 'd' : '-',
                                                        row->mode & 07777);
                g_autofree char *path = g_strdup_printf("/%s", row->path);
                table_add(table, mode);
                table_add(table,
                          S_ISDIR(row->mode) && !(row->flags & VFILE_DYNAMIC) ? "" : connection_of(row));
                table_add(table, row->flags & VFILE_MOUNT ? "yes" : "");
                table_add(table, path);
        }
        table_print(table, stdout);
        table_free(table);
}

static json_object *describe_row(const struct vfile *row)
{
        g_autofree char *mode = g_strdup_printf("%04o", row->mode & 07777);
        json_object *object = json_object_new_object();

        json_object_object_add(object, "path", json_object_new_string(row->path));
        json_object_object_add(object, "type",
                               json_object_new_string(S_ISDIR(row->mode) ? "directory" : "file"));
        json_object_object_add(object, "mode", json_object_new_string(mode));
        json_object_object_add(object, "row", json_object_new_int64(row->row));
        json_object_object_add(object, "connection", json_object_new_string(connection_of(row)));
        json_object_object_add(object, "mounted", json_object_new_boolean((row->flags & VFILE_MOUNT) != 0));
        json_object_object_add(object, "writable",
                               json_object_new_boolean(row->store != NULL || row->dir != NULL));
        return object;
}

static void print_rows_json(void)
{
        auto_json object = json_object_new_object();
        json_object *files = json_object_new_array();

        for (const struct vfile *row = view_rows(NULL); row->path; row++)
                json_object_array_add(files, describe_row(row));
        json_object_object_add(object, "files", files);
        print_json(object);
}

static void print_sysctls(void)
{
        static const char *const headings[] = {"CLASS", "SYSCTL", "VALUES", NULL};
        struct table *table = table_new(headings);
        size_t n;
        const struct sysctl_entry *entries = sysctl_table(&n);

        for (size_t i = 0; i < n; i++) {
                g_autofree char *values = sysctl_table_describe(&entries[i]);
                table_add(table, sysctl_class_name(entries[i].klass));
                table_add(table, entries[i].name);
                table_add(table, values);
        }
        table_print(table, stdout);
        table_free(table);
        puts("\nAll other names are of class host: containers may read them. sysctl.d files of the "
             "administrator may say\n"
             "otherwise; see cloister-sysctl(5).");
}

static void print_sysctls_json(void)
{
        auto_json object = json_object_new_object();
        json_object *sysctls = json_object_new_object();
        size_t n;
        const struct sysctl_entry *entries = sysctl_table(&n);

        for (size_t i = 0; i < n; i++)
                json_object_object_add(sysctls, entries[i].name,
                                       json_object_new_string(sysctl_class_name(entries[i].klass)));
        json_object_object_add(object, "sysctls", sysctls);
        print_json(object);
}

int cloisterctl_files(const struct cloisterctl_options *options, char **args)
{
        if (options->sysctl && options->json)
                print_sysctls_json();
        else if (options->sysctl)
                print_sysctls();
        else if (options->json)
                print_rows_json();
        else
                print_rows();
        return STATUS_GOOD;
}
