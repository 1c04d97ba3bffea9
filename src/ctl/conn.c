/* Connections: bytes in, whole messages to ctl_dispatch(), bytes out. Nothing blocks: a connection with an
 * answer that its client does not take is read no further, one that is silent is closed after a while, or at
 * once when its place is needed. */
#include "ctl/server.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

enum { CHUNK = 4096 };

struct ctl_conn {
        struct ctl *ctl;
        int fd;
        GString *input, *output;
        size_t sent;     /* of output */
        GSource *source; /* of fd: IN, or OUT while there is output; an idle source while messages wait */
        GSource *idle;   /* closes it */
        GList *link;     /* in ctl->connections */
};

static gboolean on_ready(int fd, GIOCondition condition, void *data);

static void conn_free(struct ctl_conn *conn)
{
        g_queue_delete_link(&conn->ctl->connections, conn->link);
        ctl_unwatch(&conn->source);
        ctl_unwatch(&conn->idle);
        fd_clear(&conn->fd);
        g_string_free(conn->input, TRUE);
        g_string_free(conn->output, TRUE);
        g_free(conn);
}

static gboolean on_idle(void *data)
{
        conn_free(data);
        return G_SOURCE_REMOVE;
}

/* A whole message has come, or a whole answer has gone: the time begins anew. */
static void touch(struct ctl_conn *conn)
{
        g_queue_unlink(&conn->ctl->connections, conn->link);
        g_queue_push_tail_link(&conn->ctl->connections, conn->link);
        ctl_unwatch(&conn->idle);
        conn->idle = g_timeout_source_new_seconds(CTL_IDLE_SECONDS);
        g_source_set_callback(conn->idle, on_idle, conn, NULL);
        g_source_attach(conn->idle, conn->ctl->context);
}

static bool has_message(const struct ctl_conn *conn)
{
        return memchr(conn->input->str, '\0', conn->input->len) != NULL;
}

static gboolean on_pending(void *data)
{
        struct ctl_conn *conn = data;

        return on_ready(conn->fd, 0, conn);
}

static void watch(struct ctl_conn *conn)
{
        ctl_unwatch(&conn->source);
        if (conn->output->len == 0 && has_message(conn)) {
                conn->source = g_idle_source_new();
                g_source_set_priority(conn->source, G_PRIORITY_DEFAULT);
                g_source_set_callback(conn->source, on_pending, conn, NULL);
        } else {
                conn->source = g_unix_fd_source_new(conn->fd, conn->output->len > 0 ? G_IO_OUT : G_IO_IN);
                g_source_set_callback(conn->source, G_SOURCE_FUNC(on_ready), conn, NULL);
        }
        g_source_attach(conn->source, conn->ctl->context);
}

/* Returns 0 (also when there is nothing to read now) or -errno; -EPIPE at the end. */
static int read_input(struct ctl_conn *conn)
{
        char chunk[CHUNK];
        size_t room = PROTO_REQUEST_MAX + 1 - conn->input->len;
        ssize_t n = recv(conn->fd, chunk, MIN(room, sizeof(chunk)), MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : err_negative();
        if (n == 0)
                return -EPIPE;
        g_string_append_len(conn->input, chunk, n);
        return 0;
}

static int send_output(struct ctl_conn *conn)
{
        while (conn->sent < conn->output->len) {
                ssize_t n = send(conn->fd, conn->output->str + conn->sent, conn->output->len - conn->sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : err_negative();
                conn->sent += (size_t)n;
        }
        /* a reply may have been megabytes: do not keep them for a client that waits */
        g_string_free(conn->output, TRUE);
        conn->output = g_string_new(NULL);
        conn->sent = 0;
        return 0;
}

/* Answers the first message, if it is whole. One at a time: others get their turn between two of them. */
static int answer_message(struct ctl_conn *conn)
{
        const char *end = memchr(conn->input->str, '\0', conn->input->len);

        if (!end)
                return conn->input->len > PROTO_REQUEST_MAX ? -EFBIG : 0;
        size_t len = (size_t)(end - conn->input->str);
        int r = ctl_dispatch(conn->ctl, conn->input->str, len, conn->output);
        g_string_erase(conn->input, 0, (gssize)len + 1);
        touch(conn);
        return r;
}

static gboolean on_ready(int fd, GIOCondition condition, void *data)
{
        struct ctl_conn *conn = data;
        int r = 0;

        if (conn->output->len == 0) {
                if (!has_message(conn))
                        r = read_input(conn);
                if (r == 0)
                        r = answer_message(conn);
        }
        if (r == 0)
                r = send_output(conn);
        if (r < 0) {
                if (r != -EPIPE && r != -ECONNRESET)
                        log_warning("control: a connection is closed: %s", g_strerror(-r));
                conn_free(conn);
                return G_SOURCE_REMOVE;
        }
        watch(conn);
        return G_SOURCE_REMOVE;
}

static void conn_new(struct ctl *ctl, int fd)
{
        struct ctl_conn *conn = g_new0(struct ctl_conn, 1);

        if (ctl->connections.length >= CTL_CONNECTIONS_MAX)
                conn_free(g_queue_peek_head(&ctl->connections));
        conn->ctl = ctl;
        conn->fd = fd;
        conn->input = g_string_new(NULL);
        conn->output = g_string_new(NULL);
        g_queue_push_tail(&ctl->connections, conn);
        conn->link = ctl->connections.tail;
        touch(conn);
        watch(conn);
}

/* Says why in one message, which fits into an empty socket buffer, and hangs up. */
static void refuse(int fd)
{
        g_autoptr(GString) out = g_string_new(NULL);
        struct ctl_answer answer = {0};

        answer_fail_text(
                &answer, PROTO_INTERFACE ".PermissionDenied", "message",
                "only root in the user and PID namespaces of cloisterd may use its control socket: run this "
                "as root on the host");
        proto_format_error(answer.error, answer.parameters, out);
        json_object_put(answer.parameters);
        if (send(fd, out->str, out->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return;
}

static gboolean on_connect(int listen_fd, GIOCondition condition, void *data)
{
        struct ctl *ctl = data;
        autofd int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return G_SOURCE_CONTINUE;
        int r = ctl_check_peer(ctl, fd);
        if (r == 0)
                conn_new(ctl, fd_steal(&fd));
        else if (r == -EACCES)
                refuse(fd);
        return G_SOURCE_CONTINUE;
}

int ctl_listen(struct ctl *ctl)
{
        /* the fd is the keeper's too: a client that hangs up between poll and accept must not block us */
        if (!g_unix_set_fd_nonblocking(ctl->config.listen_fd, TRUE, NULL))
                return -EBADF;
        ctl->listen_source = g_unix_fd_source_new(ctl->config.listen_fd, G_IO_IN);
        g_source_set_callback(ctl->listen_source, G_SOURCE_FUNC(on_connect), ctl, NULL);
        g_source_attach(ctl->listen_source, ctl->context);
        return 0;
}

void ctl_connections_clear(struct ctl *ctl)
{
        while (ctl->connections.length > 0)
                conn_free(g_queue_peek_head(&ctl->connections));
}
