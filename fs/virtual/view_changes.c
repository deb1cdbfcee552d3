/* SPDX-License-Identifier: MIT */
/* What is done in folders of tags. Their files are the files themselves: linking one there tags it, removing it untags it, and
 * moving it there does not move it. What is new there is made in the inbox. Other views cannot be changed.
 *
 * Requests that were executed before a crash are answered from their replies, after what is not in the batch of the reply
 * was done once more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/file_sets.h"
#include "catalog/saved.h"
#include "fs/invalidator.h"
#include "fs/ops/ops.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_find.h"

#define INBOX "inbox"
#define NUMBERS_MAX 10000u

struct change {
	fuse_req_t req;
	struct looker l;
	struct tree_request rq;
	struct catalog *c;
};

static int begin(fuse_req_t req, struct change *ret_x)
{
	struct change x = { .req = req, .rq = ops_request(req), .c = ops_fs(req)->config.catalog };
	int r = looker_begin(req, &x.l);

	if (r == 0)
		*ret_x = x;
	return r;
}

static void end(struct change *x)
{
	looker_done(&x->l);
}

static bool is_tags(const struct view *v)
{
	return v->class == VIEW_TAG || v->class == VIEW_TAG_SET;
}

/* Tags of a view that files can be given; -EPERM elsewhere. */
static int tags_at(struct change *x, uint64_t dir, struct view *ret_v)
{
	int r = view_of(x->l.fs, dir, ret_v);

	return r < 0 ? r : is_tags(ret_v) ? 0 : -EPERM;
}

/* Tagging is setting an xattr. */
static int may_write(struct change *x, const struct inode *i)
{
	int r = x->l.viewer ? access_permits(x->c, caller_identity(&x->l.caller), i, ACCESS_WRITE) : 1;

	return r < 0 ? r : r ? 0 : -EACCES;
}

static int may_rule(const struct change *x)
{
	return x->l.caller.all ? 0 : -EPERM;
}

/* All that a file in the view has, and nothing that it has not. */
static int tag_as(struct change *x, struct tree_request *rq, uint64_t ino, const struct view *v, uint64_t without)
{
	uint64_t with[VIEW_TERMS_MAX], lose[VIEW_TERMS_MAX + 1];
	struct retag change = { .with = with, .without = lose };

	if (without)
		lose[change.n_without++] = without;
	for (unsigned k = 0; k < v->n_terms; k++)
		if (v->terms[k].negate)
			lose[change.n_without++] = v->terms[k].id;
		else
			with[change.n_with++] = v->terms[k].id;
	return tree_retag(x->c, rq, ino, &change);
}

/* The tag that a file loses which is taken out of the view: the last one that its folder names. */
static uint64_t last_tag(const struct view *v)
{
	uint64_t id = 0;

	for (unsigned k = 0; k < v->n_terms; k++)
		if (!v->terms[k].negate)
			id = v->terms[k].id;
	return id;
}

static int untag(struct change *x, struct tree_request *rq, uint64_t ino, const struct view *v)
{
	uint64_t id = last_tag(v);
	int r = tree_retag(x->c, rq, ino, &(struct retag){ .without = &id, .n_without = 1 });

	return r == -ENODATA ? -EPERM : r; /* the file itself says so */
}

/* What the kernel believes of a name is not so any more: that it is there, or that it is not. */
static void forget_name(struct change *x, uint64_t dir, const char *name)
{
	invalidator_add_name(x->l.fs->invalidator, dir, name, 0);
}

/* The kernel believes that a name of the file has come or gone. What is done to the name waits until the request is over in
 * the kernel as well, where it counts the file's names; they are forgotten after that. */
static void tell_of_name(struct change *x, uint64_t dir, const char *name, uint64_t ino)
{
	forget_name(x, dir, name);
	invalidator_add(x->l.fs->invalidator, ino);
}

static void reply_file(struct change *x, const struct inode *i)
{
	struct fuse_entry_param e;

	ops_fill_entry(i, &e);
	e.entry_timeout = e.attr_timeout = 0;
	(void) fuse_reply_entry(x->req, &e);
}

/* ---- link, symlink */

static int tag_inode(struct change *x, struct tree_request *rq, uint64_t ino, const struct view *v, struct inode *ret_i)
{
	int r = inode_get(x->c, ino, ret_i);

	if (r == 0)
		r = may_write(x, ret_i);
	if (r == 0)
		r = tag_as(x, rq, ino, v, 0);
	return r < 0 ? r : inode_get(x->c, ino, ret_i);
}

