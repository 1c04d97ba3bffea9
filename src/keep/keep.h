/* The keeper: opens /dev/fuse, mounts, owns the descriptors, starts the server and outlives it. It serves
 * nothing and knows nothing of what is served; while it lives, a dead server is a pause, not an error. One
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { KEEP_CONNECTIONS_MAX = 4 };

/* A FUSE connection and the memory file that its servers share. */
struct keep_connection {
        const char *name;
        const char *mountpoint;   /* an absolute path; a directory */
        bool read_only;           /* the superblock: no access times to update, EROFS on a write-open */
        bool default_permissions; /* the kernel checks modes and owners */
        int fd;                   /* /dev/fuse */
        int shared_fd;            /* memory file, empty at first */
};

/* Opens /dev/fuse and mounts; a dead mount that is still there goes first. Fills in fd and shared_fd.
 * Returns 0 or -errno (logged, with what to do). Needs CAP_SYS_ADMIN. */
int keep_mount(struct keep_connection *connection);

/* Takes the mount off its mountpoint (binds of it elsewhere live on as long as the connection) and closes. */
void keep_unmount(struct keep_connection *connection);

/* A listening Unix stream socket at path, mode 0600; a dead one that is still there goes first. The caller
 * holds a lock that keeps another keeper out. Returns the descriptor or -errno (logged). */
int keep_listen(const char *path);

/* Starts the server and starts it again whenever it ends, with a growing pause when it does so at once, until
 * SIGTERM or SIGINT; then ends it. make_argv(restarts, ready_fd, data) gives the arguments of the next start
 * (owned by the callee). The server writes a byte to ready_fd when it serves. Descriptors of the connections
 * and control_fd are inherited under their own numbers. Returns 0 after a signal, -ENOTCONN when the kernel
 * ended a connection (somebody unmounted it), or -errno (logged). */
int keep_run(const struct keep_connection *connections, size_t n_connections, int control_fd,
             char *const *(*make_argv)(unsigned restarts, int ready_fd, void *data), void *data);
