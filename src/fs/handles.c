#include "fs/handles.h"

#include "base/err.h"

#include <string.h>

enum {
        HANDLES_PER_CONTAINER = SHARED_HANDLES / 2,
        BLOCKS_PER_CONTAINER = SHARED_BLOCKS / 16, /* 16 MiB of text */
        LENGTHS_LOOKED_AT = 64,
        NONE = -1,
};

static const uint64_t resent_bit = UINT64_C(1) << 63;

/* What one container holds. */
struct share {
        unsigned handles, blocks;
};

struct handles {
        GMutex lock;
        struct shared *shared;
        GArray *free;         /* indexes below handles_high that are free */
        GHashTable *by_node;  /* &node -> index + 1 of its newest handle; further ones through next[] */
        int32_t *next, *prev; /* per index: handles of the same node, or NONE */
        GHashTable *shares;   /* serial -> struct share */
        uint64_t *block_used; /* bitmap */
        unsigned lowest_free; /* no free block is below: low ones are used again, high ones need no memory */
        unsigned n_used;
        uint64_t sequence; /* of the newest text */
};

static uint32_t node_serial(uint64_t node)
{
        return node >> 36 & 0xffffff;
}

static bool block_is_used(const struct handles *h, unsigned block)
{
        return h->block_used[block / 64] >> (block % 64) & 1;
}

static void mark_blocks(struct handles *h, unsigned block, unsigned n, bool used)
{
        for (; n > 0; n--, block++)
                if (used)
                        h->block_used[block / 64] |= UINT64_C(1) << (block % 64);
                else
                        h->block_used[block / 64] &= ~(UINT64_C(1) << (block % 64));
}

static struct share *find_share(struct handles *h, uint32_t serial)
{
        struct share *share = g_hash_table_lookup(h->shares, GUINT_TO_POINTER(serial));

        if (!share) {
                share = g_new0(struct share, 1);
                g_hash_table_insert(h->shares, GUINT_TO_POINTER(serial), share);
        }
        return share;
}

static int newest_of_node(struct handles *h, const uint64_t *node)
{
        return (int)GPOINTER_TO_UINT(g_hash_table_lookup(h->by_node, node)) - 1;
}

/* Puts a used handle into the private indexes. */
static void index_handle(struct handles *h, unsigned i)
{
        struct shared_handle *handle = &h->shared->handles[i];
        struct share *share = find_share(h, node_serial(handle->node));
        int newest = newest_of_node(h, &handle->node);

        share->handles++;
        share->blocks += handle->n_blocks;
        h->n_used++;
        h->sequence = MAX(h->sequence, handle->sequence);
        h->next[i] = newest;
        h->prev[i] = NONE;
        if (newest != NONE)
                h->prev[newest] = (int32_t)i;
        /* the key is the shared handle's own: replace, since the older handle may go first */
        g_hash_table_replace(h->by_node, &handle->node, GUINT_TO_POINTER(i + 1));
}

static void unindex_handle(struct handles *h, unsigned i)
{
        struct shared_handle *handle = &h->shared->handles[i];
        uint32_t serial = node_serial(handle->node);
        struct share *share = find_share(h, serial);

        h->n_used--;
        if (--share->handles == 0)
                g_hash_table_remove(h->shares, GUINT_TO_POINTER(serial));
        if (h->next[i] != NONE)
                h->prev[h->next[i]] = h->prev[i];
        if (h->prev[i] != NONE)
                h->next[h->prev[i]] = h->next[i];
        else if (h->next[i] == NONE)
                g_hash_table_remove(h->by_node, &handle->node);
        else
                g_hash_table_replace(h->by_node, &h->shared->handles[h->next[i]].node,
                                     GUINT_TO_POINTER((unsigned)h->next[i] + 1));
}

struct handles *handles_new(struct shared *shared)
{
        struct handles *h = g_new0(struct handles, 1);

