#include "view/sysctl/sysctl.h"

#include "view/sysctl/file.h"
#include "view/sysctl/random.h"
#include "view/sysctl/value.h"

#include <errno.h>
#include <string.h>

static bool is_host(const struct view_ctx *ctx)
{
        return ctx->container->kind == CONTAINER_HOST;
}

/* The class that counts for this view; the machine's own names have none but their namespaces. -ENOENT: no
 * such name can be, or it is hidden. */
static int find_class(const struct view_ctx *ctx, const char *name, enum sysctl_class *ret)
{
        enum sysctl_class klass;

        if (*name && !sysctl_name_is_valid(name))
                return -ENOENT;
        klass = sysctl_policy_class(ctx->policy, name);
        if (is_host(ctx) && klass != SYSCTL_NAMESPACED)
                klass = SYSCTL_HOST;
        *ret = klass;
        return klass == SYSCTL_HIDDEN ? -ENOENT : 0;
}

static int lookup(const struct view_ctx *ctx, const char *name, struct vdir_entry *ret)
{
        enum sysctl_class klass;
        bool owned = false;
        mode_t mode;
        int r = find_class(ctx, name, &klass);

        if (r == 0)
                r = sysctl_file_stat(ctx, name, &mode, &owned);
        if (r < 0)
                return r == -ENOTDIR ? -ENOENT : r;
        *ret = (struct vdir_entry){.mode = mode};
        if (is_host(ctx) || S_ISDIR(mode))
                return 0;
        ret->unowned = klass == SYSCTL_NAMESPACED ? !owned : klass == SYSCTL_HOST;
        return 0;
}

struct listing {
        const struct view_ctx *ctx;
        const char *dir;
        void (*add)(const char *name, mode_t mode, void *data);
        void *data;
};

static void add_unless_hidden(const char *name, mode_t mode, void *data)
{
        struct listing *listing = data;
        g_autofree char *path = g_strconcat(listing->dir, *listing->dir ? "/" : "", name, NULL);
        enum sysctl_class klass;

        if (find_class(listing->ctx, path, &klass) == 0)
                listing->add(name, mode, listing->data);
}

static int list(const struct view_ctx *ctx, const char *name,
                void (*add)(const char *name, mode_t mode, void *data), void *data)
{
        struct listing listing = {ctx, name, add, data};
        enum sysctl_class klass;
        int r = find_class(ctx, name, &klass);

        return r < 0 ? r : sysctl_file_list(ctx, name, add_unless_hidden, &listing);
}

static bool is_root(const struct view_ctx *ctx)
{
        return ctx->caller == 0 || ctx->uid == (is_host(ctx) ? 0 : ctx->container->uid);
}

/* The kernel asks the file's bits, and no capability helps. The container's root is "others" for what is the
 * host's. */
static int check_readable(const struct view_ctx *ctx, const char *name, enum sysctl_class klass)
{
        mode_t mode;
        int r = sysctl_file_stat(ctx, name, &mode, NULL);

        if (r < 0)
                return r;
        if (S_ISDIR(mode))
                return -EISDIR;
        if (mode & S_IROTH)
                return 0;
        return mode & S_IRUSR && is_root(ctx) && (klass != SYSCTL_HOST || is_host(ctx)) ? 0 : -EACCES;
}

/* What the name shows: *ret_own is the container's own text, to free with g_free(), or NULL; then out is the
 * host's. */
static int read_kept(const struct view_ctx *ctx, const char *name, char **ret_own, GString *out)
{
        char *own = sysctl_store_get(ctx->container->sysctls, name);
        int r = 0;

        if (own)
                g_string_append_printf(out, "%s\n", own);
        else
                r = sysctl_file_read(ctx, name, out);
        *ret_own = own;
        return r;
}

static int render_uuid(const struct view_ctx *ctx, GString *out)
{
        return sysctl_random_uuid(out);
}

