#include "client/call.h"

#include "base/err.h"
#include "base/fd.h"
#include "config.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { TIMEOUT_SECONDS = 10, CHUNK = 64 * 1024 };

struct cloister {
        char *path;
        int fd;
        GString *input; /* behind the last answer: nothing, unless the server misbehaves */
};

static int open_socket(const char *path, int *ret)
{
        autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS}; /* a full backlog: connect(2) waits */

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return err_negative();
        strcpy(address.sun_path, path);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return err_negative();
        *ret = fd_steal(&fd);
        return 0;
}

static int fail_connect(GError **error, int r, const char *path)
{
        if (r == -ENOENT || r == -ECONNREFUSED)
                return call_fail(error, r,
                                 "no cloisterd answers at %s: start it (`systemctl start cloister`, or run "
                                 "cloisterd as "
                                 "root), or name its socket by --control or $CLOISTER_CONTROL",
                                 path);
        if (r == -EACCES || r == -EPERM)
                return call_fail(error, r, "%s may be used by root on the host only: run this as root", path);
        if (r == -EAGAIN)
                return call_fail(error, -ETIMEDOUT,
                                 "cloisterd at %s took no connection for %d seconds: see its log", path,
                                 TIMEOUT_SECONDS);
        return call_fail(error, r, "cannot connect to cloisterd at %s: %s", path, g_strerror(-r));
}

static int reconnect(struct cloister *cloister, GError **error)
{
        fd_clear(&cloister->fd);
        g_string_truncate(cloister->input, 0);
        int r = open_socket(cloister->path, &cloister->fd);
        return r < 0 ? fail_connect(error, r, cloister->path) : 0;
}

static const char *default_path(void)
{
        const char *path = g_getenv("CLOISTER_CONTROL");

        return path && *path ? path : CLOISTER_RUNDIR "/control.sock";
}

int cloister_connect(const char *path, struct cloister **ret, GError **error)
{
        struct cloister *cloister = g_new0(struct cloister, 1);

        cloister->path = g_strdup(path ?: default_path());
        cloister->fd = -1;
        cloister->input = g_string_new(NULL);
        int r = reconnect(cloister, error);
        if (r < 0)
                cloister_disconnect(cloister);
        else
                *ret = cloister;
        return r;
}

void cloister_disconnect(struct cloister *cloister)
{
        if (!cloister)
                return;
        fd_clear(&cloister->fd);
        g_string_free(cloister->input, TRUE);
        g_free(cloister->path);
        g_free(cloister);
}

/* Waits for events until deadline (of g_get_monotonic_time()). Returns 0, -ETIMEDOUT or -errno. */
static int wait_for(int fd, short events, gint64 deadline)
{
        struct pollfd p = {.fd = fd, .events = events};

        for (;;) {
                gint64 left = deadline - g_get_monotonic_time();
                int r = left <= 0 ? 0 : poll(&p, 1, (int)(left / 1000) + 1);
                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return err_negative();
        }
}

static int send_text(struct cloister *cloister, const GString *text, gint64 deadline)
{
        for (size_t sent = 0; sent < text->len;) {
                int r = wait_for(cloister->fd, POLLOUT, deadline);
                if (r < 0)
                        return r;
                ssize_t n = send(cloister->fd, text->str + sent, text->len - sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return err_negative();
                sent += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* Reads to the NUL that ends an answer. Returns 0, -ECONNRESET (the server hung up), -EFBIG or -errno. */
static int read_text(struct cloister *cloister, gint64 deadline)
{
        g_autofree char *chunk = g_malloc(CHUNK);

        while (cloister->input->len <= PROTO_REPLY_MAX) {
                int r = wait_for(cloister->fd, POLLIN, deadline);
                if (r < 0)
                        return r;
                ssize_t n = recv(cloister->fd, chunk, CHUNK, MSG_DONTWAIT);
                if (n == 0)
                        return -ECONNRESET;
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return err_negative();
                if (n < 0)
                        continue;
                g_string_append_len(cloister->input, chunk, n);
                if (memchr(chunk, '\0', (size_t)n))
                        return 0;
        }
        return -EFBIG;
}

/* One call on the connection as it is. A server that refuses this client hangs up before it has read the
 * call: its answer is there all the same. */
static int exchange(struct cloister *cloister, const GString *text, struct proto_reply **ret)
{
        gint64 deadline = g_get_monotonic_time() + TIMEOUT_SECONDS * G_USEC_PER_SEC;
        int r = send_text(cloister, text, deadline);

        if (r == 0 || r == -EPIPE)
                r = read_text(cloister, deadline);
        if (r < 0)
                return r;
        size_t len = strlen(cloister->input->str);
        r = proto_parse_reply(cloister->input->str, len, ret);
        g_string_erase(cloister->input, 0, (gssize)len + 1);
        return r;
}

static int fail_exchange(struct cloister *cloister, int r, const char *method, GError **error)
{
        /* what comes later must not be taken for the answer to the next call */
        fd_clear(&cloister->fd);
        if (r == -ETIMEDOUT)
                return call_fail(error, r, "cloisterd at %s did not answer %s within %d seconds: see its log",
                                 cloister->path, method, TIMEOUT_SECONDS);
        if (r == -EBADMSG || r == -EPROTO || r == -EFBIG)
                return call_fail(error, -EBADMSG,
                                 "what answers at %s is no cloisterd: check --control and "
                                 "$CLOISTER_CONTROL",
                                 cloister->path);
        return call_fail(error, r, "cloisterd at %s ended while it worked on %s: %s", cloister->path, method,
                         g_strerror(-r));
}

static int send_call(struct cloister *cloister, const GString *text, const char *method,
                     struct proto_reply **ret, GError **error)
{
        int r = cloister->fd < 0 ? -ECONNRESET : exchange(cloister, text, ret);

        if (r == -ECONNRESET || r == -EPIPE) {
                r = reconnect(cloister, error);
                if (r < 0)
                        return r;
                r = exchange(cloister, text, ret);
        }
        return r < 0 ? fail_exchange(cloister, r, method, error) : 0;
}

int call_method(struct cloister *cloister, const char *method, json_object *parameters, json_object **ret,
                GError **error)
{
        auto_json params = parameters;
        autoptr(proto_reply) reply = NULL;
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *full = strchr(method, '.') ? g_strdup(method)
                                                    : g_strconcat(PROTO_INTERFACE ".", method, NULL);
        int r = proto_format_call(full, params, text);

        if (r < 0)
                return call_fail(error, r, "the parameters of %s have more than %d bytes", method,
                                 PROTO_REQUEST_MAX);
        if (!g_utf8_validate_len(text->str, text->len - 1, NULL))
                return call_fail(error, -EINVAL, "the parameters of %s are not UTF-8", method);
        r = send_call(cloister, text, method, &reply, error);
        if (r < 0)
                return r;
        if (reply->error)
                return call_fail_reply(reply, method, error);
        *ret = json_object_get(reply->parameters);
        return 0;
}

int cloister_call(struct cloister *cloister, const char *method, const char *parameters, char **ret,
                  GError **error)
{
        json_object *object = NULL;
        auto_json answer = NULL;
        int r = 0;

        if (parameters)
                r = proto_parse_object(parameters, strlen(parameters), PROTO_REQUEST_MAX, &object);
        if (r < 0)
                return call_fail(error, -EINVAL, "the parameters of %s are no JSON object: %.80s", method,
                                 parameters);
        r = call_method(cloister, method, object, &answer, error);
        if (r == 0)
                *ret = g_strdup(json_object_to_json_string_ext(
                        answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        return r;
}
