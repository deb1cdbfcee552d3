/* SPDX-License-Identifier: MIT */
/* WRITE. Those of a descriptor that cannot read, and those with O_DIRECT pass the kernel's cache by:
 * see fs/late_replies.h for what comes of it. */
#include <errno.h>

#include "fs/fetched.h"
#include "fs/invalidator.h"
#include "fs/late_replies.h"
#include "fs/ops/ops.h"
#include "fs/syncs.h"
#include "fs/virtual/virtual.h"

/* How a write came. */
struct way {
	bool mapped;      /* from a mapping */
	bool passed;      /* past the kernel's cache */
	bool durable;     /* to be durable before its reply: no FSYNC follows */
	bool background;  /* as struct late_write says */
};

/* Notes that it was written before the batch, so that the index, which hears of that, finds the file busy,
 * and nobody is shown the new size to keep. */
static struct way way_of(fuse_req_t req, const struct fuse_file_info *fi)
{
	const struct fuse_write_in *in = request_arguments();
	bool mapped = in->write_flags & FUSE_WRITE_CACHE, direct = !mapped && fi->flags & O_DIRECT;
	uint32_t flags = handles_wrote(ops_fs(req)->handles, fi->fh, direct);
	bool alone = !mapped && flags & HANDLE_ALONE;

	return (struct way){
		.mapped = mapped,
		.passed = alone || direct,
		.durable = alone && fi->flags & O_DSYNC,
		.background = direct,
	};
}

/* Of a write of `n` bytes that was executed. Those that wait for the disk wait together, but for the few
 * whose pages are to be dropped, too. One that comes again was perhaps executed by a server before us, which
 * knew who had fetched pages. */
static void answer(fuse_req_t req, uint64_t ino, uint64_t offset, size_t n, const struct way *way)
{
	struct fs *fs = ops_fs(req);
	bool late = way->passed && n && (request_is_resent() || fetched_lately(fs->fetched, ino));
	int r = 0;

	if (way->durable && !late && !current_request.may_wait) {
		syncs_add(fs->syncs, req, n);
		return;
	}
	if (way->durable)
		r = syncs_now(fs);
	if (r < 0)
		ops_reply_status(req, r);
	else if (late)
		late_reply_write(fs, req, &(struct late_write){ ino, offset, n, way->background });
	else
		(void) fuse_reply_write(req, n);
}

/* A server before us has executed it, but perhaps neither made it durable nor told the kernel of it. */
static bool replayed(fuse_req_t req, uint64_t ino, uint64_t offset, const struct way *way)
{
	struct reply_record record;

	if (!ops_find_reply(req, &record))
		return false;
	if (record.opcode == current_request.header->opcode && record.status >= 0)
		answer(req, ino, offset, record.size, way);
	else
		ops_reply_record(req, &record);
	return true;
}

/* What was written to a mapping comes from nobody in particular: it takes suid away, whoever wrote it. */
static bool write_kills(fuse_req_t req, struct tree_request *rq, uint64_t ino, uint32_t write_flags)
{
	rq->in_group = write_flags & FUSE_WRITE_CACHE;
	if (rq->in_group || !(write_flags & FUSE_WRITE_KILL_SUIDGID))
		return rq->in_group;
	ops_ask_group(req, rq, ino);
	return true;
}

/* The inode of a mapping is perhaps being evicted, for which telling the kernel would wait, and that for this
 * request. */
static void note_kill(fuse_req_t req, const struct tree_request *rq, uint64_t ino, bool mapped)
{
	if (!mapped)
		ops_tell_killed(req, rq, ino);
	else if (rq->killed)
		invalidator_add(ops_fs(req)->invalidator, ino);
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
	       struct fuse_file_info *fi)
{
	const struct fuse_write_in *in = request_arguments();
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	struct way way;
	bool kills;
	ssize_t n;

	if (is_virtual(ino)) {
		virtual_write(req, ino, data, size, fi);
		return;
	}
	way = way_of(req, fi);
	if (replayed(req, ino, (uint64_t)offset, &way))
		return;
	kills = write_kills(req, &rq, ino, in->write_flags);
	rq.reply.size = (uint32_t)size;
	do
		n = file_write(fs->config.files, &rq, ino, (uint64_t)offset, data, size, kills, false);
	while (quota_made_room(fs, n));
	note_kill(req, &rq, ino, way.mapped);
	if (n < 0)
		ops_reply_status(req, (int)n);
	else
		answer(req, ino, (uint64_t)offset, (size_t)n, &way);
}
