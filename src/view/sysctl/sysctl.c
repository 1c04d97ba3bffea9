#include "view/sysctl/sysctl.h"

#include <errno.h>

static int lookup(const struct view_ctx *ctx, const char *path, struct vdir_entry *ret)
{
        return -ENOENT;
}

static int list(const struct view_ctx *ctx, const char *path,
                void (*add)(const char *name, mode_t mode, void *data), void *data)
{
        return 0;
}

static int render(const struct view_ctx *ctx, const char *path, GString *out)
{
        return -ENOENT;
}

static int store(const struct view_ctx *ctx, const char *path, const char *text, size_t len)
{
        return -ENOENT;
}

const struct vdir view_sysctl_dir = {lookup, list, render, store};
