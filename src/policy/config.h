/* cloister.conf and the administrator's other files -> structs, with messages that name the file, the key and
 * what to write instead. Called by main programs at their start. */
#pragma once

#include "base/cleanup.h"
#include "registry/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_SIZE_MAX = 1024 * 1024, CONFIG_RANGES_MAX = 64, CONFIG_THREADS_MAX = 256 };

enum config_cpu_view { CONFIG_CPU_QUOTA, CONFIG_CPU_CPUSET };
enum config_cgroup_view { CONFIG_CGROUP_NATIVE, CONFIG_CGROUP_VIEW, CONFIG_CGROUP_V1, CONFIG_CGROUP_V2 };
enum config_writable_sysctl { CONFIG_SYSCTL_SPEC, CONFIG_SYSCTL_ALWAYS };

/* Group [cloister]. Strings are NULL and numbers 0 where the file says nothing. */
struct config {
        char *mountpoint, *control, *state; /* absolute */
        char *log_level;                    /* "error", "warning", "info" or "debug" */
        unsigned threads;
        struct ids_range *ranges; /* of ids= */
        size_t n_ranges;
        char **annotations; /* allowed ones, NULL-terminated; never NULL */
        enum config_cpu_view cpu_view;
        enum config_cgroup_view cgroup_view;
        enum config_writable_sysctl writable_sysctl;
        GPtrArray *warnings; /* char *: keys that this version does not know */
};

/* Reads a configuration file: a GKeyFile of at most 1 MiB. A file that does not exist is an empty one unless
 * required. Returns 0 or -errno with error set. */
int config_read(const char *path, bool required, struct config **ret, GError **error);
void config_free(struct config *config);
DEFINE_AUTOPTR(config, config_free)

/* Fills in ranges, where ids= gave none, from the lines of user in subuid and subgid (both must give the same
 * ranges; none at all is no error: then no container can have ids). Returns 0 or -errno with error set. */
int config_add_subids(struct config *config, const char *subuid, const char *subgid, const char *user,
                      GError **error);
