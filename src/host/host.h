/* The machine as the kernel shows it, below a root directory that the caller gives: "/" in the server, a
 * fixture folder in a test. Everything is read with openat() below that root; nothing here decides. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <sys/types.h>

struct host;
struct mounts;

/* root_fd: a directory (borrowed, duplicated here) that holds proc/ and sys/. Finds where each cgroup
 * hierarchy is mounted from proc/self/mountinfo, once. Returns 0 or -errno (-ENOENT: no proc/self/mountinfo
 * there). */
int host_new(int root_fd, struct host **ret);
void host_free(struct host *host);
DEFINE_AUTOPTR(host, host_free)

/* Directory fds, owned by the host: the root itself, and its proc/. */
int host_root_fd(const struct host *host);
int host_proc_fd(const struct host *host);

/* Where the cgroup hierarchies are, see host/mounts.h. Owned by the host. */
const struct mounts *host_mounts(const struct host *host);

/* Appends the text of a file named from the root ("proc/meminfo"), at most 4 MiB. Returns 0 or -errno. Any
 * thread. */
int host_read(const struct host *host, const char *path, GString *out);

/* Nanoseconds since boot (CLOCK_BOOTTIME; in a fixture the first field of proc/uptime). */
guint64 host_boottime_ns(const struct host *host);
