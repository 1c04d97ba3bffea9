/* The protocol below the operations: attaching to a connection, taking it over from a dead server, and the
 * threads that read requests and have them served. */
#include "fs/session.h"

#include "base/err.h"
#include "base/log.h"
#include "fs/nodeid.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        THREADS_MIN = 2,
        NOTIFY_RESEND = 7, /* FUSE_NOTIFY_RESEND, Linux 6.9 */
        RESEND_MINOR = 40, /* of the protocol, since when it is there */
        FLAGS2_HAS_RESEND = 1 << 7,
        STOP_SIGNAL = SIGUSR1,
        STOP_INTERVAL_US = 1000,
};

/* An id that the kernel never gives to a request (it counts upwards by two): of the replayed FUSE_INIT. */
static const uint64_t replay_unique = UINT64_C(0x7ffffffffffffffe);

static _Thread_local struct worker *current_worker;

struct worker *session_worker(void)
{
        return current_worker;
}

/* The kernel serialises lookups in a directory unless told not to; libfuse before 3.15 does not pass the wish
 * on. */
static void allow_parallel_lookups(const struct shared *shared, struct fuse_init_out *out)
{
        const struct fuse_init_in *in = (const void *)(shared->init + sizeof(struct fuse_in_header));

        out->flags |= in->flags & FUSE_PARALLEL_DIROPS;
}

/* The first answer to FUSE_INIT is recorded; the answer to a replayed one must be the same, and goes nowhere.
 */
static ssize_t handle_init_reply(struct fs *fs, int fd, const char *reply, size_t len)
{
        struct shared *shared = fs->config.shared;
        struct fuse_init_out *out = (void *)(shared->out + sizeof(struct fuse_out_header));
        char own[SHARED_INIT_MAX] = {0};
        struct fuse_init_out *own_out = (void *)(own + sizeof(struct fuse_out_header));

        memcpy(own, reply, MIN(len, sizeof(own)));
        allow_parallel_lookups(shared, own_out);
        if (fs->replaying) {
                fs->differs = ((struct fuse_out_header *)(void *)own)->error != 0 ||
                              own_out->flags != out->flags || own_out->flags2 != out->flags2 ||
                              own_out->minor != out->minor || own_out->max_write < out->max_write;
                return (ssize_t)len;
        }
        memcpy(shared->out, own, sizeof(own));
        shared->out_len = (uint32_t)len;
        return write(fd, own, len);
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
        struct fs *fs = userdata;
        g_autoptr(GString) reply = NULL;

        if (!fs->replaying && fs->config.shared->out_len > 0)
                return writev(fd, iov, count);
        reply = g_string_new(NULL);
        for (int i = 0; i < count; i++)
                g_string_append_len(reply, iov[i].iov_base, (gssize)iov[i].iov_len);
        return handle_init_reply(fs, fd, reply->str, reply->len);
}

static ssize_t io_read(int fd, void *buffer, size_t size, void *userdata)
{
        return read(fd, buffer, size);
}

static void process(struct fs *fs, struct worker *worker, struct fuse_in_header *request)
{
        struct fuse_buf buf = {.size = request->len, .mem = request};

        current_worker = worker;
        worker->request = request;
        fuse_session_process_buf(fs->session, &buf);
}

/* Reads the kernel's FUSE_INIT, its first request on a connection. */
static int read_init(struct fs *fs, char *buffer, size_t size)
{
        const struct fuse_in_header *header = (const void *)buffer;
        ssize_t n;

        do
                n = read(fs->config.fd, buffer, size);
        while (n < 0 && (errno == EINTR || errno == ENOENT));
        if (n < 0)
                return err_negative();
        return (size_t)n > SHARED_INIT_MAX || header->opcode != FUSE_INIT ? -EPROTO : (int)n;
}

static int attach_first(struct fs *fs)
{
        g_autofree char *buffer = g_malloc(SHARED_SLOT_SIZE);
        struct shared *shared = fs->config.shared;
        int n = read_init(fs, buffer, SHARED_SLOT_SIZE);

        if (n < 0)
                return n;
        memcpy(shared->init, buffer, (size_t)n);
        process(fs, &fs->workers[0], (void *)buffer);
        *(volatile uint32_t *)&shared->init_len = (uint32_t)n;
        return shared->out_len > 0 ? 0 : -EPROTO;
}

