/* `cloisterctl run`, inside: the maker gives the container its root file system, its clock and its control
 * group and starts init in namespaces of its own; init sets up what only the container's root can, runs the
 * command, reaps, passes signals on and ends with the command's status. */
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "bin/cloisterctl-run.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

G_NORETURN static void give_up(int r, const char *text)
{
        fprintf(stderr, "cloisterctl run: %s: %s\n", text, g_strerror(-r));
        _exit(RUN_FAILED);
}

void run_get_signals(sigset_t *ret)
{
        static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

        sigemptyset(ret);
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                sigaddset(ret, signals[i]);
}

int run_exit_status(int wait_status)
{
        return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* "boottime -12 340000000": what this clock shows now is the container's zero. The nanoseconds count upwards.
 */
static void append_offset(GString *text, const char *name, clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        if (now.tv_nsec > 0)
                g_string_append_printf(text, "%s -%lld %ld\n", name, (long long)now.tv_sec + 1,
                                       1000000000L - now.tv_nsec);
        else
                g_string_append_printf(text, "%s -%lld 0\n", name, (long long)now.tv_sec);
}

/* The time namespace that the children of this process enter: its clocks begin now. */
static int make_time(void)
{
        g_autoptr(GString) text = g_string_new(NULL);

        if (unshare(CLONE_NEWTIME) < 0)
                return errno == EINVAL ? 0 : err_negative(); /* a kernel without time namespaces */
        append_offset(text, "boottime", CLOCK_BOOTTIME);
        append_offset(text, "monotonic", CLOCK_MONOTONIC);
        return file_write_at(AT_FDCWD, "/proc/self/timens_offsets", text->str, text->len);
}

static int wait_for(int sync, char wanted)
{
        char got;
        ssize_t n;

        do
                n = read(sync, &got, 1);
        while (n < 0 && errno == EINTR);
        return n == 1 && got == wanted ? 0 : -EPIPE;
}

static int raise_loopback(void)
{
        struct ifreq request = {.ifr_name = "lo"};
        autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return err_negative();
        request.ifr_flags |= IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? err_negative() : 0;
}

static void set_up(const struct run_inside *inside)
{
        int r;

        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                give_up(err_negative(), "cannot become root of the container");
        /* after the change of user, which takes it away; the socket tells if it came too late */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                give_up(err_negative(), "cannot tie the container to cloisterctl");
        if (sethostname(inside->hostname, strlen(inside->hostname)) < 0)
                give_up(err_negative(), "cannot set the container's host name");
        r = raise_loopback();
        if (r == 0)
                r = rootfs_finish();
        if (r < 0)
                give_up(r, "cannot set up the container's devices");
}

G_NORETURN static void execute(char **command)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(command[0], command);
        int r = err_negative();
        fprintf(stderr, "cloisterctl run: cannot execute %s: %s\n", command[0], g_strerror(-r));
        _exit(r == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}

/* Ends as the command ends; what else there is ends with this process 1. */
static void reap(pid_t command)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == command)
                        _exit(run_exit_status(status));
}

/* A signal from the terminal has reached the command already. */
G_NORETURN static void tend(pid_t command)
{
        sigset_t signals;
        siginfo_t info;

        run_get_signals(&signals);
        for (;;) {
                if (sigwaitinfo(&signals, &info) < 0)
                        continue;
                if (info.si_signo == SIGCHLD)
                        reap(command);
                else if (info.si_code != SI_KERNEL)
                        kill(command, info.si_signo);
        }
}

G_NORETURN static void be_init(const struct run_inside *inside)
{
        if (wait_for(inside->sync, RUN_MAPPED) < 0)
                _exit(RUN_FAILED);
        set_up(inside);
        if (write(inside->sync, &(char){RUN_READY}, 1) != 1 || wait_for(inside->sync, RUN_START) < 0)
                _exit(RUN_FAILED);
        close(inside->sync);
        pid_t command = fork();
        if (command < 0)
                give_up(err_negative(), "cannot start the command");
        if (command == 0)
                execute(inside->command);
        tend(command);
}

static void close_others(int sync)
{
        if ((sync > 3 && close_range(3, (unsigned)sync - 1, 0) < 0) ||
            close_range((unsigned)sync + 1, ~0U, 0) < 0)
                give_up(err_negative(), "cannot close what the container must not have");
}

void run_inside(const struct run_inside *inside)
{
        struct clone_args args = {
                .flags = CLONE_PARENT | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS |
                         CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP,
        };
        g_autoptr(GError) error = NULL;
        int r;

        close_others(inside->sync);
        if ((r = make_time()) < 0)
                give_up(r, "cannot make a time namespace");
        if ((r = group_enter(inside->group)) < 0)
                give_up(r, "cannot enter the container's control groups");
        if (rootfs_enter(&inside->rootfs, &error) < 0) {
                fprintf(stderr, "cloisterctl run: %s\n", error->message);
                _exit(RUN_FAILED);
        }
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
        if (pid < 0)
                give_up(err_negative(), "cannot make the container's namespaces (see /proc/sys/user)");
        if (pid == 0)
                be_init(inside);
        _exit(write(inside->sync, &pid, sizeof pid) == sizeof pid ? 0 : RUN_FAILED);
}
