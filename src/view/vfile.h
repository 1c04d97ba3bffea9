/* The table of virtual files: what exists. One row is one file or directory; a render function says what it
 * shows. getattr, lookup, readdir, open, `cloisterctl files`, the manual, tests and benches all walk it. */
#pragma once

#include "registry/container.h"

#include <stdbool.h>
#include <sys/stat.h>

struct sysctl_policy;

/* Whose text is wanted, and who asks. Valid for the length of one call. */
struct view_ctx {
        const struct host *host;
        struct container *container; /* never NULL; kind CONTAINER_HOST: the machine's own values */
        pid_t caller; /* thread id in the server's numbers; 0: the control socket (host root) */
        uid_t uid;    /* of the caller, in the initial user namespace */
        gid_t gid;
        const struct sysctl_policy *policy; /* view/sysctl/policy.h; NULL: the built-in classes */
};

enum vfile_flags {
        VFILE_KNOB = 1 << 0, /* lives on the connection `knobs`, else on `views` (directories lead to both) */
        VFILE_MOUNT = 1 << 1,   /* the hook binds this file or directory over the container's own */
        VFILE_DYNAMIC = 1 << 2, /* a directory whose names are found at run time, through vdir */
};

struct vfile;

/* What a name below a VFILE_DYNAMIC directory is. */
struct vdir_entry {
        mode_t mode;  /* type and permissions as the container's root shall see them */
        bool unowned; /* owner is nobody the container knows (shown as 65534), not the container's root */
};

/* Operations of a VFILE_DYNAMIC directory. path is below it, "vm/swappiness"; "" is the directory itself. All
 * return 0 or -errno, and check the caller's rights where the file system's mode bits cannot. */
struct vdir {
        int (*lookup)(const struct view_ctx *ctx, const char *path, struct vdir_entry *ret);
        int (*list)(const struct view_ctx *ctx, const char *path,
                    void (*add)(const char *name, mode_t mode, void *data), void *data);
        int (*render)(const struct view_ctx *ctx, const char *path, GString *out);
        /* what a write(2) of len bytes at offset does; of a file opened with O_APPEND, offset is 0. Returns
         * 0, or how many bytes were taken if not all, which write(2) then returns; or -errno */
        int (*store)(const struct view_ctx *ctx, const char *path, const char *text, size_t len,
                     off_t offset);
};

struct vfile {
        unsigned row;     /* in node ids: append-only, never changed, never used for another file */
        const char *path; /* from the root of the view, no leading slash: "proc/uptime" */
        mode_t mode;      /* with S_IFREG or S_IFDIR */
        unsigned flags;   /* enum vfile_flags */
        int (*render)(const struct view_ctx *ctx, GString *out); /* appends the whole text; 0 or -errno */
        int (*store)(const struct view_ctx *ctx, const char *text, size_t len); /* NULL: not writable */
        const struct vdir *dir;                                                 /* VFILE_DYNAMIC only */
};

/* All rows, sorted by path, parents before children, ended by a row without a path. Directories above the
 * files are rows too ("proc", "sys/devices"). *ret_count may be NULL. */
const struct vfile *view_rows(size_t *ret_count);

/* The row at path (exact), or NULL. */
const struct vfile *view_find(const char *path);

/* The row of that number, or NULL. */
const struct vfile *view_find_row(unsigned row);

/* The text at a path, dynamic ones included ("proc/sys/vm/swappiness"): what `cloisterctl get` shows.
 * Returns 0, -ENOENT, -EISDIR or what the row's render returns. */
int view_render(const struct view_ctx *ctx, const char *path, GString *out);

/* Writes to a path, as a write(2) at offset 0 would. Returns 0, -EROFS (a row without a store), -ENOENT,
 * -EISDIR or the row's error. */
int view_store(const struct view_ctx *ctx, const char *path, const char *text, size_t len);

/* Names in the container's own procfs that are bound back over ours, ended by NULL: the kernel answers for
 * them, in the reader's namespaces, at native speed ("proc/sys/net", "proc/sys/kernel/hostname"). One that
 * this kernel lacks is skipped. To free with g_strfreev(). */
char **view_kernel_mounts(void);

/* Names below those, ended by NULL, that our files are bound over again, where the kernel has them: what it
 * shows in a container's namespaces and lets nobody write there ("proc/sys/net/netfilter/nf_conntrack_max").
 * To free with g_strfreev(). */
char **view_knob_mounts(void);
