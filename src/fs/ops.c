/* FUSE operations to rows: attributes, directories, open files. What a file means is not known here. */
#include "fs/session.h"

#include "base/err.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { UNMAPPED_ID = 65534, STAT_BLOCK = 512 };

/* How long a text made at OPEN, or whose length a stat told, serves a first read at offset 0. */
static const uint64_t fresh_ns = 50000000;

/* Below containers/ static names never change what they are. */
static const double static_timeout = 3600;

static struct fs *req_fs(fuse_req_t req)
{
        return fuse_req_userdata(req);
}

static struct caller req_caller(fuse_req_t req)
{
        const struct fuse_ctx *ctx = fuse_req_ctx(req);

        return (struct caller){.thread = ctx->pid, .uid = ctx->uid, .gid = ctx->gid};
}

static uint64_t now_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void reply_result(fuse_req_t req, int r)
{
        fuse_reply_err(req, -r);
}

static int render(struct fs *fs, const struct place *place, struct caller caller, GString *out)
{
        struct view_ctx ctx = tree_view_ctx(fs->tree, place, caller);

        g_string_truncate(out, 0);
        if (place->node.kind == NODE_NAME)
                return place->row->dir->render(&ctx, place->path, out);
        return place->row->render ? place->row->render(&ctx, out) : -EIO;
}

/* The length of what a reader of this file gets: of the text it has open, or of the last one made. */
static uint64_t file_size(struct fs *fs, const struct place *place, struct caller caller)
{
        struct worker *worker = session_worker();
        int64_t length = handles_text_length(fs->handles, place->id, caller.thread, now_ns() + fresh_ns);

        if (length < 0)
                length = sizes_length(fs->sizes, place->id);
        if (length < 0 && render(fs, place, caller, worker->text) == 0)
                length = (int64_t)worker->text->len;
        return length < 0 ? 0 : (uint64_t)length;
}

/* Fills the attributes and takes note of the size that the kernel learns by them. */
static void fill_attributes(struct fs *fs, const struct place *place, struct caller caller, struct stat *ret)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct stat){
                .st_ino = place->id,
                .st_mode = place->mode,
                .st_nlink = S_ISDIR(place->mode) ? 2 : 1,
                .st_uid = place->unowned ? UNMAPPED_ID : place->owner->uid,
                .st_gid = place->unowned ? UNMAPPED_ID : place->owner->gid,
                .st_blksize = SHARED_BLOCK_SIZE,
                .st_atim = now,
                .st_mtim = now,
                .st_ctim = now,
        };
        if (S_ISREG(place->mode)) {
                ret->st_size = (off_t)file_size(fs, place, caller);
                sizes_announced(fs->sizes, place->id, (uint64_t)ret->st_size);
        }
}

static double attribute_timeout(const struct place *place)
{
        return S_ISDIR(place->mode) && place->node.serial != 0 ? static_timeout : 0;
}

/* Names keyed by the caller, found at run time or guarded by a check are asked for again at each use. */
static double entry_timeout(const struct place *place)
{
        return place->node.kind == NODE_ROW && place->node.serial != 0 ? static_timeout : 0;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
        /* Pinned: a successor must negotiate the same. No asynchronous reads: a caller waits for its own
         * request, which is what identity rests on (ident/ident.h). */
        conn->want = conn->capable & (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS);
        conn->max_readahead = 0;
        conn->max_write = SHARED_MAX_WRITE;
        conn->max_background = 1024;
        conn->congestion_threshold = 1024;
        conn->time_gran = 1;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent_id, const char *name)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct place parent, child = {0};
        struct fuse_entry_param entry = {0};
        int r = tree_resolve(fs->tree, parent_id, caller, false, &parent);

        if (r == 0)
                r = tree_child(fs->tree, &parent, name, caller, &child);
        if (r == 0) {
                entry.ino = child.id;
                entry.attr_timeout = attribute_timeout(&child);
                entry.entry_timeout = entry_timeout(&child);
                fill_attributes(fs, &child, caller, &entry.attr);
        }
        int replied = r < 0 ? fuse_reply_err(req, -r) : fuse_reply_entry(req, &entry);
        if (r == 0 && replied < 0 && child.node.kind == NODE_NAME)
                names_release(fs->names, child.node.number,
                              1); /* the caller is gone: the kernel keeps nothing */
        place_clear(&child);
        place_clear(&parent);
}

static void forget(struct fs *fs, uint64_t id, uint64_t n)
{
        struct node node = nodeid_parse(id);

        if (node.kind == NODE_NAME)
                names_release(fs->names, node.number, n);
}

static void op_forget(fuse_req_t req, fuse_ino_t id, uint64_t n)
{
        forget(req_fs(req), id, n);
        fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
        for (size_t i = 0; i < count; i++)
                forget(req_fs(req), forgets[i].ino, forgets[i].nlookup);
        fuse_reply_none(req);
}

static bool is_writable(const struct place *place)
{
        if (!place->row || S_ISDIR(place->mode))
                return false;
        return place->node.kind == NODE_NAME ? place->row->dir->store != NULL : place->row->store != NULL;
}