bool view_link(fuse_req_t req, uint64_t ino, uint64_t dir, const char *name)
{
	struct change x;
	struct inode i;
	struct view v;
	int r;

	if (!view_is(dir) || is_virtual(ino))
		return false;
	if (ops_replayed(req))
		return true;
	r = begin(req, &x);
	if (r < 0) {
		ops_reply_status(req, r);
		return true;
	}
	r = tags_at(&x, dir, &v);
	if (r == 0)
		r = tag_inode(&x, &x.rq, ino, &v, &i);
	if (r < 0)
		ops_reply_status(req, r);
	else
		reply_file(&x, &i);
	end(&x);
	return true;
}

static int enters(void *context, uint64_t dir)
{
	struct looker *l = context;

	return l->viewer ? viewer_enters(l->viewer, dir) : 1;
}

/* A target that was written as from the folder of the symlink, as from the top of the mount, or with the path of the mount
 * before it. */
static int resolve(struct change *x, const struct view *v, const char *target, struct inode *ret_i)
{
	const char *mount = x->l.fs->config.mount_point;
	size_t len = mount ? strlen(mount) : 0;
	int r;

	if (*target == '/') {
		if (!len || strncmp(target, mount, len) != 0 || target[len] != '/')
			return -EXDEV;
		target += len;
	}
	for (unsigned k = 0; k <= v->depth && strncmp(target, "../", 3) == 0; k++)
		target += 3;
	target += strspn(target, "/");
	r = access_walk(x->c, ROOT_INO, target, enters, &x->l, ret_i);
	if (r == 0)
		r = S_ISDIR(ret_i->mode) ? enters(&x->l, ret_i->ino) : looker_sees(&x->l, ret_i->ino);
	else
		return r;
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* The kernel wants a symlink for a symlink; the name is the file itself when it is looked up next. */
static void reply_symlink(fuse_req_t req, uint64_t dir, const char *name, const char *target)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct answer_key key = { dir, ctx->uid, name };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct answer_node node;
	int r = buf_add_str(&text, target);

	if (r >= 0)
		r = answers_add_link(ops_fs(req)->virtual->answers, &key, ctx->gid, &text, &node);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_answer(req, &node);
}

/* What is in the batch of a request that is sent again need not be done again. */
static bool was_done(fuse_req_t req, int *ret_status)
{
	struct reply_record record;

	if (!ops_find_reply(req, &record))
		return false;
	*ret_status = record.status;
	return true;
}

bool view_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	struct change x;
	struct inode i;
	struct view v;
	bool came;
	int r, status;

	if (!view_is(dir))
		return false;
	if (live_announces(req, name, &came)) {
		reply_symlink(req, dir, name, target);
		return true;
	}
	r = begin(req, &x);
	if (r < 0) {
		ops_reply_status(req, r);
		return true;
	}
	r = tags_at(&x, dir, &v);
	if (r == 0)
		r = resolve(&x, &v, target, &i);
	if (r == 0)
		r = was_done(req, &status) ? status : tag_inode(&x, &x.rq, i.ino, &v, &i);
	if (r < 0)
		ops_reply_status(req, r);
	else
		reply_symlink(req, dir, name, target);
	end(&x);
	return true;
}

/* ---- unlink */

/* A tag that narrows goes by itself once no file is left that it narrows; programs that remove all of a folder want to
 * have removed it. */
static bool is_narrowing(struct change *x, const struct view *v, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view below;

	return view_below(&x->l, v, name, &below, &target) == 2;
}

static int unlink_in(struct change *x, uint64_t dir, const char *name)
{
	struct inode i;
	struct view v;
	int r = tags_at(x, dir, &v);

	if (r == -EPERM && v.class == VIEW_SAVED) /* whoever removes the search removes what it shows first */
		return 0;
	if (r == 0)
		r = view_find(&x->l, &v, name, &i);
	if (r == -ENOENT && is_narrowing(x, &v, name))
		return 0;
	if (r == 0)
		r = may_write(x, &i);
	if (r == 0)
		r = untag(x, &x->rq, i.ino, &v);
	if (r >= 0)
		tell_of_name(x, dir, name, i.ino);
	return MIN(r, 0);
}

bool view_unlink(fuse_req_t req, uint64_t dir, const char *name)
{
	struct change x;
	int r;

	if (!view_is(dir))
		return false;
	if (ops_replayed(req))
		return true;
	r = begin(req, &x);
	if (r == 0) {
		r = unlink_in(&x, dir, name);
		end(&x);
	}
	ops_reply_status(req, r);
	return true;
}

