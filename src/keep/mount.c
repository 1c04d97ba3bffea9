#include "keep/keep.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { OPTIONS_MAX = 256, BACKLOG = 128 };

/* A mount whose server and keeper are both gone answers ENOTCONN to everything. */
static void unmount_dead(const char *mountpoint)
{
        struct stat st;

        while (stat(mountpoint, &st) < 0 && errno == ENOTCONN)
                if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        return;
}

static int mount_fuse(const struct keep_connection *connection, int fd)
{
        char options[OPTIONS_MAX];
        unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (connection->read_only ? MS_RDONLY : 0);

        snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other%s", fd,
                 connection->default_permissions ? ",default_permissions" : "");
        return mount("cloister", connection->mountpoint, "fuse.cloister", flags, options) < 0 ? err_negative()
                                                                                              : 0;
}

int keep_mount(struct keep_connection *connection)
{
        autofd int fd = -1, shared_fd = -1;
        int r;

        unmount_dead(connection->mountpoint);
        fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return log_errno(err_negative(),
                                 "cannot open /dev/fuse (load the kernel's fuse module: modprobe fuse)");
        shared_fd = memfd_create(connection->name, MFD_CLOEXEC);
        if (shared_fd < 0)
                return log_errno(err_negative(), "cannot make a memory file");
        r = mount_fuse(connection, fd);
        if (r < 0)
                return log_errno(r, "cannot mount at %s (it must be a directory, and this program root)",
                                 connection->mountpoint);
        connection->fd = fd_steal(&fd);
        connection->shared_fd = fd_steal(&shared_fd);
        return 0;
}

void keep_unmount(struct keep_connection *connection)
{
        if (connection->fd < 0)
                return;
        if (umount2(connection->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
                log_errno(err_negative(), "cannot unmount %s", connection->mountpoint);
        fd_clear(&connection->fd);
        fd_clear(&connection->shared_fd);
}

int keep_listen(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return log_errno(err_negative(), "cannot make a socket");
        if (strlen(path) >= sizeof(address.sun_path))
                return log_errno(-ENAMETOOLONG, "the control socket's path %s has more than %zu characters",
                                 path, sizeof(address.sun_path) - 1);
        strcpy(address.sun_path, path);
        unlink(path);
        mode_t mask = umask(0177);
        int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? err_negative() : 0;
        umask(mask);
        if (r == 0 && listen(fd, BACKLOG) < 0)
                r = err_negative();
        return r < 0 ? log_errno(r, "cannot listen on %s", path) : fd_steal(&fd);
}
