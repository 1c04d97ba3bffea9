/* The command line of an OCI runtime (runc and crun), taken apart as far as a wrapper needs it: whose options
 * are whose, which container, which bundle. Everything not known here is kept for the runtime, unchanged.
 * Pure. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <stdbool.h>

struct cmdline {
        /* Our own options, NULL where not given. */
        char *runtime, *control, *rundir, *hook, *views, *cgroup_view;
        /* The runtime's, as given; NULL where not. */
        char *root, *log, *log_format;
        char *command; /* NULL where there is none */
        /* Of create, run and delete only. */
        char *id, *bundle, *console_socket, *config;
        bool help;          /* --help or --version was given: nothing is to be done */
        GPtrArray *globals; /* the runtime's options before the command, NULL-terminated only by the caller */
        GPtrArray *rest;    /* the arguments after the command, but --bundle, --console-socket, --config of
                               create and    run */
};

/* argv[0] is skipped. Returns 0, or -EINVAL where a value is missing. */
int cmdline_parse(int argc, char *const *argv, struct cmdline **ret, GError **error);
void cmdline_free(struct cmdline *cmdline);
DEFINE_AUTOPTR(cmdline, cmdline_free)

/* Whether the command makes a container: create or run. */
bool cmdline_makes(const struct cmdline *cmdline);

/* The runtime's argument vector, argv[0] first, NULL-terminated; for create and run with that bundle and with
 * console_socket (NULL: none). The strings are the cmdline's or the caller's: free the array alone. */
GPtrArray *cmdline_build(const struct cmdline *cmdline, const char *runtime, const char *bundle,
                         const char *console_socket);
