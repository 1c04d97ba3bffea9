#include "host/host.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "host/mounts.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

struct host {
        int root_fd, proc_fd;
        bool live; /* proc/ is a procfs, not a fixture: the clock is the kernel's */
        struct mounts *mounts;
};

/* procfs has its files in no other file system: a fixture's proc/self is a plain directory. */
static bool is_procfs(int proc_fd)
{
        struct stat self;

        return fstatat(proc_fd, "self", &self, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(self.st_mode);
}

static int read_mounts(struct host *host)
{
        g_autoptr(GString) text = g_string_new(NULL);
        /* self is the one symlink on the way, the kernel's own */
        autofd int fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return err_negative();
        r = file_read_fd(fd, FILE_MAX, text);
        if (r < 0)
                return r;
        host->mounts = mounts_parse(text->str);
        return 0;
}

int host_new(int root_fd, struct host **ret)
{
        autoptr(host) host = g_new0(struct host, 1);
        int r;

        host->proc_fd = -1;
        host->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
        if (host->root_fd < 0)
                return err_negative();
        host->proc_fd = openat(host->root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (host->proc_fd < 0)
                return err_negative();
        host->live = is_procfs(host->proc_fd);
        r = read_mounts(host);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&host);
        return 0;
}

void host_free(struct host *host)
{
        if (!host)
                return;
        fd_clear(&host->root_fd);
        fd_clear(&host->proc_fd);
        mounts_free(host->mounts);
        g_free(host);
}

int host_root_fd(const struct host *host)
{
        return host->root_fd;
}

int host_proc_fd(const struct host *host)
{
        return host->proc_fd;
}

const struct mounts *host_mounts(const struct host *host)
{
        return host->mounts;
}

int host_read(const struct host *host, const char *path, GString *out)
{
        return file_read_at(host->root_fd, path, FILE_MAX, out);
}

/* "12.34 ...": seconds and hundredths. */
static guint64 fixture_boottime_ns(const struct host *host)
{
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned long long seconds, hundredths;

        if (host_read(host, "proc/uptime", text) < 0 ||
            sscanf(text->str, "%llu.%2llu", &seconds, &hundredths) != 2)
                return 0;
        return seconds * G_GUINT64_CONSTANT(1000000000) + hundredths * 10000000;
}

guint64 host_boottime_ns(const struct host *host)
{
        struct timespec now = {0};

        if (!host->live)
                return fixture_boottime_ns(host);
        clock_gettime(CLOCK_BOOTTIME, &now);
        return (guint64)now.tv_sec * G_GUINT64_CONSTANT(1000000000) + (guint64)now.tv_nsec;
}
