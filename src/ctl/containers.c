#include "ctl/server.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "proto/key.h"
#include "registry/state.h"
#include "view/sysctl/random.h"
#include "view/vfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_BYTES = 16 };

static gboolean on_init_dead(int fd, GIOCondition condition, void *data)
{
        struct ctl_entry *entry = data;

        ctl_unwatch(&entry->watch);
        ctl_sweep_later(entry->ctl, CTL_SWEEP_FIRST_SECONDS);
        return G_SOURCE_REMOVE;
}

void ctl_entry_free(struct ctl_entry *entry)
{
        ctl_unwatch(&entry->watch);
        fd_clear(&entry->user_ns_fd);
        container_unref(entry->container);
        if (entry->kept)
                g_key_file_unref(entry->kept);
        g_free(entry);
}

/* ---- the state ---- */

/* The lock is held. */
static int save_locked(struct ctl *ctl, const struct container *container, GKeyFile *kept)
{
        g_autofree char *text = state_render_container(container, kept);

        return file_replace_at(ctl->containers_dirfd, container->key, text, strlen(text), 0600);
}

static int save_serial(struct ctl *ctl, uint32_t serial)
{
        g_autofree char *text = state_render_serial(serial);

        return file_replace_at(ctl->config.state_dirfd, "serial", text, strlen(text), 0600);
}

static void remove_file(struct ctl *ctl, const char *key)
{
        if (unlinkat(ctl->containers_dirfd, key, 0) < 0 && errno != ENOENT)
                log_errno(err_negative(), "cannot remove containers/%s from the state", key);
}

int ctl_save_container(struct ctl *ctl, struct container *container)
{
        int r = 0;

        while (container->parent)
                container = container->parent;
        g_mutex_lock(&ctl->lock);
        struct ctl_entry *entry = g_hash_table_lookup(ctl->entries, container->key);
        if (entry && entry->container == container)
                r = save_locked(ctl, container, entry->kept);
        g_mutex_unlock(&ctl->lock);
        return r;
}

/* The kernel numbers namespaces by the lowest free number: without a reference, that of an ended container is
 * the next one's at once. Returns a file descriptor or -errno (-ESRCH: init is gone). */
