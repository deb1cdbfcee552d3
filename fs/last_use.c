/* SPDX-License-Identifier: MIT */
#include "fs/last_use.h"

#include "catalog/tree.h"
#include "fs/invalidator.h"

/* The last use is known to be no longer ago than that before it really was. */
#define STEP_S 86400

void last_use_note(struct fs *fs, const struct inode *i)
{
	struct timespec now;
	struct inode after;

	if (fs->config.read_only || i->flags & INODE_ORPHAN)
		return;
	(void) clock_gettime(CLOCK_REALTIME, &now);
	if (inode_last_use_s(i) > now.tv_sec - STEP_S)
		return;
	if (tree_note_use(fs->config.catalog, i->ino, now, STEP_S, fs->config.noatime, &after) > 0 &&
	    !fs->config.noatime)
		invalidator_add(fs->invalidator, i->ino);
}

void last_use_note_open(struct fs *fs)
{
	struct handle h;
	struct inode i;

	for (uint32_t at = 0; handles_next(fs->handles, &at, &h);)
		if (h.kind == HANDLE_FILE && !(h.flags & HANDLE_NOATIME) &&
		    inode_get(fs->config.catalog, h.ino, &i) == 0)
			last_use_note(fs, &i);
}