/* ---- folders of tags */

/* The label that folders made in this view lie below. */
static int label_of_folder(const struct view *v, uint64_t *ret_id)
{
	if (v->class != VIEW_TAGS && v->class != VIEW_TAG)
		return -EPERM;
	*ret_id = v->class == VIEW_TAGS ? LABEL_ROOT_TAGS : v->id;
	return 0;
}

static int decode_name(const char *name, struct buf *ret_text)
{
	int r = view_decode(name, strlen(name), ret_text);

	if (r >= 0 && memchr(ret_text->data, 0, ret_text->len))
		r = -EINVAL;
	return r < 0 ? r : buf_cstr(ret_text) ? 0 : -ENOMEM;
}

static bool is_saved(const struct view *v)
{
	return v->class == VIEW_SAVED || v->class == VIEW_SAVED_ROOT;
}

static int mkdir_in(struct change *x, const struct view *v, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint64_t above = 0, id;
	int r;

	if (is_saved(v)) {
		r = view_saved_above(&x->l, v, &above);
		r = r < 0 && r != -ENOENT ? r : tree_make_saved(x->c, &x->rq, above, name, &id);
		live_notice(x->l.fs->virtual->live);
		return r;
	}
	r = may_rule(x); /* others would learn which there are */
	if (r == 0)
		r = label_of_folder(v, &above);
	if (r == 0)
		r = name[0] == '-' ? -EINVAL : decode_name(name, &text);
	return r < 0 ? r : tree_make_tag(x->c, &x->rq, above, (const char *)text.data, &id);
}

bool view_mkdir(fuse_req_t req, uint64_t dir, const char *name)
{
	struct change x;
	struct view v;
	int r, status;

	if (!view_is(dir))
		return false;
	r = begin(req, &x);
	if (r < 0) {
		ops_reply_status(req, r);
		return true;
	}
	r = view_of(x.l.fs, dir, &v);
	if (r == 0)
		r = was_done(req, &status) ? status : mkdir_in(&x, &v, name);
	end(&x);
	if (r < 0)
		ops_reply_status(req, r);
	else
		view_lookup(req, dir, name);
	return true;
}

/* A tag or a saved search, as a folder. -ENOTDIR: it is a symlink, or a file. */
static int find_folder(struct change *x, uint64_t dir, const char *name, struct view *ret_v)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view v;
	int r = view_of(x->l.fs, dir, &v);

	if (r == 0)
		r = v.class == VIEW_TAGS || is_tags(&v) || is_saved(&v) ? view_below(&x->l, &v, name, ret_v, &target) : -EPERM;
	if (r < 0)
		return r;
	return r == 2 || (ret_v->class != VIEW_TAG && ret_v->class != VIEW_SAVED) ? -ENOTDIR : 0;
}

/* Tags are the owner's to make, rename and remove; of saved searches one only finds one's own. */
static int remove_folder(struct change *x, const struct view *v)
{
	int r;

	if (v->class == VIEW_SAVED)
		return tree_remove_saved(x->c, &x->rq, v->id);
	r = may_rule(x);
	return r < 0 ? r : tree_remove_tag(x->c, &x->rq, v->id);
}

bool view_rmdir(fuse_req_t req, uint64_t dir, const char *name)
{
	struct change x;
	struct view v;
	int r;

	if (!view_is(dir))
		return false;
	if (ops_replayed(req))
		return true;
	r = begin(req, &x);
	if (r == 0) {
		r = find_folder(&x, dir, name, &v);
		if (r == 0)
			r = remove_folder(&x, &v);
		end(&x);
	}
	ops_reply_status(req, r);
	return true;
}

/* ---- rename */

/* The place of a file's first name. */
static int place_of(struct change *x, const struct inode *i, uint64_t *ret_dir, struct buf *ret_name)
{
	int r = tree_name(x->c, i, 0, ret_dir, ret_name);

	return r < 0 ? r : buf_cstr(ret_name) ? 0 : -ENOMEM;
}

static bool keep_open(void *context, uint64_t ino)
{
	return true;
}

static int rename_file(struct change *x, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct tree_renamed renamed = { 0 };
	int r = tree_rename(x->c, &x->rq, dir, name, new_dir, new_name, flags, keep_open, NULL, &renamed);

	if (r < 0)
		return r;
	forget_name(x, dir, name);
	forget_name(x, new_dir, new_name);
	ops_reclaim(x->l.fs, &renamed.replaced, true);
	return 0;
}

