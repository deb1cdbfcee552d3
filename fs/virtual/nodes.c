/* SPDX-License-Identifier: MIT */
#include "fs/virtual/virtual.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/ops/ops.h"
#include "fs/pushed.h"
#include "catalog/journal.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

#define ANSWERS_MAX (32u << 20)
#define PENDING_XATTR "user.brainy.pending"

int virtual_new(struct fs *fs, struct virtual **ret_v)
{
	struct virtual *v = calloc(1, sizeof(*v));
	uint64_t first = virtual_ino(VIRTUAL_ANSWER, clock_real_ns() >> 4 & VIRTUAL_NUMBER_MASK);
	int r;

	if (!v)
		return -ENOMEM;
	v->fs = fs;
	v->gid = getegid();
	(void) clock_gettime(CLOCK_REALTIME, &v->born);
	r = answers_new(ANSWERS_MAX, first, &v->answers);
	if (r == 0)
		r = view_table_new(&v->views);
	if (r == 0)
		r = results_cache_new(&v->results);
	if (r == 0)
		r = errors_new(&v->errors);
	if (r == 0)
		r = streams_new(&v->streams);
	if (r == 0)
		r = announcing_new(fs, &v->announcing);
	if (r < 0) {
		(void) virtual_free(v);
		return r;
	}
	*ret_v = v;
	return 0;
}

int virtual_start(struct virtual *v)
{
	int r = v->fs->config.index ? patience_start(v, &v->patience) : 0;

	if (r < 0 || !v->fs->config.index || v->fs->config.read_only)
		return r;
	r = v->fs->config.resumed ? 0 : journal_begin(v->fs->config.catalog, JOURNAL_EVENTS);
	return r < 0 ? r : live_start(v->fs, &v->live);
}

void virtual_stop(struct virtual *v)
{
	v->live = live_stop(v->live);
	announcing_stop(v->announcing);
	texts_drain(v);
}

void virtual_add_memory(struct virtual *v, struct memory_parts *m)
{
	memory_part_add(m, "answers", answers_memory(v->answers), ANSWERS_MAX);
}

struct virtual *virtual_free(struct virtual *v)
{
	if (!v)
		return NULL;
	v->patience = patience_stop(v->patience);
	v->answers = answers_free(v->answers);
	v->errors = errors_free(v->errors);
	v->streams = streams_free(v->streams);
	v->announcing = announcing_free(v->announcing);
	v->views = view_table_free(v->views);
	v->results = results_cache_free(v->results);
	free(v);
	return NULL;
}

bool virtual_has_root(const char *name)
{
	struct view v;

	return strcmp(name, ".query") == 0 || strcmp(name, ".brainy") == 0 || view_root(name, &v) > 0;
}

/* May this user do anything with it? The kernel has checked its mode; it did so with what it remembers. */
static int check_user(fuse_req_t req, uint64_t ino)
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

static bool is_stream(uint64_t ino)
{
	return virtual_kind_of(ino) == VIRTUAL_ASK ||
	       (virtual_kind_of(ino) == VIRTUAL_FIXED && virtual_number_of(ino) == FIXED_CONTROL);
}

