/* Open files and their texts, in the shared file. A handle number goes to the kernel and comes back with each
 * request; it is generation << 32 | index, so that one of before means nothing. Any thread. */
#pragma once

#include "fs/shared.h"

#include <glib.h>
#include <stdbool.h>

struct handles;

enum { HANDLES_SEEN_NS = 10000000 };

/* shared is borrowed; what is free is found out from what is used there. */
struct handles *handles_new(struct shared *shared);
void handles_free(struct handles *handles);

/* Opens a handle on a node. unique: of the OPEN request, as read: when it is a resent one (bit 63), the
 * handle that the server before may have opened for it is found again and *ret_again set. Returns 0, -ENFILE
 * (the table is full) or -EMFILE (the node's container has too many). */
int handles_open(struct handles *handles, uint64_t node, uint64_t unique, int reader, uint64_t *ret,
                 bool *ret_again);
void handles_close(struct handles *handles, uint64_t handle);

/* Keeps a text with the handle, in place of the one it had; it serves reads at offset 0 until fresh_until_ns,
 * others until the next one. A text that finds no room, or whose container has too many, is not kept (false):
 * reads render again. */
bool handles_set_text(struct handles *handles, uint64_t handle, const GString *text, uint64_t fresh_until_ns);

/* Copies up to size bytes of the text from offset into buffer. A reader that seeks back wants fresh values:
 * at offset 0 only a text that is still fresh counts, and it stays so at most HANDLES_SEEN_NS more. Returns
 * the number of bytes (0 at the end), or -ENODATA: render first. */
ssize_t handles_read(struct handles *handles, uint64_t handle, int reader, uint64_t offset, char *buffer,
                     size_t size, uint64_t now);

/* The length of the text that an open handle of this node has, best of one that `reader` used last; only the
 * newest 64 are looked at. That text stays fresh until fresh_until_ns: what it copies next is what it was
 * told. -1: none. */
int64_t handles_text_length(struct handles *handles, uint64_t node, int reader, uint64_t fresh_until_ns);

/* Something was written to the node: none of its texts is fresh any more. */
void handles_outdate(struct handles *handles, uint64_t node);

unsigned handles_count(struct handles *handles);