/* The caller's right to change the name of a file in a folder, at which the kernel did not look. */
static int may_rename_in(struct change *x, uint64_t dir, const struct inode *file)
{
	const struct identity *who = caller_identity(&x->l.caller);
	struct inode i;
	int r = inode_get(x->c, dir, &i);

	if (r < 0 || !x->l.viewer)
		return r;
	r = access_permits(x->c, who, &i, ACCESS_WRITE | ACCESS_SEARCH);
	if (r <= 0)
		return r < 0 ? r : -EACCES;
	return i.mode & S_ISVTX && who->uid != i.uid && who->uid != file->uid ? -EPERM : 0;
}

/* Within one view the file gets another name where it is; onto another file's name, it takes that one's place, as editors
 * want it that save by renaming. */
static int rename_within(struct change *x, const struct view *v, const struct inode *i, const char *new_name, unsigned flags)
{
	_cleanup_buf_ struct buf name = BUF_INIT, other_name = BUF_INIT;
	uint64_t dir, new_dir;
	bool replaces = false;
	struct inode other;
	int r = place_of(x, i, &dir, &name);

	if (r < 0)
		return r;
	new_dir = dir;
	r = view_find(&x->l, v, new_name, &other);
	if (r == 0 && other.ino == i->ino)
		return 0;
	replaces = r == 0;
	if (replaces)
		r = place_of(x, &other, &new_dir, &other_name);
	else if (r == -ENOENT)
		r = buf_add_str(&other_name, new_name);
	if (r >= 0)
		r = may_rename_in(x, dir, i);
	if (r >= 0 && replaces)
		r = may_rename_in(x, new_dir, &other);
	if (r >= 0 && !buf_cstr(&other_name))
		r = -ENOMEM;
	return r < 0 ? r : rename_file(x, dir, (const char *)name.data, new_dir, (const char *)other_name.data, flags);
}

/* The file that is moved, from a view or a folder of the mount. */
static int find_moved(struct change *x, uint64_t dir, const char *name, struct view *ret_v, struct inode *ret_i)
{
	int r;

	if (!view_is(dir))
		return tree_lookup(x->c, dir, name, ret_i);
	r = view_of(x->l.fs, dir, ret_v);
	return r < 0 ? r : view_find(&x->l, ret_v, name, ret_i);
}

static int move_into_view(struct change *x, const struct view *from, const struct inode *i, const struct view *to)
{
	int r = is_tags(to) ? may_write(x, i) : -EPERM;

	if (r < 0 || S_ISDIR(i->mode))
		return r < 0 ? r : -EISDIR; /* the kernel would take it for moved, with all below it */
	return tag_as(x, &x->rq, i->ino, to, from && is_tags(from) ? last_tag(from) : 0);
}

/* Out of a view: to where it is moved, and no longer tagged. */
static int move_out(struct change *x, const struct view *from, const struct inode *i, uint64_t new_dir, const char *new_name,
		    unsigned flags)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	uint64_t dir;
	int r = place_of(x, i, &dir, &name), status;

	if (r == 0)
		r = may_rename_in(x, dir, i);
	if (r == 0 && !was_done(x->req, &status))
		r = rename_file(x, dir, (const char *)name.data, new_dir, new_name, flags);
	if (r < 0 || !is_tags(from))
		return r;
	r = untag(x, NULL, i->ino, from);
	return r == -EPERM ? 0 : r; /* its content says so, wherever it is */
}

static int rename_folder(struct change *x, const struct view *v, uint64_t new_dir, const char *new_name, bool may_replace)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint64_t above = 0;
	struct view to;
	int r = view_is(new_dir) ? view_of(x->l.fs, new_dir, &to) : -EPERM;

	if (r == 0 && v->class == VIEW_SAVED) {
		r = is_saved(&to) ? view_saved_above(&x->l, &to, &above) : -EPERM;
		return r < 0 ? r : tree_rename_saved(x->c, &x->rq, v->id, above, new_name);
	}
	if (r == 0)
		r = may_rule(x);
	if (r == 0)
		r = label_of_folder(&to, &above);
	if (r == 0)
		r = new_name[0] == '-' ? -EINVAL : decode_name(new_name, &text);
	return r < 0 ? r : tree_rename_tag(x->c, &x->rq, v->id, above, (const char *)text.data, may_replace);
}

