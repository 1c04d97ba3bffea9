/* cloister-hook: called by an OCI runtime while it makes or ends a container, with the container's state as
 * JSON on standard input. Makes the container known to cloisterd and attaches its views; makes it unknown
 * again. */
#include "base/err.h"
#include "base/fd.h"
#include "bin/views.h"
#include "client/cloister.h"
#include "config.h"
#include "oci/plan.h"
#include "oci/spec.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_MAX = 1 << 20, EXIT_USAGE = 2 };

struct arguments {
        const char *control, *plan, *root, *stage;
        bool best_effort;
};

struct state {
        json_object *json;
        const char *id, *bundle; /* borrowed from json */
        pid_t pid;
};

static const char help[] =
        "Usage: cloister-hook [OPTION]... STAGE\n"
        "OCI hook of Cloister: reads the container's state (JSON) on standard input.\n"
        "\n"
        "STAGE is createRuntime (or prestart, for old runtimes): register the container with cloisterd and "
        "attach\n"
        "its /proc and /sys; or poststop: forget it.\n"
        "\n"
        "  --control SOCK   control socket of cloisterd (default: $CLOISTER_CONTROL or "
        "/run/cloister/control.sock)\n"
        "  --plan FILE      what belongs on /proc and /sys, as cloister-runc wrote it (default: the "
        "bundle's\n"
        "                   config.json)\n"
        "  --root DIR       root directory of the runtime, where there is no plan to say it\n"
        "  --best-effort    when something fails, say it and let the container start without its views\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 good, 1 failed, 2 wrong usage.\n";

/* Returns -1 to go on, or an exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *args)
{
        static const struct option options[] = {
                {"control", required_argument, NULL, 'c'},
                {"plan", required_argument, NULL, 'p'},
                {"root", required_argument, NULL, 'r'},
                {"best-effort", no_argument, NULL, 'b'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'c':
                        args->control = optarg;
                        break;
                case 'p':
                        args->plan = optarg;
                        break;
                case 'r':
                        args->root = optarg;
                        break;
                case 'b':
                        args->best_effort = true;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return EXIT_SUCCESS;
                case 'v':
                        puts("cloister-hook " CLOISTER_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return EXIT_USAGE;
                }
        if (optind != argc - 1) {
                fputs("cloister-hook: one stage is needed: createRuntime, prestart or poststop (see "
                      "--help)\n",
                      stderr);
                return EXIT_USAGE;
        }
        args->stage = argv[optind];
        return -1;
}

static int read_input(GString *text, GError **error)
{
        char buffer[4096];

        for (;;) {
                ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return spec_fail(error, err_negative(),
                                         "cannot read the container's state on standard input");
                if (n == 0)
                        return 0;
                g_string_append_len(text, buffer, n);
                if (text->len > STATE_MAX)
                        return spec_fail(error, -EFBIG,
                                         "the container's state on standard input is over 1 MiB");
        }
}

static int read_state(struct state *ret, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        json_object *pid;
        int r = read_input(text, error);

        if (r == 0)
                r = spec_parse(text->str, text->len, "the container's state on standard input", &ret->json,
                               error);
        if (r == 0)
                r = spec_string(ret->json, "id", &ret->id, error);
        if (r == 0)
                r = spec_string(ret->json, "bundle", &ret->bundle, error);
        if (r == 0)
                r = spec_member(ret->json, "pid", json_type_int, &pid, error);
        if (r < 0)
                return r;
        if (!ret->id || !*ret->id)
                return spec_fail(error, -EINVAL, "the container's state on standard input has no \"id\"");
        ret->pid = pid ? json_object_get_int(pid) : 0;
        return 0;
}

static int make_plan(const struct arguments *args, const struct state *state, json_object **ret_spec,
                     struct plan **ret, GError **error)
{
        if (args->plan)
                return plan_read(args->plan, ret, error);
        if (!state->bundle || *state->bundle != '/')
                return spec_fail(error, -EINVAL,
                                 "the container's state has no \"bundle\" to read config.json from");
        g_autofree char *path = g_build_filename(state->bundle, "config.json", NULL);
        int r = spec_read(path, SPEC_MAX_BYTES, ret_spec, error);
        if (r < 0)
                return r;
        return plan_from_spec(*ret_spec, args->root ? args->root : "", state->id, state->bundle, ret, error);
}

static bool shares_user_namespace(pid_t pid)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/ns/user", pid);
        struct stat own, other;

        return stat("/proc/self/ns/user", &own) == 0 && stat(path, &other) == 0 && own.st_ino == other.st_ino;
}

/* Root of the initial user namespace with one of these could end the FUSE connection for all containers, or
 * reach around the views. */
