/* `cloisterctl run`, outside: a container without an engine. Three processes: this one, which waits and
 * passes signals on; the container's init, its child; and a watcher that takes the group and the ids back
 * when this one has ended in whatever way. */
#include "bin/cloisterctl-run.h"

#include "base/cpuset.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/num.h"
#include "bin/cloisterctl.h"
#include "bin/views.h"
#include "client/cloister.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_ROOT "cloisterctl"
#define DEFAULT_PARENT "/cloister"

enum { IDS = 65536, CPU_MICRO = 100000, TOKEN_MAX = 256, NAME_MAX_BYTES = 63, CPUS_MAX = 8192 };

struct run {
        const char *control, *name, *dir, *parent;
        struct group_limits limits;
        char **command;

        char *id;
        struct cloister *cloister;
        struct group *group;
        int life; /* the watcher acts when this is closed; the token of the registration is written to it */
        pid_t watcher, init;
        int pidfd;
        uint32_t start; /* of the leased ids */
};

static const char help[] =
        "Usage: cloisterctl run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
        "Runs COMMAND in a container of its own, without an engine, on the host's root (read-only) or on "
        "DIR.\n"
        "\n"
        "  --name N             name and host name (default: run-<pid>)\n"
        "  --memory SIZE        memory limit: 256M\n"
        "  --cpus N             CPU limit: 1.5\n"
        "  --cpuset LIST        CPUs to run on: 0-1\n"
        "  --pids N             limit of processes\n"
        "  --rootfs DIR         root file system, its owners shifted into the container's ids\n"
        "  --cgroup-parent P    control group to make the container's in (default: " DEFAULT_PARENT ")\n"
        "  --cgroup-view MODE   native: what the kernel shows (the default, and the only one yet)\n"
        "\n"
        "Exit status: the command's own (128+n for signal n), 125 when Cloister failed, 2 for wrong usage.\n";

static int usage(const char *text, const char *value)
{
        fprintf(stderr, "cloisterctl run: %s%s%s\nTry: cloisterctl run --help\n", text, value ? ": " : "",
                value ? value : "");
        return STATUS_USAGE;
}

static int parse_cpus(const char *text, uint64_t *ret)
{
        char *end;
        double cpus = g_ascii_strtod(text, &end);

        if (end == text || *end || !(cpus >= 0.01 && cpus <= CPUS_MAX))
                return -EINVAL;
        *ret = (uint64_t)(cpus * CPU_MICRO + 0.5);
        return 0;
}

