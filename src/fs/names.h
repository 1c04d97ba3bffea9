/* Names found at run time (below VFILE_DYNAMIC directories), by index, in the shared file: a node id that
 * holds an index means the same path after a takeover. Shared by all containers: which of them may see a name
 * is decided at each request. A name stays as long as the kernel holds an inode of it (FORGET counts down).
 */
#pragma once

#include "fs/shared.h"

struct names;

/* shared is borrowed. Rebuilds the index from what is there. */
struct names *names_new(struct shared *shared);
void names_free(struct names *names);

/* Finds or adds a path and counts one lookup. Returns the index (>= 0), -ENAMETOOLONG, or -ENFILE when the
 * table is full. Any thread. */
int names_acquire(struct names *names, const char *path);

/* Copies the path of an index. Returns 0 or -ESTALE. Any thread. */
int names_path(struct names *names, unsigned index, char ret[SHARED_NAME_MAX]);

/* The kernel forgot n lookups. */
void names_release(struct names *names, unsigned index, uint64_t n);
