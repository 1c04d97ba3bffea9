/* The names of a connection: node ids to rows and back, who sees what below a directory. No FUSE requests
 * here. */
#pragma once

#include "fs/fs.h"
#include "fs/names.h"
#include "fs/nodeid.h"

#include <sys/stat.h>

struct tree;

/* A caller of the file system. */
struct caller {
        pid_t thread;
        uid_t uid;
        gid_t gid;
};

/* One node, looked at for one caller. */
struct place {
        uint64_t id;
        struct node node;
        const struct vfile
                *row; /* NODE_ROW: its row; NODE_NAME: the dynamic directory it is below; else NULL */
        char path[SHARED_NAME_MAX]; /* NODE_NAME: below that directory; else "" */
        mode_t mode;                /* type and permissions */
        bool unowned;               /* belongs to nobody the container knows */
        struct container *owner;    /* whose node it is (referenced); the host's for nodes above all views */
        struct container *view;     /* whose text the caller gets (referenced) */
};

/* config and names are borrowed. */
struct tree *tree_new(const struct fs_config *config, struct names *names);
void tree_free(struct tree *tree);

/* The node of an id, for this caller. opened: through a file that is open already, so that a caller to whom
 * somebody handed the descriptor reads what its opener would; otherwise the inode must be of the caller's own
 * view. Returns 0, -ESTALE (the row is gone, the container has ended, another's view) or -errno. Clear with
 * place_clear(), also after a failure. Any thread. */
int tree_resolve(struct tree *tree, uint64_t id, struct caller caller, bool opened, struct place *ret);

/* The child of a directory. A name found at run time is counted in names (a LOOKUP). Returns 0, -ENOENT,
 * -ENOTDIR, -EACCES (containers/ is for peers) or -errno. *ret is to be cleared. */
int tree_child(struct tree *tree, const struct place *parent, const char *name, struct caller caller,
               struct place *ret);

/* Calls add for each name below a directory, in an order that stays the same. Returns 0 or -errno. */
int tree_list(struct tree *tree, const struct place *parent, struct caller caller,
              void (*add)(const char *name, mode_t mode, void *data), void *data);

/* Arguments for the row's functions. */
struct view_ctx tree_view_ctx(const struct tree *tree, const struct place *place, struct caller caller);

void place_clear(struct place *place);
