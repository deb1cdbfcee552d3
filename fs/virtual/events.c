/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "catalog/journal.h"
#include "fs/ops/ops.h"
#include "fs/virtual/live.h"

#define NAME "events"
#define SINCE "events?since="

bool events_has(const char *name)
{
	return strcmp(name, NAME) == 0 || strncmp(name, NAME "?", strlen(NAME) + 1) == 0;
}

void events_stat(struct fs *fs, struct stat *ret_st)
{
	struct journal_state s = { 0 };

	(void) journal_get_state(fs->config.catalog, JOURNAL_EVENTS, &s);
	ret_st->st_size = (off_t)journal_size(&s);
	ret_st->st_blocks = (blkcnt_t)((journal_size(&s) + 511) / 512);
	(void) clock_gettime(CLOCK_REALTIME, &ret_st->st_mtim);
}

static void lookup_file(fuse_req_t req)
{
	uint64_t ino = virtual_ino(VIRTUAL_FIXED, FIXED_EVENTS);
	struct fuse_entry_param e = { .ino = ino, .generation = 1 };
	int r = virtual_stat(ops_fs(req), ino, &e.attr);

	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_entry(req, &e);
}

/* What is not kept any more is said in the place of the first line. */
static int say_lost(uint64_t first, struct buf *text)
{
	_cleanup_json_ json_t *o = json_pack("{s:s, s:I}", "error",
					     "the cursor is too old: earlier events are not kept any more",
					     "first", (json_int_t)first);
	int r = o ? json_add_to(text, o) : -ENOMEM;

	return r < 0 ? r : buf_add_u8(text, '\n');
}

static int text_since(struct fs *fs, uint64_t since, struct buf *ret_text)
{
	uint64_t first = 1;
	int r = journal_since(fs->config.catalog, JOURNAL_EVENTS, since, ret_text, &first);

	if (r != -ESTALE)
		return r;
	r = say_lost(first, ret_text);
	return r < 0 ? r : journal_since(fs->config.catalog, JOURNAL_EVENTS, first - 1, ret_text, &first);
}

static int parse_since(const char *name, uint64_t *ret)
{
	const char *digits = strncmp(name, SINCE, strlen(SINCE)) == 0 ? name + strlen(SINCE) : "";

	if (!*digits || strlen(digits) > 18 || digits[strspn(digits, "0123456789")])
		return -EINVAL;
	*ret = strtoull(digits, NULL, 10);
	return 0;
}

void events_lookup(fuse_req_t req, const char *name)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct answer_key key = { virtual_ino(VIRTUAL_FIXED, FIXED_BRAINY), ctx->uid, name };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct answer_node node;
	uint64_t since;
	int r;

	if (strcmp(name, NAME) == 0) {
		lookup_file(req);
		return;
	}
	r = parse_since(name, &since);
	if (r < 0)
		errors_set(ops_fs(req)->virtual->errors, ctx->uid,
			   strdup("events?since=N is wanted, N the number of the last event that is known"));
	else
		r = text_since(ops_fs(req), since, &text);
	if (r >= 0)
		r = answers_add(ops_fs(req)->virtual->answers, &key, ctx->gid, 0, 0, &text, &node);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_answer(req, &node);
}

/* It grows: what was read of it once is not the end. */
void events_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi)
{
	int r = (fi->flags & O_ACCMODE) == O_RDONLY && !(fi->flags & O_TRUNC) ? 0 : -EACCES;

	if (r == 0)
		r = ops_open_handle(ops_fs(req), ino, HANDLE_STREAM, fi);
	fi->direct_io = 1;
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_open(req, fi);
}

void events_read(fuse_req_t req, size_t size, uint64_t offset)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = journal_read(ops_fs(req)->config.catalog, JOURNAL_EVENTS, offset, &text);

	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_buf(req, (const char *)text.data, MIN(size, text.len));
}