        g_mutex_init(&h->lock);
        h->shared = shared;
        h->free = g_array_new(FALSE, FALSE, sizeof(unsigned));
        h->by_node = g_hash_table_new(g_int64_hash, g_int64_equal);
        h->shares = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
        h->next = g_new0(int32_t, SHARED_HANDLES);
        h->prev = g_new0(int32_t, SHARED_HANDLES);
        h->block_used = g_new0(uint64_t, SHARED_BLOCKS / 64);
        for (unsigned i = 0; i < shared->handles_high; i++)
                if (shared->handles[i].used) {
                        index_handle(h, i);
                        mark_blocks(h, shared->handles[i].block, shared->handles[i].n_blocks, true);
                } else {
                        g_array_append_val(h->free, i);
                }
        return h;
}

void handles_free(struct handles *h)
{
        if (!h)
                return;
        g_array_unref(h->free);
        g_hash_table_unref(h->by_node);
        g_hash_table_unref(h->shares);
        g_free(h->next);
        g_free(h->prev);
        g_free(h->block_used);
        g_mutex_clear(&h->lock);
        g_free(h);
}

/* The lock is held. The handle opened for the same request by the server before, or NONE. */
static int find_resent(struct handles *h, uint64_t node, uint64_t unique)
{
        if (!(unique & resent_bit))
                return NONE;
        for (int i = newest_of_node(h, &node); i != NONE; i = h->next[i])
                if (h->shared->handles[i].open_unique == (unique & ~resent_bit))
                        return i;
        return NONE;
}

/* The lock is held. An unused index or -errno. */
static int take_index(struct handles *h, uint32_t serial)
{
        const struct share *share = g_hash_table_lookup(h->shares, GUINT_TO_POINTER(serial));

        if (share && share->handles >= HANDLES_PER_CONTAINER)
                return -EMFILE;
        if (h->free->len > 0) {
                unsigned i = g_array_index(h->free, unsigned, h->free->len - 1);
                g_array_set_size(h->free, h->free->len - 1);
                return (int)i;
        }
        return h->shared->handles_high < SHARED_HANDLES ? (int)h->shared->handles_high++ : -ENFILE;
}

static uint64_t handle_number(const struct handles *h, int i)
{
        return (uint64_t)h->shared->handles[i].generation << 32 | (uint32_t)i;
}

int handles_open(struct handles *h, uint64_t node, uint64_t unique, int reader, uint64_t *ret,
                 bool *ret_again)
{
        g_mutex_lock(&h->lock);
        int i = find_resent(h, node, unique);
        *ret_again = i != NONE;
        if (i == NONE) {
                i = take_index(h, node_serial(node));
                if (i >= 0) {
                        struct shared_handle *handle = &h->shared->handles[i];
                        *handle = (struct shared_handle){
                                .node = node,
                                .open_unique = unique & ~resent_bit,
                                .generation = handle->generation + 1,
                                .reader = reader,
                        };
                        handle->used = 1;
                        index_handle(h, (unsigned)i);
                }
        }
        if (i >= 0)
                *ret = handle_number(h, i);
        g_mutex_unlock(&h->lock);
        return i < 0 ? i : 0;
}

/* The lock is held. The open handle of this number, or NULL. */
static struct shared_handle *find_handle(struct handles *h, uint64_t number)
{
        uint32_t i = (uint32_t)number;
        struct shared_handle *handle = i < h->shared->handles_high ? &h->shared->handles[i] : NULL;

        return handle && handle->used && handle->generation == number >> 32 ? handle : NULL;
}

static void drop_text(struct handles *h, struct shared_handle *handle)
{
        find_share(h, node_serial(handle->node))->blocks -= handle->n_blocks;
        mark_blocks(h, handle->block, handle->n_blocks, false);
        if (handle->n_blocks > 0)
                h->lowest_free = MIN(h->lowest_free, handle->block);
        handle->n_blocks = 0;
}

void handles_close(struct handles *h, uint64_t number)
{
        g_mutex_lock(&h->lock);
        struct shared_handle *handle = find_handle(h, number);
        if (handle) {
                unsigned i = (uint32_t)number;
                drop_text(h, handle);
                unindex_handle(h, i);
                handle->used = 0;
                g_array_append_val(h->free, i);
        }
        g_mutex_unlock(&h->lock);
}

/* The lock is held. First fit. Returns the first of n free blocks in a row or NONE. */
static int find_room(struct handles *h, unsigned n)
{
        unsigned run = 0;

        while (h->lowest_free < SHARED_BLOCKS && block_is_used(h, h->lowest_free))
                h->lowest_free++;
        for (unsigned block = h->lowest_free; block < SHARED_BLOCKS; block++) {
                run = block_is_used(h, block) ? 0 : run + 1;
                if (run == n)
                        return (int)(block + 1 - n);
        }
        return NONE;
}

