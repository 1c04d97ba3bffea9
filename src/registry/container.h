/* One container as the server knows it: an immutable, counted record, shared by threads without a lock. The
 * exceptions say so. The same record serves the host's own view and views made on the spot for callers that
 * nobody registered, so that rows need not know the difference. */
#pragma once

#include "base/cleanup.h"
#include "host/groups.h"
#include "registry/sysctl-store.h"

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

enum container_kind {
        CONTAINER_HOST, /* the machine itself: rows pass the kernel's text through. Serial 0, one per server
                         */
        CONTAINER_REGISTERED, /* a runtime's hook registered it */
        CONTAINER_SPOT,       /* made on the spot from a caller's namespaces and groups */
};

struct container {
        gatomicrefcount refs;
        enum container_kind kind;
        uint32_t serial; /* in node ids, see registry.h; 0: the host, or nested in a container (node ids are
                            that one's) */
        char key[17];    /* proto/key.h; "" unless registered */
        char *id;        /* the runtime's id, and the runtime's root: "" unless registered */
        char *root;
        char *bundle;
        char *token;           /* of this incarnation; Unregister needs it */
        pid_t init;            /* process 1 of the container, as the server numbers it; 0 for the host */
        int pidfd;             /* of init, or -1 for the host */
        uint64_t start_ns;     /* when init started, nanoseconds on CLOCK_BOOTTIME (field 22 of its stat) */
        ino_t user_ns, pid_ns; /* inode numbers of init's namespaces */
        uid_t uid;             /* the container's root, as the initial user namespace numbers it */
        gid_t gid;
        uint32_t range_start;     /* of the leased id range, or 0 */
        struct container *parent; /* spot view of a nested PID namespace: the container it is in, or NULL */
        struct sysctl_store *sysctls; /* private values, locked inside; of the parent where there is one */

        struct groups *groups; /* last seen; only through container_groups() */
        uint64_t groups_ns;    /* when */
        GMutex groups_lock;    /* guards the two above, never held over I/O */
};

/* The identity of a process that is or will be somebody's init, read from the kernel. */
struct container_init {
        pid_t pid;
        int pidfd; /* taken over by container_new() */
        uint64_t start_ns;
        ino_t user_ns, pid_ns;
        uid_t uid;
        gid_t gid;
};

/* Reads the identity of pid: opens its pidfd first and proves at the end that it is still alive, so that all
 * fields are of one process. On success the caller owns ret->pidfd. Returns 0 or -errno (-ESRCH: gone). */
int container_read_init(const struct host *host, pid_t pid, struct container_init *ret);

/* A record with one reference. init->pidfd becomes its own. parent may be NULL and is referenced; strings are
 * copied, NULL is "". */
struct container *container_new(enum container_kind kind, uint32_t serial, const char *root, const char *id,
                                const char *bundle, const struct container_init *init,
                                struct container *parent);
struct container *container_ref(struct container *container);
void container_unref(struct container *container);
DEFINE_AUTOPTR(container, container_unref)

/* Whether init is alive (a zombie is not). Any thread; one system call. */
int container_alive(const struct container *container);

/* The control groups that count for this container: init's, looked up again when older than a second, the
 * last ones seen when init is dead. Returns a reference or NULL (host view, or never seen). Any thread. */
struct groups *container_groups(struct container *container, const struct host *host);

/* Lets go of the open groups of a container that nobody has asked about for ten seconds; the next reader
 * opens them again. A dead init's are kept: they cannot be had again. For a timer. */
void container_rest(struct container *container, const struct host *host);
