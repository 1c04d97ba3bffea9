/* What size the kernel believes each file to have. It reads through its page cache (sendfile, splice, mmap)
 * only up to that size, so it must be told of a longer text before the reader comes. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sizes;

struct sizes *sizes_new(void);
void sizes_free(struct sizes *sizes);

/* The length of the node's last text, or -1. */
int64_t sizes_length(struct sizes *sizes, uint64_t node);

/* A text of this length was made. Returns true when the kernel believes, or may believe, the file to be
 * shorter. */
bool sizes_rendered(struct sizes *sizes, uint64_t node, uint64_t length);

/* The kernel was told this size. */
void sizes_announced(struct sizes *sizes, uint64_t node, uint64_t size);
