#include "ctl/server.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "proto/key.h"
#include "registry/state.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

/* What hangs on a lease's data pointer. */
struct holder {
        struct ctl *ctl;
        GSource *watch;
        GKeyFile *kept; /* the lease's file, with unknown keys */
};

static struct holder *holder_of(struct ctl *ctl, struct ids_lease *lease)
{
        if (!lease->data) {
                struct holder *holder = g_new0(struct holder, 1);
                holder->ctl = ctl;
                lease->data = holder;
        }
        return lease->data;
}

static void holder_free(struct ids_lease *lease)
{
        struct holder *holder = lease->data;

        if (!holder)
                return;
        ctl_unwatch(&holder->watch);
        if (holder->kept)
                g_key_file_unref(holder->kept);
        g_free(holder);
        lease->data = NULL;
}

static gboolean on_holder_dead(int fd, GIOCondition condition, void *data)
{
        struct holder *holder = data;

        ctl_unwatch(&holder->watch);
        ctl_sweep_later(holder->ctl, CTL_SWEEP_FIRST_SECONDS);
        return G_SOURCE_REMOVE;
}

/* The life of the lease is now init's; its pidfd is taken over. */
static void set_holder(struct ctl *ctl, struct ids_lease *lease, struct container_init *init)
{
        struct holder *holder = holder_of(ctl, lease);

        ctl_unwatch(&holder->watch);
        fd_clear(&lease->pidfd);
        lease->holder = init->pid;
        lease->pidfd = fd_steal(&init->pidfd);
        lease->start_ns = init->start_ns;
        holder->watch = ctl_watch_pidfd(ctl, lease->pidfd, on_holder_dead, holder);
}

static int save_lease(struct ctl *ctl, struct ids_lease *lease)
{
        g_autofree char *name = g_strdup_printf("%u", lease->start);
        g_autofree char *text = state_render_lease(lease, holder_of(ctl, lease)->kept);

        return file_replace_at(ctl->leases_dirfd, name, text, strlen(text), 0600);
}

/* Ends a lease, also in the state. A file that stays, because the disk refuses, is swept at the next start.
 */
static void end_lease(struct ctl *ctl, struct ids_lease *lease)
{
        g_autofree char *name = g_strdup_printf("%u", lease->start);

        if (unlinkat(ctl->leases_dirfd, name, 0) < 0 && errno != ENOENT)
                log_errno(err_negative(), "cannot remove leases/%s from the state", name);
        holder_free(lease);
        ids_release(ctl->ids, lease);
}

/* Ends a lease that its container gave up; while processes still use the ids it only loses its key. */
static void give_up_lease(struct ctl *ctl, struct ids_lease *lease)
{
        autoptr(ctl_usage) usage = ctl_usage_read(ctl);

        if (!ctl_usage_has_ids(usage, lease->start, lease->size)) {
                end_lease(ctl, lease);
                return;
        }
        struct holder *holder = holder_of(ctl, lease);
        ctl_unwatch(&holder->watch);
        fd_clear(&lease->pidfd);
        ids_detach(ctl->ids, lease);
        int r = save_lease(ctl, lease);
        if (r < 0)
                log_errno(r, "cannot save the lease of ids from %u", lease->start);
        ctl_sweep_later(ctl, CTL_SWEEP_FIRST_SECONDS);
}

static void answer_lease(const struct ids_lease *lease, struct ctl_answer *answer)
{
        answer->parameters = json_object_new_object();
        answer_add_int(answer->parameters, "start", lease->start);
        answer_add_int(answer->parameters, "size", lease->size);
}

static void answer_no_ids(struct ctl *ctl, uint32_t size, struct ctl_answer *answer)
{
        g_autofree char *message = g_strdup_printf(
                "no %u subordinate ids are free: %zu leases are out. Give cloisterd more, by ids= in "
                "cloister.conf "
                "or by lines of user cloister in /etc/subuid and /etc/subgid, and start it again",
                size, ids_count(ctl->ids));

        answer_fail_text(answer, PROTO_INTERFACE ".NoFreeIds", "message", message);
}

/* Decides about the lease that the key has already. Returns 1 if the same process asked again (answered), 0
 * if the old lease is out of the way, -EBUSY if it is not (answered). */
static int settle_old_lease(struct ctl *ctl, struct ids_lease *old, const struct container_init *init,
                            struct ctl_answer *answer)
{
        if (!ctl_pidfd_alive(old->pidfd)) {
                give_up_lease(ctl, old);
                return 0;
        }
        if (old->holder == init->pid && old->start_ns == init->start_ns) {
                answer_lease(old, answer);
                return 1;
        }
        json_object *parameters = json_object_new_object();
        answer_add_int(parameters, "start", old->start);
        answer_fail(answer, PROTO_INTERFACE ".AlreadyLeased", parameters);
        return -EBUSY;
}

static int new_lease(struct ctl *ctl, const char *key, uint32_t size, struct ids_lease **ret)
{
        int r = ids_lease(ctl->ids, key, size, ret);

        if (r != -ENOSPC)
                return r;
        ctl_sweep(ctl);
        return ids_lease(ctl->ids, key, size, ret);
}

static void lease_for(struct ctl *ctl, const char *key, uint32_t size, struct container_init *init,
                      struct ctl_answer *answer)
{
        struct ids_lease *lease = ids_find(ctl->ids, key);

        if (lease && settle_old_lease(ctl, lease, init, answer) != 0)
                return;
        if (new_lease(ctl, key, size, &lease) < 0) {
                answer_no_ids(ctl, size, answer);
                return;
        }
        set_holder(ctl, lease, init);
        int r = save_lease(ctl, lease);
        if (r < 0) {
                end_lease(ctl, lease);
                answer_fail_errno(answer, r,
                                  "cannot write the lease into the state folder; is its disk full?");
                return;
        }
        answer_lease(lease, answer);
}

