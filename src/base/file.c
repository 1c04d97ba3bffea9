#include "base/file.h"

#include "base/err.h"
#include "base/fd.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 4096, LINE_MAX_BYTES = 4096 };

static int read_fd(int fd, size_t max, bool one_record, GString *out)
{
        size_t before = out->len, got = 0;

        for (;;) {
                g_string_set_size(out, before + got + CHUNK);
                ssize_t n = pread(fd, out->str + before + got, CHUNK, (off_t)got);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        int r = n < 0 ? err_negative() : 0;
                        g_string_set_size(out, r < 0 ? before : before + got);
                        return r;
                }
                got += (size_t)n;
                if (got > max) {
                        g_string_set_size(out, before);
                        return -EFBIG;
                }
                if (one_record && n < CHUNK) {
                        g_string_set_size(out, before + got);
                        return 0;
                }
        }
}

int file_read_fd(int fd, size_t max, GString *out)
{
        return read_fd(fd, max, false, out);
}

int file_read_record_fd(int fd, size_t max, GString *out)
{
        return read_fd(fd, max, true, out);
}

int file_read_at(int dirfd, const char *path, size_t max, GString *out)
{
        autofd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 ? err_negative() : file_read_fd(fd, max, out);
}

int file_write_at(int dirfd, const char *path, const char *text, size_t len)
{
        autofd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return err_negative();
        ssize_t n = write(fd, text, len);
        if (n < 0)
                return err_negative();
        return (size_t)n == len ? 0 : -EIO;
}

int file_write_all(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, text, len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_negative();
                text += n;
                len -= (size_t)n;
        }
        return 0;
}

int file_replace_at(int dirfd, const char *name, const char *text, size_t len, mode_t mode)
{
        g_autofree char *temp = g_strdup_printf("%s.%d.new", name, gettid());
        autofd int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        int r;

        if (fd < 0)
                return err_negative();
        r = fchmod(fd, mode) < 0 ? err_negative() : file_write_all(fd, text, len);
        if (r == 0 && fsync(fd) < 0)
                r = err_negative();
        if (r == 0 && renameat(dirfd, temp, dirfd, name) < 0)
                r = err_negative();
        if (r < 0)
                unlinkat(dirfd, temp, 0);
        return r;
}

int file_read_line_at(int dirfd, const char *path, char **ret)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int r = file_read_at(dirfd, path, LINE_MAX_BYTES, text);

        if (r < 0)
                return r;
        *ret = g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
        return 0;
}
