#include "fixture.h"

#include "base/fd.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>

static void copy_entry(const char *from, const char *to, const char *name)
{
        g_autofree char *source = g_build_filename(from, name, NULL),
                        *target = g_build_filename(to, name, NULL);
        g_autofree char *text = NULL;
        gsize len;

        if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
                fixture_copy(source, target);
                return;
        }
        cr_assert(g_file_get_contents(source, &text, &len, NULL), "%s", source);
        cr_assert(g_file_set_contents(target, text, (gssize)len, NULL), "%s", target);
}

void fixture_copy(const char *from, const char *to)
{
        GDir *dir = g_dir_open(from, 0, NULL);
        const char *name;

        cr_assert_eq(g_mkdir_with_parents(to, 0755), 0);
        while (dir && (name = g_dir_read_name(dir)))
                copy_entry(from, to, name);
        if (dir)
                g_dir_close(dir);
}

char *fixture_folder(void)
{
        char *folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);

        cr_assert_not_null(folder);
        return folder;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

void fixture_remove(char *folder)
{
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_free(folder);
}

void fixture_write(const char *folder, const char *path, const char *text)
{
        g_autofree char *full = g_build_filename(folder, path, NULL), *dir = g_path_get_dirname(full);

        cr_assert_eq(g_mkdir_with_parents(dir, 0755), 0);
        cr_assert(g_file_set_contents(full, text, -1, NULL), "%s", full);
}

struct host *fixture_host(const char *folder)
{
        autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct host *host = NULL;

        cr_assert_eq(host_new(fd, &host), 0, "%s", folder);
        return host;
}

struct container *fixture_container(enum container_kind kind, pid_t init, guint64 start_ns, uid_t uid)
{
        struct container_init identity = {
                .pid = init, .pidfd = -1, .start_ns = start_ns, .uid = uid, .gid = uid};

        return container_new(kind, kind == CONTAINER_HOST ? 0 : 1, NULL, "box", NULL, &identity, NULL);
}