/* The lock is held. Makes the handle's room n blocks. */
static bool make_room(struct handles *h, struct shared_handle *handle, unsigned n)
{
        struct share *share = find_share(h, node_serial(handle->node));

        if (handle->n_blocks == n)
                return true;
        drop_text(h, handle);
        if (share->blocks + n > BLOCKS_PER_CONTAINER)
                return false;
        int block = find_room(h, n);
        if (block == NONE)
                return false;
        handle->block = (uint32_t)block;
        handle->n_blocks = n;
        share->blocks += n;
        mark_blocks(h, handle->block, n, true);
        return true;
}

bool handles_set_text(struct handles *h, uint64_t number, const GString *text, uint64_t fresh_until_ns)
{
        unsigned n = MAX(1, (unsigned)((text->len + SHARED_BLOCK_SIZE - 1) / SHARED_BLOCK_SIZE));
        bool kept = false;

        g_mutex_lock(&h->lock);
        struct shared_handle *handle = find_handle(h, number);
        if (handle && make_room(h, handle, n)) {
                /* a server killed in the middle leaves no text rather than half of one */
                *(volatile uint32_t *)&handle->n_blocks = 0;
                memcpy(h->shared->blocks[handle->block], text->str, text->len);
                handle->len = (uint32_t)text->len;
                handle->fresh_until_ns = fresh_until_ns;
                handle->sequence = ++h->sequence;
                *(volatile uint32_t *)&handle->n_blocks = n;
                kept = true;
        }
        g_mutex_unlock(&h->lock);
        return kept;
}

ssize_t handles_read(struct handles *h, uint64_t number, int reader, uint64_t offset, char *buffer,
                     size_t size, uint64_t now)
{
        ssize_t n = -ENODATA;

        g_mutex_lock(&h->lock);
        struct shared_handle *handle = find_handle(h, number);
        if (handle)
                handle->reader = reader;
        if (handle && handle->n_blocks > 0 && (offset > 0 || now < handle->fresh_until_ns)) {
                n = offset < handle->len ? (ssize_t)MIN(size, handle->len - offset) : 0;
                memcpy(buffer, h->shared->blocks[handle->block] + offset, (size_t)n);
                if (offset == 0)
                        handle->fresh_until_ns = MIN(handle->fresh_until_ns, now + HANDLES_SEEN_NS);
        }
        g_mutex_unlock(&h->lock);
        return n;
}

/* The lock is held. The handle whose text the reader means: the one it used last, else that with the newest.
 */
static struct shared_handle *find_text(struct handles *h, uint64_t node, int reader)
{
        struct shared_handle *newest = NULL;
        int left = LENGTHS_LOOKED_AT;

        for (int i = newest_of_node(h, &node); i != NONE && left > 0; i = h->next[i], left--) {
                struct shared_handle *handle = &h->shared->handles[i];
                if (handle->n_blocks == 0)
                        continue;
                if (handle->reader == reader)
                        return handle;
                if (!newest || handle->sequence > newest->sequence)
                        newest = handle;
        }
        return newest;
}

int64_t handles_text_length(struct handles *h, uint64_t node, int reader, uint64_t fresh_until_ns)
{
        int64_t length = -1;

        g_mutex_lock(&h->lock);
        struct shared_handle *handle = find_text(h, node, reader);
        if (handle) {
                length = handle->len;
                handle->fresh_until_ns = MAX(handle->fresh_until_ns, fresh_until_ns);
        }
        g_mutex_unlock(&h->lock);
        return length;
}

void handles_outdate(struct handles *h, uint64_t node)
{
        g_mutex_lock(&h->lock);
        for (int i = newest_of_node(h, &node); i != NONE; i = h->next[i])
                h->shared->handles[i].fresh_until_ns = 0;
        g_mutex_unlock(&h->lock);
}

unsigned handles_count(struct handles *h)
{
        g_mutex_lock(&h->lock);
        unsigned n = h->n_used;
        g_mutex_unlock(&h->lock);
        return n;
}