static int open_user_ns(struct ctl *ctl, const struct container *container)
{
        g_autofree char *path = g_strdup_printf("%d/ns/user", container->init);
        autofd int fd = openat(host_proc_fd(ctl->config.host), path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return errno == ENOENT ? -ESRCH : err_negative();
        if (fstat(fd, &st) < 0)
                return err_negative();
        return st.st_ino == container->user_ns && container_alive(container) ? fd_steal(&fd) : -ESRCH;
}

/* Enters a container whose file is in place; user_ns_fd is taken over. */
static void add_entry(struct ctl *ctl, struct container *container, int user_ns_fd, GKeyFile *kept)
{
        struct ctl_entry *entry = g_new0(struct ctl_entry, 1);

        entry->ctl = ctl;
        entry->container = container_ref(container);
        entry->user_ns_fd = user_ns_fd;
        entry->kept = kept ? g_key_file_ref(kept) : NULL;
        entry->watch = ctl_watch_pidfd(ctl, container->pidfd, on_init_dead, entry);
        g_mutex_lock(&ctl->lock);
        g_hash_table_replace(ctl->entries, container->key, entry);
        g_mutex_unlock(&ctl->lock);
}

/* Forgets a container, its file and its ids. */
static void end_entry(struct ctl *ctl, struct ctl_entry *entry)
{
        struct container *container = container_ref(entry->container);

        registry_remove(ctl->config.registry, container);
        ctl_raise_release(ctl, container->sysctls);
        g_mutex_lock(&ctl->lock);
        g_hash_table_remove(ctl->entries, container->key);
        remove_file(ctl, container->key);
        g_mutex_unlock(&ctl->lock);
        ctl_lease_drop(ctl, container);
        container_unref(container);
}

/* ---- Register ---- */

static void add_mount(json_object *mounts, const char *path, bool knob)
{
        json_object *mount = json_object_new_object();

        answer_add_text(mount, "connection", knob ? "knobs" : "views");
        answer_add_text(mount, "path", path);
        json_object_array_add(mounts, mount);
}

static void answer_registration(struct ctl *ctl, const struct container *container, struct ctl_answer *answer)
{
        json_object *mounts = json_object_new_array(), *kernel_mounts = json_object_new_array();
        g_auto(GStrv) knobs = view_knob_mounts(), kernel = view_kernel_mounts();

        for (const struct vfile *row = view_rows(NULL); row->path; row++)
                if (row->flags & VFILE_MOUNT)
                        add_mount(mounts, row->path, row->flags & VFILE_KNOB);
        for (char **path = knobs; *path; path++)
                add_mount(mounts, *path, true);
        for (char **path = kernel; *path; path++)
                json_object_array_add(kernel_mounts, json_object_new_string(*path));
        answer->parameters = json_object_new_object();
        answer_add_text(answer->parameters, "key", container->key);
        answer_add_text(answer->parameters, "token", container->token);
        answer_add_int(answer->parameters, "serial", container->serial);
        answer_add_text(answer->parameters, "fs", ctl->config.fs_dir);
        json_object_object_add(answer->parameters, "mounts", mounts);
        json_object_object_add(answer->parameters, "kernelMounts", kernel_mounts);
}

static int make_token(char **ret)
{
        unsigned char bytes[TOKEN_BYTES];
        GString *token = g_string_new(NULL);

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
                g_string_free(token, TRUE);
                return -EIO;
        }
        for (size_t i = 0; i < sizeof(bytes); i++)
                g_string_append_printf(token, "%02x", bytes[i]);
        g_free(*ret);
        *ret = g_string_free(token, FALSE);
        return 0;
}

