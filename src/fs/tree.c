#include "fs/tree.h"

#include "base/err.h"
#include "view/vfile.h"

#include <string.h>

struct tree {
        const struct fs_config *config;
        struct names *names;
        const struct vfile *rows;
        size_t n_rows;
        bool *shown; /* per row: whether this connection has it */
};

static const char containers_name[] = "containers";

enum { DIR_MODE = S_IFDIR | 0555, CONTAINERS_MODE = S_IFDIR | 0700 };

static bool is_below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        return g_str_has_prefix(path, directory) && path[n] == '/';
}

/* A file is on the connection its flag says; a directory where something below it is, or where it itself is
 * dynamic. */
static bool row_is_shown(const struct tree *tree, const struct vfile *row)
{
        unsigned wanted = row->flags & VFILE_KNOB ? FS_KNOBS : FS_VIEWS;

        if (S_ISREG(row->mode) || row->flags & VFILE_DYNAMIC)
                return tree->config->flags & wanted;
        for (size_t i = 0; i < tree->n_rows; i++)
                if (is_below(tree->rows[i].path, row->path) && row_is_shown(tree, &tree->rows[i]))
                        return true;
        return false;
}

struct tree *tree_new(const struct fs_config *config, struct names *names)
{
        struct tree *tree = g_new0(struct tree, 1);

        tree->config = config;
        tree->names = names;
        tree->rows = view_rows(&tree->n_rows);
        tree->shown = g_new0(bool, tree->n_rows);
        for (size_t i = 0; i < tree->n_rows; i++)
                tree->shown[i] = row_is_shown(tree, &tree->rows[i]);
        return tree;
}

void tree_free(struct tree *tree)
{
        if (!tree)
                return;
        g_free(tree->shown);
        g_free(tree);
}

void place_clear(struct place *place)
{
        g_clear_pointer(&place->owner, container_unref);
        g_clear_pointer(&place->view, container_unref);
}

struct view_ctx tree_view_ctx(const struct tree *tree, const struct place *place, struct caller caller)
{
        return (struct view_ctx){
                .host = tree->config->host,
                .container = place->view,
                .policy = tree->config->policy,
                .caller = caller.thread,
                .uid = caller.uid,
                .gid = caller.gid,
        };
}

/* The dynamic directory that a full path is below; *ret_rest is the part after it. */
static const struct vfile *find_dynamic(const struct tree *tree, const char *path, const char **ret_rest)
{
        for (size_t i = 0; i < tree->n_rows; i++)
                if (tree->rows[i].flags & VFILE_DYNAMIC && is_below(path, tree->rows[i].path)) {
                        *ret_rest = path + strlen(tree->rows[i].path) + 1;
                        return &tree->rows[i];
                }
        return NULL;
}

/* Whose node a file of this view is: a nested view's files are its container's. */
static struct container *view_owner(struct container *view)
{
        return view->parent ?: view;
}

/* Whose text the caller gets on this node. Directories above all views are everybody's; a file that is not of
 * the caller's view is stale for it, or, once opened, stays its owner's. */
static int resolve_view(struct tree *tree, struct caller caller, bool opened, struct place *place)
{
        const struct fs_config *config = tree->config;
        bool above_views = place->node.serial == 0 && S_ISDIR(place->mode);
        int r;

        place->owner = place->node.serial == 0 ? container_ref(registry_host(config->registry))
                                               : registry_find_serial(config->registry, place->node.serial);
        if (!place->owner)
                return -ESTALE;
        if (place->owner->kind == CONTAINER_REGISTERED)
                return ident_resolve_in(config->ident, caller.thread, place->owner, &place->view);
        r = ident_resolve(config->ident, caller.thread, &place->view);
        if (r < 0 || above_views || place->view == place->owner)
                return r;
        container_unref(place->view);
        place->view = container_ref(place->owner);
        return opened ? 0 : -ESTALE;
}

/* Mode and owner of a name found at run time. */
static int resolve_entry(struct tree *tree, struct caller caller, struct place *place)
{
        struct view_ctx ctx = tree_view_ctx(tree, place, caller);
        struct vdir_entry entry = {0};
        int r = place->row->dir->lookup(&ctx, place->path, &entry);

        place->mode = entry.mode;
        place->unowned = entry.unowned;
        return r;
}

static int resolve_name(struct tree *tree, struct caller caller, bool opened, struct place *place)
{
        char full[SHARED_NAME_MAX];
        const char *rest;
        int r = names_path(tree->names, place->node.number, full);

        if (r < 0)
                return r;
        place->row = find_dynamic(tree, full, &rest);
        if (!place->row)
                return -ESTALE;
        g_strlcpy(place->path, rest, sizeof(place->path));
        place->mode = S_IFDIR; /* not known yet: the entry is looked up in the view */
        r = resolve_view(tree, caller, opened, place);
        if (r == 0)
                r = resolve_entry(tree, caller, place);
        if (r == 0 && !opened && S_ISREG(place->mode) && view_owner(place->view) != place->owner)
                r = -ESTALE;
        return r == -ENOENT ? -ESTALE : r;
}

static int resolve_row(struct tree *tree, struct caller caller, bool opened, struct place *place)
{
        place->row = view_find_row(place->node.number);
        if (!place->row)
                return -ESTALE;
        place->mode = place->row->mode;
        return resolve_view(tree, caller, opened, place);
}

