/* SPDX-License-Identifier: MIT */
/* What a change of bytes by somebody without privilege takes away: suid, sgid, the capabilities. */
#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/caller.h"

void ops_drop_capability(struct fs *fs, uint64_t ino)
{
	struct tree_request rq = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (tree_getxattr(fs->config.catalog, ino, "security.capability", &value) == 0)
		(void) tree_removexattr(fs->config.catalog, &rq, ino, "security.capability");
}

static bool may_keep_sgid(fuse_req_t req, const struct inode *i)
{
	struct caller c;
	bool may;

	if (caller_of(req, &c) < 0)
		return false;
	may = c.all || identity_has_group(&c.who, i->gid);
	caller_done(&c);
	return may;
}

void ops_check_sgid(fuse_req_t req, struct tree_request *rq, uint64_t ino)
{
	struct catalog *catalog = ops_fs(req)->config.catalog;
	struct tree_request silent = { 0 };
	struct inode before, after;
	struct stat st = { 0 };

	if (!rq->kept_sgid || inode_get(catalog, ino, &before) < 0 || may_keep_sgid(req, &before))
		return;
	st.st_mode = before.mode & ~(mode_t)S_ISGID;
	if (tree_setattr(catalog, &silent, ino, &st, TREE_SET_MODE, &after) == 0)
		rq->killed = true;
}

void ops_tell_killed(fuse_req_t req, struct tree_request *rq, uint64_t ino)
{
	ops_check_sgid(req, rq, ino);
	if (rq->killed)
		(void) fuse_lowlevel_notify_inval_inode(ops_fs(req)->session, ino, -1, 0);
}
