/* The parts of cloister-runc: a wrapper with the command line of runc. What is decided about a spec is in
 * oci/, what is mounted in mnt/; here the steps are put in order and the real runtime is run. */
#pragma once

#include "base/cleanup.h"
#include "oci/cmdline.h"

#include <glib.h>

/* Where everything is, from options, environment, cloister.conf and defaults, in this order. */
struct settings {
        struct cmdline *cmdline; /* owned */
        char *runtime;           /* absolute path of the real runtime */
        char *root;              /* its root directory, absolute: half of a container's key */
        char *control;           /* cloisterd's socket, or NULL: the client library's default */
        char *rundir;
        char *hook; /* absolute path of cloister-hook */
        char *self; /* absolute path of this program */
};

/* Fills in *settings, which begins zeroed. The command line is there also after most errors, so that they can
 * be reported; settings_clear() in any case. */
int settings_load(struct settings *settings, int argc, char **argv, GError **error);
void settings_clear(struct settings *settings);

/* Says an error where the engine looks for it: on standard error and, in the runtime's format, in its --log.
 */
void report_error(const struct cmdline *cmdline, const char *text);
void report_warning(const struct cmdline *cmdline, const char *text);

/* Runs argv (a NULL-terminated array) and waits for it, with signals passed on. Returns its exit status, 128
 * + n if signal n ended it, or -errno. */
int runtime_run(const GPtrArray *argv);

/* Becomes argv. Returns -errno. */
int runtime_exec(const GPtrArray *argv);

/* The work folder of a container below <rundir>/bundles, locked against other wrappers. */
struct bundle {
        char *path; /* <rundir>/bundles/<key>; what the runtime gets as its bundle */
        int lock;
        bool leased; /* the ids are ours to give back */
};

/* Makes (with `make`) or finds the folder and locks it. Returns 0; -ENOENT (not `make`) where there is none;
 * -EBUSY where another process is at it; or -errno, with error set. */
int bundle_open(const struct settings *settings, const char *id, bool make, struct bundle *ret,
                GError **error);
void bundle_clear(struct bundle *bundle);

/* Whether the runtime knows a container of that id. */
bool bundle_container_exists(const struct settings *settings, const char *id);

/* Gives the ids back if they are leased and removes the folder with all in it. Complaints are reported as
 * warnings. */
void bundle_discard(const struct settings *settings, const char *id, struct bundle *bundle);

/* create and run: leases ids, gives the root file system and volumes their owners, writes the edited spec and
 * the plan into the bundle. From its first step on the process is in a mount namespace of its own.
 * *ret_console is the console socket's absolute path, NULL if there is none. */
int make_prepare(const struct settings *settings, struct bundle *bundle, char **ret_console, GError **error);
