/* The options of one mount, as fstab and the OCI runtime specification spell them. Pure. Used by mnt/tree.c.
 */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct mount_options {
        uint64_t attr;   /* MOUNT_ATTR_* to set on the mount */
        bool bind;       /* bind or rbind: the source is a path */
        bool recursive;  /* rbind, or a word like rro, which counts for what lies below the source too */
        GPtrArray *data; /* of char *: options for the file system itself, "size=1m", in their order */
};

/* Options is NULL-terminated. Words of propagation are dropped: what is built here is private. Words for the
 * file system are copied unjudged. Returns 0 or -EINVAL (an idmapped mount, which nothing here makes). */
int mount_options_parse(const char *const *options, struct mount_options *ret);
void mount_options_clear(struct mount_options *options);
