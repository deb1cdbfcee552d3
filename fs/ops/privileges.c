/* SPDX-License-Identifier: MIT */
/* What a change of bytes by somebody without privilege takes away, with the bytes (tiers/change.h): what only
 * this end of the request knows of it. */
#include "fs/ops/ops.h"
#include "fs/virtual/caller.h"

static bool is_member(fuse_req_t req, uint32_t gid)
{
	struct caller c;
	bool is;

	if (caller_of(req, &c) < 0)
		return false;
	is = c.all || identity_has_group(&c.who, gid);
	caller_done(&c);
	return is;
}

void ops_ask_group(fuse_req_t req, struct tree_request *rq, uint64_t ino)
{
	struct inode i;

	rq->in_group = inode_get(ops_fs(req)->config.catalog, ino, &i) == 0 &&
		       (i.mode & (S_ISGID | S_IXGRP)) == S_ISGID && is_member(req, i.gid);
}

void ops_tell_killed(fuse_req_t req, const struct tree_request *rq, uint64_t ino)
{
	if (rq->killed)
		ops_show_only(ops_fs(req), ino);
}
