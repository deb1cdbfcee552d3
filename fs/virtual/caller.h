/* SPDX-License-Identifier: MIT */
/* Who asks, and what of the mount that user may see. Thread-safe. */
#pragma once

#include "catalog/access.h"
#include "fs/fs_impl.h"

struct caller {
	uint32_t uid, gid;
	bool all;            /* sees every file: the owner of the mount, or root */
	struct identity who; /* owned; of everybody else */
};
/* Supplementary groups come from /proc/PID/status. Where that does not tell of the caller (a process of
 * another container has no number here, /proc may be mounted hidepid=2), only the primary group counts, and
 * root is nobody special. -ENOMEM. */
int caller_of(fuse_req_t req, struct caller *ret_c);
/* The same, of a request that libfuse has not seen. */
int caller_of_header(struct fs *fs, const struct fuse_in_header *in, struct caller *ret_c);
/* Does `a` see at least what `b` sees, as far as one can tell by who they are? */
bool caller_covers(const struct caller *a, const struct caller *b);
int caller_copy(const struct caller *c, struct caller *ret_c);
void caller_done(struct caller *c);
/* NULL: sees all. Borrowed. */
static inline const struct identity *caller_identity(const struct caller *c)
{
	return c->all ? NULL : &c->who;
}
/* `name` as it is asked by this caller: equal for those that see the same only. NULL without memory. */
char *caller_key(const struct caller *c, const char *name);

/* Groups from the text of /proc/PID/status, if it is of a process with these ids (of the filesystem's). Their
 * number, or -ENOENT. *ret_overrides: it is of a root that may read what it likes. */
int caller_parse_status(const char *text, uint32_t uid, uint32_t gid, uint32_t *ret_groups, size_t max,
			bool *ret_overrides);