static bool is_events(uint64_t ino)
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

	if (is_folder(ino) || is_stream(ino) || is_events(ino)) {
		fixed_stat(v, ino, ret_st);
		if (is_events(ino))
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
	return view_is(ino) || is_events(ino) ? 0 : FS_TIMEOUT_S;
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
void virtual_setattr(fuse_req_t req, uint64_t ino, int what)
{
	if ((is_stream(ino) || view_is_control(ino)) && (what & ~FUSE_SET_ATTR_KILL_SUID) == FUSE_SET_ATTR_SIZE)
		virtual_getattr(req, ino);
	else
		ops_reply_status(req, -EACCES);
}

int virtual_getxattr(struct fs *fs, uint64_t ino, const char *name, struct buf *ret_value)
{
	struct answer_node node;
	int r = virtual_kind_of(ino) == VIRTUAL_ANSWER ? answers_get(fs->virtual->answers, ino, &node) : -ENODATA;

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
	int r = dir & INO_VIRTUAL ? check_user(req, dir) : 0;

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

/* ---- open files */

/* Gives the kernel the bytes of a file that nobody has open: whoever reads it gets them from there, also when another
 * server has taken over, which knows nothing of it. */
static void hand_out(struct fs *fs, uint64_t ino)
{
	void *space = request_space();
	ssize_t n = space ? answers_read(fs->virtual->answers, ino, 0, space, FS_MAX_WRITE) : 0;

	if (n > 0)
		pushed_store(fs, ino, space, (size_t)n);
}

static int open_answer(struct fs *fs, uint64_t ino, struct fuse_file_info *fi)
{
	bool first;
	int r;

	if ((fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC)
		return -EACCES; /* for root too */
	r = answers_open(fs->virtual->answers, ino);
	if (r < 0)
		return r;
	first = r;
	r = ops_open_handle(fs, ino, HANDLE_ANSWER, fi);
	if (r < 0)
		answers_close(fs->virtual->answers, ino);
	else if (first)
		hand_out(fs, ino);
	return r;
}

static int open_stream(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct caller opener;
	int r = caller_of(req, &opener);

	if (r < 0)
		return r;
	r = ops_open_handle(fs, ino, HANDLE_STREAM, fi);
	if (r == 0)
		r = streams_open(fs->virtual->streams, fi->fh, &opener);
	else
		caller_done(&opener);
	fi->direct_io = 1;
	fi->nonseekable = 1;
	return r;
}

void virtual_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	int r;

	if (view_is_control(ino)) {
		view_control_open(req, ino, fi);
		return;
	}
	r = check_user(req, ino);
	if (r == 0 && is_events(ino)) {
		events_open(req, ino, fi);
		return;
	}
	if (r == 0)
		r = is_stream(ino) ? open_stream(req, ino, fi) : open_answer(ops_fs(req), ino, fi);
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_open(req, fi);
}

void virtual_release(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct handle was;
	bool last;

	if (handles_remove(fs->handles, fi->fh, &was, &last) == 0) {
		if (is_stream(ino))
			streams_close(fs->virtual->streams, fi->fh);
		else if (!view_is_control(ino) && !is_events(ino))
			answers_close(fs->virtual->answers, ino);
	}
	ops_reply_status(req, 0);
}

void virtual_read(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset, struct fuse_file_info *fi)
{
	struct virtual *v = ops_fs(req)->virtual;
	void *space = request_space();
	ssize_t n = -ENOMEM;

	if (view_is_control(ino)) {
		view_control_read(req, ino, size, offset);
		return;
	}
	if (is_events(ino)) {
		events_read(req, size, offset);
		return;
	}
	size = MIN(size, (size_t)FS_MAX_WRITE);
	if (space)
		n = is_stream(ino) ? streams_read(v->streams, fi->fh, space, size)
				   : answers_read(v->answers, ino, offset, space, size);
	if (n < 0)
		ops_reply_status(req, (int)n);
	else
		(void) fuse_reply_buf(req, space, (size_t)n);
}

void virtual_write(fuse_req_t req, uint64_t ino, const char *data, size_t size, struct fuse_file_info *fi)
{
	_cleanup_free_ char *line = NULL;
	int r;

	if (view_is_control(ino)) {
		view_control_write(req, ino, data, size);
		return;
	}
	r = is_stream(ino) ? streams_write(ops_fs(req)->virtual->streams, fi->fh, data, size, &line) : -EACCES;

	if (r < 0)
		ops_reply_status(req, r);
	else if (r == 0)
		(void) fuse_reply_write(req, size);
	else if (virtual_kind_of(ino) == VIRTUAL_ASK)
		ask_line(req, virtual_number_of(ino), line, fi->fh, size);
	else
		texts_command(req, line, fi->fh, size);
}

/* ---- listing */

struct virtual_listing {
	fuse_req_t req;
	char *data;        /* borrowed */
	size_t size, used;
	bool plus;
};

/* False when it does not fit. Attributes come by lookup, which makes the texts. */
static bool list(struct virtual_listing *l, const char *name, uint64_t ino, mode_t type, off_t cookie)
{
	const struct fuse_entry_param e = { .attr = { .st_ino = ino, .st_mode = type } };
	char *at = l->data + l->used;
	size_t left = l->size - l->used;
	size_t n = l->plus ? fuse_add_direntry_plus(l->req, at, left, name, &e, cookie)
			   : fuse_add_direntry(l->req, at, left, name, &e.attr, cookie);

	if (n > left)
		return false;
	l->used += n;
	return true;
}

static void fill(struct virtual_listing *l, uint64_t ino, off_t cookie)
{
	bool brainy = virtual_kind_of(ino) == VIRTUAL_FIXED;
	uint64_t above = brainy ? ROOT_INO : virtual_number_of(ino);
	bool room = true;

	if (cookie < 1)
		room = list(l, ".", ino, S_IFDIR, 1);
	if (room && cookie < 2)
		room = list(l, "..", above, S_IFDIR, 2);
	for (off_t i = 0; brainy && room && texts_names[i]; i++) {
		if (cookie < i + 3)
			room = list(l, texts_names[i], virtual_ino(VIRTUAL_FIXED, 16 + (uint64_t)i), S_IFREG, i + 3);
	}
}

void virtual_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct virtual_listing l = { .req = req, .data = request_space(), .size = size, .plus = plus };
	int r = check_user(req, ino);

	if (view_is(ino)) {
		view_readdir(req, ino, size, cookie, plus);
		return;
	}
	if (r == 0 && !is_folder(ino))
		r = -ENOTDIR;
	if (r == 0 && !l.data)
		r = -ENOMEM;
	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	fill(&l, ino, cookie);
	(void) fuse_reply_buf(req, l.data, l.used);
}