static int refuse_host_root(json_object *spec, pid_t pid, GError **error)
{
        static const char *const strong[] = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"};
        json_object *process = NULL, *capabilities = NULL;
        g_auto(GStrv) bounding = NULL;

        if (!spec || !shares_user_namespace(pid))
                return 0;
        int r = spec_member(spec, "process", json_type_object, &process, error);
        if (r == 0 && process)
                r = spec_member(process, "capabilities", json_type_object, &capabilities, error);
        if (r == 0 && capabilities)
                r = spec_strings(capabilities, "bounding", &bounding, error);
        if (r < 0)
                return r;
        for (size_t i = 0; bounding && i < G_N_ELEMENTS(strong); i++)
                if (g_strv_contains((const char *const *)bounding, strong[i]))
                        return spec_fail(
                                error, -EPERM,
                                "the container has %s in the host's own user namespace and could undo every "
                                "view; give it a user namespace (or use cloister-runc), or drop %s",
                                strong[i], strong[i]);
        return 0;
}

static const char *strip_slash(const char *path)
{
        while (*path == '/')
                path++;
        return path;
}

static const char **strip_slashes(char **paths)
{
        size_t n = paths ? g_strv_length(paths) : 0;
        const char **stripped = g_new0(const char *, n + 1);

        for (size_t i = 0; i < n; i++)
                stripped[i] = strip_slash(paths[i]);
        return stripped;
}

static struct tree_mount *convert_mounts(const struct plan *plan, GPtrArray *strings)
{
        struct tree_mount *mounts = g_new0(struct tree_mount, plan->n_mounts);

        for (size_t i = 0; i < plan->n_mounts; i++) {
                const struct plan_mount *from = &plan->mounts[i];
                char *source = g_canonicalize_filename(from->source ? from->source : "", plan->bundle);
                g_ptr_array_add(strings, source);
                mounts[i] = (struct tree_mount){
                        .path = strip_slash(from->destination),
                        .type = from->type,
                        .source = source,
                        .options = (const char *const *)from->options,
                };
        }
        return mounts;
}

/* Without the wrapper, the runtime sets parameters and read-only paths itself, after this hook. What it makes
 * read-only is then one mount deep: of the kernel's own files above our /proc/sys only those are there that
 * it has yet to write. */
static const char **select_written(const struct plan *plan, GPtrArray *strings)
{
        GPtrArray *paths = g_ptr_array_new();

        for (char **pair = plan->namespaced; !plan->taken && pair && pair[0]; pair += 2) {
                g_ptr_array_add(strings, g_strconcat("proc/sys/", pair[0], NULL));
                g_ptr_array_add(paths, g_ptr_array_index(strings, strings->len - 1));
        }
        g_ptr_array_add(paths, NULL);
        return (const char **)g_ptr_array_free(paths, FALSE);
}

static int attach(const struct plan *plan, const struct state *state, int pidfd,
                  const struct cloister_registration *registration, GError **error)
{
        g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
        g_autofree struct tree_mount *mounts = convert_mounts(plan, strings);
        g_autofree const char **masked = strip_slashes(plan->masked);
        g_autofree const char **readonly = strip_slashes(plan->readonly);
        g_autofree const char **written = select_written(plan, strings);
        struct tree_spec spec = {
                .init = state->pid,
                .pidfd = pidfd,
                .rootfs = plan->rootfs,
                .mounts = mounts,
                .n_mounts = plan->n_mounts,
                .kernel = written,
                .masked = masked,
                .readonly = plan->taken ? readonly : NULL,
                .sysctls = plan->taken ? (const char *const *)plan->namespaced : NULL,
                .locked = plan->locked,
                .replace = !plan->taken,
        };
        int r = views_read_root(state->pid, &spec.uid, &spec.gid);

        if (r < 0)
                return spec_fail(error, r, "cannot read the user mapping of process %d: %s", state->pid,
                                 g_strerror(-r));
        return views_attach(&spec, registration, plan->taken ? NULL : readonly, error);
}

