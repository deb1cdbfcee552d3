/* SPDX-License-Identifier: MIT */
/* One name, whatever it is. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/copy/copier_impl.h"
#include "daemon/copy/globs.h"
#include "daemon/copy/writers.h"

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* What is in the way is of another kind than the source. Folders have more in them than one name. */
static int may_replace_kind(struct copier *c, const struct entry *e)
{
	if (c->o.prune)
		return 1;
	if (S_ISDIR(e->at.st_mode))
		return copy_blame(c, COPY_DESTINATION, "replacing the folder there", -EISDIR);
	if (S_ISDIR(e->st.st_mode) && c->o.replace != COPY_REPLACE_ALL)
		return copy_blame(c, COPY_DESTINATION, "making the folder", -ENOTDIR);
	return 1;
}

int copy_may_replace(struct copier *c, const struct entry *e)
{
	int r = (e->at.st_mode & S_IFMT) != (e->st.st_mode & S_IFMT) ? may_replace_kind(c, e) : 1;

	if (r <= 0 || c->o.replace == COPY_REPLACE_ALL)
		return r;
	if (c->o.replace == COPY_REPLACE_NONE) {
		copy_keep(c, "kept: the destination has another one of that name");
		return 0;
	}
	if (is_newer(&e->at.st_mtim, &e->st.st_mtim)) {
		copy_keep(c, "kept: the one at the destination is newer");
		return 0;
	}
	return 1;
}

static int look_at_both(struct copier *c, struct entry *e)
{
	if (fstatat(e->from, entry_from_name(e), &e->st, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_blame(c, COPY_SOURCE, "looking at it", -errno);
	if (e->fresh || e->to < 0)
		return 0;
	if (fstatat(e->to, e->name, &e->at, AT_SYMLINK_NOFOLLOW) == 0)
		e->there = true;
	else if (errno != ENOENT)
		return copy_blame(c, COPY_DESTINATION, "looking at it", -errno);
	return 0;
}

/* A folder in the way of something else, or the other way round. Only what may go is asked for here. */
static int clear_way(struct copier *c, struct entry *e)
{
	bool is_folder = S_ISDIR(e->st.st_mode), was_folder = S_ISDIR(e->at.st_mode);
	int r;

	if (!e->there || is_folder == was_folder)
		return 1;
	r = copy_may_replace(c, e);
	if (r <= 0 || c->o.dry_run)
		return r;
	r = copy_remove(c, e->to, e->name);
	if (r < 0)
		return r;
	e->there = false;
	return 1;
}

static int copy_one(struct copier *c, struct entry *e)
{
	int r = look_at_both(c, e);

	if (r < 0)
		return r;
	if (c->o.ignored && globs_match(c->o.ignored, copy_path(c), S_ISDIR(e->st.st_mode))) {
		c->counts.ignored++;
		return 0;
	}
	r = clear_way(c, e);
	if (r <= 0)
		return r;
	if (S_ISDIR(e->st.st_mode))
		return copy_folder(c, e);
	return S_ISREG(e->st.st_mode) ? copy_file(c, e) : copy_special(c, e);
}

int copy_entry(struct copier *c, struct entry *e)
{
	int r = copy_check_stop(c);

	if (r == 0 && copy_is_partial(entry_from_name(e)))
		return 0;
	if (r == 0)
		r = copy_one(c, e);
	copy_step(c, 0);
	if (r == -EBUSY && c->side == COPY_SOURCE && c->o.busy) {
		c->o.busy(c->o.context, copy_path(c), c->o.take ? WRITERS_HELD_MS : WRITERS_TICK_MS);
		return 0;
	}
	return r < 0 ? copy_fail(c, r) : 0;
}
