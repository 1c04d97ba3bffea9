#include "fs/turns.h"

#include "base/err.h"

#include <string.h>

struct turns {
        GMutex lock;
        struct shared *shared;
        unsigned limit;
        GArray *free;       /* indexes below parked_high that are free */
        GHashTable *queues; /* serial -> struct queue, of containers that are being served */
};

struct queue {
        unsigned serving;
        GQueue parked; /* of struct shared_parked */
};

static void queue_free(gpointer data)
{
        struct queue *queue = data;

        g_queue_clear(&queue->parked);
        g_free(queue);
}

struct turns *turns_new(struct shared *shared, unsigned limit)
{
        struct turns *turns = g_new0(struct turns, 1);

        g_mutex_init(&turns->lock);
        turns->shared = shared;
        turns->limit = limit;
        turns->free = g_array_new(FALSE, FALSE, sizeof(unsigned));
        turns->queues = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, queue_free);
        for (unsigned i = 0; i < shared->parked_high; i++)
                g_array_append_val(turns->free, i);
        return turns;
}

void turns_free(struct turns *turns)
{
        if (!turns)
                return;
        g_array_unref(turns->free);
        g_hash_table_unref(turns->queues);
        g_mutex_clear(&turns->lock);
        g_free(turns);
}

static struct queue *find_queue(struct turns *turns, uint32_t serial)
{
        struct queue *queue = g_hash_table_lookup(turns->queues, GUINT_TO_POINTER(serial));

        if (!queue) {
                queue = g_new0(struct queue, 1);
                g_queue_init(&queue->parked);
                g_hash_table_insert(turns->queues, GUINT_TO_POINTER(serial), queue);
        }
        return queue;
}

/* The lock is held. */
static struct shared_parked *take_parked(struct turns *turns)
{
        struct shared *shared = turns->shared;

        if (turns->free->len > 0) {
                unsigned i = g_array_index(turns->free, unsigned, turns->free->len - 1);
                g_array_set_size(turns->free, turns->free->len - 1);
                return &shared->parked[i];
        }
        return shared->parked_high < SHARED_PARKED ? &shared->parked[shared->parked_high++] : NULL;
}

/* The lock is held. Copies the request: the header's length goes last, it says that there is one. */
static int park(struct turns *turns, struct queue *queue, const struct fuse_in_header *request)
{
        struct shared_parked *parked = NULL;

        if (queue->parked.length < TURNS_PARKED_PER_CONTAINER && request->len <= SHARED_PARKED_SIZE)
                parked = take_parked(turns);
        if (!parked)
                return -EIO;
        memcpy(parked->bytes + sizeof(request->len), (const char *)request + sizeof(request->len),
               request->len - sizeof(request->len));
        *(volatile uint32_t *)&parked->header.len = request->len;
        g_queue_push_tail(&queue->parked, parked);
        return 0;
}

int turns_begin(struct turns *turns, uint32_t serial, const struct fuse_in_header *request)
{
        int r = 1;

        g_mutex_lock(&turns->lock);
        struct queue *queue = find_queue(turns, serial);
        if (queue->serving < turns->limit)
                queue->serving++;
        else
                r = park(turns, queue, request);
        g_mutex_unlock(&turns->lock);
        return r;
}

static void give_back(struct turns *turns, struct fuse_in_header *done)
{
        unsigned i = (unsigned)((struct shared_parked *)done - turns->shared->parked);

        done->len = 0;
        g_array_append_val(turns->free, i);
}

struct fuse_in_header *turns_end(struct turns *turns, uint32_t serial, struct fuse_in_header *done)
{
        g_mutex_lock(&turns->lock);
        struct queue *queue = find_queue(turns, serial);
        struct shared_parked *next = g_queue_pop_head(&queue->parked);
        if (done)
                give_back(turns, done);
        if (!next && --queue->serving == 0)
                g_hash_table_remove(turns->queues, GUINT_TO_POINTER(serial));
        g_mutex_unlock(&turns->lock);
        return next ? &next->header : NULL;
}
