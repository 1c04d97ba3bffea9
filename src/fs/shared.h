/* What outlives a server: a memory file that the keeper holds, one per connection. The layout belongs to this
 * folder; the keeper only sizes it. Everything a successor needs to go on as if nothing had happened is here:
 * the recorded FUSE_INIT, the requests in flight (a journal: a request is read straight into its slot), open
 * handles and their texts, and the names found at run time. */
#pragma once

#include "registry/registry.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SHARED_MAGIC = 0x434c4f49, /* "CLOI" */
        SHARED_LAYOUT = 1,         /* a server refuses another one's */
        SHARED_INIT_MAX = 256,
        SHARED_SLOTS = 64, /* one for each thread that serves */
        SHARED_PARKED = 8192,
        SHARED_PARKED_SIZE = 8192,
        SHARED_MAX_WRITE = 32 * 1024, /* may grow, never shrink, while a connection lives */
        SHARED_SLOT_SIZE = SHARED_MAX_WRITE + 4096,
        SHARED_HANDLES = 1 << 18,
        SHARED_NAMES = 1 << 16,
        SHARED_NAME_MAX = 248,
        SHARED_BLOCKS = 1 << 16, /* of text */
        SHARED_BLOCK_SIZE = 4096,
};

/* A request in flight: header.len is zero when there is none. Page-aligned and touched before the first read,
 * since a copy that the death of the reader cuts short at an absent page gives the caller EIO. */
struct shared_slot {
        union {
                struct fuse_in_header header;
                char bytes[SHARED_SLOT_SIZE];
        };
};

/* A request that waits for its container's turn; also in flight. */
struct shared_parked {
        union {
                struct fuse_in_header header;
                char bytes[SHARED_PARKED_SIZE];
        };
};

/* An open file. Its text stays through a crash, so that a reader half-way through it gets the rest of the
 * same. */
struct shared_handle {
        uint64_t node;
        uint64_t open_unique;    /* of the OPEN, without the resend bit: a resent one finds its handle */
        uint64_t fresh_until_ns; /* until when a read at offset 0 gets this text */
        uint32_t generation;     /* in the handle number: a late RELEASE cannot close its successor */
        uint32_t used;
        uint32_t block, n_blocks, len; /* the text; n_blocks 0: none */
        int32_t reader;                /* thread that opened or last read it */
        uint64_t sequence;             /* counts the texts made: the newest has the highest */
};

struct shared_name {
        uint64_t lookups; /* that the kernel has not forgotten; 0: free */
        char path[SHARED_NAME_MAX];
};

struct shared {
        uint32_t magic, layout;
        uint32_t init_len, out_len; /* init_len is written last: non-zero means both are there */
        char init[SHARED_INIT_MAX], out[SHARED_INIT_MAX];
        struct registry_serials serials;
        uint32_t parked_high, names_high,
                handles_high; /* entries from here on were never used: their pages need not exist */
        _Alignas(4096) struct shared_slot slots[SHARED_SLOTS];
        _Alignas(4096) struct shared_parked parked[SHARED_PARKED];
        _Alignas(4096) struct shared_handle handles[SHARED_HANDLES];
        struct shared_name names[SHARED_NAMES];
        _Alignas(4096) char blocks[SHARED_BLOCKS][SHARED_BLOCK_SIZE];
};

/* Maps the memory file, makes it ours when it is new (all zero), and touches the slots. fd is borrowed.
 * Returns 0, -EPROTO (another layout or no file of ours) or -errno. */
int shared_map(int fd, struct shared **ret);
void shared_unmap(struct shared *shared);
