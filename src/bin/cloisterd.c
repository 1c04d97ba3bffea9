/* cloisterd: the keeper. Reads options and configuration, mounts, and keeps a server running
 * (cloisterd-server.c), which is this same program started with --serve. */
#include "bin/cloisterd.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, THREADS_DEFAULT = 8, TEXT_MAX = 32 };

static const char help[] =
        "Usage: cloisterd [OPTION]...\n"
        "Serves a private /proc and /sys to every container.\n"
        "\n"
        "  --mountpoint DIR   mount the views below DIR (default " CLOISTER_RUNDIR "/fs)\n"
        "  --control SOCK     control socket (default " CLOISTER_RUNDIR "/control.sock)\n"
        "  --state DIR        state directory (default " CLOISTER_RUNDIR "/state)\n"
        "  --config FILE      configuration (default " CLOISTER_SYSCONFDIR "/cloister.conf)\n"
        "  --sysctl-dir DIR   sysctl policy files (default /usr/lib/cloister/sysctl.d, then\n"
        "                     " CLOISTER_SYSCONFDIR "/sysctl.d)\n"
        "  --standalone DIR   mount one file system at DIR, keyed by whoever reads it, "
        "and register nothing;\n"
        "                     without a control socket unless --control names one\n"
        "  --threads N        threads that serve each mount (default 8)\n"
        "  --log-level LEVEL  error, warning, info or debug (default info)\n"
        "  --help, --version\n"
        "\n"
        "Runs in the foreground until SIGTERM. See cloisterd(8).\n";

enum option_id {
        OPT_MOUNTPOINT = 256,
        OPT_CONTROL,
        OPT_STATE,
        OPT_CONFIG,
        OPT_SYSCTL_DIR,
        OPT_STANDALONE,
        OPT_THREADS,
        OPT_LOG_LEVEL,
        OPT_SERVE,
        OPT_HELP,
        OPT_VERSION
};

static const struct option long_options[] = {
        {"mountpoint", required_argument, NULL, OPT_MOUNTPOINT},
        {"control", required_argument, NULL, OPT_CONTROL},
        {"state", required_argument, NULL, OPT_STATE},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"sysctl-dir", required_argument, NULL, OPT_SYSCTL_DIR},
        {"standalone", required_argument, NULL, OPT_STANDALONE},
        {"threads", required_argument, NULL, OPT_THREADS},
        {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
        {"serve", required_argument, NULL, OPT_SERVE},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {0},
};

static int parse_threads(const char *text, unsigned *ret)
{
        uint64_t n;

        if (num_parse_u64(text, &n) < 0 || n < 2 || n > CONFIG_THREADS_MAX) {
                fprintf(stderr, "cloisterd: --threads %s: not a number from 2 to %d\n", text,
                        CONFIG_THREADS_MAX);
                return -EINVAL;
        }
        *ret = (unsigned)n;
        return 0;
}

