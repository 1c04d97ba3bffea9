/* Inside fs/: the parts of a connection that operations and session share. */
#pragma once

#include "fs/fs.h"
#include "fs/handles.h"
#include "fs/names.h"
#include "fs/notifier.h"
#include "fs/shared.h"
#include "fs/sizes.h"
#include "fs/tree.h"
#include "fs/turns.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

/* A thread that serves. */
struct worker {
        struct fs *fs;
        pthread_t thread;
        bool started;
        _Atomic bool done;
        struct shared_slot *slot;             /* where it reads its next request */
        const struct fuse_in_header *request; /* that it is serving; libfuse does not show it */
        GString *text;                        /* rendered by the operation */
};

struct fs {
        struct fs_config config;
        struct fuse_session *session;
        struct handles *handles;
        struct names *names;
        struct sizes *sizes;
        struct tree *tree;
        struct notifier *notifier;
        struct worker *workers;
        bool replaying; /* FUSE_INIT, recorded by a server before */
        bool differs;   /* and the answer would not be the same */
        _Atomic bool stopping, ended;

        struct turns *turns;
};

/* The operations; their requests' user data is the struct fs. */
const struct fuse_lowlevel_ops *ops_table(void);

/* The worker that runs the operation. */
struct worker *session_worker(void);
