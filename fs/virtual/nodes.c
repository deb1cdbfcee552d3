/* SPDX-License-Identifier: MIT */
#include "fs/virtual/virtual.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

#define PENDING_XATTR "user.brainy.pending"

bool virtual_has_root(const char *name)
{
	struct view v;

	return strcmp(name, ".query") == 0 || strcmp(name, ".brainy") == 0 || view_root(name, &v) > 0;
}

int virtual_check_user(fuse_req_t req, uint64_t ino)
{
	uint32_t uid = fuse_req_ctx(req)->uid;
	struct answer_node node;
	int r;

	if (virtual_kind_of(ino) == VIRTUAL_FIXED)
		return uid == ops_fs(req)->config.owner_uid ? 0 : -EACCES;
	if (virtual_kind_of(ino) != VIRTUAL_ANSWER)
		return 0;
	r = answers_get(ops_fs(req)->virtual->answers, ino, &node);
	return r < 0 ? r : uid == node.uid || uid == 0 ? 0 : -EACCES;
}

bool virtual_is_stream(uint64_t ino)
{
	return virtual_kind_of(ino) == VIRTUAL_ASK ||
	       (virtual_kind_of(ino) == VIRTUAL_FIXED && virtual_number_of(ino) == FIXED_CONTROL);
}

bool virtual_is_events(uint64_t ino)
{
	return ino == virtual_ino(VIRTUAL_FIXED, FIXED_EVENTS);
}

static bool is_folder(uint64_t ino)
{
	return virtual_kind_of(ino) == VIRTUAL_QUERY ||
	       (virtual_kind_of(ino) == VIRTUAL_FIXED && virtual_number_of(ino) == FIXED_BRAINY);
}

/* ---- attributes */

static void answer_stat(const struct answer_node *node, struct stat *ret_st)
{
	*ret_st = (struct stat){
		.st_ino = node->ino,
		.st_mode = node->is_link ? S_IFLNK | 0777 : S_IFREG | 0400,
		.st_nlink = 1,
		.st_uid = node->uid,
		.st_gid = node->gid,
		.st_size = (off_t)node->size,
		.st_blocks = (blkcnt_t)((node->size + 511) / 512),
		.st_blksize = 4096,
		.st_atim = node->made,
		.st_mtim = node->made,
		.st_ctim = node->made,
	};
}

static void fixed_stat(const struct virtual *v, uint64_t ino, struct stat *ret_st)
{
	mode_t others = virtual_kind_of(ino) == VIRTUAL_FIXED ? 0 : is_folder(ino) ? 0055 : 0066;

	*ret_st = (struct stat){
		.st_ino = ino,
		.st_mode = (is_folder(ino) ? S_IFDIR | 0500 : S_IFREG | 0600) | others,
		.st_nlink = is_folder(ino) ? 2 : 1,
		.st_uid = v->fs->config.owner_uid,
		.st_gid = v->gid,
		.st_blksize = 4096,
		.st_atim = v->born,
		.st_mtim = v->born,
		.st_ctim = v->born,
	};
}

void virtual_readlink(fuse_req_t req, uint64_t ino)
{
	struct answers *answers = ops_fs(req)->virtual->answers;
	struct answer_node node;
	char target[PATH_MAX + 1];
	int r = virtual_kind_of(ino) == VIRTUAL_ANSWER ? answers_get(answers, ino, &node) : -EINVAL;
	ssize_t n = -EINVAL;

	if (r == 0 && node.is_link)
		n = answers_read(answers, ino, 0, target, PATH_MAX);
	if (r < 0 || n < 0) {
		ops_reply_status(req, r < 0 ? r : (int)n);
		return;
	}
	target[n] = 0;
	(void) fuse_reply_readlink(req, target);
}

static int node_stat(const struct virtual *v, uint64_t ino, struct stat *ret_st)
{
	struct answer_node node;
	int r;

	if (is_folder(ino) || virtual_is_stream(ino) || virtual_is_events(ino)) {
		fixed_stat(v, ino, ret_st);
		if (virtual_is_events(ino))
			events_stat(v->fs, ret_st);
		return 0;
	}
	r = virtual_kind_of(ino) == VIRTUAL_ANSWER ? answers_get(v->answers, ino, &node) : -ESTALE;
	if (r == 0)
		answer_stat(&node, ret_st);
	return r;
}

int virtual_stat(struct fs *fs, uint64_t ino, struct stat *ret_st)
{
	return node_stat(fs->virtual, ino, ret_st);
}

static double valid_s(uint64_t ino)
{
	return view_is(ino) || virtual_is_events(ino) ? 0 : FS_TIMEOUT_S;
}

void virtual_getattr(fuse_req_t req, uint64_t ino)
{
	struct stat st;
	int r;

	if (view_is(ino)) {
		view_getattr(req, ino);
		return;
	}
	r = node_stat(ops_fs(req)->virtual, ino, &st);

	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_attr(req, &st, valid_s(ino));
}

int virtual_stat_for(struct fs *fs, const struct fuse_in_header *in, struct stat *ret_st, double *ret_valid_s)
{
	struct caller caller;
	int r;

	if (!view_is(in->nodeid)) {
		r = node_stat(fs->virtual, in->nodeid, ret_st);
	} else {
		r = caller_of_header(fs, in, &caller);
		if (r == 0)
			r = view_attributes(fs, &caller, in->nodeid, ret_st);
	}
	if (r == 0)
		*ret_valid_s = valid_s(in->nodeid);
	return r;
}

