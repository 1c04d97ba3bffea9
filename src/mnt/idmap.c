#include "mnt/idmap.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "mnt/error.h"
#include "mnt/place.h"

#include <sched.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int wait_exit(pid_t child)
{
        int status;

        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return err_negative();
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* The child of idmap_open_user_ns(): makes the namespace, says so, and stays until the other end is closed.
 */
static _Noreturn void hold_user_ns(int peer)
{
        char result = unshare(CLONE_NEWUSER) < 0 ? (char)errno : 0;

        if (write(peer, &result, 1) != 1)
                _exit(1);
        while (read(peer, &result, 1) < 0 && errno == EINTR)
                ;
        _exit(0);
}

static int write_map(pid_t child, const char *file, uint32_t start, uint32_t size)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", child, file);
        g_autofree char *text = g_strdup_printf("0 %u %u", start, size);

        return file_write_at(AT_FDCWD, path, text, strlen(text));
}

static int map_and_open(pid_t child, int ready, uint32_t uid, uint32_t gid, uint32_t size)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/ns/user", child);
        char result = EIO;
        int r;

        if (read(ready, &result, 1) != 1 || result != 0)
                return -result;
        r = write_map(child, "gid_map", gid, size);
        if (r == 0)
                r = write_map(child, "uid_map", uid, size);
        if (r < 0)
                return r;
        r = open(path, O_RDONLY | O_CLOEXEC);
        return r < 0 ? err_negative() : r;
}

int idmap_open_user_ns(uint32_t uid, uint32_t gid, uint32_t size, GError **error)
{
        autofd int near = -1, far = -1;
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return mnt_fail(error, err_negative(), "cannot make a socket");
        near = ends[0];
        far = ends[1];
        pid_t child = fork();
        if (child < 0)
                return mnt_fail(error, err_negative(), "cannot start a process");
        if (child == 0) {
                close(near);
                hold_user_ns(far);
        }
        fd_clear(&far);
        int r = map_and_open(child, near, uid, gid, size);
        fd_clear(&near);
        wait_exit(child);
        return r < 0 ? mnt_fail(error, r,
                                "cannot make a user namespace (see /proc/sys/user/max_user_namespaces)")
                     : r;
}

static int set_idmap(int fd, bool recursive, int user_ns)
{
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_ns};

        return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr) < 0
                       ? err_negative()
                       : 0;
}

int idmap_clone(int fd, bool recursive, int user_ns)
{
        autofd int tree = mnt_clone(fd, "", recursive);
        int r;

        if (tree < 0)
                return tree;
        r = set_idmap(tree, recursive, user_ns);
        if (r < 0 && recursive)
                r = set_idmap(tree, false, user_ns);
        if (r == -EINVAL || r == -EPERM)
                r = -EOPNOTSUPP; /* no support in that file system; or shifted already */
        return r < 0 ? r : fd_steal(&tree);
}

/* The effective capabilities that a change of the file system ids has dropped. */
static int raise_capabilities(void)
{
        cap_t caps = cap_get_proc();
        int r = 0;

        if (!caps)
                return err_negative();
        for (cap_value_t c = 0; c < cap_max_bits(); c++) {
                cap_flag_value_t permitted = CAP_CLEAR;
                if (cap_get_flag(caps, c, CAP_PERMITTED, &permitted) == 0 && permitted == CAP_SET)
                        cap_set_flag(caps, CAP_EFFECTIVE, 1, &c, CAP_SET);
        }
        if (cap_set_proc(caps) < 0)
                r = err_negative();
        cap_free(caps);
        return r;
}

int idmap_run_as(uid_t uid, gid_t gid, int (*fn)(void *data), void *data)
{
        pid_t child = fork();

        if (child < 0)
                return err_negative();
        if (child > 0)
                return wait_exit(child);
        umask(0);
        setfsgid(gid);
        setfsuid(uid); /* these two say nothing of failure: ask for what is in force */
        int r = setfsuid((uid_t)-1) == (int)uid && setfsgid((gid_t)-1) == (int)gid ? raise_capabilities()
                                                                                   : -EPERM;
        _exit(r < 0 ? -r : -fn(data));
}

static int make_view_dirs(void *data)
{
        static const char *const names[] = {"proc", "sys"};
        const int *rootfs = data;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (mkdirat(*rootfs, names[i], 0755) < 0 && errno != EEXIST && errno != EROFS)
                        return err_negative();
        return 0;
}

int idmap_make_view_dirs(int rootfs, uid_t uid, gid_t gid)
{
        return idmap_run_as(uid, gid, make_view_dirs, &rootfs);
}
