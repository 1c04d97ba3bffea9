/* libcloister: the control interface of cloisterd for programs. All calls block, at most 10 seconds; a handle
 * is for one thread at a time. Every function that takes a GError sets it exactly when it returns < 0 (0 or
 * -errno otherwise), with a message that names the thing, the reason and the next step. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

#define CLOISTER_PUBLIC __attribute__((visibility("default")))

struct cloister; /* a connection to a cloisterd */

/* Connects to the control socket at path; NULL: $CLOISTER_CONTROL, else /run/cloister/control.sock.
 * -ECONNREFUSED or -ENOENT when no cloisterd runs (the message says how to start it). */
CLOISTER_PUBLIC int cloister_connect(const char *path, struct cloister **ret, GError **error);
CLOISTER_PUBLIC void cloister_disconnect(struct cloister *cloister);

/* Any method of interface io.cloister.Containers ("List"): parameters and result are the text of a JSON
 * object (NULL parameters: {}). *ret is to be freed with g_free(). An error reply gives -EREMOTEIO (or the
 * errno it carries) and a message made from it. */
CLOISTER_PUBLIC int cloister_call(struct cloister *cloister, const char *method, const char *parameters,
                                  char **ret, GError **error);

/* What Register answers. */
struct cloister_mount {
        char *connection; /* "views" or "knobs" */
        char *path;       /* "proc/uptime" */
};
struct cloister_registration {
        char *key, *token;
        char *fs; /* directory of the FUSE mounts: source of a mount is fs/connection/containers/key/path */
        struct cloister_mount *mounts;
        size_t n_mounts;
        char **kernel_mounts; /* NULL-terminated: paths bound back from the container's own procfs */
};

/* sysctls: NULL or a NULL-terminated array of name, value, name, value, ... */
CLOISTER_PUBLIC int cloister_register(struct cloister *cloister, const char *root, const char *id,
                                      const char *bundle, pid_t init, const char *const *sysctls,
                                      struct cloister_registration **ret, GError **error);
CLOISTER_PUBLIC void cloister_registration_free(struct cloister_registration *registration);
/* token NULL: only if the registered init is dead. */
CLOISTER_PUBLIC int cloister_unregister(struct cloister *cloister, const char *root, const char *id,
                                        const char *token, GError **error);

/* holder: the process whose life the lease has until Register. */
CLOISTER_PUBLIC int cloister_lease_ids(struct cloister *cloister, const char *root, const char *id,
                                       pid_t holder, uint32_t size, uint32_t *ret_start, GError **error);
CLOISTER_PUBLIC int cloister_release_ids(struct cloister *cloister, const char *root, const char *id,
                                         GError **error);

/* The text of a file of the view of a container: name is its key, its id or an unambiguous beginning of one,
 * path "proc/meminfo". *ret_text is to be freed with g_free(). */
CLOISTER_PUBLIC int cloister_render(struct cloister *cloister, const char *name, const char *path,
                                    char **ret_text, GError **error);
/* Writes a sysctl ("vm.swappiness" or "vm/swappiness") as the container's root would; it is saved when this
 * returns. -EINVAL when the kernel would refuse the value. */
CLOISTER_PUBLIC int cloister_set_sysctl(struct cloister *cloister, const char *name, const char *sysctl,
                                        const char *value, GError **error);
