/* Node ids: what an inode number of ours means. 64 bits: 4 kind | 24 container serial | 20 number | 16
 * unused, zero (CPU or node number of a later row). Computed, never stored: a held inode means the same file
 * after a takeover. Serial 0 is the host's view and the directories above all views; the whole value 1 is
 * FUSE's root. */
#pragma once

#include <stdint.h>

enum node_kind {
        NODE_ROOT = 0,       /* the whole value is 1 */
        NODE_ROW = 1,        /* number: the row (view/vfile.h) */
        NODE_NAME = 2,       /* number: index in the table of names found at run time (fs/names.h) */
        NODE_CONTAINERS = 3, /* the directory containers/ */
        NODE_CONTAINER = 4,  /* containers/<key>/, by serial */
};

enum { NODE_NUMBER_MAX = (1 << 20) - 1 };

struct node {
        enum node_kind kind;
        uint32_t serial;
        uint32_t number;
};

static inline uint64_t nodeid_make(struct node node)
{
        if (node.kind == NODE_ROOT)
                return 1;
        return (uint64_t)node.kind << 60 | (uint64_t)(node.serial & 0xffffff) << 36 |
               (uint64_t)(node.number & NODE_NUMBER_MAX) << 16;
}

static inline struct node nodeid_parse(uint64_t id)
{
        return (struct node){
                .kind = (enum node_kind)(id >> 60),
                .serial = id >> 36 & 0xffffff,
                .number = id >> 16 & NODE_NUMBER_MAX,
        };
}