/* Answers with the attributes of a node; writable: only of one that can be written. */
static void reply_attributes(fuse_req_t req, fuse_ino_t id, bool writable)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct place place;
        struct stat st;
        int r = tree_resolve(fs->tree, id, caller, true, &place);

        if (r == 0 && writable && !is_writable(&place))
                r = -EROFS;
        if (r == 0) {
                fill_attributes(fs, &place, caller, &st);
                fuse_reply_attr(req, &st, attribute_timeout(&place));
        } else {
                reply_result(req, r);
        }
        place_clear(&place);
}

static void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
        reply_attributes(req, id, false);
}

/* As with procfs: cutting a file to a size does nothing, all else is refused. */
static void op_setattr(fuse_req_t req, fuse_ino_t id, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
        if (to_set & ~(FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME))
                fuse_reply_err(req, EPERM);
        else
                reply_attributes(req, id, true);
}

/* The permissions of the file itself, for a connection where the kernel does not check them. */
static int check_access(const struct place *place, struct caller caller, mode_t wanted)
{
        mode_t have = place->mode;

        if (caller.uid == 0)
                return 0;
        if (!place->unowned && caller.uid == place->owner->uid)
                have >>= 6;
        else if (!place->unowned && caller.gid == place->owner->gid)
                have >>= 3;
        return wanted & ~have ? -EACCES : 0;
}

static int check_open(const struct place *place, struct caller caller, int flags)
{
        int mode = flags & O_ACCMODE;
        int r = 0;

        if (!place->row || S_ISDIR(place->mode))
                return -EISDIR;
        if (mode != O_WRONLY)
                r = check_access(place, caller, S_IROTH);
        if (r < 0 || mode == O_RDONLY)
                return r;
        if (!is_writable(place))
                return -EROFS;
        return place->mode & (S_IWUSR | S_IWGRP | S_IWOTH) ? check_access(place, caller, S_IWOTH) : -EACCES;
}

/* A new text for the handle, in the worker's buffer too. Returns 1 if the kernel believes the file to be
 * shorter, 0, or -errno. */
static int render_for(struct fs *fs, const struct place *place, struct caller caller, uint64_t handle,
                      uint64_t fresh_until_ns)
{
        GString *text = session_worker()->text;
        int r = render(fs, place, caller, text);

        if (r < 0)
                return r;
        handles_set_text(fs->handles, handle, text, fresh_until_ns);
        return text->len > 0 && sizes_rendered(fs->sizes, place->id, text->len);
}

static void grow(struct fs *fs, uint64_t id, uint64_t size, bool wait)
{
        notifier_grow(fs->notifier, id, size, wait);
        sizes_announced(fs->sizes, id, size);
}

static int open_place(struct fs *fs, const struct place *place, struct caller caller,
                      struct fuse_file_info *fi, bool *ret_again)
{
        int r = check_open(place, caller, fi->flags);

        if (r == 0)
                r = handles_open(fs->handles, place->id, session_worker()->request->unique, caller.thread,
                                 &fi->fh, ret_again);
        if (r < 0)
                return r;
        fi->direct_io = 1;
        fi->noflush = 1;
        if (fi->flags & O_TRUNC)
                sizes_announced(fs->sizes, place->id, 0);
        if ((fi->flags & O_ACCMODE) != O_WRONLY)
                r = render_for(fs, place, caller, fi->fh, now_ns() + fresh_ns);
        if (r > 0) /* before the reader can be cut short */
                grow(fs, place->id, session_worker()->text->len, true);
        if (r < 0)
                handles_close(fs->handles, fi->fh);
        return MIN(r, 0);
}

static void op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct place place;
        bool again = false;
        int r = tree_resolve(fs->tree, id, caller, false, &place);

        if (r == 0)
                r = open_place(fs, &place, caller, fi, &again);
        if (r < 0)
                reply_result(req, r);
        else if (fuse_reply_open(req, fi) < 0 && !again)
                handles_close(fs->handles, fi->fh); /* the caller is gone: no RELEASE will come */
        place_clear(&place);
}

static void reply_text(fuse_req_t req, const GString *text, size_t size, off_t offset)
{
        size_t start = MIN((size_t)offset, text->len);

        fuse_reply_buf(req, text->str + start, MIN(size, text->len - start));
}

static void op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct worker *worker = session_worker();
        struct place place;
        ssize_t n;
        int r;

        g_string_set_size(worker->text, size);
        n = handles_read(fs->handles, fi->fh, caller.thread, (uint64_t)offset, worker->text->str, size,
                         now_ns());
        if (n >= 0) {
                fuse_reply_buf(req, worker->text->str, (size_t)n);
                return;
        }
        r = tree_resolve(fs->tree, id, caller, true, &place);
        if (r == 0)
                r = render_for(fs, &place, caller, fi->fh, now_ns() + HANDLES_SEEN_NS);
        if (r >= 0)
                reply_text(req, worker->text, size, offset);
        else
                reply_result(req, r);
        if (r > 0)
                grow(fs, id, worker->text->len, false);
        place_clear(&place);
}

