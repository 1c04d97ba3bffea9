#include "mnt/rootfs.h"

#include "base/err.h"
#include "base/fd.h"
#include "mnt/error.h"
#include "mnt/idmap.h"
#include "mnt/place.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_MAX = 16, IDS = 65536 };

#define ATTR_STATE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

/* A tmpfs that belongs to the container's root; absent places are skipped. */
static int place_tmpfs(const struct rootfs_spec *spec, int root, const char *path, const char *mode,
                       uint64_t attr)
{
        g_autoptr(GPtrArray) data = g_ptr_array_new_with_free_func(g_free);
        autofd int target = mnt_find(root, path);

        if (target < 0)
                return target == -ENOENT || target == -ELOOP ? 0 : target;
        g_ptr_array_add(data, g_strconcat("mode=", mode, NULL));
        g_ptr_array_add(data, g_strdup_printf("uid=%u", spec->uid));
        g_ptr_array_add(data, g_strdup_printf("gid=%u", spec->gid));
        autofd int fd = mnt_make("tmpfs", attr, data);
        return fd < 0 ? fd : mnt_move(fd, target);
}

static int place_node(int dev, const char *name)
{
        g_autofree char *source = g_build_filename("/dev", name, NULL);
        autofd int fd = mnt_clone(AT_FDCWD, source, false);

        if (fd == -ENOENT)
                return 0;
        autofd int made = openat(dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 || made < 0)
                return fd < 0 ? fd : err_negative();
        autofd int target = mnt_find(dev, name);
        return target < 0 ? target : mnt_move(fd, target);
}

static int fill_dev(int dev)
{
        static const struct {
                const char *name, *to;
        } links[] = {
                {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
                {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(nodes); i++)
                r = place_node(dev, nodes[i]);
        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(links); i++)
                if (symlinkat(links[i].to, dev, links[i].name) < 0)
                        r = err_negative();
        if (r == 0 && (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 0755) < 0))
                r = err_negative();
        return r;
}

static int place_dev(const struct rootfs_spec *spec, int root)
{
        int r = place_tmpfs(spec, root, "dev", "0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        autofd int dev = mnt_find(root, "dev");

        if (r < 0 || dev == -ENOENT || dev == -ELOOP)
                return r;
        return dev < 0 ? dev : fill_dev(dev);
}

static void uncover(const char *path)
{
        for (unsigned i = 0; i < STACK_MAX; i++)
                if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        return;
}

/* The host's mounts go from the places that hold its state before empty ones are put there. */
static int hide_state(const struct rootfs_spec *spec, int root)
{
        static const struct {
                const char *path, *mode;
        } hidden[] = {
                {"proc", NULL},   {"sys", NULL},   {"dev", NULL},       {"run", "0755"},
                {"root", "0700"}, {"tmp", "1777"}, {"var/lib", "0755"},
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(hidden); i++) {
                uncover(hidden[i].path);
                if (hidden[i].mode)
                        r = place_tmpfs(spec, root, hidden[i].path, hidden[i].mode, ATTR_STATE);
        }
        return r;
}

static int open_dir(const struct rootfs_spec *spec)
{
        autofd int dir = open(spec->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        autofd int user_ns = -1;

        if (dir < 0)
                return err_negative();
        user_ns = idmap_open_user_ns(spec->uid, spec->gid, IDS, NULL);
        return user_ns < 0 ? user_ns : idmap_clone(dir, true, user_ns);
}

static int open_base(const struct rootfs_spec *spec, GError **error)
{
        autofd int fd = spec->dir ? open_dir(spec) : mnt_clone(AT_FDCWD, "/", true);
        int r = fd < 0 ? fd : 0;

        if (r == -EOPNOTSUPP)
                return mnt_fail(error, r,
                                "the file system of %s cannot shift owners (copy it to ext4, xfs, btrfs or "
                                "tmpfs)",
                                spec->dir);
        if (r == 0 && !spec->dir)
                r = mnt_set(fd, MOUNT_ATTR_RDONLY, true);
        return r < 0 ? mnt_fail(error, r, "cannot take %s as root file system", spec->dir ? spec->dir : "/")
                     : fd_steal(&fd);
}

/* Over the old root, and then in its place. */
static int pivot(void)
{
        if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return err_negative();
        return 0;
}

static int furnish(const struct rootfs_spec *spec, int base)
{
        int r;

        if (move_mount(base, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(base) < 0)
                return err_negative();
        r = spec->dir ? 0 : hide_state(spec, base);
        return r < 0 ? r : place_dev(spec, base);
}

int rootfs_enter(const struct rootfs_spec *spec, GError **error)
{
        int r = 0;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return mnt_fail(error, err_negative(), "cannot make a mount namespace (needs root)");
        autofd int base = open_base(spec, error);
        if (base < 0)
                return base;
        r = furnish(spec, base);
        if (r == 0)
                r = pivot();
        return r < 0 ? mnt_fail(error, r, "cannot make a root file system of %s", spec->dir ? spec->dir : "/")
                     : 0;
}

int rootfs_finish(void)
{
        unsigned long flags = MS_NOSUID | MS_NOEXEC;

        if (access("/dev/pts", F_OK) < 0)
                return 0;
        if (mount("devpts", "/dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=0620") < 0)
                return err_negative();
        if (mount("shm", "/dev/shm", "tmpfs", flags | MS_NODEV, "mode=1777") < 0)
                return err_negative();
        return 0;
}
