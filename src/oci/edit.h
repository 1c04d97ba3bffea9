/* Edits of a parsed spec, one function each, made by the wrapper before the real runtime sees it. Pure: the
 * spec goes in and comes out changed in the named members only; every other member stays as it was. All
 * return 0, or -EINVAL (a member of the wrong type) with error set; after an error the spec is to be dropped.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum { EDIT_RANGE_SIZE = 65536 };

/* Runtimes written in Go take "Mounts" for "mounts": a spec whose members differ from those that are edited
 * here only by case, or hold letters beyond ASCII, would say one thing to us and another to them. Refuses it.
 */
int edit_check_names(json_object *spec, GError **error);

/* The ids of container root, if the spec brings mappings of its own. */
struct edit_ids {
        bool own;
        uint32_t uid, gid; /* what container id 0 is outside; only if own */
};

/* Reads the spec's own id mappings. -EINVAL where they are too small, or reach the host's root; -EOPNOTSUPP
 * where the spec joins a user namespace that somebody else has made. */
int edit_find_ids(json_object *spec, struct edit_ids *ret, GError **error);

/* A new user namespace whose ids 0..65535 are start..start+65535 outside. */
int edit_add_user_namespace(json_object *spec, uint32_t start, GError **error);

/* A new namespace of that type ("cgroup"), unless the spec names one of the type already. */
int edit_add_namespace(json_object *spec, const char *type, GError **error);

/* Takes out all mounts, masked and read-only paths at or below /proc and /sys. */
int edit_take_views(json_object *spec, GError **error);

/* Takes out all kernel parameters: private ones would be refused by the runtime, the namespaced ones could
 * not be written any more when the views are attached before. */
int edit_take_sysctls(json_object *spec, GError **error);

/* Makes path the spec's root.path. Returns 0 or -errno. */
int edit_set_rootfs(json_object *spec, const char *path, GError **error);

/* A bind mount of the spec; source is absolute (a relative one is below the bundle). */
struct edit_bind {
        size_t index; /* in "mounts" */
        char *source;
        bool recursive;
};

/* All bind mounts, as a GArray of struct edit_bind that frees them. */
int edit_find_binds(json_object *spec, const char *bundle, GArray **ret, GError **error);

/* Another source for that mount. flags are the ST_* of the source's mount (statvfs(3)): those among
 * ST_RDONLY, ST_NOSUID, ST_NODEV and ST_NOEXEC join the options, since the kernel refuses to drop them in a
 * user namespace. */
int edit_set_bind(json_object *spec, size_t index, const char *source, unsigned long flags, GError **error);

/* One more hook at the end of that stage's ("createRuntime"). args are NULL-terminated, args[0] is the
 * program's absolute path. */
int edit_add_hook(json_object *spec, const char *stage, const char *const *args, GError **error);
