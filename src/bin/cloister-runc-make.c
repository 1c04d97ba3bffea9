#include "bin/cloister-runc.h"

#include "base/err.h"
#include "base/fd.h"
#include "client/cloister.h"
#include "mnt/idmap.h"
#include "mnt/overlay.h"
#include "mnt/place.h"
#include "oci/edit.h"
#include "oci/plan.h"
#include "oci/spec.h"
#include "oci/sysctl.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* One container in the making. */
struct make {
        const struct settings *settings;
        struct bundle *bundle; /* ours */
        char *source;          /* the engine's */
        char *mnt;             /* private tmpfs below ours */
        json_object *spec;
        struct edit_ids ids;
        int user_ns; /* -1: the spec brings its own mappings, owners are the engine's business */
        int rootfs;
        struct plan *plan;
};

static void make_clear(struct make *make)
{
        g_free(make->source);
        g_free(make->mnt);
        json_object_put(make->spec);
        fd_clear(&make->user_ns);
        fd_clear(&make->rootfs);
        plan_free(make->plan);
}

static int read_spec(struct make *make, GError **error)
{
        const struct cmdline *cmdline = make->settings->cmdline;
        g_autofree char *path = NULL;

        make->source = g_canonicalize_filename(cmdline->bundle ?: ".", NULL);
        path = cmdline->config ? g_canonicalize_filename(cmdline->config, NULL)
                               : g_build_filename(make->source, "config.json", NULL);
        int r = spec_read(path, SPEC_MAX_BYTES, &make->spec, error);
        if (r == 0)
                r = edit_check_names(make->spec, error);
        return r < 0 ? r : edit_find_ids(make->spec, &make->ids, error);
}

/* Of that mode whatever the umask: the container's root passes through. */
static int make_folder(const char *path, GError **error)
{
        return (mkdir(path, 0711) < 0 && errno != EEXIST) || chmod(path, 0711) < 0
                       ? spec_fail(error, err_negative(), "cannot make %s: %s", path, g_strerror(errno))
                       : 0;
}

/* What is mounted from here on is seen by the runtime and the container, not by the host, and ends with them.
 * The host sees an empty folder in the place of the root file system: runc changes to it before each command.
 */