int tree_resolve(struct tree *tree, uint64_t id, struct caller caller, bool opened, struct place *ret)
{
        *ret = (struct place){.id = id, .node = nodeid_parse(id), .mode = DIR_MODE};
        switch (ret->node.kind) {
        case NODE_ROW:
                return resolve_row(tree, caller, opened, ret);
        case NODE_NAME:
                return resolve_name(tree, caller, opened, ret);
        case NODE_CONTAINERS:
                ret->mode = CONTAINERS_MODE;
                /* fall through */
        case NODE_ROOT:
        case NODE_CONTAINER:
                return resolve_view(tree, caller, opened, ret);
        }
        return -ESTALE;
}

/* A container's nodes keep its serial; below the directories above all views, files get that of the caller's
 * view. */
static void set_node(struct place *child, const struct place *parent, enum node_kind kind, uint32_t number)
{
        bool keyed = parent->node.serial == 0 && !S_ISDIR(child->mode);

        struct container *owner = keyed ? view_owner(parent->view) : parent->owner;

        child->node = (struct node){
                .kind = kind,
                .serial = keyed ? owner->serial : parent->node.serial,
                .number = number,
        };
        child->id = nodeid_make(child->node);
        child->owner = container_ref(owner);
        child->view = container_ref(parent->view);
}

static int child_row(struct tree *tree, const struct place *parent, const char *path, struct place *ret)
{
        const struct vfile *row = view_find(path);

        if (!row || !tree->shown[row - tree->rows])
                return -ENOENT;
        ret->row = row;
        ret->mode = row->mode;
        set_node(ret, parent, NODE_ROW, row->row);
        return 0;
}

static int child_name(struct tree *tree, const struct place *parent, const char *name, struct caller caller,
                      struct place *ret)
{
        g_autofree char *full = g_strdup_printf("%s/%s%s%s", parent->row->path, parent->path,
                                                parent->path[0] ? "/" : "", name);
        struct vdir_entry entry;
        struct view_ctx ctx = tree_view_ctx(tree, parent, caller);
        int r;

        if (strlen(full) >= SHARED_NAME_MAX)
                return -ENOENT;
        ret->row = parent->row;
        g_strlcpy(ret->path, full + strlen(parent->row->path) + 1, sizeof(ret->path));
        r = ret->row->dir->lookup(&ctx, ret->path, &entry);
        if (r < 0)
                return r;
        ret->mode = entry.mode;
        ret->unowned = entry.unowned;
        r = names_acquire(tree->names, full);
        if (r < 0)
                return r;
        set_node(ret, parent, NODE_NAME, (uint32_t)r);
        return 0;
}

static int check_peer(struct tree *tree, struct caller caller)
{
        int r = caller.uid == 0 ? ident_is_peer(tree->config->ident, caller.thread) : 0;

        return r == 0 ? -EACCES : MIN(r, 0);
}

static int child_container(struct tree *tree, const char *key, struct caller caller, struct place *ret)
{
        int r = check_peer(tree, caller);

        if (r < 0)
                return r;
        ret->owner = registry_find_key(tree->config->registry, key);
        if (!ret->owner)
                return -ENOENT;
        ret->view = container_ref(ret->owner);
        ret->mode = DIR_MODE;
        ret->node = (struct node){.kind = NODE_CONTAINER, .serial = ret->owner->serial};
        ret->id = nodeid_make(ret->node);
        return 0;
}

int tree_child(struct tree *tree, const struct place *parent, const char *name, struct caller caller,
               struct place *ret)
{
        *ret = (struct place){0};
        if (!S_ISDIR(parent->mode))
                return -ENOTDIR;
        if (parent->node.kind == NODE_CONTAINERS)
                return child_container(tree, name, caller, ret);
        if (parent->node.kind == NODE_ROOT && g_str_equal(name, containers_name)) {
                ret->mode = CONTAINERS_MODE;
                set_node(ret, parent, NODE_CONTAINERS, 0);
                return 0;
        }
        if (!parent->row)
                return child_row(tree, parent, name, ret);
        if (parent->row->flags & VFILE_DYNAMIC)
                return child_name(tree, parent, name, caller, ret);
        g_autofree char *path = g_strdup_printf("%s/%s", parent->row->path, name);
        return child_row(tree, parent, path, ret);
}

static void list_rows(struct tree *tree, const char *directory, void (*add)(const char *, mode_t, void *),
                      void *data)
{
        size_t n = strlen(directory);

        for (size_t i = 0; i < tree->n_rows; i++) {
                const struct vfile *row = &tree->rows[i];
                const char *name = n ? row->path + n + 1 : row->path;
                if (tree->shown[i] && (n == 0 || is_below(row->path, directory)) && !strchr(name, '/'))
                        add(name, row->mode, data);
        }
}

static int list_containers(struct tree *tree, struct caller caller, void (*add)(const char *, mode_t, void *),
                           void *data)
{
        int r = check_peer(tree, caller);

        if (r < 0)
                return r;
        g_autoptr(GPtrArray) list = registry_list(tree->config->registry);
        for (guint i = 0; i < list->len; i++)
                add(((struct container *)g_ptr_array_index(list, i))->key, DIR_MODE, data);
        return 0;
}

int tree_list(struct tree *tree, const struct place *parent, struct caller caller,
              void (*add)(const char *name, mode_t mode, void *data), void *data)
{
        struct view_ctx ctx = tree_view_ctx(tree, parent, caller);

        if (!S_ISDIR(parent->mode))
                return -ENOTDIR;
        if (parent->node.kind == NODE_CONTAINERS)
                return list_containers(tree, caller, add, data);
        if (parent->node.kind == NODE_ROOT)
                add(containers_name, CONTAINERS_MODE, data);
        if (parent->row && parent->row->flags & VFILE_DYNAMIC)
                return parent->row->dir->list(&ctx, parent->path, add, data);
        list_rows(tree, parent->row ? parent->row->path : "", add, data);
        return 0;
}
