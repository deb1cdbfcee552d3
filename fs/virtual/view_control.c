/* SPDX-License-Identifier: MIT */
/* The settings of a saved search as files: what is written takes effect at once, and is refused when no
 * search could ask it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/ops/ops.h"
#include "fs/virtual/view_find.h"

const char *const view_control_names[] = { ".q", ".limit", ".mode", ".sort", NULL };

bool view_is_control(uint64_t ino)
{
	return view_is(ino) && virtual_number_of(ino) >> VIEW_CLASS_SHIFT == VIEW_CONTROL;
}

/* The text, with a newline unless it is empty. */
static int text_of(struct fs *fs, const struct view *v, struct buf *ret_text)
{
	struct saved s = { 0 };
	int r = v->depth < SAVED_SETTINGS ? saved_get(fs->config.catalog, v->id, &s) : -ESTALE;

	if (r >= 0)
		r = buf_add_str(ret_text, s.settings[v->depth]);
	if (r >= 0 && ret_text->len)
		r = buf_add_u8(ret_text, '\n');
	saved_done(&s);
	return r == -ENOENT ? -ESTALE : r;
}

int view_control_stat(struct fs *fs, const struct view *v, struct stat *ret_st)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = text_of(fs, v, &text);

	if (r < 0)
		return r;
	ret_st->st_mode = S_IFREG | 0666;
	ret_st->st_nlink = 1;
	ret_st->st_size = (off_t)text.len;
	return 0;
}

/* Whose search it is. */
static int check(fuse_req_t req, uint64_t ino, struct view *ret_v)
{
	struct looker l;
	int r = view_of(ops_fs(req), ino, ret_v);

	if (r == 0)
		r = looker_begin(req, &l);
	if (r < 0)
		return r;
	r = view_sees_saved(&l, ret_v->id);
	looker_done(&l);
	return r < 0 ? (r == -ENOENT ? -ESTALE : r) : r ? 0 : -EACCES;
}

void view_control_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	struct view v;
	int r = check(req, ino, &v);

	if (r == 0)
		r = ops_open_handle(ops_fs(req), ino, HANDLE_STREAM, fi);
	if (r == 0 && fi->flags & O_TRUNC)
		handles_emptied(ops_fs(req)->handles, fi->fh);
	fi->direct_io = 1;
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_open(req, fi);
}

void view_control_read(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct view v;
	int r = check(req, ino, &v);

	if (r == 0)
		r = text_of(ops_fs(req), &v, &text);
	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	offset = MIN(offset, (uint64_t)text.len);
	(void) fuse_reply_buf(req, (const char *)text.data + offset, MIN(size, text.len - (size_t)offset));
}

/* Would a query take it? */
static int try_setting(struct fs *fs, unsigned which, const char *text, char **ret_why)
{
	static const char *const keys[SAVED_SETTINGS] = { "q=", "q=x&limit=", "q=x&mode=", "q=x&sort=" };
	_cleanup_buf_ struct buf spec = BUF_INIT;
	struct query q;
	int r = buf_add_str(&spec, keys[which]);

	if (which != SAVED_QUERY && !*text)
		return 0;
	if (r >= 0)
		r = view_add_escaped(&spec, text);
	if (r >= 0)
		r = buf_cstr(&spec) ? query_parse_name(buf_cstr(&spec), &q, ret_why) : -ENOMEM;
	if (r >= 0) {
		r = index_check_query(&q, ret_why);
		query_done(&q);
	}
	return r;
}

/* What is asked without a query is the name. */
static int default_query(struct catalog *c, uint64_t id, struct buf *ret_text)
{
	_cleanup_label_ struct label label = { 0 };
	int r = label_get(c, id, &label);

	return r < 0 ? r : buf_add(ret_text, label.name.data, label.name.len);
}

static int set(struct fs *fs, struct tree_request *rq, const struct view *v, const char *text)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	char *why = NULL;
	int r = 0;

	if (v->depth == SAVED_QUERY && !text[strspn(text, " \t")]) {
		r = default_query(fs->config.catalog, v->id, &name);
		text = buf_cstr(&name);
	}
	if (r >= 0)
		r = text ? try_setting(fs, v->depth, text, &why) : -ENOMEM;
	if (why)
		errors_set(fs->virtual->errors, rq->uid, why);
	return r < 0 ? r : tree_set_saved(fs->config.catalog, rq, v->id, v->depth, text);
}

void view_control_write(fuse_req_t req, uint64_t ino, const char *data, size_t size, uint64_t fh)
{
	struct tree_request rq = ops_request(req);
	_cleanup_free_ char *text = NULL;
	size_t len = size;
	struct view v;
	int r = check(req, ino, &v);

	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	if (r == 0)
		r = memchr(data, 0, len) || v.depth >= SAVED_SETTINGS ? -EINVAL : 0;
	if (r == 0) {
		(void) handles_wrote(ops_fs(req)->handles, fh, false);
		text = strndup(data, len);
		r = text ? set(ops_fs(req), &rq, &v, text) : -ENOMEM;
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_write(req, size);
}

int view_control_empty(fuse_req_t req, uint64_t ino, const struct fuse_file_info *fi)
{
	struct tree_request rq = ops_request(req);
	struct view v;
	int r = check(req, ino, &v);

	rq.reply.unique = 0; /* once more makes no difference */
	if (r == 0 && fi)
		handles_emptied(ops_fs(req)->handles, fi->fh);
	else if (r == 0)
		r = v.depth < SAVED_SETTINGS ? set(ops_fs(req), &rq, &v, "") : -EINVAL;
	return r;
}

void view_control_close(struct fs *fs, uint64_t ino, uint64_t fh)
{
	struct tree_request rq = { 0 };
	struct handle h;
	struct view v;

	if (handles_get(fs->handles, fh, &h) == 0 && h.flags & HANDLE_EMPTIED && view_of(fs, ino, &v) == 0 &&
	    v.depth < SAVED_SETTINGS)
		(void) set(fs, &rq, &v, "");
}