static int attach_again(struct fs *fs)
{
        struct shared *shared = fs->config.shared;
        g_autofree char *buffer = g_malloc0(SHARED_INIT_MAX);
        struct fuse_in_header *header = (void *)buffer;

        memcpy(buffer, shared->init, shared->init_len);
        header->unique = replay_unique;
        fs->replaying = true;
        process(fs, &fs->workers[0], header);
        fs->replaying = false;
        return fs->differs ? -EPROTO : 0;
}

static int attach(struct fs *fs)
{
        static const struct fuse_custom_io io = {.writev = io_writev, .read = io_read};
        static char program[] = "cloisterd", *argv[] = {program, NULL};
        struct fuse_args args = FUSE_ARGS_INIT(1, argv);

        fs->session = fuse_session_new(&args, ops_table(), sizeof(struct fuse_lowlevel_ops), fs);
        fuse_opt_free_args(&args);
        if (!fs->session)
                return -ENOMEM;
        int r = fuse_session_custom_io(fs->session, &io, fs->config.fd);
        if (r < 0)
                return r;
        return fs->config.shared->init_len > 0 ? attach_again(fs) : attach_first(fs);
}

int fs_new(const struct fs_config *config, struct fs **ret)
{
        struct fs *fs = g_new0(struct fs, 1);
        int r;

        fs->config = *config;
        fs->config.threads = CLAMP(config->threads, THREADS_MIN, SHARED_SLOTS);
        fs->handles = handles_new(config->shared);
        fs->names = names_new(config->shared);
        fs->sizes = sizes_new();
        fs->tree = tree_new(&fs->config, fs->names);
        fs->turns = turns_new(config->shared, MAX(fs->config.threads / 4, 1));
        fs->workers = g_new0(struct worker, fs->config.threads);
        r = attach(fs);
        if (r < 0) {
                fs_free(fs);
                return r;
        }
        *ret = fs;
        return 0;
}

static bool kernel_resends(const struct shared *shared)
{
        const struct fuse_init_in *in = (const void *)(shared->init + sizeof(struct fuse_in_header));

        return in->minor >= RESEND_MINOR && in->flags2 & FLAGS2_HAS_RESEND;
}

/* What the server before read and did not answer: the kernel puts it back into its queue, or, before
 * Linux 6.9, it is served here from the journal. A request that was answered after all is refused by the
 * kernel; that is harmless. */
static void recover_request(struct fs *fs, struct fuse_in_header *request, bool resent)
{
        if (request->len > 0 && !resent)
                process(fs, &fs->workers[0], request);
        request->len = 0;
}

static int recover(struct fs *fs)
{
        struct shared *shared = fs->config.shared;
        bool resends = kernel_resends(shared);
        struct fuse_out_header resend = {.len = sizeof(resend), .error = NOTIFY_RESEND};

        for (unsigned i = 0; i < SHARED_SLOTS; i++)
                recover_request(fs, &shared->slots[i].header, resends);
        for (unsigned i = 0; i < shared->parked_high; i++)
                recover_request(fs, &shared->parked[i].header, resends);
        if (resends && write(fs->config.fd, &resend, sizeof(resend)) < 0)
                return err_negative();
        return 0;
}

/* Requests that only let go of something, or that belong to no container, are served at once. */
static uint32_t turn_serial(const struct fuse_in_header *request)
{
        switch (request->opcode) {
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_DESTROY:
                return 0;
        default:
                return nodeid_parse(request->nodeid).serial;
        }
}

static void refuse(const struct fs *fs, const struct fuse_in_header *request)
{
        struct fuse_out_header out = {.len = sizeof(out), .error = -EIO, .unique = request->unique};

        if (write(fs->config.fd, &out, sizeof(out)) < 0)
                log_debug("%s: a refused request had been given up", fs->config.name);
}

