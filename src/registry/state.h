/* What outlives the server: containers and leases as text and back. Pure; ctl/ reads and writes the files.
 *
 * A file is a GKeyFile of at most 1 MiB. Group [container] or [lease] has version=1; numbers are decimal;
 * texts are C strings between double quotes, so that any byte survives. Group [sysctl] has one key a private
 * value, the name with %XX for everything but letters, digits and "-._~/"; group [raise] the same names with
 * "OLD NOW", of values of the host that the container raised. Keys that this version does not
 * know are kept as they are, so that an older server may serve in between. A file of a higher version is
 * refused. */
#pragma once

#include "registry/container.h"
#include "registry/ids.h"

enum { STATE_SIZE_MAX = 1024 * 1024, STATE_VERSION = 1 };

/* A container's file, read. */
struct state_container {
        char *key, *id, *root, *bundle, *token;
        uint32_t serial;
        pid_t init;
        uint64_t start_ns;
        ino_t user_ns, pid_ns;
        uint32_t range_start;
        struct sysctl_store *sysctls;
        GKeyFile *file; /* with the unknown keys: for the next state_render_container() */
};

/* The text of a container's file. kept: the file it was read from, changed to the present values here, or
 * NULL. */
char *state_render_container(const struct container *container, GKeyFile *kept);

/* Returns 0, -EBADMSG (no such file, torn or foreign), -ENOTSUP (a higher version) or -EFBIG. */
int state_parse_container(const char *text, size_t len, struct state_container **ret);
void state_container_free(struct state_container *state);
DEFINE_AUTOPTR(state_container, state_container_free)

/* The same for a lease. ret gets start, size, key, holder, start_ns and user_ns; pidfd is -1 and data NULL.
 * *ret_file is to be freed with g_key_file_unref(). */
char *state_render_lease(const struct ids_lease *lease, GKeyFile *kept);
int state_parse_lease(const char *text, size_t len, struct ids_lease *ret, GKeyFile **ret_file);

/* The server's own file: the highest serial that any container ever had. */
char *state_render_serial(uint32_t serial);
int state_parse_serial(const char *text, size_t len, uint32_t *ret);
