#include "mnt/place.h"

#include "base/err.h"
#include "base/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int configure(int context, const char *option)
{
        const char *value = strchr(option, '=');

        if (!value)
                return fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? err_negative() : 0;
        g_autofree char *key = g_strndup(option, (size_t)(value - option));
        return fsconfig(context, FSCONFIG_SET_STRING, key, value + 1, 0) < 0 ? err_negative() : 0;
}

int mnt_make(const char *type, uint64_t attr, const GPtrArray *data)
{
        autofd int context = fsopen(type, FSOPEN_CLOEXEC);
        int r = context < 0 ? err_negative() : 0;

        if (r == 0)
                r = fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0) < 0 ? err_negative() : 0;
        for (unsigned i = 0; r == 0 && data && i < data->len; i++)
                r = configure(context, g_ptr_array_index(data, i));
        if (r == 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                r = err_negative();
        if (r < 0)
                return r;
        int fd = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attr);
        return fd < 0 ? err_negative() : fd;
}

int mnt_clone(int dirfd, const char *path, bool recursive)
{
        unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
        int fd = open_tree(dirfd, path, flags);

        return fd < 0 ? err_negative() : fd;
}

int mnt_set(int fd, uint64_t attr, bool recursive)
{
        struct mount_attr change = {.attr_set = attr};
        unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

        if (attr & MOUNT_ATTR__ATIME)
                change.attr_clr = MOUNT_ATTR__ATIME;
        if (attr == 0)
                return 0;
        return mount_setattr(fd, "", flags, &change, sizeof change) < 0 ? err_negative() : 0;
}

int mnt_find(int root, const char *path)
{
        /* without O_NOFOLLOW a link at the end is refused like any other */
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);

        return fd < 0 ? err_negative() : fd;
}

int mnt_move(int fd, int target)
{
        unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

        return move_mount(fd, "", target, "", flags) < 0 ? err_negative() : 0;
}

/* What the kernel knows without asking a file system behind it. */
static int look(int fd, struct statx *ret)
{
        return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, ret) < 0 ? err_negative() : 0;
}

int mnt_is_root(int fd)
{
        struct statx stx;
        int r = look(fd, &stx);

        return r < 0 ? r : !!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int mnt_read_device(int fd, dev_t *ret)
{
        struct statx stx;
        int r = look(fd, &stx);

        if (r == 0)
                *ret = makedev(stx.stx_dev_major, stx.stx_dev_minor);
        return r;
}
