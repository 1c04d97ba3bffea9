/* Whole small files: read, written, replaced. For kernel files and for our own state. */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Reads fd from offset 0 with pread to its end and appends the text to out.
 * At most max bytes; more gives -EFBIG, and out is as it was. Returns 0 or -errno. */
int file_read_fd(int fd, size_t max, GString *out);

/* The same for a file that the kernel makes as one record (cgroup interface files): a read that does not fill
 * the buffer has all of it, without a second one to find the end. */
int file_read_record_fd(int fd, size_t max, GString *out);

/* Opens path below dirfd (O_RDONLY, O_CLOEXEC, O_NOFOLLOW) and appends its text to out, as file_read_fd(). */
int file_read_at(int dirfd, const char *path, size_t max, GString *out);

/* Writes len bytes of text to an existing file below dirfd in one write(2), as kernel files want it.
 * Returns 0, -EIO on a short write, or -errno. */
int file_write_at(int dirfd, const char *path, const char *text, size_t len);

/* Writes all of text to fd, through short writes and EINTR. Returns 0 or -errno. */
int file_write_all(int fd, const char *text, size_t len);

/* Puts a file of this text at name below dirfd by write, fsync and rename: readers see the old or the new
 * text, whole, also after a crash. mode is exact, whatever the umask. Returns 0 or -errno. */
int file_replace_at(int dirfd, const char *name, const char *text, size_t len, mode_t mode);

/* Reads a file of one line and returns it without trailing white space; free with g_free().
 * Returns 0 or -errno; -EFBIG above 4096 bytes. */
int file_read_line_at(int dirfd, const char *path, char **ret);
