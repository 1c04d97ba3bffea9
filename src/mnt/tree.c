#include "mnt/tree.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "mnt/attach.h"
#include "mnt/build.h"
#include "mnt/error.h"
#include "mnt/place.h"
#include "mnt/room.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELPER_SECONDS = 20, MESSAGE_MAX = 4096 };

static const char *const tree_names[] = {"proc", "sys"};

static bool has_tree(const struct tree_spec *spec, const char *name)
{
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (g_str_equal(spec->mounts[i].path, name))
                        return true;
        return false;
}

static int join(const struct tree_spec *spec, int flags, GError **error)
{
        if (setns(spec->pidfd, flags) < 0)
                return mnt_fail(error, err_negative(), "cannot join the namespaces of process %d",
                                spec->init);
        return 0;
}

static dev_t *read_devices(const struct build *build)
{
        dev_t *devices = g_new0(dev_t, build->spec->n_rows);

        for (size_t i = 0; i < build->spec->n_rows; i++)
                mnt_read_device(build->rows[i], &devices[i]);
        return devices;
}

static int attach_all(const struct tree_spec *spec, const dev_t *devices, const int *trees, GError **error)
{
        int r = join(spec, CLONE_NEWNS, error);

        if (r < 0)
                return r;
        autofd int rootfs = attach_open_rootfs(spec, error);
        r = rootfs < 0 ? rootfs : 0;
        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(tree_names); i++)
                if (trees[i] >= 0)
                        r = attach_tree(spec, devices, rootfs, tree_names[i], trees[i], error);
        return r;
}

/* The second hook of one start: the trees are there. Looked up through /proc, without entering anything. */
static bool is_done(const struct tree_spec *spec, const dev_t *devices)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/root%s", spec->init, spec->rootfs);
        struct pollfd alive = {.fd = spec->pidfd, .events = POLLIN};
        autofd int rootfs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 0; i < G_N_ELEMENTS(tree_names); i++)
                if (has_tree(spec, tree_names[i]) && !attach_is_ours(spec, devices, rootfs, tree_names[i]))
                        return false;
        return poll(&alive, 1, 0) == 0; /* so the number was its own all the time */
}

/* The helper's whole life. Its descriptors and namespaces go with it. */
static int help(const struct tree_spec *spec, GError **error)
{
        struct build build = {.spec = spec};
        struct room room;
        int trees[G_N_ELEMENTS(tree_names)];
        int r = build_open(&build, error);

        if (r < 0)
                return r;
        g_autofree dev_t *devices = read_devices(&build);
        if (is_done(spec, devices))
                return 0;
        r = room_enter(spec->locked, &room, error);
        if (r == 0)
                r = join(spec, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS,
                         error);
        if (r == 0)
                r = build_make(&build, room.priv, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < G_N_ELEMENTS(tree_names); i++) {
                trees[i] = has_tree(spec, tree_names[i]) ? room_take(&room, tree_names[i], error) : -1;
                if (trees[i] < -1)
                        return trees[i];
        }
        return attach_all(spec, devices, trees, error);
}

static void run_helper(const struct tree_spec *spec, int report)
{
        g_autoptr(GError) error = NULL;
        int r;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        r = help(spec, &error);
        if (file_write_all(report, (const char *)&r, sizeof r) == 0 && error)
                file_write_all(report, error->message, strlen(error->message));
        _exit(0);
}

/* The result and, after it, the message. -ETIMEDOUT: the helper hangs, as it would below a dead FUSE server.
 */
static int read_report(int fd, int *ret, char message[MESSAGE_MAX])
{
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        gint64 end = g_get_monotonic_time() + HELPER_SECONDS * G_USEC_PER_SEC;
        char buffer[sizeof *ret + MESSAGE_MAX];
        size_t got = 0;

        for (;;) {
                gint64 left = (end - g_get_monotonic_time()) / 1000;
                int n = poll(&wait, 1, left > 0 ? (int)left : 0);
                if (n == 0)
                        return -ETIMEDOUT;
                ssize_t len = n < 0 ? -1 : read(fd, buffer + got, sizeof buffer - 1 - got);
                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return err_negative();
                if (len == 0)
                        break;
                got += (size_t)len;
        }
        if (got < sizeof *ret)
                return -EPIPE;
        buffer[got] = '\0';
        memcpy(ret, buffer, sizeof *ret);
        g_strlcpy(message, buffer + sizeof *ret, MESSAGE_MAX);
        return 0;
}

int tree_attach(const struct tree_spec *spec, GError **error)
{
        char message[MESSAGE_MAX];
        int ends[2], result = 0;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return mnt_fail(error, err_negative(), "cannot make a pipe");
        autofd int in = ends[0], out = ends[1];
        pid_t pid = fork();
        if (pid < 0)
                return mnt_fail(error, err_negative(), "cannot start the helper that mounts the views");
        if (pid == 0)
                run_helper(spec, out);
        fd_clear(&out);
        int r = read_report(in, &result, message);
        if (r < 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r < 0)
                return mnt_fail(error, r,
                                "the helper that mounts the views gave no answer (see `cloisterctl status`)");
        if (result < 0)
                g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-result), "%s", message);
        return result;
}