static int rename_in(struct change *x, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct view from, to;
	struct inode i;
	int r = flags & ~(unsigned)RENAME_NOREPLACE ? -EINVAL : 0;

	if (r == 0 && view_is(dir) && find_folder(x, dir, name, &from) == 0)
		return rename_folder(x, &from, new_dir, new_name, !(flags & RENAME_NOREPLACE));
	if (r == 0)
		r = find_moved(x, dir, name, &from, &i);
	if (r == 0 && view_is(new_dir))
		r = view_of(x->l.fs, new_dir, &to);
	if (r < 0)
		return r;
	if (view_is(dir) && dir == new_dir)
		return is_tags(&from) ? rename_within(x, &from, &i, new_name, flags) : -EPERM;
	r = view_is(new_dir) ? move_into_view(x, view_is(dir) ? &from : NULL, &i, &to)
			     : move_out(x, &from, &i, new_dir, new_name, flags);
	if (r >= 0)
		tell_of_name(x, new_dir, new_name, i.ino);
	return MIN(r, 0);
}

bool view_rename(fuse_req_t req, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct change x;
	int r;

	if (!view_is(dir) && !view_is(new_dir))
		return false;
	/* What leaves a view is not done with its reply. */
	if (!(view_is(dir) && !view_is(new_dir)) && ops_replayed(req))
		return true;
	r = begin(req, &x);
	if (r == 0) {
		r = rename_in(&x, dir, name, new_dir, new_name, flags);
		end(&x);
	}
	ops_reply_status(req, r);
	return true;
}

/* ---- new files */

static int need_inbox(struct change *x, uint64_t *ret_dir)
{
	const struct tree_make what = { .mode = S_IFDIR | 0755 };
	struct tree_request rq = { .uid = x->l.fs->config.owner_uid, .gid = x->l.fs->virtual->gid };
	struct inode i;
	int r = tree_lookup(x->c, ROOT_INO, INBOX, &i);

	if (r == -ENOENT) {
		r = names_make(x->l.fs, &rq, ROOT_INO, INBOX, &what, &i);
		forget_name(x, ROOT_INO, INBOX);
	}
	if (r == 0)
		r = S_ISDIR(i.mode) ? may_write(x, &i) : -ENOTDIR;
	if (r == 0)
		*ret_dir = i.ino;
	return r;
}

/* "note.md", "note (2).md" .. */
static int number_name(const char *name, unsigned number, char *ret_name, size_t size)
{
	size_t len = strlen(name), stem = file_stem_len(name, len);
	int n;

	if (number < 2)
		n = snprintf(ret_name, size, "%s", name);
	else
		n = snprintf(ret_name, size, "%.*s (%u)%s", (int)stem, name, number, name + stem);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int make_in_inbox(struct change *x, const char *name, const struct tree_make *what, struct inode *ret_i)
{
	char numbered[TREE_NAME_MAX + 1];
	uint64_t inbox = 0;
	int r = need_inbox(x, &inbox);

	if (r < 0)
		return r;
	for (unsigned k = 1; k < NUMBERS_MAX; k++) {
		r = number_name(name, k, numbered, sizeof(numbered));
		if (r == 0)
			r = names_make(x->l.fs, &x->rq, inbox, numbered, what, ret_i);
		if (r == 0)
			forget_name(x, inbox, numbered);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

static int create_in(struct change *x, uint64_t dir, const char *name, const struct tree_make *what, struct inode *ret_i)
{
	struct reply_record record;
	struct view v;
	int r = tags_at(x, dir, &v);

	if (r < 0 || what->unnamed)
		return r < 0 ? r : -EOPNOTSUPP;
	if (ops_find_reply(x->req, &record))
		r = record.status < 0 ? record.status : inode_get(x->c, record.ino, ret_i);
	else
		r = make_in_inbox(x, name, what, ret_i);
	return r < 0 ? r : tag_inode(x, NULL, ret_i->ino, &v, ret_i);
}

bool view_create(fuse_req_t req, uint64_t dir, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	const struct tree_make what = { .mode = (mode & 07777) | S_IFREG, .umask = ops_umask(req),
					.unnamed = current_request.tmpfile };
	struct change x;
	struct inode i;
	int r;

	if (!view_is(dir))
		return false;
	r = begin(req, &x);
	if (r == 0) {
		r = create_in(&x, dir, name, &what, &i);
		end(&x);
	}
	if (r == 0)
		r = ops_open_handle(ops_fs(req), i.ino, HANDLE_FILE, fi);
	if (r < 0) {
		ops_reply_status(req, r);
		return true;
	}
	(void) handles_wrote(ops_fs(req)->handles, fi->fh, false);
	ops_reply_create(req, &i, fi);
	return true;
}