/* Returns 0, 1 (told what was asked: exit well) or -EINVAL (told what is wrong). */
static int parse_options(int argc, char **argv, struct cloisterd_options *o, char **ret_serve)
{
        int id;

        while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (id) {
                case OPT_MOUNTPOINT:
                        o->mountpoint = optarg;
                        break;
                case OPT_CONTROL:
                        o->control = optarg;
                        break;
                case OPT_STATE:
                        o->state = optarg;
                        break;
                case OPT_CONFIG:
                        o->config_path = optarg;
                        break;
                case OPT_SYSCTL_DIR:
                        o->sysctl_dir = optarg;
                        break;
                case OPT_STANDALONE:
                        o->standalone = optarg;
                        break;
                case OPT_LOG_LEVEL:
                        o->log_level = optarg;
                        break;
                case OPT_SERVE:
                        *ret_serve = optarg;
                        break;
                case OPT_THREADS:
                        if (parse_threads(optarg, &o->threads) < 0)
                                return -EINVAL;
                        break;
                case OPT_HELP:
                        fputs(help, stdout);
                        return 1;
                case OPT_VERSION:
                        puts("cloisterd " CLOISTER_VERSION);
                        return 1;
                default:
                        fputs("Try: cloisterd --help\n", stderr);
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "cloisterd: unexpected argument '%s'\nTry: cloisterd --help\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

/* The command line goes before the file, the file before the defaults. */
static int merge_config(struct cloisterd_options *o)
{
        static const char default_config[] = CLOISTER_SYSCONFDIR "/cloister.conf";
        g_autoptr(GError) error = NULL;
        int r = config_read(o->config_path ?: default_config, o->config_path != NULL, &o->config, &error);

        if (r == 0)
                r = config_add_subids(o->config, "/etc/subuid", "/etc/subgid", "cloister", &error);
        if (r < 0) {
                log_error("%s", error->message);
                return r;
        }
        const struct config *c = o->config;
        o->log_level = o->log_level ?: c->log_level ?: "info";
        o->threads = o->threads ?: c->threads ?: THREADS_DEFAULT;
        o->mountpoint = o->mountpoint ?: c->mountpoint ?: CLOISTER_RUNDIR "/fs";
        if (!o->standalone) {
                o->control = o->control ?: c->control ?: CLOISTER_RUNDIR "/control.sock";
                o->state = o->state ?: c->state ?: CLOISTER_RUNDIR "/state";
        }
        if (o->control && !o->state) {
                log_error(
                        "--control with --standalone needs --state DIR too: a folder for what is registered");
                return -EINVAL;
        }
        r = log_set_level(o->log_level);
        if (r < 0)
                log_error("log level '%s' is none of error, warning, info, debug", o->log_level);
        return r;
}

static int make_directory(const char *path, mode_t mode)
{
        if (g_mkdir_with_parents(path, 0755) < 0 || chmod(path, mode) < 0)
                return log_errno(err_negative(), "cannot make the directory %s", path);
        return 0;
}

/* One keeper a state directory. The lock goes with the process. */
static int lock_state(const char *state)
{
        autofd int fd = -1;
        int r = make_directory(state, 0700);

        if (r < 0)
                return r;
        fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return log_errno(err_negative(), "cannot open %s", state);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return log_errno(err_negative(),
                                 "another cloisterd uses %s (end it, or give this one --state, --control "
                                 "and --mountpoint of its own)",
                                 state);
        fd_steal(&fd);
        return 0;
}

/* What the keeper hands on at each start of the server. */
struct start {
        int argc;
        char **argv;
        struct cloisterd_inherited inherited;
        char *serve_text;
        char **server_argv;
};

static char *const *make_argv(unsigned restarts, int ready_fd, void *data)
{
        struct start *s = data;

        s->inherited.restarts = restarts;
        s->inherited.ready_fd = ready_fd;
        g_free(s->serve_text);
        s->serve_text = cloisterd_format_inherited(&s->inherited);
        g_free(s->server_argv);
        s->server_argv = g_new0(char *, (gsize)s->argc + 3);
        memcpy(s->server_argv, s->argv, (size_t)s->argc * sizeof(char *));
        s->server_argv[s->argc] = (char *)"--serve";
        s->server_argv[s->argc + 1] = s->serve_text;
        return s->server_argv;
}

static int add_connection(struct start *s, const char *name, char *mountpoint, bool read_only,
                          bool permissions)
{
        struct keep_connection *c = &s->inherited.connections[s->inherited.n_connections];

        *c = (struct keep_connection){
                .name = name,
                .mountpoint = mountpoint,
                .read_only = read_only,
                .default_permissions = permissions,
                .fd = -1,
                .shared_fd = -1,
        };
        s->inherited.n_connections++;
        return keep_mount(c);
}

static int mount_all(const struct cloisterd_options *o, struct start *s)
{
        if (o->standalone) {
                char *path = g_canonicalize_filename(o->standalone, NULL);
                return add_connection(s, "standalone", path, false, true);
        }
        char *views = g_build_filename(o->mountpoint, "views", NULL);
        char *knobs = g_build_filename(o->mountpoint, "knobs", NULL);
        int r = add_connection(s, "views", views, true, false);
        return r < 0 ? r : add_connection(s, "knobs", knobs, false, true);
}

/* The directories that must be there: mountpoints, and those of the socket and the state. */
static int prepare(const struct cloisterd_options *o)
{
        int r = 0;

        if (!o->standalone) {
                g_autofree char *views = g_build_filename(o->mountpoint, "views", NULL);
                g_autofree char *knobs = g_build_filename(o->mountpoint, "knobs", NULL);
                /* a dead mount is a directory that cannot be looked at: keep_mount() deals with it */
                if (g_mkdir_with_parents(views, 0755) < 0 && errno != ENOTCONN && errno != EEXIST)
                        return log_errno(err_negative(), "cannot make the directory %s", views);
                if (g_mkdir_with_parents(knobs, 0755) < 0 && errno != ENOTCONN && errno != EEXIST)
                        return log_errno(err_negative(), "cannot make the directory %s", knobs);
        }
        if (o->control) {
                g_autofree char *dir = g_path_get_dirname(o->control);
                r = make_directory(dir, 0755);
        }
        return r < 0 || !o->state ? r : lock_state(o->state);
}

static void clear_start(struct start *s)
{
        for (size_t i = 0; i < s->inherited.n_connections; i++) {
                keep_unmount(&s->inherited.connections[i]);
                g_free((char *)s->inherited.connections[i].mountpoint);
        }
        g_free(s->serve_text);
        g_free(s->server_argv);
}

static void log_warnings(const struct config *config)
{
        for (guint i = 0; i < config->warnings->len; i++)
                log_warning("%s", (const char *)g_ptr_array_index(config->warnings, i));
}

static int keep(const struct cloisterd_options *o, int argc, char **argv)
{
        struct start start = {
                .argc = argc, .argv = argv, .inherited = {.control_fd = -1, .keeper = getpid()}};
        int r;

        log_warnings(o->config);
        r = prepare(o);
        if (r == 0)
                r = mount_all(o, &start);
        if (r == 0 && o->control)
                r = start.inherited.control_fd = keep_listen(o->control);
        if (r >= 0)
                r = keep_run(start.inherited.connections, start.inherited.n_connections,
                             start.inherited.control_fd, make_argv, &start);
        if (r == -ENOTCONN && !o->standalone)
                log_error("a mount was taken off from outside; start cloisterd again to mount anew");
        clear_start(&start);
        if (start.inherited.control_fd >= 0)
                unlink(o->control);
        return r == 0 || (r == -ENOTCONN && o->standalone) ? 0 : STATUS_FAILED;
}

int main(int argc, char **argv)
{
        struct cloisterd_options options = {0};
        char *serve = NULL;
        int r = parse_options(argc, argv, &options, &serve);

        if (r != 0)
                return r < 0 ? STATUS_USAGE : 0;
        if (merge_config(&options) < 0)
                return STATUS_FAILED;
        r = serve ? cloisterd_serve(&options, serve) : keep(&options, argc, argv);
        config_free(options.config);
        return r;
}