static void serve(struct fs *fs, struct worker *worker)
{
        struct fuse_in_header *request = &worker->slot->header, *parked = NULL;
        uint32_t serial = turn_serial(request);
        int turn = serial ? turns_begin(fs->turns, serial, request) : 1;

        if (turn == 1)
                process(fs, worker, request);
        else if (turn < 0)
                refuse(fs, request);
        request->len = 0;
        if (serial == 0 || turn != 1)
                return;
        while ((parked = turns_end(fs->turns, serial, parked)))
                process(fs, worker, parked);
}

/* Reads one request into the slot. Returns 1, 0 (try again) or -errno (-ENODEV: the connection has ended). */
static int read_request(struct fs *fs, struct worker *worker)
{
        ssize_t n = read(fs->config.fd, worker->slot->bytes, sizeof(worker->slot->bytes));

        if (n > 0)
                return 1;
        int r = n < 0 ? err_negative() : -ENODEV;
        worker->slot->header.len = 0;
        return r == -EINTR || r == -EAGAIN || r == -ENOENT ? 0 : r;
}

static void connection_ended(struct fs *fs, int r)
{
        if (atomic_exchange(&fs->ended, true))
                return;
        log_info("%s: the kernel ended the connection: %s", fs->config.name, g_strerror(-r));
        if (fs->config.ended)
                fs->config.ended(fs->config.data);
}

static void *worker_thread(void *data)
{
        struct worker *worker = data;
        struct fs *fs = worker->fs;
        int r = 0;

        while (!fs->stopping && r >= 0) {
                r = read_request(fs, worker);
                if (r > 0)
                        serve(fs, worker);
        }
        if (r < 0)
                connection_ended(fs, r);
        worker->done = true;
        return NULL;
}

static void on_stop_signal(int signal)
{
}

/* Interrupts a read that waits; without SA_RESTART. */
static int catch_stop_signal(void)
{
        struct sigaction action = {.sa_handler = on_stop_signal};

        return sigaction(STOP_SIGNAL, &action, NULL) < 0 ? err_negative() : 0;
}

int fs_start(struct fs *fs)
{
        int r = catch_stop_signal();

        if (r < 0)
                return r;
        fs->notifier = notifier_new(fs->session);
        for (unsigned i = 0; i < fs->config.threads; i++) {
                fs->workers[i].fs = fs;
                fs->workers[i].slot = &fs->config.shared->slots[i];
                fs->workers[i].text = g_string_new(NULL);
        }
        r = recover(fs);
        for (unsigned i = 0; r == 0 && i < fs->config.threads; i++) {
                r = -pthread_create(&fs->workers[i].thread, NULL, worker_thread, &fs->workers[i]);
                fs->workers[i].started = r == 0;
        }
        return r;
}

void fs_stop(struct fs *fs)
{
        fs->stopping = true;
        for (unsigned i = 0; i < fs->config.threads; i++) {
                struct worker *worker = &fs->workers[i];
                if (!worker->started)
                        continue;
                /* a signal that comes just before the read is lost: again, until it is seen */
                for (; !worker->done; g_usleep(STOP_INTERVAL_US))
                        pthread_kill(worker->thread, STOP_SIGNAL);
                pthread_join(worker->thread, NULL);
                worker->started = false;
        }
}

void fs_free(struct fs *fs)
{
        if (!fs)
                return;
        fs_stop(fs);
        notifier_free(fs->notifier);
        for (unsigned i = 0; i < fs->config.threads; i++)
                if (fs->workers[i].text)
                        g_string_free(fs->workers[i].text, TRUE);
        if (fs->session)
                fuse_session_destroy(fs->session);
        turns_free(fs->turns);
        tree_free(fs->tree);
        sizes_free(fs->sizes);
        names_free(fs->names);
        handles_free(fs->handles);
        g_free(fs->workers);
        g_free(fs);
}

unsigned fs_handles(const struct fs *fs)
{
        return handles_count(fs->handles);
}

unsigned fs_protocol_minor(const struct fs *fs)
{
        const struct fuse_init_out *out = (const void *)(fs->config.shared->out +
                                                         sizeof(struct fuse_out_header));

        return out->minor;
}