static int check_name(const char *name)
{
        size_t len = strlen(name);

        if (len == 0 || len > NAME_MAX_BYTES ||
            strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-_") != len)
                return -EINVAL;
        return 0;
}

static int check_cpuset(const char *text)
{
        struct cpuset set;

        return cpuset_parse(text, &set) < 0 || cpuset_count(&set) == 0 ? -EINVAL : 0;
}

enum {
        OPT_NAME,
        OPT_MEMORY,
        OPT_CPUS,
        OPT_CPUSET,
        OPT_PIDS,
        OPT_ROOTFS,
        OPT_PARENT,
        OPT_VIEW,
        OPT_CONTROL,
        OPT_HELP
};

static const struct option options[] = {
        {"name", required_argument, NULL, OPT_NAME},
        {"memory", required_argument, NULL, OPT_MEMORY},
        {"cpus", required_argument, NULL, OPT_CPUS},
        {"cpuset", required_argument, NULL, OPT_CPUSET},
        {"pids", required_argument, NULL, OPT_PIDS},
        {"rootfs", required_argument, NULL, OPT_ROOTFS},
        {"cgroup-parent", required_argument, NULL, OPT_PARENT},
        {"cgroup-view", required_argument, NULL, OPT_VIEW},
        {"control", required_argument, NULL, OPT_CONTROL},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
};

/* One option: 0 or -EINVAL. */
static int take_option(struct run *run, int option, const char *value)
{
        switch (option) {
        case OPT_NAME:
                run->name = value;
                return check_name(value);
        case OPT_MEMORY:
                return num_parse_size(value, &run->limits.memory) < 0 || run->limits.memory == 0 ? -EINVAL
                                                                                                 : 0;
        case OPT_CPUS:
                return parse_cpus(value, &run->limits.cpu_micro);
        case OPT_CPUSET:
                run->limits.cpuset = value;
                return check_cpuset(value);
        case OPT_PIDS:
                return num_parse_u64(value, &run->limits.pids) < 0 || run->limits.pids == 0 ? -EINVAL : 0;
        case OPT_ROOTFS:
                run->dir = value;
                return 0;
        case OPT_PARENT:
                run->parent = value;
                return *value && !strstr(value, "..") ? 0 : -EINVAL;
        case OPT_VIEW:
                return g_str_equal(value, "native") ? 0 : -EINVAL;
        default:
                run->control = value;
                return 0;
        }
}

/* Returns -1 to go on, or an exit status. */
static int parse_arguments(struct run *run, int argc, char **argv)
{
        int option, index = 0;

        optind = 0;
        while ((option = getopt_long(argc, argv, "+", options, &index)) >= 0) {
                if (option == '?')
                        return usage("wrong option", NULL);
                if (option == OPT_HELP) {
                        fputs(help, stdout);
                        return STATUS_GOOD;
                }
                if (take_option(run, option, optarg) < 0) {
                        g_autofree char *text = g_strconcat("senseless --", options[option].name, NULL);
                        return usage(text, optarg);
                }
        }
        if (optind == argc)
                return usage("a command is needed", NULL);
        run->command = argv + optind;
        return -1;
}

/* ---- the watcher ---- */

static void read_token(int life, char token[TOKEN_MAX])
{
        size_t got = 0;

        for (;;) {
                ssize_t n = read(life, token + got, TOKEN_MAX - 1 - got);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                got += (size_t)n;
        }
        token[got] = '\0';
}

static void give_back(const struct run *run, const char *token)
{
        struct cloister *cloister = NULL;

        if (cloister_connect(run->control, &cloister, NULL) < 0)
                return; /* cloisterd sweeps at its start */
        if (!*token || cloister_unregister(cloister, RUN_ROOT, run->id, token, NULL) < 0)
                cloister_release_ids(cloister, RUN_ROOT, run->id, NULL);
        cloister_disconnect(cloister);
}

G_NORETURN static void watch(const struct run *run, int life)
{
        char token[TOKEN_MAX];

        setsid();
        read_token(life, token);
        if (group_remove(run->group) < 0)
                fprintf(stderr,
                        "cloisterctl run: control groups of %s are left: processes in them do not end\n",
                        run->id);
        give_back(run, token);
        _exit(0);
}

static int start_watcher(struct run *run)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_negative();
        autofd int in = ends[0];
        run->life = ends[1];
        run->watcher = fork();
        if (run->watcher < 0)
                return err_negative();
        if (run->watcher == 0) {
                fd_clear(&run->life);
                watch(run, in);
        }
        return 0;
}

static void end_watcher(struct run *run)
{
        fd_clear(&run->life);
        while (run->watcher > 0 && waitpid(run->watcher, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* ---- the container ---- */

static int fail(GError **error, int r, const char *text)
{
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r), "%s: %s", text, g_strerror(-r));
        return r;
}

static int start_init(struct run *run, int *ret_sync, GError **error)
{
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return fail(error, err_negative(), "cannot make a socket");
        autofd int sync = ends[0], other = ends[1];
        struct run_inside inside = {
                .rootfs = {.dir = run->dir, .uid = run->start, .gid = run->start},
                .group = run->group,
                .hostname = run->id,
                .command = run->command,
                .sync = other,
        };
        pid_t maker = fork();
        if (maker < 0)
                return fail(error, err_negative(), "cannot start a process");
        if (maker == 0)
                run_inside(&inside);
        fd_clear(&other);
        bool known = read(sync, &run->init, sizeof run->init) == sizeof run->init;
        while (waitpid(maker, NULL, 0) < 0 && errno == EINTR)
                ;
        if (!known) {
                run->init = 0;
                return fail(error, -ECHILD, "the container could not be made");
        }
        run->pidfd = pidfd_open(run->init, 0); /* our own child, not yet waited for: the number is its own */
        if (run->pidfd < 0)
                return fail(error, err_negative(), "cannot open a pidfd");
        *ret_sync = fd_steal(&sync);
        return 0;
}

static int map_ids(const struct run *run, GError **error)
{
        g_autofree char *map = g_strdup_printf("0 %u %d", run->start, IDS);
        static const char *const files[] = {"uid_map", "gid_map"};

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = g_strdup_printf("/proc/%d/%s", run->init, files[i]);
                int r = file_write_at(AT_FDCWD, path, map, strlen(map));
                if (r < 0)
                        return fail(error, r, "cannot map the container's ids");
        }
        return 0;
}