static int store_sysctls(struct ctl *ctl, struct container *container, json_object *sysctls,
                         struct ctl_answer *answer)
{
        if (!sysctls)
                return 0;
        json_object_object_foreach(sysctls, name, value)
        {
                int r = ctl_store_sysctl(ctl, container, name, json_object_get_string(value), answer);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The record, complete but not yet known to anybody. Answers on failure. */
static struct container *make_container(struct ctl *ctl, const struct ctl_params *params, const char *key,
                                        struct container_init *init, struct ctl_answer *answer)
{
        uint32_t serial = registry_next_serial(ctl->config.registry);
        g_autoptr(GString) boot_id = g_string_new(NULL);
        autoptr(container) container = NULL;

        if (serial == 0) {
                answer_fail_errno(answer, -ENOSPC,
                                  "all numbers for containers are used up: start cloisterd anew "
                                  "when no container runs");
                return NULL;
        }
        container = container_new(CONTAINER_REGISTERED, serial, params->root, params->id, params->bundle,
                                  init, NULL);
        init->pidfd = -1;
        g_strlcpy(container->key, key, sizeof(container->key));
        if (store_sysctls(ctl, container, params->sysctls, answer) < 0) {
                ctl_raise_release(ctl, container->sysctls);
                return NULL;
        }
        int r = sysctl_random_boot_id(container->sysctls, boot_id);
        if (r == 0)
                r = make_token(&container->token);
        if (r == 0)
                r = ctl_lease_adopt(ctl, container, &container->range_start);
        if (r < 0) {
                answer_fail_errno(answer, r, "cannot make a record of container %s", params->id);
                return NULL;
        }
        return g_steal_pointer(&container);
}

/* The state first: what was acknowledged is found again by a successor. */
static int publish(struct ctl *ctl, struct container *container)
{
        autofd int user_ns_fd = open_user_ns(ctl, container);
        int r = user_ns_fd < 0 ? user_ns_fd : save_serial(ctl, container->serial);

        if (r == 0) {
                g_mutex_lock(&ctl->lock);
                r = save_locked(ctl, container, NULL);
                g_mutex_unlock(&ctl->lock);
        }
        if (r == 0)
                r = registry_add(ctl->config.registry, container);
        if (r < 0) {
                ctl_raise_release(ctl, container->sysctls);
                remove_file(ctl, container->key);
                return r;
        }
        add_entry(ctl, container, fd_steal(&user_ns_fd), NULL);
        return 0;
}

static void register_new(struct ctl *ctl, const struct ctl_params *params, const char *key,
                         struct container_init *init, struct ctl_answer *answer)
{
        autoptr(container) container = make_container(ctl, params, key, init, answer);

        if (!container)
                return;
        int r = publish(ctl, container);
        if (r < 0)
                answer_fail_errno(answer, r,
                                  "cannot write container %s into the state folder; is its disk full?",
                                  params->id);
        else
                answer_registration(ctl, container, answer);
}

void ctl_register(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        struct container_init init = {.pidfd = -1};
        char key[KEY_SIZE];
        int r = container_read_init(ctl->config.host, (pid_t)params->pid, &init);

        if (r < 0) {
                answer_no_process(params->pid, answer);
                return;
        }
        key_make(params->root, params->id, key);
        struct ctl_entry *old = g_hash_table_lookup(ctl->entries, key);
        if (old && !container_alive(old->container)) {
                end_entry(ctl, old);
                old = NULL;
        }
        if (!old)
                register_new(ctl, params, key, &init, answer);
        else if (old->container->init == init.pid && old->container->start_ns == init.start_ns)
                answer_registration(ctl, old->container, answer);
        else
                answer_fail_text(answer, PROTO_INTERFACE ".AlreadyExists", "key", key);
        fd_clear(&init.pidfd);
}

/* ---- Unregister and the end of the unreported ---- */

void ctl_unregister(struct ctl *ctl, const struct ctl_params *params, struct ctl_answer *answer)
{
        char key[KEY_SIZE];

        key_make(params->root, params->id, key);
        struct ctl_entry *entry = g_hash_table_lookup(ctl->entries, key);
        if (!entry)
                return;
        if (g_strcmp0(params->token, entry->container->token) != 0 && container_alive(entry->container))
                answer_fail_text(answer, PROTO_INTERFACE ".WrongToken", "key", key);
        else
                end_entry(ctl, entry);
}

/* One in the server's own user namespace has nothing left that could be told from the host's processes. */
static bool entry_used(struct ctl *ctl, const struct ctl_entry *entry, const struct ctl_usage *usage)
{
        const struct container *container = entry->container;

        return container_alive(container) ||
               (container->user_ns != ctl->user_ns && ctl_usage_has_ns(usage, container->user_ns));
}

void ctl_sweep_containers(struct ctl *ctl, const struct ctl_usage *usage)
{
        g_autoptr(GList) entries = g_hash_table_get_values(ctl->entries);

        for (GList *link = entries; link; link = link->next)
                if (!entry_used(ctl, link->data, usage))
                        end_entry(ctl, link->data);
}

bool ctl_containers_waiting(struct ctl *ctl)
{
        GHashTableIter iter;
        gpointer entry;

        g_hash_table_iter_init(&iter, ctl->entries);
        while (g_hash_table_iter_next(&iter, NULL, &entry))
                if (!((struct ctl_entry *)entry)->watch)
                        return true;
        return false;
}

/* ---- the state at start ---- */

/* The saved container again, if its init still lives: same process, same namespaces, same serial. Returns 0
 * or -errno (-ESRCH: it has ended). */
static int restore(struct ctl *ctl, const struct state_container *state)
{
        struct container_init init = {.pidfd = -1};
        int r = container_read_init(ctl->config.host, state->init, &init);

        if (r < 0)
                return r;
        if (init.start_ns != state->start_ns || init.user_ns != state->user_ns ||
            init.pid_ns != state->pid_ns) {
                fd_clear(&init.pidfd);
                return -ESRCH;
        }
        autoptr(container) container = container_new(CONTAINER_REGISTERED, state->serial, state->root,
                                                     state->id, state->bundle, &init, NULL);
        g_strlcpy(container->key, state->key, sizeof(container->key));
        g_free(container->token);
        container->token = g_strdup(state->token);
        container->range_start = state->range_start;
        sysctl_store_unref(container->sysctls);
        container->sysctls = sysctl_store_ref(state->sysctls);
        autofd int user_ns_fd = open_user_ns(ctl, container);
        r = user_ns_fd < 0 ? user_ns_fd : registry_add(ctl->config.registry, container);
        if (r == 0)
                add_entry(ctl, container, fd_steal(&user_ns_fd), state->file);
        return r;
}

/* Serials below this one may stand in node ids: never again. */
static void raise_serial(struct ctl *ctl, uint32_t serial)
{
        struct registry_serials *serials = ctl->config.serials;

        if (serials && atomic_load(&serials->registered) < serial)
                atomic_store(&serials->registered, serial);
}

/* ended: where to put what is left of one that has ended, name -> struct sysctl_store. */
static int load_container(struct ctl *ctl, const char *name, GHashTable *ended)
{
        g_autoptr(GString) text = g_string_new(NULL);
        autoptr(state_container) state = NULL;
        char key[KEY_SIZE];
        int r = file_read_at(ctl->containers_dirfd, name, STATE_SIZE_MAX, text);

        if (r == 0)
                r = state_parse_container(text->str, text->len, &state);
        if (r < 0)
                return r;
        key_make(state->root, state->id, key);
        if (!g_str_equal(key, name) || !g_str_equal(state->key, name))
                return -EBADMSG;
        raise_serial(ctl, state->serial);
        r = restore(ctl, state);
        if (r == -ESRCH)
                g_hash_table_replace(ended, g_strdup(name), sysctl_store_ref(state->sysctls));
        return r;
}

static int load_serial(struct ctl *ctl)
{
        g_autoptr(GString) text = g_string_new(NULL);
        uint32_t serial;
        int r = file_read_at(ctl->config.state_dirfd, "serial", STATE_SIZE_MAX, text);

        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = state_parse_serial(text->str, text->len, &serial);
        if (r == 0)
                raise_serial(ctl, serial);
        return r;
}

/* A file of a newer version stops the start: its container would lose its views. Half written ones of a
 * former server's death (file_replace_at) and those of ended containers go. */
static int load_entry(struct ctl *ctl, const char *name, GHashTable *ended)
{
        int r = load_container(ctl, name, ended);

        if (r == 0)
                return 0;
        if (r == -ENOTSUP)
                return log_errno(r, "state: containers/%s was written by a newer cloisterd; start that one",
                                 name);
        if (r != -ESRCH && strlen(name) == KEY_SIZE - 1)
                log_warning("state: containers/%s is left out: %s", name, g_strerror(-r));
        if (r != -ESRCH && strlen(name) != KEY_SIZE - 1)
                remove_file(ctl, name);
        return 0;
}

/* When all that live are known. */
static void release_ended(struct ctl *ctl, GHashTable *ended)
{
        GHashTableIter iter;
        gpointer name, store;

        g_hash_table_iter_init(&iter, ended);
        while (g_hash_table_iter_next(&iter, &name, &store)) {
                ctl_raise_release(ctl, store);
                remove_file(ctl, name);
        }
}

int ctl_containers_load(struct ctl *ctl)
{
        g_autoptr(GHashTable) ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                            (GDestroyNotify)sysctl_store_unref);
        int r = load_serial(ctl);
        int fd = openat(ctl->containers_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir)
                return err_negative();
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        r = load_entry(ctl, entry->d_name, ended);
        closedir(dir);
        if (r == 0)
                release_ended(ctl, ended);
        return r;
}
