/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/view.h"

int looker_begin_as(struct fs *fs, struct caller *caller, struct looker *ret_l)
{
	struct looker l = { .fs = fs, .caller = *caller };

	if (!l.caller.all && !fs->config.index) {
		caller_done(&l.caller);
		return -EACCES;
	}
	*ret_l = l;
	return 0;
}

int looker_begin(fuse_req_t req, struct looker *ret_l)
{
	struct caller caller;
	int r = announcing_caller(req, &caller);

	if (r == 0)
		r = caller_of(req, &caller);
	return r < 0 ? r : looker_begin_as(fuse_req_userdata(req), &caller, ret_l);
}

void looker_rest(struct looker *l)
{
	l->viewer = viewer_put(l->viewer);
}

void looker_done(struct looker *l)
{
	looker_rest(l);
	caller_done(&l->caller);
}

static int need_viewer(struct looker *l)
{
	return l->viewer ? 0
			 : viewers_get(index_viewers(l->fs->config.index), caller_identity(&l->caller),
				       &l->viewer);
}

int looker_sees(struct looker *l, uint64_t ino)
{
	int r = l->caller.all ? 0 : need_viewer(l);

	return r < 0 ? r : l->caller.all ? 1 : viewer_sees(l->viewer, ino);
}

int looker_enters(struct looker *l, uint64_t dir)
{
	int r = l->caller.all ? 0 : need_viewer(l);

	return r < 0 ? r : l->caller.all ? 1 : viewer_enters(l->viewer, dir);
}

int looker_knows(struct looker *l, const struct inode *i)
{
	return S_ISDIR(i->mode) ? looker_enters(l, i->ino) : looker_sees(l, i->ino);
}

static int enters(void *context, uint64_t dir)
{
	return looker_enters(context, dir);
}

int looker_may_try(struct looker *l, const char *path, size_t len)
{
	_cleanup_buf_ struct buf folder = BUF_INIT;
	struct inode i;
	int r;

	if (l->caller.all)
		return 1;
	while (len && path[len - 1] != '/')
		len--;
	r = buf_add(&folder, path, len);
	if (r < 0 || !buf_cstr(&folder))
		return -ENOMEM;
	r = access_walk(l->fs->config.catalog, ROOT_INO, buf_cstr(&folder), enters, l, &i);
	if (r == 0)
		return S_ISDIR(i.mode) ? looker_enters(l, i.ino) : 0;
	return r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL ? 0 : r;
}

/* ---- the index */

#define MANY_PENDING 64u
#define IN_VAIN_MS 1000u

void view_wait(struct fs *fs, unsigned timeout_ms)
{
	uint64_t behind_ms = atomic_load(&fs->virtual->behind_ms);

	if (!fs->config.index)
		return;
	if (timeout_ms <= VIEW_WAIT_MS && behind_ms && clock_mono_ms() - behind_ms < IN_VAIN_MS &&
	    index_pending(fs->config.index) > MANY_PENDING)
		return;
	if (index_wait(fs->config.index, timeout_ms) == -ETIMEDOUT)
		atomic_store(&fs->virtual->behind_ms, clock_mono_ms());
}