static int register_and_attach(struct cloister *cloister, const struct plan *plan, const struct state *state,
                               int pidfd, GError **error)
{
        struct cloister_registration *registration = NULL;
        const char *const *sysctls = plan->taken ? (const char *const *)plan->sysctls : NULL;
        int r = cloister_register(cloister, plan->root, plan->id, plan->bundle, state->pid, sysctls,
                                  &registration, error);

        if (r < 0)
                return r;
        r = views_is_alive(pidfd)
                    ? attach(plan, state, pidfd, registration, error)
                    : spec_fail(error, -ESRCH, "process %d of container %s has ended", state->pid, state->id);
        if (r < 0)
                cloister_unregister(cloister, plan->root, plan->id, registration->token, NULL);
        cloister_registration_free(registration);
        return r;
}

static int create(const struct arguments *args, const struct state *state, GError **error)
{
        json_object *spec = NULL;
        autoptr(plan) plan = NULL;
        struct cloister *cloister = NULL;
        autofd int pidfd = -1;
        int r;

        if (state->pid <= 0)
                return spec_fail(error, -EINVAL, "the container's state has no \"pid\": is this stage %s?",
                                 args->stage);
        pidfd = pidfd_open(state->pid, 0);
        if (pidfd < 0)
                return spec_fail(error, err_negative(), "process %d of container %s is not there", state->pid,
                                 state->id);
        r = make_plan(args, state, &spec, &plan, error);
        if (r == 0)
                r = refuse_host_root(spec, state->pid, error);
        if (r == 0)
                r = cloister_connect(args->control, &cloister, error);
        if (r == 0)
                r = register_and_attach(cloister, plan, state, pidfd, error);
        cloister_disconnect(cloister);
        json_object_put(spec);
        return r;
}

static int destroy(const struct arguments *args, const struct state *state, GError **error)
{
        autoptr(plan) plan = NULL;
        struct cloister *cloister = NULL;
        const char *root = args->root ? args->root : "", *id = state->id;

        if (args->plan && plan_read(args->plan, &plan, NULL) == 0) {
                root = plan->root;
                id = plan->id;
        }
        int r = cloister_connect(args->control, &cloister, error);
        if (r == 0)
                r = cloister_unregister(cloister, root, id, NULL, error);
        cloister_disconnect(cloister);
        return r;
}

static int run(const struct arguments *args, GError **error)
{
        struct state state = {0};
        int r = read_state(&state, error);

        if (r == 0)
                r = g_str_equal(args->stage, "poststop") ? destroy(args, &state, error)
                                                         : create(args, &state, error);
        json_object_put(state.json);
        return r;
}

int main(int argc, char **argv)
{
        static const char *const stages[] = {"prestart", "createRuntime", "poststop", NULL};
        struct arguments args = {0};
        g_autoptr(GError) error = NULL;
        int status = parse_arguments(argc, argv, &args);

        if (status >= 0)
                return status;
        if (!g_strv_contains(stages, args.stage)) {
                fprintf(stderr,
                        "cloister-hook: no work at stage \"%s\": use createRuntime, prestart or poststop\n",
                        args.stage);
                return EXIT_USAGE;
        }
        if (run(&args, &error) == 0)
                return EXIT_SUCCESS;
        if (!args.best_effort) {
                fprintf(stderr, "cloister-hook: %s: %s\n", args.stage, error->message);
                return EXIT_FAILURE;
        }
        fprintf(stderr, "cloister-hook: warning: %s: %s (the container goes on without)\n", args.stage,
                error->message);
        return EXIT_SUCCESS;
}
