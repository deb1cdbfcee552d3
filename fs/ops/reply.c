/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/departed.h"
#include "fs/late_replies.h"
#include "fs/ops/ops.h"
#include "fs/reclaimer.h"

struct tree_request ops_request(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct tree_request){
		.uid = ctx->uid,
		.gid = ctx->gid,
		.reply = {
			.mount = ops_fs(req)->config.mount,
			.unique = request_unique(),
			.opcode = current_request.header->opcode,
			.ino = current_request.header->nodeid,
		},
	};
}

void ops_fill_entry(const struct inode *i, struct fuse_entry_param *ret_e)
{
	*ret_e = (struct fuse_entry_param){
		.ino = i->ino,
		.generation = i->generation,
		.attr_timeout = FS_TIMEOUT_S,
		.entry_timeout = FS_TIMEOUT_S,
	};
	inode_stat(i, &ret_e->attr);
}

/* What is in a view now may not be there the next time. */
static void fill_new_entry(const struct inode *i, struct fuse_entry_param *ret_e)
{
	ops_fill_entry(i, ret_e);
	if (is_virtual(current_request.header->nodeid))
		ret_e->entry_timeout = 0;
}

void ops_reply_inode(fuse_req_t req, const struct inode *i)
{
	struct fuse_entry_param e;

	fill_new_entry(i, &e);
	if (ops_may_keep(ops_fs(req), i->ino))
		(void) fuse_reply_entry(req, &e);
	else
		late_reply_entry(ops_fs(req), req, &e);
}

bool ops_may_keep(struct fs *fs, uint64_t ino)
{
	return !handles_is_passed(fs->handles, ino);
}

void ops_show_only(struct fs *fs, uint64_t ino)
{
	(void) fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
}

void ops_show(struct fs *fs, uint64_t ino)
{
	if (!ops_may_keep(fs, ino))
		ops_show_only(fs, ino);
}

void ops_reply_attr(fuse_req_t req, const struct inode *i)
{
	struct stat st;

	inode_stat(i, &st);
	(void) fuse_reply_attr(req, &st, FS_TIMEOUT_S);
}

static bool is_trouble(int r)
{
	return r == -EBADMSG || r == -EIO || r == -ENOSPC || r == -EROFS;
}

/* Damage is EIO to programs, and is counted: the daemon makes it known. */
int ops_note_trouble(struct fs *fs, int r)
{
	if (r == -EBADMSG) {
		atomic_store(&fs->damaged_ino, current_request.header ? current_request.header->nodeid : 0);
		atomic_fetch_add(&fs->damage, 1);
	}
	if (is_trouble(r) && fs->config.trouble)
		fs->config.trouble(fs->config.context);
	return r == -EBADMSG ? -EIO : r;
}

void ops_reply_status(fuse_req_t req, int r)
{
	(void) fuse_reply_err(req, -ops_note_trouble(ops_fs(req), r));
}

void ops_reply_value(fuse_req_t req, const void *value, size_t len, size_t size)
{
	if (size == 0)
		(void) fuse_reply_xattr(req, len);
	else if (size < len)
		(void) fuse_reply_err(req, ERANGE);
	else
		(void) fuse_reply_buf(req, value, len);
}

/* Open for writing alone? Whoever cannot read through a descriptor gains nothing from the kernel's cache,
 * which is therefore passed by: the kernel would ask for security.capability before the first write of a
 * file, and cut a write that begins or ends within a page in two. Who appends does gain: such writes are
 * short, come beside readers, who follow a log, and leave the page in the cache that the next one goes on
 * with. Kernels before 6.6 do not keep mappings of the file consistent with writes that pass by, and do not
 * offer the flag.
 *
 * The flags of a descriptor change (F_SETFL); what the kernel was told at its opening does not. */
static uint32_t flags_of(const struct fs *fs, enum handle_kind kind, const struct fuse_file_info *fi)
{
	bool alone = kind == HANDLE_FILE && (fi->flags & (O_ACCMODE | O_APPEND)) == O_WRONLY &&
		     fs->shared->header.granted & FUSE_DIRECT_IO_ALLOW_MMAP_FLAG;

	return (fi->flags & O_NOATIME ? HANDLE_NOATIME : 0u) | (alone ? HANDLE_ALONE : 0u);
}