static int render_boot_id(const struct view_ctx *ctx, GString *out)
{
        return sysctl_random_boot_id(ctx->container->sysctls, out);
}

/* What no kernel's file says for a container. */
static const struct {
        const char *name;
        int (*render)(const struct view_ctx *ctx, GString *out);
} generated[] = {
        {SYSCTL_BOOT_ID, render_boot_id},
        {SYSCTL_UUID, render_uuid},
};

static int render_value(const struct view_ctx *ctx, const char *name, enum sysctl_class klass, GString *out)
{
        g_autofree char *own = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(generated) && !is_host(ctx); i++)
                if (strcmp(generated[i].name, name) == 0) {
                        int r = generated[i].render(ctx, out);
                        if (r == 0)
                                g_string_append_c(out, '\n');
                        return r;
                }
        if (klass == SYSCTL_PRIVATE || klass == SYSCTL_RAISE)
                return read_kept(ctx, name, &own, out);
        return sysctl_file_read(ctx, name, out);
}

/* In the trees of a registered container, whoever looks such a name up then meets the kernel's own file there
 * (view_kernel_mounts()): only to tell the size of ours to the lookup, two processes would be forked. */
static bool is_covered(const struct view_ctx *ctx, const char *name)
{
        return ctx->caller != 0 && ctx->container->kind == CONTAINER_REGISTERED &&
               sysctl_table_is_pid_space(name);
}

static int render(const struct view_ctx *ctx, const char *name, GString *out)
{
        enum sysctl_class klass;
        int r = find_class(ctx, name, &klass);

        if (r == 0)
                r = check_readable(ctx, name, klass);
        if (r == 0 && is_covered(ctx, name))
                r = -EOPNOTSUPP;
        return r < 0 ? r : render_value(ctx, name, klass, out);
}

/* Values belong to the registered container, or to the outermost view. */
static const struct container *owner_of(const struct view_ctx *ctx)
{
        const struct container *owner = ctx->container;

        while (owner->parent)
                owner = owner->parent;
        return owner;
}

static int check_root(const struct view_ctx *ctx)
{
        return ctx->caller == 0 || ctx->uid == owner_of(ctx)->uid ? 0 : -EACCES;
}

/* The host's value up to the rule's limit; an entry of several numbers or of text cannot be raised. Only for
 * a registered container: of another's end nobody tells, and the host's value would stay high. */
static int raise_host(const struct view_ctx *ctx, const char *name, const char *text)
{
        struct sysctl_rule rule = {.limit = 0};
        struct sysctl_raise raise;
        char *end;
        uint64_t value = g_ascii_strtoull(text, &end, 10);
        int r;

        if (end == text || *end || *text == '-')
                return -EINVAL;
        if (owner_of(ctx)->kind != CONTAINER_REGISTERED)
                return 0;
        sysctl_policy_find(ctx->policy, name, &rule);
        r = sysctl_file_raise(ctx->host, name, MIN(value, rule.limit), &raise);
        if (r == 0)
                sysctl_store_note_raise(ctx->container->sysctls, name, &raise);
        return r;
}

/* What is written where. */
struct write {
        const char *name, *text;
        size_t len;
        off_t offset;
        size_t taken; /* of len, in the end */
        enum sysctl_class klass;
        struct sysctl_entry entry;
};

/* Whether writes of this container at an offset begin at it: kernel.sysctl_writes_strict, which is private
 * too. */
static bool is_strict(const struct view_ctx *ctx)
{
        g_autofree char *own = sysctl_store_get(ctx->container->sysctls, "kernel/sysctl_writes_strict");

        return !own || strcmp(own, "1") == 0;
}