static int enter_mount_namespace(struct make *make, GError **error)
{
        g_autofree char *rootfs = NULL, *binds = NULL;
        int r;

        make->mnt = g_build_filename(make->bundle->path, "mnt", NULL);
        rootfs = g_build_filename(make->mnt, "rootfs", NULL);
        binds = g_build_filename(make->mnt, "binds", NULL);
        r = make_folder(make->mnt, error);
        if (r == 0)
                r = make_folder(rootfs, error);
        if (r < 0)
                return r;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return spec_fail(error, err_negative(), "cannot make a mount namespace: %s",
                                 g_strerror(errno));
        if (mount("cloister", make->mnt, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711,size=4m") < 0)
                return spec_fail(error, err_negative(), "cannot mount on %s: %s", make->mnt,
                                 g_strerror(errno));
        r = make_folder(rootfs, error);
        return r < 0 ? r : make_folder(binds, error);
}

static int lease_ids(struct make *make, GError **error)
{
        const struct settings *settings = make->settings;
        struct cloister *cloister = NULL;
        uint32_t start = 0;

        if (make->ids.own)
                return 0;
        int r = cloister_connect(settings->control, &cloister, error);
        if (r == 0)
                r = cloister_lease_ids(cloister, settings->root, settings->cmdline->id, getpid(),
                                       EDIT_RANGE_SIZE, &start, error);
        cloister_disconnect(cloister);
        if (r < 0)
                return r;
        make->bundle->leased = true;
        make->ids.uid = make->ids.gid = start;
        r = idmap_open_user_ns(start, start, EDIT_RANGE_SIZE, error);
        make->user_ns = r;
        return r < 0 ? r : 0;
}

static int bind_rootfs(const struct make *make, int from, const char *path, int to, GError **error)
{
        autofd int tree = idmap_clone(from, true, make->user_ns);

        if (tree == -EOPNOTSUPP)
                return spec_fail(
                        error, tree,
                        "the file system of the container's root, %s, has no idmapped mounts, which give its "
                        "files their owners: put it on ext4, xfs or btrfs (on tmpfs from Linux 6.3), or give "
                        "the container id mappings and the files those owners",
                        path);
        int r = tree < 0 ? tree : mnt_move(tree, to);
        return r < 0 ? spec_fail(error, r, "cannot attach the container's root %s: %s", path, g_strerror(-r))
                     : 0;
}

/* The work directory is found again at delete by a link beside the spec. */
static int remount_overlay(const struct make *make, int from, const struct overlay *overlay, GError **error)
{
        g_autofree char *work = NULL, *link = g_build_filename(make->bundle->path, "work", NULL);
        int r = overlay_mount(overlay, make->mnt, make->user_ns, make->ids.uid, make->ids.gid, &work, error);

        if (r == 0 && work && symlink(work, link) < 0)
                r = spec_fail(error, err_negative(), "cannot make %s: %s", link, g_strerror(errno));
        if (r == 0)
                overlay_refresh(from); /* at worst the engine shows older text for a while */
        return r;
}

static int shift_rootfs(struct make *make, const char *path, int from, GError **error)
{
        g_autofree char *target = g_build_filename(make->mnt, "rootfs", NULL);
        autofd int to = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
        autoptr(overlay) overlay = NULL;

        if (to < 0)
                return spec_fail(error, err_negative(), "cannot open %s: %s", target, g_strerror(errno));
        int r = overlay_find(from, path, &overlay, error);
        if (r == 0)
                r = overlay ? remount_overlay(make, from, overlay, error)
                            : bind_rootfs(make, from, path, to, error);
        if (r == 0)
                r = edit_set_rootfs(make->spec, target, error);
        if (r < 0)
                return r;
        make->rootfs = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return make->rootfs < 0 ? spec_fail(error, err_negative(), "cannot open %s", target) : 0;
}

/* The runtime would have made /proc and /sys for the mounts that it does not get to see any more. */
static int prepare_rootfs(struct make *make, GError **error)
{
        autofd int from = -1;
        int r = plan_from_spec(make->spec, make->settings->root, make->settings->cmdline->id, make->source,
                               &make->plan, error);

        if (r < 0)
                return r;
        const char *path = make->plan->rootfs;
        from = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (from < 0)
                return spec_fail(error, err_negative(), "cannot open the container's root %s: %s", path,
                                 g_strerror(errno));
        if (make->ids.own) {
                make->rootfs = fd_steal(&from);
                r = edit_set_rootfs(make->spec, path, error);
        } else {
                r = shift_rootfs(make, path, from, error);
        }
        if (r < 0)
                return r;
        r = idmap_make_view_dirs(make->rootfs, make->ids.uid, make->ids.gid);
        return r < 0 ? spec_fail(error, r, "cannot make /proc and /sys in %s: %s", path, g_strerror(-r)) : 0;
}

/* A file or directory to attach a volume to, of the volume's own kind. */
static int make_target(const char *path, int like)
{
        struct stat st;

        if (fstat(like, &st) < 0)
                return err_negative();
        if (S_ISDIR(st.st_mode) ? mkdir(path, 0711) < 0 : mknod(path, S_IFREG | 0600, 0) < 0)
                return err_negative();
        int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? err_negative() : fd;
}

/* Attaches a shifted copy of the volume and returns its path; NULL where its file system cannot be shifted
 * (device nodes, other FUSE file systems): then it is bound as it is, with owners that the container does not
 * know. */
static int shift_bind(const struct make *make, const struct edit_bind *bind, int from, char **ret)
{
        g_autofree char *target = g_strdup_printf("%s/binds/%zu", make->mnt, bind->index);
        autofd int tree = idmap_clone(from, bind->recursive, make->user_ns), to = -1;

        *ret = NULL;
        if (tree < 0)
                return tree == -EOPNOTSUPP ? 0 : tree;
        to = make_target(target, from);
        int r = to < 0 ? to : mnt_move(tree, to);
        if (r == 0)
                *ret = g_steal_pointer(&target);
        return r;
}

static int prepare_bind(const struct make *make, const struct edit_bind *bind, GError **error)
{
        autofd int from = open(bind->source, O_PATH | O_CLOEXEC);
        g_autofree char *shifted = NULL;
        struct statvfs vfs;
        int r = 0;

        if (from < 0)
                return 0; /* the runtime has its own words for that */
        if (fstatvfs(from, &vfs) < 0)
                r = err_negative();
        else if (!make->ids.own)
                r = shift_bind(make, bind, from, &shifted);
        if (r < 0)
                return spec_fail(error, r, "cannot give the volume %s to the container: %s", bind->source,
                                 g_strerror(-r));
        if (!shifted && !make->ids.own) {
                g_autofree char *text = g_strdup_printf(
                        "the owners of %s cannot be shifted: its file system has no "
                        "idmapped mounts",
                        bind->source);
                report_warning(make->settings->cmdline, text);
        }
        return edit_set_bind(make->spec, bind->index, shifted ?: bind->source, vfs.f_flag, error);
}

static int prepare_binds(const struct make *make, GError **error)
{
        g_autoptr(GArray) binds = NULL;
        int r = edit_find_binds(make->spec, make->source, &binds, error);

        for (guint i = 0; r == 0 && i < binds->len; i++)
                r = prepare_bind(make, &g_array_index(binds, struct edit_bind, i), error);
        return r;
}

/* Group ids in a kernel parameter are those of whoever writes it: the hook does, from outside. */
static void shift_sysctls(const struct make *make)
{
        for (char **pair = make->plan->namespaced; *pair; pair += 2) {
                char *shifted;
                if (!g_str_equal(pair[0], "net/ipv4/ping_group_range"))
                        continue;
                shifted = sysctl_shift_groups(pair[1], make->ids.gid, EDIT_RANGE_SIZE);
                if (shifted) {
                        g_free(pair[1]);
                        pair[1] = shifted;
                }
        }
}

static int write_plan(struct make *make, const char *path, GError **error)
{
        const char *views = make->settings->cmdline->views;

        plan_free(make->plan);
        make->plan = NULL;
        int r = plan_from_spec(make->spec, make->settings->root, make->settings->cmdline->id, make->source,
                               &make->plan, error);
        if (r < 0)
                return r;
        make->plan->taken = true;
        make->plan->locked = !views || g_str_equal(views, "locked");
        shift_sysctls(make);
        return plan_write(make->plan, path, error);
}

static int add_hooks(const struct make *make, const char *plan, GError **error)
{
        static const char *const stages[] = {"createRuntime", "poststop"};
        const struct settings *settings = make->settings;
        int r = access(settings->hook, X_OK) < 0
                        ? spec_fail(error, err_negative(),
                                    "there is no %s: install it, or name it with --hook", settings->hook)
                        : 0;

        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(stages); i++) {
                const char *args[] = {settings->hook, "--plan", plan, stages[i], NULL, NULL, NULL};
                if (settings->control) {
                        args[3] = "--control";
                        args[4] = settings->control;
                        args[5] = stages[i];
                }
                r = edit_add_hook(make->spec, stages[i], args, error);
        }
        return r;
}

/* Every rule about namespaces and paths is one more line here. */
static int edit_spec(const struct make *make, const char *plan, GError **error)
{
        int r = make->ids.own ? edit_add_namespace(make->spec, "user", error)
                              : edit_add_user_namespace(make->spec, make->ids.uid, error);

        if (r == 0)
                r = edit_add_namespace(make->spec, "cgroup", error);
        if (r == 0)
                r = edit_take_views(make->spec, error);
        if (r == 0)
                r = edit_take_sysctls(make->spec, error);
        return r < 0 ? r : add_hooks(make, plan, error);
}

static int write_bundle(struct make *make, GError **error)
{
        g_autofree char *config = g_build_filename(make->bundle->path, "config.json", NULL);
        g_autofree char *plan = g_build_filename(make->bundle->path, "plan.json", NULL);
        int r = write_plan(make, plan, error);

        if (r == 0)
                r = edit_spec(make, plan, error);
        return r < 0 ? r : spec_write(make->spec, config, error);
}

int make_prepare(const struct settings *settings, struct bundle *bundle, char **ret_console, GError **error)
{
        struct make make = {.settings = settings, .bundle = bundle, .user_ns = -1, .rootfs = -1};
        int r = read_spec(&make, error);

        if (r == 0)
                r = lease_ids(&make, error);
        if (r == 0)
                r = enter_mount_namespace(&make, error);
        if (r == 0)
                r = prepare_rootfs(&make, error);
        if (r == 0)
                r = prepare_binds(&make, error);
        if (r == 0)
                r = write_bundle(&make, error);
        if (r == 0 && settings->cmdline->console_socket)
                *ret_console = g_canonicalize_filename(settings->cmdline->console_socket, make.source);
        make_clear(&make);
        return r;
}
