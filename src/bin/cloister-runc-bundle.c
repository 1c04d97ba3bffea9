#include "bin/cloister-runc.h"

#include "base/err.h"
#include "base/fd.h"
#include "client/cloister.h"
#include "mnt/overlay.h"
#include "oci/spec.h"
#include "proto/key.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

void bundle_clear(struct bundle *bundle)
{
        g_free(bundle->path);
        fd_clear(&bundle->lock);
}

bool bundle_container_exists(const struct settings *settings, const char *id)
{
        g_autofree char *path = g_build_filename(settings->root, id, NULL);

        return access(path, F_OK) == 0;
}

/* The container's root passes through these folders, and is not to list them. */
static int make_folder(const char *path, mode_t mode, GError **error)
{
        if (mkdir(path, mode) == 0)
                return chmod(path, mode) < 0
                               ? spec_fail(error, err_negative(), "cannot set the mode of %s", path)
                               : 0;
        return errno == EEXIST
                       ? 0
                       : spec_fail(error, err_negative(), "cannot make %s: %s", path, g_strerror(errno));
}

static int make_folders(const struct settings *settings, const char *path, GError **error)
{
        g_autofree char *bundles = g_build_filename(settings->rundir, "bundles", NULL);
        int r = make_folder(settings->rundir, 0755, error);

        if (r == 0)
                r = make_folder(bundles, 0711, error);
        return r < 0 ? r : make_folder(path, 0711, error);
}

/* Whether fd is still what path names: another wrapper may have removed it before it was locked. */
static bool is_current(int fd, const char *path)
{
        struct stat own, now;

        return fstat(fd, &own) == 0 && stat(path, &now) == 0 && own.st_dev == now.st_dev &&
               own.st_ino == now.st_ino;
}

static int lock_folder(const char *path, GError **error)
{
        autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? -ENOENT : spec_fail(error, err_negative(), "cannot open %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return spec_fail(error, -EBUSY,
                                 "another cloister-runc is at work on this container (%s is locked)", path);
        return is_current(fd, path) ? fd_steal(&fd) : -ENOENT;
}

int bundle_open(const struct settings *settings, const char *id, bool make, struct bundle *ret,
                GError **error)
{
        g_autofree char *path = NULL;
        char key[KEY_SIZE];
        int r = 0, lock = -ENOENT;

        key_make(settings->root, id, key);
        path = g_build_filename(settings->rundir, "bundles", key, NULL);
        for (unsigned tries = 0; tries < 3 && r == 0 && lock == -ENOENT; tries++) {
                r = make ? make_folders(settings, path, error) : 0;
                lock = r == 0 ? lock_folder(path, error) : r;
        }
        if (lock == -ENOENT)
                return spec_fail(error, lock, "there is no %s", path);
        if (lock < 0)
                return lock;
        *ret = (struct bundle){.path = g_steal_pointer(&path), .lock = lock};
        return 0;
}

static void release_ids(const struct settings *settings, const char *id)
{
        g_autoptr(GError) error = NULL;
        struct cloister *cloister = NULL;
        int r = cloister_connect(settings->control, &cloister, &error);

        if (r == 0)
                r = cloister_release_ids(cloister, settings->root, id, &error);
        cloister_disconnect(cloister);
        if (r < 0) {
                g_autofree char *text = g_strdup_printf("the ids of %s are given back later: %s", id,
                                                        error->message);
                report_warning(settings->cmdline, text);
        }
}

static void discard_work(const struct settings *settings, const char *path)
{
        g_autofree char *link = g_build_filename(path, "work", NULL);
        char work[PATH_MAX];
        ssize_t n = readlink(link, work, sizeof work - 1);

        if (n < 0)
                return;
        work[n] = '\0';
        int r = overlay_remove_work(work);
        if (r < 0) {
                g_autofree char *text = g_strdup_printf("cannot remove %s: %s", work, g_strerror(-r));
                report_warning(settings->cmdline, text);
        }
        unlink(link);
}

/* Whatever files there are: a killed wrapper may have left one under a temporary name. */
static void remove_files(const struct settings *settings, const char *path)
{
        g_autofree char *rootfs = g_build_filename(path, "mnt", "rootfs", NULL);
        g_autofree char *mnt = g_build_filename(path, "mnt", NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        rmdir(rootfs);
        rmdir(mnt);
        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *file = g_build_filename(path, name, NULL);
                unlink(file);
        }
        if (rmdir(path) < 0) {
                g_autofree char *text = g_strdup_printf("cannot remove %s: %s", path, g_strerror(errno));
                report_warning(settings->cmdline, text);
        }
}

void bundle_discard(const struct settings *settings, const char *id, struct bundle *bundle)
{
        g_autofree char *mnt = g_build_filename(bundle->path, "mnt", NULL);

        if (bundle->leased)
                release_ids(settings, id);
        umount2(mnt, MNT_DETACH | UMOUNT_NOFOLLOW);
        discard_work(settings, bundle->path);
        remove_files(settings, bundle->path);
}
