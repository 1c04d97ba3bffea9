/* One FUSE connection: serves the rows of view/ on a /dev/fuse descriptor that the keeper mounted.
 * bin/cloisterd makes one per connection; they share registry and identity. */
#pragma once

#include "ident/ident.h"
#include "view/vfile.h"

struct fs;
struct shared;
struct sysctl_policy;

enum fs_flags {
        FS_VIEWS = 1 << 0, /* shows the rows without VFILE_KNOB */
        FS_KNOBS = 1 << 1, /* shows those with it */
};

/* Everything is borrowed and must outlive the connection. */
struct fs_config {
        const char *name; /* for the log */
        unsigned flags;
        int fd;                /* /dev/fuse, mounted */
        struct shared *shared; /* of this connection, see fs/shared.h */
        const struct host *host;
        struct registry *registry;
        struct ident *ident;
        const struct sysctl_policy *policy;
        unsigned
                threads; /* that serve; a quarter of them, at least one, serves any one container at a time */
        /* A store changed a container's private values; called in a serving thread, before the writer is
         * answered. */
        void (*changed)(struct container *container, void *data);
        /* The kernel ended the connection (unmounted or aborted); called once, in a serving thread. */
        void (*ended)(void *data);
        void *data;
};

/* Takes part in the protocol: answers the kernel's FUSE_INIT, or, where a server before this one did, replays
 * the recorded one. Blocks until the kernel has sent it. Returns 0, -EPROTO (this server would negotiate
 * other features than the one before: it must not take over) or -errno. */
int fs_new(const struct fs_config *config, struct fs **ret);

/* Starts serving, first of all what the server before left unanswered. Returns 0 or -errno. */
int fs_start(struct fs *fs);

/* Stops at a request boundary: what was read is answered, what was not stays queued for a successor. */
void fs_stop(struct fs *fs);
void fs_free(struct fs *fs);

/* Open files, and the minor version of the protocol in use. */
unsigned fs_handles(const struct fs *fs);
unsigned fs_protocol_minor(const struct fs *fs);