/* Opening ask or control with O_TRUNC (as a shell's > does) changes nothing and is not refused. */
void virtual_setattr(fuse_req_t req, uint64_t ino, const struct stat *st, int what,
		     const struct fuse_file_info *fi)
{
	bool size = (what & ~FUSE_SET_ATTR_KILL_SUID) == FUSE_SET_ATTR_SIZE;
	int r = size && virtual_is_stream(ino) ? 0 : -EACCES;

	if (size && view_is_control(ino))
		r = st->st_size ? -EINVAL : view_control_empty(req, ino, fi);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_getattr(req, ino);
}

int virtual_getxattr(struct fs *fs, uint64_t ino, const char *name, struct buf *ret_value)
{
	struct answer_node node;
	int r = virtual_kind_of(ino) == VIRTUAL_ANSWER ? answers_get(fs->virtual->answers, ino, &node)
						       : -ENODATA;

	if (r == 0)
		r = strcmp(name, PENDING_XATTR) == 0 ? 0 : -ENODATA;
	return r < 0 ? r : buf_addf(ret_value, "%llu", (unsigned long long)node.pending);
}

/* ---- lookup */

static void reply_fixed(fuse_req_t req, uint64_t ino)
{
	struct fuse_entry_param e = { .ino = ino, .generation = 1, .attr_timeout = FS_TIMEOUT_S };

	/* A folder's name can be kept; what is below must come here each time, for who asks. */
	e.entry_timeout = is_folder(ino) ? FS_TIMEOUT_S : 0;
	fixed_stat(ops_fs(req)->virtual, ino, &e.attr);
	(void) fuse_reply_entry(req, &e);
}

void virtual_reply_answer(fuse_req_t req, const struct answer_node *node)
{
	struct fuse_entry_param e = { .ino = node->ino, .generation = 1, .attr_timeout = FS_TIMEOUT_S };

	answer_stat(node, &e.attr);
	(void) fuse_reply_entry(req, &e);
}

void virtual_reply_link(fuse_req_t req, uint64_t dir, const char *name, const char *target)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct answer_key key = { dir, ctx->uid, name };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct answer_node node;
	int r = target ? buf_add_str(&text, target) : -ENOMEM;

	if (r >= 0)
		r = answers_add_link(ops_fs(req)->virtual->answers, &key, ctx->gid, &text, &node);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_answer(req, &node);
}

static void lookup_error(fuse_req_t req, uint64_t dir)
{
	struct virtual *v = ops_fs(req)->virtual;
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct answer_key key = { dir, ctx->uid, "last-error" };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct answer_node node;
	int r = errors_get(v->errors, ctx->uid, &text);

	if (r == 0)
		r = answers_add(v->answers, &key, ctx->gid, 0, 0, &text, &node);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_answer(req, &node);
}

static void lookup_query(fuse_req_t req, uint64_t dir, const char *name)
{
	if (strcmp(name, "ask") == 0)
		reply_fixed(req, virtual_ino(VIRTUAL_ASK, dir));
	else if (strcmp(name, "last-error") == 0)
		lookup_error(req, dir);
	else if (ask_is_query(name))
		ask_lookup(req, dir, name);
	else
		ops_reply_status(req, -ENOENT);
}

static void lookup_brainy(fuse_req_t req, const char *name)
{
	if (strcmp(name, "control") == 0)
		reply_fixed(req, virtual_ino(VIRTUAL_FIXED, FIXED_CONTROL));
	else if (events_has(name))
		events_lookup(req, name);
	else
		texts_lookup(req, name);
}

/* A name of the root, or in a view. */
static void lookup_root(fuse_req_t req, uint64_t dir, const char *name)
{
	if (strcmp(name, ".query") == 0 && !view_is(dir))
		reply_fixed(req, virtual_ino(VIRTUAL_QUERY, dir));
	else if (strcmp(name, ".brainy") == 0 && !view_is(dir))
		reply_fixed(req, virtual_ino(VIRTUAL_FIXED, FIXED_BRAINY));
	else
		view_lookup(req, dir, name);
}

void virtual_lookup(fuse_req_t req, uint64_t dir, const char *name)
{
	int r = dir & INO_VIRTUAL ? virtual_check_user(req, dir) : 0;

	if (r < 0)
		ops_reply_status(req, r);
	else if (!(dir & INO_VIRTUAL) || view_is(dir))
		lookup_root(req, dir, name);
	else if (virtual_kind_of(dir) == VIRTUAL_QUERY)
		lookup_query(req, virtual_number_of(dir), name);
	else if (is_folder(dir))
		lookup_brainy(req, name);
	else
		ops_reply_status(req, -ENOTDIR);
}

/* ---- listing */

/* Attributes come by lookup, which makes the texts. */
static int fill(struct list_page *p, uint64_t ino, off_t cookie)
{
	bool brainy = virtual_kind_of(ino) == VIRTUAL_FIXED;
	uint64_t above = brainy ? ROOT_INO : virtual_number_of(ino);
	int r = 1;

	if (cookie < 1)
		r = list_page_add_bare(p, ".", ino, S_IFDIR, 1);
	if (r > 0 && cookie < 2)
		r = list_page_add_bare(p, "..", above, S_IFDIR, 2);
	for (off_t i = 0; brainy && r > 0 && texts_names[i]; i++) {
		if (cookie < i + 3)
			r = list_page_add_bare(p, texts_names[i], virtual_ino(VIRTUAL_FIXED, 16 + (uint64_t)i),
					       S_IFREG, (uint64_t)i + 3);
	}
	return r;
}

void virtual_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct list_page p;
	int r = virtual_check_user(req, ino);

	if (view_is(ino)) {
		view_readdir(req, ino, size, cookie, plus);
		return;
	}
	p = list_page_of(req, size, plus);
	if (r == 0)
		r = is_folder(ino) ? fill(&p, ino, cookie) : -ENOTDIR;
	list_page_reply(&p, r);
}
