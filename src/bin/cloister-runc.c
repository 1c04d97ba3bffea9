/* An OCI runtime around another one: runc's command line, each container with a user namespace, ids of its
 * own and its own /proc and /sys. */
#include "bin/cloister-runc.h"

#include "base/fd.h"
#include "config.h"
#include "oci/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
        "cloister-runc " CLOISTER_VERSION
        ": an OCI runtime that gives each container a user namespace with ids of\n"
        "its own and its own /proc and /sys, and leaves the rest to runc or crun.\n\n"
        "Usage: cloister-runc [OPTION...] [OPTION OF THE RUNTIME...] COMMAND ...\n\n"
        "  --runtime-binary PATH   the real runtime (default: $CLOISTER_RUNTIME, else runc, else crun)\n"
        "  --control SOCK          socket of cloisterd (default: $CLOISTER_CONTROL, else " CLOISTER_RUNDIR
        "/control.sock)\n"
        "  --rundir DIR            where bundles/ is (default: $CLOISTER_RUNDIR, else " CLOISTER_RUNDIR ")\n"
        "  --hook PATH             cloister-hook (default: beside this program)\n"
        "  --views MODE            locked (default) or unlocked: whether the container's root may take views "
        "off\n"
        "  --cgroup-view MODE      native\n\n";

static int pass_through(const struct settings *settings, GError **error)
{
        const struct cmdline *cmdline = settings->cmdline;
        g_autoptr(GPtrArray)
                argv = cmdline_build(cmdline, settings->runtime, cmdline->bundle, cmdline->console_socket);

        if (!cmdline->command && cmdline->help) {
                fputs(usage, stdout);
                fflush(stdout);
        }
        int r = runtime_exec(argv);
        return spec_fail(error, r, "cannot start %s: %s", settings->runtime, g_strerror(-r));
}

static int run_runtime(const struct settings *settings, const char *bundle, const char *console,
                       GError **error)
{
        g_autoptr(GPtrArray) argv = cmdline_build(settings->cmdline, settings->runtime, bundle, console);
        int r = runtime_run(argv);

        return r < 0 ? spec_fail(error, r, "cannot run %s: %s", settings->runtime, g_strerror(-r)) : r;
}

static int make_in(const struct settings *settings, struct bundle *bundle, GError **error)
{
        const char *id = settings->cmdline->id;
        g_autofree char *console = NULL;

        if (bundle_container_exists(settings, id))
                return spec_fail(error, -EEXIST, "container with given ID already exists: %s", id);
        int r = make_prepare(settings, bundle, &console, error);
        if (r == 0)
                r = run_runtime(settings, bundle->path, console, error);
        if (!bundle_container_exists(settings, id))
                bundle_discard(settings, id, bundle);
        return r;
}

static int check_id(const char *id, GError **error)
{
        if (!id)
                return spec_fail(error, -EINVAL, "the command needs the id of a container");
        if (!*id || strchr(id, '/') || g_str_equal(id, ".") || g_str_equal(id, "..") || strlen(id) > NAME_MAX)
                return spec_fail(error, -EINVAL, "\"%s\" is no id of a container", id);
        return 0;
}

static int make_container(const struct settings *settings, GError **error)
{
        struct bundle bundle = {.lock = -1};
        int r = check_id(settings->cmdline->id, error);

        if (r == 0)
                r = bundle_open(settings, settings->cmdline->id, true, &bundle, error);
        if (r == 0)
                r = make_in(settings, &bundle, error);
        bundle_clear(&bundle);
        return r;
}

/* What is left is removed also where the runtime knew no such container: an earlier wrapper may have been
 * killed. */
static int delete_container(const struct settings *settings, GError **error)
{
        const char *id = settings->cmdline->id;
        struct bundle bundle = {.lock = -1};
        int status = run_runtime(settings, NULL, NULL, error);

        if (status < 0 || check_id(id, NULL) < 0 || bundle_container_exists(settings, id))
                return status;
        if (bundle_open(settings, id, false, &bundle, NULL) == 0 && !bundle_container_exists(settings, id)) {
                bundle.leased = true;
                bundle_discard(settings, id, &bundle);
        }
        bundle_clear(&bundle);
        return status;
}

static int dispatch(const struct settings *settings, GError **error)
{
        const struct cmdline *cmdline = settings->cmdline;

        if (cmdline->command && !cmdline->help && cmdline_makes(cmdline))
                return make_container(settings, error);
        if (cmdline->command && !cmdline->help && g_str_equal(cmdline->command, "delete"))
                return delete_container(settings, error);
        return pass_through(settings, error);
}

int main(int argc, char **argv)
{
        struct settings settings = {0};
        g_autoptr(GError) error = NULL;
        int r = settings_load(&settings, argc, argv, &error);

        if (r == 0)
                r = dispatch(&settings, &error);
        if (r < 0)
                report_error(settings.cmdline, error->message);
        settings_clear(&settings);
        return r < 0 ? 1 : r;
}
