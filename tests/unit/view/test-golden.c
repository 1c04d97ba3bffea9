/* Walks tests/golden/<row>/<case>: a machine (tests/golden/hosts/<name>, with the case's own host/ laid over
 * it), a container, and the text expected of one row. */
#include "fixture.h"
#include "view/vfile.h"

#include <criterion/criterion.h>
#include <string.h>

struct golden {
        const char *name;
        GKeyFile *file;
        char *path;
        struct view_ctx ctx;
};

static struct container *make_container(GKeyFile *file)
{
        g_autofree char *kind = g_key_file_get_string(file, "view", "kind", NULL);
        pid_t init = g_key_file_get_integer(file, "view", "init", NULL);
        guint64 start = g_key_file_get_uint64(file, "view", "start_ns", NULL);

        return fixture_container(strcmp(kind, "host") == 0 ? CONTAINER_HOST : CONTAINER_REGISTERED, init,
                                 start, 100000);
}

static void store_all(const struct golden *golden)
{
        g_auto(GStrv) names = g_key_file_get_keys(golden->file, "store", NULL, NULL);

        for (char **name = names; name && *name; name++) {
                g_autofree char *text = g_key_file_get_string(golden->file, "store", *name, NULL);
                g_autofree char *path = g_strconcat("proc/sys/", *name, NULL);
                cr_assert_eq(view_store(&golden->ctx, path, text, strlen(text)), 0, "%s: %s", golden->name,
                             path);
        }
}

static void check(const struct golden *golden, const char *folder)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *file = g_build_filename(folder, "expect", NULL), *expected = NULL;

        cr_assert(g_file_get_contents(file, &expected, NULL, NULL));
        store_all(golden);
        cr_expect_eq(view_render(&golden->ctx, golden->path, text), 0, "%s", golden->name);
        cr_expect_str_eq(text->str, expected, "%s: got:\n%s", golden->name, text->str);
}

static void run_case(const char *golden_folder, const char *folder, const char *name)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *description = g_build_filename(folder, "container", NULL);
        char *root = fixture_folder();
        struct golden golden = {.name = name, .file = file};

        cr_assert(g_key_file_load_from_file(file, description, G_KEY_FILE_NONE, NULL), "%s", description);
        g_autofree char *base = g_key_file_get_string(file, "view", "host", NULL);
        g_autofree char *common = g_build_filename(golden_folder, "hosts", base, NULL);
        g_autofree char *own = g_build_filename(folder, "host", NULL);
        golden.path = g_key_file_get_string(file, "view", "path", NULL);
        fixture_copy(common, root);
        fixture_copy(own, root);
        autoptr(host) host = fixture_host(root);
        autoptr(container) container = make_container(file);
        golden.ctx = (struct view_ctx){.host = host, .container = container};
        check(&golden, folder);
        g_free(golden.path);
        fixture_remove(root);
}

/* Runs all cases of a row; returns how many. */
static unsigned run_row(const char *golden_folder, const char *row)
{
        g_autofree char *folder = g_build_filename(golden_folder, row, NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *one = g_build_filename(folder, name, NULL),
                                *label = g_build_filename(row, name, NULL);
                run_case(golden_folder, one, label);
                n++;
        }
        return n;
}

Test(golden, every_case_shows_what_is_expected)
{
        g_autoptr(GDir) dir = g_dir_open(GOLDEN_FOLDER, 0, NULL);
        const char *row;
        unsigned n = 0;

        cr_assert_not_null(dir);
        while ((row = g_dir_read_name(dir)))
                if (strcmp(row, "hosts") != 0)
                        n += run_row(GOLDEN_FOLDER, row);
        cr_assert_geq(n, 60);
}
