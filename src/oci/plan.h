/* The plan: what belongs on a container's /proc and /sys. The wrapper writes it beside the edited spec (it
 * has taken these members out of the spec that the runtime gets); the hook follows it, or makes one from the
 * bundle's own spec when it runs without the wrapper. JSON on disk, at most 1 MiB. */
#pragma once

#include "base/cleanup.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum { PLAN_MAX_BYTES = 1024 * 1024, PLAN_MAX_MOUNTS = 4096 };

/* One member of the spec's `mounts`, unchanged. options is NULL-terminated, never NULL. */
struct plan_mount {
        char *destination, *type, *source;
        char **options;
};

struct plan {
        char *root;   /* the runtime's root directory, "" if not known: half of the key */
        char *id;     /* the runtime's id of the container */
        char *bundle; /* the engine's bundle */
        char *rootfs; /* absolute path as the runtime sees it */
        struct plan_mount
                *mounts; /* at or below /proc and /sys (these two among them), in the spec's order */
        size_t n_mounts;
        char **masked; /* NULL-terminated: masked and read-only paths at or below /proc and /sys */
        char **readonly;
        char **sysctls; /* NULL-terminated name, value, name, value, ...: private ones of the spec, names with
                           '/' */
        char **namespaced; /* the same of those that the kernel keeps per namespace. When taken, the hook
                              writes them while the trees are built (tree_spec.sysctls of mnt/tree.h): the
                              runtime would come too late where /proc/sys is read-only */
        bool taken;        /* the runtime mounts none of this itself */
        bool locked;       /* attach the trees locked (default) */
};

/* Fills a plan from a parsed config.json. Strings of absent members are "". Destinations and the paths of
 * masked and readonly are clean (spec_clean_path()); taken is false, locked is true. Changes nothing in spec.
 * Returns 0 or -errno with error set. */
int plan_from_spec(json_object *spec, const char *root, const char *id, const char *bundle, struct plan **ret,
                   GError **error);

/* Reads a plan that plan_write() wrote; anything else is -EINVAL. */
int plan_read(const char *path, struct plan **ret, GError **error);

/* Puts the plan at path with mode 0600, whole or not at all. */
int plan_write(const struct plan *plan, const char *path, GError **error);

/* Accepts NULL. */
void plan_free(struct plan *plan);
DEFINE_AUTOPTR(plan, plan_free)