int ops_open_handle(struct fs *fs, uint64_t ino, enum handle_kind kind, struct fuse_file_info *fi)
{
	uint32_t flags = flags_of(fs, kind, fi);
	struct handle h;
	int r;

	r = request_is_resent() ? handles_find(fs->handles, request_unique(), &h) : -ENOENT;
	if (r == 0)
		fi->fh = h.fh;
	else
		r = handles_add(fs->handles, request_unique(), ino, kind, flags, &fi->fh);
	fi->keep_cache = kind == HANDLE_FILE || kind == HANDLE_ANSWER || kind == HANDLE_DIRECTORY;
	fi->direct_io = (flags & HANDLE_ALONE) != 0;
	fi->noflush = 1;
	return r;
}

void ops_forget_handle(struct fs *fs, uint64_t fh)
{
	struct handle was;
	bool last;

	(void) handles_remove(fs->handles, fh, &was, &last);
}

/* It never heard of one whose reply it did not take. */
void ops_reply_open(fuse_req_t req, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	uint64_t fh = fi->fh;

	if (fuse_reply_open(req, fi) == -ENOENT)
		ops_forget_handle(fs, fh);
}

void ops_reply_create(fuse_req_t req, const struct inode *i, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	uint64_t fh = fi->fh;
	struct fuse_entry_param e;

	fill_new_entry(i, &e);
	if (fuse_reply_create(req, &e, fi) == -ENOENT)
		ops_forget_handle(fs, fh);
}

static void replay_open(fuse_req_t req, const struct inode *i)
{
	bool made = current_request.header->opcode == FUSE_CREATE;
	const struct fuse_create_in *create = request_arguments();
	const struct fuse_open_in *open = request_arguments();
	struct fuse_file_info fi = { .flags = (int)(made ? create->flags : open->flags) };
	int r = ops_open_handle(ops_fs(req), i->ino, HANDLE_FILE, &fi);

	if (r < 0)
		ops_reply_status(req, r);
	else if (made)
		ops_reply_create(req, i, &fi);
	else
		ops_reply_open(req, &fi);
}

static void replay_inode(fuse_req_t req, const struct reply_record *record)
{
	struct inode i;
	int r = inode_get(ops_fs(req)->config.catalog, record->ino, &i);

	if (r < 0)
		ops_reply_status(req, r);
	else if (record->opcode == FUSE_SETATTR)
		ops_reply_attr(req, &i);
	else if (record->opcode == FUSE_CREATE || record->opcode == FUSE_OPEN)
		replay_open(req, &i);
	else
		ops_reply_inode(req, &i);
}

static void replay(fuse_req_t req, const struct reply_record *record)
{
	switch (record->opcode) {
	case FUSE_COPY_FILE_RANGE:
		(void) fuse_reply_write(req, record->size);
		break;
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK:
	case FUSE_CREATE:
	case FUSE_OPEN:
	case FUSE_SETATTR:
		replay_inode(req, record);
		break;
	default:
		ops_reply_status(req, 0);
	}
}

bool ops_find_reply(fuse_req_t req, struct reply_record *ret)
{
	struct fs *fs = ops_fs(req);

	if (!request_is_resent() ||
	    catalog_find_reply(fs->config.catalog, fs->config.mount, request_unique(), ret) < 0)
		return false;
	(void) __atomic_add_fetch(&fs->shared->header.replayed, 1, __ATOMIC_RELAXED);
	return true;
}

void ops_reply_record(fuse_req_t req, const struct reply_record *record)
{
	if (record->opcode != current_request.header->opcode)
		ops_reply_status(req, -EIO);
	else if (record->status < 0)
		ops_reply_status(req, record->status);
	else
		replay(req, record);
}

bool ops_replayed(fuse_req_t req)
{
	struct reply_record record;

	if (!ops_find_reply(req, &record))
		return false;
	ops_reply_record(req, &record);
	return true;
}

void ops_reclaim(struct fs *fs, const struct inode *i, bool replaced)
{
	if (i->ino == 0 || i->nlink)
		return;
	departed_add(fs->departed, i);
	if (!(i->flags & INODE_ORPHAN))
		return;
	if (replaced && !S_ISDIR(i->mode))
		reclaimer_add_later(fs->reclaimer, i);
	else if (S_ISDIR(i->mode) || !handles_is_open(fs->handles, i->ino))
		reclaimer_add(fs->reclaimer, i->ino);
}
