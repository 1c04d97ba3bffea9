#include "keep/keep.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum {
        THREAD_PIDFD = O_EXCL, /* PIDFD_THREAD, Linux 6.9 */
        REAP_WAIT_MS = 50,
        STOP_WAIT_MS = 5000,
        SOON_MS = 100, /* a server that ends sooner than this has failed to start */
        PAUSE_FIRST_MS = 10,
        PAUSE_MAX_MS = 5000,
        STUCK_MAX = 8, /* dead servers that a thread stuck in the kernel keeps from being reaped */
        NOTIFY_RESEND = 7,
};

struct keeper {
        const struct keep_connection *connections;
        size_t n_connections;
        int control_fd;
        char *const *(*make_argv)(unsigned restarts, int ready_fd, void *data);
        void *data;
        int signal_fd;
        pid_t server;
        int server_fd; /* pidfd of its first thread */
        int ready_fd;  /* our end, -1 once it said that it serves */
        pid_t stuck[STUCK_MAX];
        unsigned restarts, pause_ms;
        int64_t started_ms;
};

static int64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms)
{
        struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

        nanosleep(&ts, NULL);
}

/* Tells systemd, where it started us, that the service is ready: sd_notify(3) without the library. */
static void notify_ready(void)
{
        static const char message[] = "READY=1";
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (!path || strlen(path) >= sizeof(address.sun_path))
                return;
        autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        memcpy(address.sun_path, path, strlen(path));
        if (address.sun_path[0] == '@')
                address.sun_path[0] = '\0';
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (fd < 0 ||
            sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address, len) < 0)
                log_warning("cannot tell systemd that the service is ready");
}

static void inherit(int fd)
{
        if (fd >= 0)
                fcntl(fd, F_SETFD, 0);
}

/* In the child: only async-signal-safe calls. */
static void exec_server(const struct keeper *k, char *const *argv, int ready_fd)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < k->n_connections; i++) {
                inherit(k->connections[i].fd);
                inherit(k->connections[i].shared_fd);
        }
        inherit(k->control_fd);
        inherit(ready_fd);
        execv("/proc/self/exe", argv);
        _exit(127);
}

/* The first thread's pidfd becomes readable when the server is killed even if another of its threads is stuck
 * in the kernel; the process's own would not. */
static int open_server(pid_t pid)
{
        int fd = pidfd_open(pid, THREAD_PIDFD);

        return fd >= 0 ? fd : pidfd_open(pid, 0);
}

static int start_server(struct keeper *k)
{
        int ready[2];

        if (pipe2(ready, O_CLOEXEC) < 0)
                return err_negative();
        char *const *argv = k->make_argv(k->restarts, ready[1], k->data);
        pid_t pid = fork();
        if (pid == 0)
                exec_server(k, argv, ready[1]);
        int r = pid < 0 ? err_negative() : 0;
        close(ready[1]);
        fd_clear(&k->ready_fd);
        k->ready_fd = ready[0];
        if (r < 0)
                return r;
        k->server = pid;
        k->started_ms = now_ms();
        k->server_fd = open_server(pid);
        return k->server_fd < 0 ? err_negative() : 0;
}

/* A dead server whose thread the kernel held is gone at last: what it had read meanwhile is put back. */
static void resend_all(const struct keeper *k)
{
        struct fuse_out_header resend = {.len = sizeof(resend), .error = NOTIFY_RESEND};

        for (size_t i = 0; i < k->n_connections; i++)
                if (write(k->connections[i].fd, &resend, sizeof(resend)) < 0)
                        log_debug("the kernel does not resend requests: %s", strerror(errno));
}

static void reap_stuck(struct keeper *k)
{
        for (size_t i = 0; i < STUCK_MAX; i++)
                if (k->stuck[i] > 0 && waitpid(k->stuck[i], NULL, WNOHANG) == k->stuck[i]) {
                        k->stuck[i] = 0;
                        resend_all(k);
                }
}

static void log_end(const struct keeper *k, int status)
{
        if (WIFSIGNALED(status))
                log_warning("the server (pid %d) was killed by signal %d", k->server, WTERMSIG(status));
        else
                log_warning("the server (pid %d) ended with status %d", k->server, WEXITSTATUS(status));
}

