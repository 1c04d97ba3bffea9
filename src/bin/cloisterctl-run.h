/* The two halves of `cloisterctl run`: outside (options, ids, groups, views, clean-up) and inside the
 * container. */
#pragma once

#include "mnt/group.h"
#include "mnt/rootfs.h"

#include <glib.h>
#include <signal.h>
#include <stdbool.h>

enum { RUN_FAILED = 125, RUN_NOT_EXECUTABLE = 126, RUN_NOT_FOUND = 127 };

struct run_inside {
        struct rootfs_spec rootfs;
        const struct group *group;
        const char *hostname;
        char **command; /* NULL-terminated */
        int sync;       /* socket to the outside: RUN_* bytes, and before them the init's pid as an int */
};

/* What is said over the socket: the outside has mapped the ids; init is set up; the command may start. */
enum { RUN_MAPPED = 'm', RUN_READY = 'r', RUN_START = 's' };

/* In a child of the outside: becomes the maker of the container, starts its init as a child of its own
 * parent, says the init's pid on the socket and exits. */
G_NORETURN void run_inside(const struct run_inside *inside);

/* Signals that are passed on to the command, and SIGCHLD. Blocked by both halves. */
void run_get_signals(sigset_t *ret);

/* The exit status that a shell would show for a wait status. */
int run_exit_status(int wait_status);
