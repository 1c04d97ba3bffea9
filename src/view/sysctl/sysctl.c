#include "view/sysctl/sysctl.h"

#include "view/sysctl/file.h"
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

static int render(const struct view_ctx *ctx, const char *name, GString *out)
{
        enum sysctl_class klass;
        g_autofree char *own = NULL;
        int r = find_class(ctx, name, &klass);

        if (r == 0)
                r = check_readable(ctx, name, klass);
        if (r < 0)
                return r;
        if (klass == SYSCTL_PRIVATE || klass == SYSCTL_RAISE)
                own = sysctl_store_get(ctx->container->sysctls, name);
        if (!own)
                return sysctl_file_read(ctx, name, out);
        g_string_append_printf(out, "%s\n", own);
        return 0;
}

/* Values belong to the registered container, or to the outermost view: its root sets them. */
static int check_root(const struct view_ctx *ctx)
{
        const struct container *owner = ctx->container;

        while (owner->parent)
                owner = owner->parent;
        return ctx->caller == 0 || ctx->uid == owner->uid ? 0 : -EACCES;
}

/* The host's value up to the rule's limit; an entry of several numbers or of text cannot be raised. */
static int raise_host(const struct view_ctx *ctx, const char *name, const char *text)
{
        const struct sysctl_rule *rule = sysctl_policy_find(ctx->policy, name);
        uint64_t limit = rule ? rule->limit : UINT64_MAX;
        char *end;
        uint64_t value = g_ascii_strtoull(text, &end, 10);

        if (end == text || *end || *text == '-')
                return -EINVAL;
        return sysctl_file_raise(ctx, name, MIN(value, limit));
}

static int store_own(const struct view_ctx *ctx, const char *name, enum sysctl_class klass, const char *text,
                     size_t len)
{
        g_autoptr(GString) current = g_string_new(NULL), value = g_string_new(NULL);
        const struct sysctl_entry *known = sysctl_table_find(name);
        struct sysctl_entry entry;
        int r = check_root(ctx);

        if (r == 0)
                r = render(ctx, name, current);
        if (r < 0 || len == 0)
                return r;
        entry = known && known->klass != SYSCTL_NAMESPACED ? *known : sysctl_value_guess(current->str);
        r = sysctl_value_parse(&entry, current->str, text, len, value);
        if (r == 0 && klass == SYSCTL_RAISE)
                r = raise_host(ctx, name, value->str);
        if (r == 0)
                sysctl_store_set(ctx->container->sysctls, name, value->str);
        return r;
}

static int store(const struct view_ctx *ctx, const char *name, const char *text, size_t len)
{
        enum sysctl_class klass;
        mode_t mode;
        int r = find_class(ctx, name, &klass);

        if (r == 0)
                r = sysctl_file_stat(ctx, name, &mode, NULL);
        if (r < 0)
                return r;
        if (S_ISDIR(mode))
                return -EISDIR;
        if (!(mode & S_IWUSR))
                return -EACCES;
        if (klass == SYSCTL_PRIVATE || klass == SYSCTL_RAISE)
                return store_own(ctx, name, klass, text, len);
        return klass == SYSCTL_HOST && !is_host(ctx) ? -EACCES : sysctl_file_write(ctx, name, text, len);
}

const struct vdir view_sysctl_dir = {lookup, list, render, store};
