#include "mnt/room.h"

#include "base/err.h"
#include "base/fd.h"
#include "mnt/error.h"
#include "mnt/place.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enters the namespace of fd: the root and working directory become the topmost mount at its root, whatever
 * chroot the process was in. */
static int enter(int ns)
{
        return setns(ns, CLONE_NEWNS) < 0 ? err_negative() : 0;
}

static int make_folder(const char *path, unsigned long propagation)
{
        if (mkdir(path, 0711) < 0 || mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711") < 0)
                return err_negative();
        return mount(NULL, path, NULL, propagation, NULL) < 0 ? err_negative() : 0;
}

/* A tmpfs over the root of the namespace, and entering it once more: now the tmpfs is "/". */
static int furnish(struct room *room)
{
        int r = enter(room->self);

        if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                r = err_negative();
        if (r == 0 && mount("tmpfs", "/", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
                r = err_negative();
        if (r == 0)
                r = enter(room->self);
        if (r == 0)
                r = make_folder("/priv", MS_PRIVATE);
        if (r == 0)
                r = make_folder("/stage", MS_SHARED);
        if (r == 0 && (room->priv = open("/priv", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
                r = err_negative();
        static const char *const folders[] = {"/priv/proc", "/priv/sys", "/stage/proc", "/stage/sys"};
        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(folders); i++)
                if (mkdir(folders[i], 0755) < 0)
                        r = err_negative();
        return r;
}

/* A process born in namespaces of its own and kept until its mount namespace has been opened. */
static int open_annex(int proc, struct room *room)
{
        struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD};
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
        int r = pid < 0 ? err_negative() : 0;

        if (r < 0)
                return r;
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        g_autofree char *path = g_strdup_printf("%d/ns/mnt", pid);
        room->annex = openat(proc, path, O_RDONLY | O_CLOEXEC);
        if (room->annex < 0)
                r = err_negative();
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}

int room_enter(bool locked, struct room *ret, GError **error)
{
        struct room room = {-1, -1, -1};
        autofd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = 0;

        if (proc < 0)
                return mnt_fail(error, err_negative(), "cannot open /proc");
        if (unshare(CLONE_NEWNS) < 0)
                return mnt_fail(error, err_negative(),
                                "cannot make a mount namespace to build the views in (needs root; see "
                                "/proc/sys/user/max_mnt_namespaces)");
        room.self = openat(proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
        r = room.self < 0 ? err_negative() : furnish(&room);
        if (r < 0) {
                room_clear(&room);
                return mnt_fail(error, r, "cannot make a place to build the views in");
        }
        if (locked && (r = open_annex(proc, &room)) < 0) {
                room_clear(&room);
                return mnt_fail(
                        error, r,
                        "cannot make the user namespace that locks the views (allow user namespaces in "
                        "/proc/sys/user/max_user_namespaces, or ask for unlocked views)");
        }
        *ret = room;
        return 0;
}

/* The tree arrives in the annex by propagation and is copied there. */
static int take_locked(const struct room *room, int tree, const char *stage)
{
        autofd int target = open(stage, O_PATH | O_CLOEXEC);
        int r = target < 0 ? err_negative() : mnt_move(tree, target);

        if (r == 0)
                r = enter(room->annex);
        if (r < 0)
                return r;
        int copy = mnt_clone(AT_FDCWD, stage, true);
        r = enter(room->self);
        if (copy >= 0 && r < 0)
                close(copy);
        return r < 0 ? r : copy;
}

int room_take(const struct room *room, const char *name, GError **error)
{
        g_autofree char *stage = g_strconcat("/stage/", name, NULL);
        autofd int tree = mnt_find(room->priv, name);
        int r = tree;

        if (tree >= 0)
                r = room->annex < 0 ? mnt_clone(room->priv, name, true) : take_locked(room, tree, stage);
        return r < 0 ? mnt_fail(error, r, "cannot lock the views of /%s", name) : r;
}

void room_clear(struct room *room)
{
        fd_clear(&room->self);
        fd_clear(&room->annex);
        fd_clear(&room->priv);
}