/* Waits at most REAP_WAIT_MS for the rest of the dead server; then the successor starts all the same. */
static void reap_server(struct keeper *k)
{
        int64_t until = now_ms() + REAP_WAIT_MS;
        int status;
        pid_t pid;

        while ((pid = waitpid(k->server, &status, WNOHANG)) == 0 && now_ms() < until)
                sleep_ms(1);
        if (pid == k->server) {
                log_end(k, status);
        } else {
                log_warning("the server (pid %d) is dead but stuck in the kernel", k->server);
                for (size_t i = 0; i < STUCK_MAX; i++)
                        if (k->stuck[i] == 0) {
                                k->stuck[i] = k->server;
                                break;
                        }
        }
        fd_clear(&k->server_fd);
        k->server = 0;
}

/* Whether the kernel ended a connection: all of its mounts are gone, or somebody aborted it. */
static bool connection_ended(const struct keeper *k)
{
        struct pollfd fds[KEEP_CONNECTIONS_MAX];

        for (size_t i = 0; i < k->n_connections; i++)
                fds[i] = (struct pollfd){.fd = k->connections[i].fd, .events = POLLIN};
        if (poll(fds, k->n_connections, 0) <= 0)
                return false;
        for (size_t i = 0; i < k->n_connections; i++)
                if (fds[i].revents & POLLERR)
                        return true;
        return false;
}

static void pause_before_restart(struct keeper *k)
{
        if (now_ms() - k->started_ms >= SOON_MS && k->ready_fd < 0) {
                k->pause_ms = 0;
                return;
        }
        k->pause_ms = k->pause_ms ? (k->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : k->pause_ms * 2)
                                  : PAUSE_FIRST_MS;
        sleep_ms(k->pause_ms);
}

static int stop_server(struct keeper *k)
{
        struct pollfd p = {.fd = k->server_fd, .events = POLLIN};

        if (k->server <= 0)
                return 0;
        kill(k->server, SIGTERM);
        if (poll(&p, 1, STOP_WAIT_MS) == 0) {
                log_warning("the server (pid %d) does not end, killing it", k->server);
                kill(k->server, SIGKILL);
        }
        waitpid(k->server, NULL, 0);
        fd_clear(&k->server_fd);
        return 0;
}

static void take_ready(struct keeper *k)
{
        char byte;

        if (read(k->ready_fd, &byte, 1) == 1 && k->restarts == 0) {
                log_info("ready");
                notify_ready();
        }
        fd_clear(&k->ready_fd);
}

static int keep_server(struct keeper *k)
{
        int r = start_server(k);

        while (r == 0) {
                struct pollfd p[] = {
                        {.fd = k->signal_fd, .events = POLLIN},
                        {.fd = k->server_fd, .events = POLLIN},
                        {.fd = k->ready_fd, .events = POLLIN},
                };
                if (poll(p, 3, -1) < 0 && errno != EINTR)
                        return err_negative();
                struct signalfd_siginfo info;
                if (p[0].revents && read(k->signal_fd, &info, sizeof(info)) == sizeof(info) &&
                    info.ssi_signo != SIGCHLD)
                        return stop_server(k);
                reap_stuck(k);
                if (p[2].revents)
                        take_ready(k);
                if (!p[1].revents)
                        continue;
                reap_server(k);
                if (connection_ended(k))
                        return -ENOTCONN;
                pause_before_restart(k);
                k->restarts++;
                r = start_server(k);
        }
        return log_errno(r, "cannot start the server");
}

int keep_run(const struct keep_connection *connections, size_t n_connections, int control_fd,
             char *const *(*make_argv)(unsigned restarts, int ready_fd, void *data), void *data)
{
        struct keeper k = {
                .connections = connections,
                .n_connections = n_connections,
                .control_fd = control_fd,
                .make_argv = make_argv,
                .data = data,
                .server_fd = -1,
                .ready_fd = -1,
        };
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return err_negative();
        k.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (k.signal_fd < 0)
                return err_negative();
        int r = keep_server(&k);
        fd_clear(&k.signal_fd);
        fd_clear(&k.ready_fd);
        return r;
}
