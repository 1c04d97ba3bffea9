/* What the two halves of cloisterd share: its options, and what the keeper hands to the server. */
#pragma once

#include "keep/keep.h"
#include "policy/config.h"

#include <stdbool.h>

/* Command line and configuration file, merged. */
struct cloisterd_options {
        const char *mountpoint, *control, *state, *config_path, *sysctl_dir, *standalone, *log_level;
        unsigned threads;
        struct config *config;
};

/* What the server inherits, as the text of the internal option --serve: "name=fd:fd,...". */
struct cloisterd_inherited {
        struct keep_connection connections[KEEP_CONNECTIONS_MAX];
        size_t n_connections;
        int control_fd; /* or -1 */
        int ready_fd;
        pid_t keeper;
        unsigned restarts;
};

/* The server half: serves until SIGTERM, or until the kernel ends a connection. Returns an exit status. */
int cloisterd_serve(const struct cloisterd_options *options, const char *inherited);

/* Composes and parses the text of --serve. parse returns 0 or -EINVAL; names and mountpoints point into text.
 */
char *cloisterd_format_inherited(const struct cloisterd_inherited *inherited);
int cloisterd_parse_inherited(char *text, struct cloisterd_inherited *ret);