void ctl_lease_ids(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        struct container_init init = {.pidfd = -1};
        char key[KEY_SIZE];
        int r = container_read_init(ctl->config.host, (pid_t)params->pid, &init);

        if (r < 0) {
                answer_no_process(params->pid, answer);
                return;
        }
        key_make(params->root, params->id, key);
        lease_for(ctl, key, (uint32_t)params->size, &init, answer);
        fd_clear(&init.pidfd);
}

void ctl_release_ids(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        char key[KEY_SIZE];

        key_make(params->root, params->id, key);
        struct ids_lease *lease = ids_find(ctl->ids, key);
        if (lease)
                give_up_lease(ctl, lease);
}

int ctl_lease_adopt(struct ctl *ctl, const struct container *container, uint32_t *ret_start)
{
        struct ids_lease *lease = ids_find(ctl->ids, container->key);

        *ret_start = 0;
        if (!lease || container->uid < lease->start || container->uid - lease->start >= lease->size)
                return 0;
        struct container_init init = {.pid = container->init, .start_ns = container->start_ns};
        init.pidfd = fcntl(container->pidfd, F_DUPFD_CLOEXEC, 0);
        if (init.pidfd < 0)
                return err_negative();
        lease->user_ns = container->user_ns;
        set_holder(ctl, lease, &init);
        *ret_start = lease->start;
        return save_lease(ctl, lease);
}

/* A lease of the same key that has another living holder is the next incarnation's. */
void ctl_lease_drop(struct ctl *ctl, const struct container *container)
{
        struct ids_lease *lease = ids_find(ctl->ids, container->key);
        bool own = lease && lease->holder == container->init && lease->start_ns == container->start_ns;

        if (lease && (own || !ctl_pidfd_alive(lease->pidfd)))
                give_up_lease(ctl, lease);
}

/* ---- the sweep ---- */

struct sweep {
        struct ctl *ctl;
        const struct ctl_usage *usage;
};

static gboolean lease_used(const struct ids_lease *lease, void *data)
{
        const struct sweep *sweep = data;

        return ctl_pidfd_alive(lease->pidfd) || ctl_usage_has_ids(sweep->usage, lease->start, lease->size);
}

static void lease_dropped(struct ids_lease *lease, void *data)
{
        const struct sweep *sweep = data;
        g_autofree char *name = g_strdup_printf("%u", lease->start);

        if (unlinkat(sweep->ctl->leases_dirfd, name, 0) < 0 && errno != ENOENT)
                log_errno(err_negative(), "cannot remove leases/%s from the state", name);
        holder_free(lease);
}

void ctl_sweep_leases(struct ctl *ctl, const struct ctl_usage *usage)
{
        struct sweep sweep = {ctl, usage};

        ids_sweep(ctl->ids, lease_used, lease_dropped, &sweep);
}

static void count_dead(struct ids_lease *lease, void *data)
{
        *(bool *)data |= !ctl_pidfd_alive(lease->pidfd);
}

bool ctl_leases_waiting(struct ctl *ctl)
{
        bool waiting = false;

        ids_foreach(ctl->ids, count_dead, &waiting);
        return waiting;
}

/* ---- the state at start ---- */

/* A file that cannot be read still says that ids were given out: the range is kept until nobody uses it. */
static int load_lease(struct ctl *ctl, const char *name, uint32_t start)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GKeyFile) file = NULL;
        struct ids_lease saved = {.start = start, .size = IDS_SIZE_DEFAULT, .pidfd = -1};
        struct container_init init = {.pidfd = -1};
        struct ids_lease *lease;
        int r = file_read_at(ctl->leases_dirfd, name, STATE_SIZE_MAX, text);

        if (r == 0)
                r = state_parse_lease(text->str, text->len, &saved, &file);
        if (r < 0 || saved.start != start) {
                log_warning(
                        "state: leases/%s cannot be read; the ids from %u stay leased while they are used",
                        name, start);
                saved = (struct ids_lease){.start = start, .size = IDS_SIZE_DEFAULT, .pidfd = -1};
        }
        r = ids_restore(ctl->ids, saved.key, saved.start, saved.size, &lease);
        if (r < 0)
                return r;
        lease->holder = saved.holder;
        lease->start_ns = saved.start_ns;
        lease->user_ns = saved.user_ns;
        holder_of(ctl, lease)->kept = g_steal_pointer(&file);
        if (saved.key[0] && container_read_init(ctl->config.host, saved.holder, &init) == 0 &&
            init.start_ns == saved.start_ns)
                set_holder(ctl, lease, &init);
        fd_clear(&init.pidfd);
        return 0;
}

int ctl_leases_load(struct ctl *ctl)
{
        int fd = openat(ctl->leases_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        uint64_t start;

        if (!dir)
                return err_negative();
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                if (num_parse_u64(entry->d_name, &start) < 0 || start >= UINT32_MAX) {
                        /* half written when a former server ended */
                        unlinkat(ctl->leases_dirfd, entry->d_name, 0);
                        continue;
                }
                int r = load_lease(ctl, entry->d_name, (uint32_t)start);
                if (r < 0)
                        log_errno(r, "state: leases/%s is left out", entry->d_name);
        }
        closedir(dir);
        return 0;
}

static void clear_lease(struct ids_lease *lease, void *data)
{
        holder_free(lease);
}

void ctl_leases_clear(struct ctl *ctl)
{
        if (ctl->ids)
                ids_foreach(ctl->ids, clear_lease, NULL);
}