/* What a write at an offset means is for a dynamic directory to say; to a row it is nothing. Returns as
 * struct vdir's store. */
static int store_text(const struct view_ctx *ctx, const struct place *place, const char *text, size_t size,
                      off_t offset)
{
        if (place->node.kind == NODE_NAME)
                return place->row->dir->store(ctx, place->path, text, size, offset);
        return offset == 0 ? place->row->store(ctx, text, size) : 0;
}

static int store(struct fs *fs, const struct place *place, struct caller caller, const char *text,
                 size_t size, off_t offset)
{
        struct view_ctx ctx = tree_view_ctx(fs->tree, place, caller);
        unsigned before = sysctl_store_generation(place->view->sysctls);
        int r = store_text(&ctx, place, text, size, offset);

        handles_outdate(fs->handles, place->id);
        if (r >= 0 && fs->config.changed && sysctl_store_generation(place->view->sysctls) != before)
                fs->config.changed(place->owner, fs->config.data);
        return r;
}

static void op_write(fuse_req_t req, fuse_ino_t id, const char *text, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct place place;
        int r = tree_resolve(fs->tree, id, caller, true, &place);

        if (r == 0)
                r = is_writable(&place) ? 0 : -EROFS;
        if (r == 0) /* procfs knows no appending: O_APPEND writes at the beginning there */
                r = store(fs, &place, caller, text, size, fi->flags & O_APPEND ? 0 : offset);
        if (r >= 0)
                fuse_reply_write(req, r > 0 ? (size_t)r : size);
        else
                reply_result(req, r);
        place_clear(&place);
}

static void op_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
        handles_close(req_fs(req)->handles, fi->fh);
        fuse_reply_err(req, 0);
}

/* One directory reply being filled: entries from `skip` on, as many as fit. */
struct listing {
        fuse_req_t req;
        char *buffer;
        size_t size, used;
        off_t index, skip;
        bool full;
};

static void add_entry(const char *name, mode_t mode, void *data)
{
        struct listing *l = data;
        struct stat st = {.st_mode = mode, .st_ino = (ino_t)-1};

        if (l->full || l->index++ < l->skip)
                return;
        size_t n = fuse_add_direntry(l->req, l->buffer + l->used, l->size - l->used, name, &st, l->index);
        if (n > l->size - l->used)
                l->full = true;
        else
                l->used += n;
}

static void op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        g_autofree char *buffer = g_malloc(size);
        struct listing listing = {.req = req, .buffer = buffer, .size = size, .skip = offset};
        struct place place;
        int r = tree_resolve(fs->tree, id, caller, true, &place);

        if (r == 0) {
                add_entry(".", S_IFDIR, &listing);
                add_entry("..", S_IFDIR, &listing);
                r = tree_list(fs->tree, &place, caller, add_entry, &listing);
        }
        if (r == 0)
                fuse_reply_buf(req, buffer, listing.used);
        else
                reply_result(req, r);
        place_clear(&place);
}

static void op_access(fuse_req_t req, fuse_ino_t id, int mask)
{
        struct fs *fs = req_fs(req);
        struct caller caller = req_caller(req);
        struct place place;
        int r = tree_resolve(fs->tree, id, caller, false, &place);

        if (r == 0)
                r = check_access(&place, caller, (mode_t)mask);
        reply_result(req, r);
        place_clear(&place);
}

static void op_statfs(fuse_req_t req, fuse_ino_t id)
{
        struct statvfs st = {.f_bsize = STAT_BLOCK, .f_frsize = STAT_BLOCK, .f_namemax = 255};

        fuse_reply_statfs(req, &st);
}

/* Nothing is ever made or removed here. To root too procfs says that what it does not have cannot be (its
 * lookup fails before the permission is asked for), and that what it has is not to be touched. */
static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
        fuse_reply_err(req, ENOENT);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
        fuse_reply_err(req, ENOENT);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        fuse_reply_err(req, EACCES);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
        fuse_reply_err(req, ENOENT);
}

static void op_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
        fuse_reply_err(req, ENOENT);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned flags)
{
        fuse_reply_err(req, ENOENT);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
        fuse_reply_err(req, ENOENT);
}

const struct fuse_lowlevel_ops *ops_table(void)
{
        static const struct fuse_lowlevel_ops ops = {
                .init = op_init,
                .lookup = op_lookup,
                .forget = op_forget,
                .forget_multi = op_forget_multi,
                .getattr = op_getattr,
                .setattr = op_setattr,
                .access = op_access,
                .open = op_open,
                .read = op_read,
                .write = op_write,
                .release = op_release,
                .readdir = op_readdir,
                .statfs = op_statfs,
                .mknod = op_mknod,
                .mkdir = op_mkdir,
                .unlink = op_unlink,
                .rmdir = op_unlink,
                .symlink = op_symlink,
                .link = op_link,
                .rename = op_rename,
                .create = op_create,
        };

        return &ops;
}
