#include "view/vfile.h"

#include <errno.h>
#include <string.h>

static const struct vfile rows[] = {
        {1, "proc", S_IFDIR | 0555},
        {2, "sys", S_IFDIR | 0555},
        {0},
};

static const char *const kernel_mounts[] = {NULL};

const struct vfile *view_rows(size_t *ret_count)
{
        if (ret_count)
                *ret_count = G_N_ELEMENTS(rows) - 1;
        return rows;
}

const struct vfile *view_find(const char *path)
{
        for (const struct vfile *row = rows; row->path; row++)
                if (strcmp(row->path, path) == 0)
                        return row;
        return NULL;
}

const struct vfile *view_find_row(unsigned number)
{
        for (const struct vfile *row = rows; row->path; row++)
                if (row->row == number)
                        return row;
        return NULL;
}

int view_render(const struct view_ctx *ctx, const char *path, GString *out)
{
        return view_find(path) ? -EISDIR : -ENOENT;
}

int view_store(const struct view_ctx *ctx, const char *path, const char *text, size_t len)
{
        return view_find(path) ? -EISDIR : -ENOENT;
}

const char *const *view_kernel_mounts(void)
{
        return kernel_mounts;
}
