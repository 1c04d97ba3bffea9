#include "bin/views.h"

#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { MAP_MAX = 64 * 1024 }; /* the kernel allows 340 lines */

static int read_zero(pid_t pid, const char *name, unsigned *ret)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(AT_FDCWD, path, MAP_MAX, text);

        if (r < 0)
                return r;
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        for (char **line = lines; *line; line++) {
                unsigned inside, outside, count;
                if (sscanf(*line, "%u %u %u", &inside, &outside, &count) != 3 || inside != 0)
                        continue;
                *ret = outside;
                return 0;
        }
        return -ENXIO;
}

int views_read_root(pid_t pid, uid_t *ret_uid, gid_t *ret_gid)
{
        unsigned uid, gid;
        int r = read_zero(pid, "uid_map", &uid);

        if (r == 0)
                r = read_zero(pid, "gid_map", &gid);
        if (r < 0)
                return r;
        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}

static bool is_at_or_below(const char *path, const char *const *list)
{
        for (; list && *list; list++) {
                size_t len = strlen(*list);
                if (strncmp(path, *list, len) == 0 && (path[len] == '\0' || path[len] == '/'))
                        return true;
        }
        return false;
}

static const char **select_kernel(const struct cloister_registration *registration, const char *const *skip,
                                  const char *const *more)
{
        GPtrArray *selected = g_ptr_array_new();

        for (char **path = registration->kernel_mounts; path && *path; path++)
                if (!is_at_or_below(*path, skip))
                        g_ptr_array_add(selected, *path);
        for (; more && *more; more++)
                g_ptr_array_add(selected, (char *)*more);
        g_ptr_array_add(selected, NULL);
        return (const char **)g_ptr_array_free(selected, FALSE);
}

int views_attach(const struct tree_spec *spec, const struct cloister_registration *registration,
                 const char *const *skip, GError **error)
{
        g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func(g_free);
        g_autofree struct tree_row *rows = g_new0(struct tree_row, registration->n_mounts);
        g_autofree const char **kernel = select_kernel(registration, skip, spec->kernel);
        struct tree_spec full = *spec;

        for (size_t i = 0; i < registration->n_mounts; i++) {
                const struct cloister_mount *mount = &registration->mounts[i];
                char *source = g_strdup_printf("%s/%s/containers/%s/%s", registration->fs, mount->connection,
                                               registration->key, mount->path);
                g_ptr_array_add(sources, source);
                rows[i] = (struct tree_row){.source = source, .path = mount->path};
        }
        full.rows = rows;
        full.n_rows = registration->n_mounts;
        full.kernel = kernel;
        return tree_attach(&full, error);
}

bool views_is_alive(int pidfd)
{
        struct pollfd wait = {.fd = pidfd, .events = POLLIN};

        return poll(&wait, 1, 0) == 0;
}