/* A value never passes its partner's. */
static int check_partner(const struct view_ctx *ctx, const struct sysctl_entry *entry, const char *value)
{
        g_autoptr(GString) text = g_string_new(NULL);
        int64_t mine = g_ascii_strtoll(value, NULL, 10), its;

        if (!(entry->flags & (SYSCTL_AT_MOST | SYSCTL_AT_LEAST)) || render(ctx, entry->partner, text) < 0)
                return 0;
        its = g_ascii_strtoll(text->str, NULL, 10);
        return entry->flags & SYSCTL_AT_MOST ? (mine <= its ? 0 : -EINVAL) : mine >= its ? 0 : -EINVAL;
}

/* Keeps a value if the present one is still that which it was made from; its partner is cleared with it. */
static bool keep(const struct view_ctx *ctx, const struct write *w, const char *own, const GString *current,
                 const char *value)
{
        bool clears = w->entry.flags & SYSCTL_CLEARS;
        size_t len = strcspn(current->str, "\n");

        if (w->entry.flags & SYSCTL_IF_CHANGED && strlen(value) == len &&
            strncmp(value, current->str, len) == 0)
                clears = false;
        return sysctl_store_replace(ctx->container->sysctls, w->name, own, value,
                                    clears ? w->entry.partner : NULL, "0");
}

/* Returns 1 when the value changed meanwhile and all is to be done again, 0 or -errno. */
static int try_store(const struct view_ctx *ctx, struct write *w)
{
        g_autoptr(GString) current = g_string_new(NULL), value = g_string_new(NULL);
        g_autofree char *own = NULL;
        bool ignored, trigger = w->entry.flags & SYSCTL_TRIGGER;
        int r = trigger ? 0 : read_kept(ctx, w->name, &own, current);

        if (r == 0)
                r = sysctl_value_parse_at(&w->entry, current->str, w->text, w->len, w->offset, &ignored,
                                          &w->taken, value);
        if (r < 0 || ignored || trigger)
                return r;
        r = check_partner(ctx, &w->entry, value->str);
        if (r == 0 && w->klass == SYSCTL_RAISE)
                r = raise_host(ctx, w->name, value->str);
        return r < 0 ? r : !keep(ctx, w, own, current, value->str);
}

/* The table's entry, or one after what the host shows for a name that only the policy makes private. */
static int find_entry(const struct view_ctx *ctx, const char *name, struct sysctl_entry *ret)
{
        const struct sysctl_entry *known = sysctl_table_find(name);
        g_autoptr(GString) text = g_string_new(NULL);
        int r;

        if (known && known->type != SYSCTL_NONE) {
                *ret = *known;
                return 0;
        }
        r = sysctl_file_read(ctx, name, text);
        if (r == 0)
                *ret = sysctl_value_guess(text->str);
        return r;
}

static int store_own(const struct view_ctx *ctx, struct write *w)
{
        int r = check_root(ctx);

        if (r == 0)
                r = find_entry(ctx, w->name, &w->entry);
        if (r < 0)
                return r;
        if (w->offset > 0 && w->entry.type != SYSCTL_BITMAP && !is_strict(ctx))
                w->offset = 0;
        do
                r = try_store(ctx, w);
        while (r > 0);
        return r < 0 || w->taken == w->len ? r : (int)w->taken;
}

static int store(const struct view_ctx *ctx, const char *name, const char *text, size_t len, off_t offset)
{
        struct write w = {.name = name, .text = text, .len = len, .offset = offset};
        mode_t mode;
        int r = find_class(ctx, name, &w.klass);

        if (r == 0)
                r = sysctl_file_stat(ctx, name, &mode, NULL);
        if (r < 0)
                return r;
        if (S_ISDIR(mode))
                return -EISDIR;
        if (!(mode & S_IWUSR))
                return -EACCES;
        if (w.klass == SYSCTL_PRIVATE || w.klass == SYSCTL_RAISE)
                return store_own(ctx, &w);
        return w.klass == SYSCTL_HOST && !is_host(ctx) ? -EACCES
                                                       : sysctl_file_write(ctx, name, text, len, offset);
}

const struct vdir view_sysctl_dir = {lookup, list, render, store};
