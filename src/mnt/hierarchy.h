/* Where the control group hierarchies of this machine are mounted, read once from mountinfo. Used to show a
 * container the same ones, and by `cloisterctl run` to make groups. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct hierarchy {
        char *path;         /* where it is mounted: "/sys/fs/cgroup/cpu,cpuacct" */
        char *name;         /* last part of path: "cpu,cpuacct"; "" when it is /sys/fs/cgroup itself */
        char *options;      /* what selects it in mount(2): "cpu,cpuacct", "name=systemd"; "" on version 2 */
        char **controllers; /* NULL-terminated: of options, or the lines of cgroup.controllers */
        bool v2;
};

/* Reads proc/self/mountinfo of the calling process: a hierarchy that is mounted twice is listed once, the
 * first below /sys/fs/cgroup. *ret: of struct hierarchy *, frees itself. Returns 0 or -errno. */
int hierarchy_read(GPtrArray **ret);

/* From the text of a mountinfo (at most 4 MiB, by the reader), without cgroup.controllers of version 2. Pure.
 */
GPtrArray *hierarchy_parse(const char *mountinfo);

/* The hierarchy that has this controller, or NULL. */
const struct hierarchy *hierarchy_find(const GPtrArray *hierarchies, const char *controller);
