#include "mnt/attach.h"

#include "base/err.h"
#include "base/fd.h"
#include "mnt/error.h"
#include "mnt/place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STACK_MAX = 16 }; /* mounts one above the other that are taken off */

int attach_open_rootfs(const struct tree_spec *spec, GError **error)
{
        int fd = open(spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return mnt_fail(error, err_negative(), "cannot open the root file system %s of process %d",
                                spec->rootfs, spec->init);
        return fd;
}

bool attach_is_ours(const struct tree_spec *spec, const dev_t *devices, int rootfs, const char *name)
{
        dev_t device;

        for (size_t i = 0; i < spec->n_rows; i++) {
                const char *path = spec->rows[i].path;
                if (!g_str_has_prefix(path, name) || path[strlen(name)] != '/')
                        continue;
                autofd int fd = mnt_find(rootfs, path);
                if (fd >= 0 && mnt_is_root(fd) > 0 && mnt_read_device(fd, &device) == 0 &&
                    device == devices[i])
                        return true;
        }
        return false;
}

static int find_target(const struct tree_spec *spec, int rootfs, const char *name, GError **error)
{
        struct stat st;
        autofd int target = mnt_find(rootfs, name);

        if (target == -ENOENT)
                return target;
        if (target == -ELOOP)
                return mnt_fail(error, target,
                                "/%s of the root file system %s is a symbolic link (make it a directory)",
                                name, spec->rootfs);
        if (target < 0)
                return mnt_fail(error, target, "cannot open /%s of the root file system %s", name,
                                spec->rootfs);
        if (fstat(target, &st) < 0 || !S_ISDIR(st.st_mode))
                return mnt_fail(error, -ENOTDIR, "/%s of the root file system %s", name, spec->rootfs);
        return fd_steal(&target);
}

/* Takes off what the runtime has mounted there. A mount that is locked stays, and ours covers it. */
static int uncover(int rootfs, const char *name)
{
        for (unsigned i = 0; i < STACK_MAX; i++) {
                autofd int target = mnt_find(rootfs, name);
                if (target < 0)
                        return target;
                if (mnt_is_root(target) != 1)
                        return 0;
                if (fchdir(target) < 0)
                        return err_negative();
                int r = umount2(".", MNT_DETACH) < 0 ? err_negative() : 0;
                if (chdir("/") < 0)
                        return err_negative();
                if (r < 0)
                        return r == -EINVAL ? 0 : r;
        }
        return -ELOOP;
}

int attach_tree(const struct tree_spec *spec, const dev_t *devices, int rootfs, const char *name, int tree,
                GError **error)
{
        int r = 0;

        if (attach_is_ours(spec, devices, rootfs, name))
                return 0;
        if (spec->replace && (r = uncover(rootfs, name)) < 0 && r != -ENOENT)
                return mnt_fail(error, r, "cannot take off what is mounted at /%s of %s", name, spec->rootfs);
        autofd int target = find_target(spec, rootfs, name, error);
        if (target == -ENOENT)
                return 0;
        if (target < 0)
                return target;
        r = mnt_move(tree, target);
        return r < 0 ? mnt_fail(error, r, "cannot attach the views to /%s of %s", name, spec->rootfs) : 0;
}
