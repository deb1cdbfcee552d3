/* SPDX-License-Identifier: MIT */
#include "fs/late_replies.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/invalidator.h"
#include "fs/workers.h"

/* Few, beside max_background (ops/ops.c). */
#define BACKGROUND_MAX 16u

struct late {
	struct job job;
	struct fs *fs; /* borrowed */
	fuse_req_t req;
	bool is_write;
	union {
		struct late_write write;
		struct fuse_entry_param entry;
	};
};

static int tell_kernel(const struct late *l)
{
	return l->is_write ? invalidator_drop(l->fs->invalidator, l->write.ino, (off_t)l->write.offset,
					      l->write.len)
			   : invalidator_drop(l->fs->invalidator, l->entry.ino, -1, 0);
}

static void reply(const struct late *l)
{
	if (l->is_write)
		(void) fuse_reply_write(l->req, l->write.len);
	else
		(void) fuse_reply_entry(l->req, &l->entry);
}

/* At the end of a server it is left to the one that follows: the request comes to it again. */
static void run(struct job *base)
{
	struct late *l = (struct late *)base;

	if (atomic_load(&l->fs->ending) || tell_kernel(l) == -EINTR)
		fuse_reply_none(l->req);
	else
		reply(l);
	free(l);
}

static bool add(const struct late *late)
{
	struct late *l = malloc(sizeof(*l));

	if (!l)
		return false;
	*l = *late;
	l->job.run = run;
	/* It may wait for long, which is no hang. */
	running_set_active(l->fs->shared, request_unique(), false);
	workers_add(l->fs->late, &l->job);
	return true;
}

void late_reply_write(struct fs *fs, fuse_req_t req, const struct late_write *w)
{
	bool many = w->background && workers_load(fs->late) >= BACKGROUND_MAX;

	if (!many && add(&(struct late){ .fs = fs, .req = req, .is_write = true, .write = *w }))
		return;
	(void) fuse_reply_write(req, w->len);
	invalidator_add_range(fs->invalidator, w->ino, w->offset, w->len);
}

void late_reply_entry(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *e)
{
	if (!add(&(struct late){ .fs = fs, .req = req, .entry = *e }))
		(void) fuse_reply_err(req, ENOMEM);
}
