#include "fs/notifier.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <glib.h>

static const gint64 wait_us = 20000;

struct notifier {
        struct fuse_session *session;
        GAsyncQueue *jobs;
        GThread *thread;
};

/* Counted: the one who waits may have left when it is done. node 0 ends the thread. */
struct job {
        gatomicrefcount refs;
        uint64_t node, size;
        GMutex lock;
        GCond done_cond;
        gboolean done;
};

static struct job *job_new(uint64_t node, uint64_t size)
{
        struct job *job = g_new0(struct job, 1);

        g_atomic_ref_count_init(&job->refs);
        g_mutex_init(&job->lock);
        g_cond_init(&job->done_cond);
        job->node = node;
        job->size = size;
        return job;
}

static void job_unref(struct job *job)
{
        if (!g_atomic_ref_count_dec(&job->refs))
                return;
        g_mutex_clear(&job->lock);
        g_cond_clear(&job->done_cond);
        g_free(job);
}

/* One byte at the end is enough: storing it moves the kernel's idea of the size. */
static void send_grow(struct fuse_session *session, uint64_t node, uint64_t size)
{
        char byte = '\n';
        struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(1);

        bytes.buf[0].mem = &byte;
        fuse_lowlevel_notify_store(session, node, (off_t)size - 1, &bytes, (enum fuse_buf_copy_flags)0);
}

static gpointer notifier_thread(gpointer data)
{
        struct notifier *notifier = data;

        for (;;) {
                struct job *job = g_async_queue_pop(notifier->jobs);
                gboolean last = job->node == 0;
                if (!last)
                        send_grow(notifier->session, job->node, job->size);
                g_mutex_lock(&job->lock);
                job->done = TRUE;
                g_cond_signal(&job->done_cond);
                g_mutex_unlock(&job->lock);
                job_unref(job);
                if (last)
                        return NULL;
        }
}

struct notifier *notifier_new(struct fuse_session *session)
{
        struct notifier *notifier = g_new0(struct notifier, 1);

        notifier->session = session;
        notifier->jobs = g_async_queue_new();
        notifier->thread = g_thread_new("notifier", notifier_thread, notifier);
        return notifier;
}

void notifier_free(struct notifier *notifier)
{
        if (!notifier)
                return;
        g_async_queue_push(notifier->jobs, job_new(0, 0));
        g_thread_join(notifier->thread);
        g_async_queue_unref(notifier->jobs);
        g_free(notifier);
}

void notifier_grow(struct notifier *notifier, uint64_t node, uint64_t size, bool wait)
{
        gint64 until = g_get_monotonic_time() + wait_us;
        struct job *job = job_new(node, size);

        g_atomic_ref_count_inc(&job->refs);
        g_async_queue_push(notifier->jobs, job);
        g_mutex_lock(&job->lock);
        while (wait && !job->done && g_cond_wait_until(&job->done_cond, &job->lock, until))
                ;
        g_mutex_unlock(&job->lock);
        job_unref(job);
}
