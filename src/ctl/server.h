/* What the files of ctl/ share: the server's state and the parts it is made of. Not for other folders. */
#pragma once

#include "ctl/ctl.h"
#include "proto/params.h"
#include "proto/varlink.h"

#include <stdbool.h>

enum {
        CTL_CONNECTIONS_MAX = 64,
        CTL_IDLE_SECONDS = 60,       /* then a connection is closed */
        CTL_SWEEP_FIRST_SECONDS = 5, /* after a death, so that the runtime's own clean-up comes first */
        CTL_SWEEP_SECONDS = 30,      /* then again, while something is left to sweep */
        CTL_ID_MAX = 1024,           /* bytes of a container's id */
        CTL_PATH_MAX = 4096,
        CTL_SYSCTLS_MAX = 256, /* initial values in one Register */
};

/* A registered container, as ctl keeps it beside the registry. */
struct ctl_entry {
        struct ctl *ctl;
        struct container *container; /* a reference */
        int user_ns_fd; /* keeps the number of init's user namespace from being given to another */
        GKeyFile *kept; /* the file it came from or NULL: unknown keys go into the next one */
        GSource *watch; /* of init's pidfd; NULL: init is dead */
};

struct ctl {
        struct ctl_config config;
        GMainContext *context;
        ino_t user_ns, pid_ns; /* the server's own */
        uint64_t started_ns;
        int containers_dirfd, leases_dirfd;

        struct ids *ids;
        GMutex lock; /* guards the next three, and is held while a container's file is written, so that
                        the last text is the newest */
        GHashTable *entries;  /* key -> struct ctl_entry */
        GHashTable *changed;  /* containers to save, referenced */
        GSource *save_source; /* that saves them */

        GSource *sweep_source;
        GSource *listen_source;
        GQueue connections; /* struct ctl_conn, the longest silent first */
};

/* ---- answer.c: what a method says ---- */

struct ctl_answer {
        const char *error;       /* full name, static; NULL: a success */
        json_object *parameters; /* owned; NULL: {} */
};

/* Each makes the answer an error of this interface; `message` names the thing, the reason and the next step.
 */
void answer_fail(struct ctl_answer *answer, const char *error, json_object *parameters);
void answer_fail_text(struct ctl_answer *answer, const char *error, const char *member, const char *text);
void answer_fail_errno(struct ctl_answer *answer, int r, const char *format, ...) G_GNUC_PRINTF(3, 4);
void answer_no_process(int64_t pid, struct ctl_answer *answer);
void answer_add_text(json_object *object, const char *member, const char *text);
void answer_add_int(json_object *object, const char *member, int64_t n);

/* ---- methods.c ---- */

/* Every parameter of every method; a method's table says which ones it reads. */
struct ctl_params {
        const char *root, *id, *bundle, *token, *name, *path, *sysctl_name, *value, *interface;
        int64_t pid, size;
        json_object *sysctls;
};

/* Answers one message (without its NUL): the reply is appended to out, nothing for a oneway call. Returns 0,
 * or -errno for bytes that are no call, after which the connection is of no use. */
int ctl_dispatch(struct ctl *ctl, const char *text, size_t len, GString *out);

/* ---- containers.c, leases.c, inspect.c: methods ---- */

void ctl_register(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_unregister(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_lease_ids(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_release_ids(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_list(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_get(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_render(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_set_sysctl(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_status(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);
void ctl_reload(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer);

/* Writes one sysctl ("vm.swappiness" or "vm/swappiness") as the container's root would. On failure answers
 * InvalidSysctl, or SystemError for what is no fault of the value, and returns -errno. */
int ctl_store_sysctl(struct ctl *ctl, struct container *container, const char *name, const char *value,
                     struct ctl_answer *answer);

/* ---- containers.c ---- */

int ctl_containers_load(struct ctl *ctl);
void ctl_entry_free(struct ctl_entry *entry);
bool ctl_containers_waiting(struct ctl *ctl); /* whether one has a dead init */

/* ---- leases.c ---- */

int ctl_leases_load(struct ctl *ctl);
void ctl_leases_clear(struct ctl *ctl);

/* A lease passes to the container of its key if that container's root is in the range: then *ret_start, else
 * 0. Returns 0 or -errno. */
int ctl_lease_adopt(struct ctl *ctl, const struct container *container, uint32_t *ret_start);

/* Ends the lease of a container that ended. */
void ctl_lease_drop(struct ctl *ctl, const struct container *container);
bool ctl_leases_waiting(struct ctl *ctl);

/* ---- usage.c: which user namespaces and ids living processes have ---- */

struct ctl_usage;

/* One walk through /proc, other user namespaces than the server's own only. Never fails: what cannot be read
 * is gone. */
struct ctl_usage *ctl_usage_read(struct ctl *ctl);
void ctl_usage_free(struct ctl_usage *usage);
DEFINE_AUTOPTR(ctl_usage, ctl_usage_free)
bool ctl_usage_has_ns(const struct ctl_usage *usage, ino_t user_ns);
/* By a namespace that maps some of these ids; one that maps more than the range is no container's (a sandbox
 * of the host may map all there are). */
bool ctl_usage_has_ids(const struct ctl_usage *usage, uint32_t start, uint32_t size);

/* ---- raise.c ---- */

/* A container with this store has ended: what it raised gets its old value again, or passes to another that
 * raised it too. */
void ctl_raise_release(struct ctl *ctl, struct sysctl_store *ended);

/* ---- sweep.c: records that nobody reported the end of ---- */

/* Drops containers and leases of dead processes that nothing uses any more. */
void ctl_sweep(struct ctl *ctl);
void ctl_sweep_containers(struct ctl *ctl, const struct ctl_usage *usage);
void ctl_sweep_leases(struct ctl *ctl, const struct ctl_usage *usage);

/* Sweeps in a while; earlier calls stand. */
void ctl_sweep_later(struct ctl *ctl, unsigned seconds);

/* Calls fn on the server's context when a pidfd says that its process is dead. The source is to
 * be destroyed and unreferenced. */
GSource *ctl_watch_pidfd(struct ctl *ctl, int pidfd,
                         gboolean (*fn)(int fd, GIOCondition condition, void *data), void *data);
void ctl_unwatch(GSource **source);
bool ctl_pidfd_alive(int pidfd); /* -1 is dead */

/* ---- conn.c, peer.c ---- */

int ctl_listen(struct ctl *ctl);
void ctl_connections_clear(struct ctl *ctl);

/* Whether the process at the other end is root in the server's own user and PID namespaces. Returns 0,
 * -EACCES or another -errno. */
int ctl_check_peer(struct ctl *ctl, int fd);