static int attach_views(struct run *run, GError **error)
{
        static const char *const plain[] = {"nosuid", "nodev", "noexec", NULL};
        static const struct tree_mount mounts[] = {
                {"proc", "proc", "proc", plain},
                {"sys", "sysfs", "sysfs", plain},
                {"sys/fs/cgroup", "cgroup", "cgroup", plain},
        };
        static const char *const masked[] = {"proc/kcore", "proc/keys",    "proc/timer_list",
                                             "proc/acpi",  "sys/firmware", NULL};
        struct cloister_registration *registration = NULL;
        struct tree_spec spec = {
                .init = run->init,
                .pidfd = run->pidfd,
                .uid = run->start,
                .gid = run->start,
                .rootfs = "/",
                .mounts = mounts,
                .n_mounts = G_N_ELEMENTS(mounts),
                .masked = masked,
                .locked = true,
        };
        int r = cloister_register(run->cloister, RUN_ROOT, run->id, "", run->init, NULL, &registration,
                                  error);

        if (r < 0)
                return r;
        r = file_write_all(run->life, registration->token, strlen(registration->token));
        r = r < 0 ? fail(error, r, "cannot reach the watcher")
                  : views_attach(&spec, registration, NULL, error);
        cloister_registration_free(registration);
        return r;
}

static int say(int sync, char byte, GError **error)
{
        return write(sync, &byte, 1) == 1 ? 0 : fail(error, -EPIPE, "the container's init has ended");
}

static int hear_ready(int sync, GError **error)
{
        char got = 0;

        while (read(sync, &got, 1) < 0 && errno == EINTR)
                ;
        return got == RUN_READY ? 0 : fail(error, -EPIPE, "the container's init has ended");
}

static int start(struct run *run, GError **error)
{
        autofd int sync = -1;
        int r = cloister_lease_ids(run->cloister, RUN_ROOT, run->id, getpid(), IDS, &run->start, error);

        if (r == 0)
                r = group_make(run->group, &run->limits, error);
        if (r == 0)
                r = start_init(run, &sync, error);
        if (r == 0)
                r = map_ids(run, error);
        if (r == 0)
                r = say(sync, RUN_MAPPED, error);
        if (r == 0)
                r = attach_views(run, error);
        if (r == 0)
                r = hear_ready(sync, error);
        return r < 0 ? r : say(sync, RUN_START, error);
}

/* Until init has ended. A signal from the terminal has reached the command already, which is in our process
 * group. */
static int wait_for_init(const struct run *run)
{
        sigset_t signals;
        siginfo_t info;
        int status;

        run_get_signals(&signals);
        for (;;) {
                pid_t pid = waitpid(run->init, &status, WNOHANG);
                if (pid == run->init)
                        return run_exit_status(status);
                if (sigwaitinfo(&signals, &info) < 0)
                        continue;
                if (info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
                        pidfd_send_signal(run->pidfd, info.si_signo, NULL, 0);
        }
}

static int run_all(struct run *run, GError **error)
{
        bool tidy = g_str_equal(run->parent, DEFAULT_PARENT);
        g_autofree char *group = g_strdup_printf("run-%d", getpid());
        int r = cloister_connect(run->control, &run->cloister, error);

        run->id = g_strdup(run->name ? run->name : group);
        if (r == 0)
                r = group_new(run->parent, group, tidy, &run->group, error);
        if (r == 0 && (r = start_watcher(run)) < 0)
                fail(error, r, "cannot start the watcher");
        if (r == 0)
                r = start(run, error);
        if (r == 0)
                return wait_for_init(run);
        if (run->pidfd >= 0)
                pidfd_send_signal(run->pidfd, SIGKILL, NULL, 0);
        if (run->init > 0)
                waitpid(run->init, NULL, 0);
        return RUN_FAILED;
}

int cloisterctl_run(int argc, char **argv, const char *control)
{
        struct run run = {.control = control, .parent = DEFAULT_PARENT, .life = -1, .pidfd = -1};
        g_autoptr(GError) error = NULL;
        sigset_t signals;
        int status = parse_arguments(&run, argc, argv);

        if (status >= 0)
                return status;
        run_get_signals(&signals);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        status = run_all(&run, &error);
        if (error)
                fprintf(stderr, "cloisterctl run: %s\n", error->message);
        end_watcher(&run);
        cloister_disconnect(run.cloister);
        group_free(run.group);
        g_free(run.id);
        fd_clear(&run.pidfd);
        return status;
}
