#include "mnt/overlay.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "mnt/error.h"
#include "mnt/idmap.h"
#include "mnt/place.h"

#include <dirent.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { MOUNTINFO_MAX_BYTES = 16 * 1024 * 1024, TREE_MAX_DEPTH = 64 };

static const char work_name[] = "cloister-work";

void overlay_free(struct overlay *overlay)
{
        if (!overlay)
                return;
        g_strfreev(overlay->lowers);
        g_free(overlay->upper);
        g_free(overlay->work);
        g_free(overlay->options);
        g_free(overlay);
}

/* mountinfo writes blanks, commas and backslashes as \ooo. */
static char *unescape_octal(const char *text)
{
        GString *out = g_string_new(NULL);

        while (*text)
                if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
                    text[3] >= '0' && text[3] <= '7') {
                        g_string_append_c(out,
                                          (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0'));
                        text += 4;
                } else {
                        g_string_append_c(out, *text++);
                }
        return g_string_free(out, FALSE);
}

/* "a:b\:c" -> "a", "b:c". An empty name ("a::b") is a layer of data only. */
static int split_lowers(const char *text, GPtrArray *out, GError **error)
{
        g_autoptr(GString) name = g_string_new(NULL);

        for (;; text++) {
                if (*text == '\\' && text[1] != '\0') {
                        g_string_append_c(name, *++text);
                        continue;
                }
                if (*text != ':' && *text != '\0') {
                        g_string_append_c(name, *text);
                        continue;
                }
                if (name->len == 0)
                        return mnt_fail(error, -EINVAL,
                                        "an overlay with layers of data only cannot be shifted");
                g_ptr_array_add(out, g_strdup(name->str));
                g_string_truncate(name, 0);
                if (*text == '\0')
                        return 0;
        }
}

/* Whether an option decides what is read from the layers and so has to be as in the engine's mount. */
static bool shapes_view(const char *option)
{
        static const char *const names[] = {"redirect_dir=", "metacopy=", "xino=", "userxattr", NULL};

        for (const char *const *n = names; *n; n++)
                if (g_str_has_prefix(option, *n))
                        return true;
        return false;
}

struct parse {
        struct overlay *overlay;
        GPtrArray *lowers;
        GString *options;
};

static int take_option(struct parse *parse, const char *option, GError **error)
{
        const char *equals = strchr(option, '=');
        g_autofree char *value = unescape_octal(equals ? equals + 1 : "");

        if (g_str_has_prefix(option, "lowerdir="))
                return split_lowers(value, parse->lowers, error);
        if (g_str_has_prefix(option, "lowerdir+="))
                g_ptr_array_add(parse->lowers, g_steal_pointer(&value));
        else if (g_str_has_prefix(option, "datadir+="))
                return mnt_fail(error, -EINVAL, "an overlay with layers of data only cannot be shifted");
        else if (g_str_has_prefix(option, "upperdir=") && !parse->overlay->upper)
                parse->overlay->upper = g_steal_pointer(&value);
        else if (g_str_has_prefix(option, "workdir=") && !parse->overlay->work)
                parse->overlay->work = g_steal_pointer(&value);
        else if (shapes_view(option))
                g_string_append_printf(parse->options, "%s%s", parse->options->len ? "," : "", option);
        return 0;
}

static int take_options(struct parse *parse, const char *super_options, GError **error)
{
        g_auto(GStrv) options = g_strsplit(super_options, ",", -1);
        int r = 0;

        for (char **o = options; r == 0 && *o; o++)
                r = take_option(parse, *o, error);
        if (r == 0 && (parse->lowers->len == 0 || parse->lowers->len > OVERLAY_MAX_LOWERS))
                r = mnt_fail(error, -EINVAL, "an overlay with %u lower directories", parse->lowers->len);
        if (r == 0 && !parse->overlay->upper != !parse->overlay->work)
                r = mnt_fail(error, -EINVAL, "an overlay with only one of upper and work directory");
        return r;
}

static unsigned long mount_flags(const char *mount_options)
{
        static const struct {
                const char *name;
                unsigned long flag;
        } table[] = {{"ro", MS_RDONLY}, {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}};
        g_auto(GStrv) options = g_strsplit(mount_options, ",", -1);
        unsigned long flags = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (g_strv_contains((const char *const *)options, table[i].name))
                        flags |= table[i].flag;
        return flags;
}

int overlay_parse(const char *mount_options, const char *super_options, struct overlay **ret, GError **error)
{
        autoptr(overlay) overlay = g_new0(struct overlay, 1);
        g_autoptr(GPtrArray) lowers = g_ptr_array_new_with_free_func(g_free);
        struct parse parse = {overlay, lowers, g_string_new(NULL)};
        int r = take_options(&parse, super_options, error);

        overlay->options = g_string_free(parse.options, FALSE);
        if (r < 0)
                return r;
        overlay->flags = mount_flags(mount_options);
        g_ptr_array_add(lowers, NULL);
        overlay->lowers = (char **)g_ptr_array_free(g_steal_pointer(&lowers), FALSE);
        *ret = g_steal_pointer(&overlay);
        return 0;
}

/* The base from which every lower directory is there: a parent of path. Engines shorten many names so. */
static char *find_base(const char *path, char *const *lowers)
{
        g_autofree char *base = g_path_get_dirname(path);

        for (;;) {
                bool all = true;
                for (char *const *l = lowers; all && *l; l++) {
                        g_autofree char *full = g_canonicalize_filename(*l, base);
                        all = faccessat(AT_FDCWD, full, F_OK, 0) == 0;
                }
                if (all)
                        return g_steal_pointer(&base);
                if (g_str_equal(base, "/"))
                        return NULL;
                char *parent = g_path_get_dirname(base);
                g_free(base);
                base = parent;
        }
}

static void make_absolute(char **name, const char *base)
{
        char *full = g_canonicalize_filename(*name, base);

        g_free(*name);
        *name = full;
}

static int resolve_names(struct overlay *overlay, const char *path, GError **error)
{
        g_autofree char *base = find_base(path, overlay->lowers);

        if (!base && overlay->upper && overlay->upper[0] == '/')
                base = find_base(overlay->upper, overlay->lowers);
        if (!base)
                return mnt_fail(error, -ENOENT, "cannot find the lower directory %s of the overlay at %s",
                                overlay->lowers[0], path);
        for (char **l = overlay->lowers; *l; l++)
                make_absolute(l, base);
        if (overlay->upper) {
                make_absolute(&overlay->upper, base);
                make_absolute(&overlay->work, base);
        }
        return 0;
}

/* A line of mountinfo: id parent dev root point options [tags] - type source super. */
static int parse_line(const char *line, uint64_t id, struct overlay **ret, GError **error)
{
        g_auto(GStrv) fields = g_strsplit(line, " ", -1);
        guint n = g_strv_length(fields), dash = 6;

        if (n < 10 || g_ascii_strtoull(fields[0], NULL, 10) != id)
                return -ENOENT;
        while (dash < n && !g_str_equal(fields[dash], "-"))
                dash++;
        if (dash + 3 >= n || !g_str_equal(fields[dash + 1], "overlay")) {
                *ret = NULL;
                return 0;
        }
        return overlay_parse(fields[5], fields[dash + 3], ret, error);
}

int overlay_find(int rootfs, const char *path, struct overlay **ret, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        autoptr(overlay) overlay = NULL;
        struct statx stx;
        int r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX_BYTES, text);

        if (r < 0 || statx(rootfs, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
                return mnt_fail(error, r < 0 ? r : err_negative(), "cannot find the mount of %s", path);
        *ret = NULL;
        if (!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
                return 0;
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        for (r = -ENOENT, text = text; *lines && r == -ENOENT;)
                break;
        for (char **line = lines; *line; line++) {
                r = parse_line(*line, stx.stx_mnt_id, &overlay, error);
                if (r != -ENOENT)
                        break;
        }
        if (r == -ENOENT)
                return mnt_fail(error, r, "cannot find the mount of %s", path);
        if (r == 0 && overlay)
                r = resolve_names(overlay, path, error);
        if (r == 0)
                *ret = g_steal_pointer(&overlay);
        return r;
}

/* The layers below room/layers: lower directory N at N, the parent of upper and work directory at `up`. */
struct stage {
        const char *room;
        int layers; /* directory */
        int user_ns;
        char *upper, *work; /* relative to layers */
};

static int attach_shifted(const struct stage *stage, const char *path, const char *name, GError **error)
{
        autofd int from = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), tree = -1, to = -1;
        int r = from < 0 ? err_negative() : 0;

        if (r == 0) {
                tree = idmap_clone(from, false, stage->user_ns);
                r = tree < 0 ? tree : 0;
        }
        if (r == -EOPNOTSUPP)
                return mnt_fail(
                        error, r,
                        "the file system of %s has no idmapped mounts, which give the container's files "
                        "their "
                        "owners: keep the engine's data on ext4, xfs or btrfs (on tmpfs from Linux 6.3)",
                        path);
        if (r == 0 && mkdirat(stage->layers, name, 0711) < 0)
                r = err_negative();
        if (r == 0) {
                to = openat(stage->layers, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = to < 0 ? err_negative() : mnt_move(tree, to);
        }
        return r < 0 ? mnt_fail(error, r, "cannot attach %s for the container", path) : 0;
}

static int attach_lowers(const struct stage *stage, char *const *lowers, GError **error)
{
        int r = 0;

        for (unsigned i = 0; r == 0 && lowers[i]; i++) {
                g_autofree char *name = g_strdup_printf("%u", i);
                r = attach_shifted(stage, lowers[i], name, error);
        }
        return r;
}

/* The deepest directory that holds both. */
static char *common_parent(const char *a, const char *b)
{
        g_autofree char *parent = g_path_get_dirname(a);

        for (;;) {
                size_t len = strlen(parent);
                if (g_str_equal(parent, "/") || (g_str_has_prefix(b, parent) && b[len] == '/'))
                        return g_steal_pointer(&parent);
                char *above = g_path_get_dirname(parent);
                g_free(parent);
                parent = above;
        }
}

static int attach_upper(struct stage *stage, const struct overlay *overlay, char **ret_work, GError **error)
{
        g_autofree char *upper = realpath(overlay->upper, NULL), *work = realpath(overlay->work, NULL);

        if (!upper || !work)
                return mnt_fail(error, err_negative(), "cannot find %s",
                                upper ? overlay->work : overlay->upper);
        g_autofree char *parent = common_parent(upper, work);
        const char *below = upper + (g_str_equal(parent, "/") ? 1 : strlen(parent) + 1);
        g_autofree char *own = g_build_filename(parent, work_name, NULL);
        if (strpbrk(below, ",:\\"))
                return mnt_fail(error, -EINVAL, "the name of %s cannot be given to an overlay", upper);
        if (mkdir(own, 0700) < 0 && errno != EEXIST)
                return mnt_fail(error, err_negative(), "cannot make %s", own);
        *ret_work = g_steal_pointer(&own);
        stage->upper = g_strdup_printf("up/%s", below);
        stage->work = g_strdup_printf("up/%s", work_name);
        return attach_shifted(stage, parent, "up", error);
}

struct mounter {
        const struct stage *stage;
        unsigned long flags;
        char *data;
};

static char *mount_data(const struct stage *stage, const struct overlay *overlay)
{
        GString *data = g_string_new("index=off,lowerdir=0");

        for (unsigned i = 1; overlay->lowers[i]; i++)
                g_string_append_printf(data, ":%u", i);
        if (stage->upper)
                g_string_append_printf(data, ",upperdir=%s,workdir=%s", stage->upper, stage->work);
        if (*overlay->options)
                g_string_append_printf(data, ",%s", overlay->options);
        return g_string_free(data, FALSE);
}

static int mount_overlay(void *data)
{
        const struct mounter *mounter = data;

        if (fchdir(mounter->stage->layers) < 0 ||
            mount("overlay", "../rootfs", "overlay", mounter->flags, mounter->data) < 0)
                return err_negative();
        return 0;
}

/* The overlay keeps copies of its own: the container need not see these. */
static void detach_layers(const struct stage *stage, const struct overlay *overlay)
{
        for (unsigned i = 0; i <= g_strv_length(overlay->lowers); i++) {
                g_autofree char *name = overlay->lowers[i] ? g_strdup_printf("%u", i) : g_strdup("up");
                g_autofree char *path = g_build_filename(stage->room, "layers", name, NULL);
                umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        }
}

static int mount_stage(struct stage *stage, const struct overlay *overlay, uid_t uid, gid_t gid,
                       char **ret_work, GError **error)
{
        int r = attach_lowers(stage, overlay->lowers, error);

        if (r == 0 && overlay->upper)
                r = attach_upper(stage, overlay, ret_work, error);
        if (r == 0) {
                g_autofree char *data = mount_data(stage, overlay);
                struct mounter mounter = {stage, overlay->flags, data};
                r = idmap_run_as(uid, gid, mount_overlay, &mounter);
                if (r < 0)
                        mnt_fail(error, r, "cannot mount the container's overlay with owners from %u up (%s)",
                                 uid, data);
        }
        detach_layers(stage, overlay);
        return r;
}

int overlay_mount(const struct overlay *overlay, const char *room, int user_ns, uid_t uid, gid_t gid,
                  char **ret_work, GError **error)
{
        g_autofree char *path = g_build_filename(room, "layers", NULL), *work = NULL;
        struct stage stage = {.room = room, .user_ns = user_ns};

        if (mkdir(path, 0711) < 0)
                return mnt_fail(error, err_negative(), "cannot make %s", path);
        autofd int layers = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layers < 0)
                return mnt_fail(error, err_negative(), "cannot open %s", path);
        stage.layers = layers;
        int r = mount_stage(&stage, overlay, uid, gid, &work, error);
        g_free(stage.upper);
        g_free(stage.work);
        if (r < 0 && work)
                overlay_remove_work(work);
        if (r == 0)
                *ret_work = g_steal_pointer(&work);
        return r;
}

/* Any reconfiguration of a file system, also one that changes nothing, drops its unused names. */
int overlay_refresh(int fd)
{
        autofd int context = fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);

        if (context < 0 || fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                return err_negative();
        return 0;
}

static int remove_tree(int parent, const char *name, unsigned depth);

static int remove_entries(DIR *dir, unsigned depth)
{
        struct dirent *entry;
        int r = 0;

        while (r == 0 && (entry = readdir(dir)))
                if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
                        r = remove_tree(dirfd(dir), entry->d_name, depth);
        return r;
}

static int remove_tree(int parent, const char *name, unsigned depth)
{
        if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return err_negative();
        if (depth == 0)
                return -ELOOP;
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return err_negative();
        int r = remove_entries(dir, depth - 1);
        closedir(dir);
        return r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 ? err_negative() : r;
}

int overlay_remove_work(const char *work)
{
        g_autofree char *name = g_path_get_basename(work), *parent = g_path_get_dirname(work);

        if (work[0] != '/' || !g_str_equal(name, work_name))
                return -EINVAL;
        autofd int fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : err_negative();
        return remove_tree(fd, work_name, TREE_MAX_DEPTH);
}
