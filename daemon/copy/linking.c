/* SPDX-License-Identifier: MIT */
/* Further names of a file. What is known of its first one is looked at again: a folder that is followed
 * changes, and inode numbers come again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/copy/copier_impl.h"

static bool is_copy_of(const struct stat *copy, const struct stat *st)
{
	return (copy->st_mode & S_IFMT) == (st->st_mode & S_IFMT) && copy->st_size == st->st_size &&
	       copy->st_mtim.tv_sec == st->st_mtim.tv_sec && copy->st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* In the place of what is there. */
static int link_over(struct copier *c, const struct entry *e, const char *known)
{
	char partial[COPY_PARTIAL_SIZE];

	copy_partial_name(c, partial);
	if (linkat(c->to, known, e->to, partial, 0) < 0)
		return -errno;
	if (renameat(e->to, partial, e->to, e->name) < 0) {
		int r = -errno;

		(void) unlinkat(e->to, partial, 0);
		return r;
	}
	return 0;
}

static int make_link(struct copier *c, const struct entry *e, const char *known)
{
	if (e->there)
		return link_over(c, e, known);
	return linkat(c->to, known, e->to, e->name, 0) < 0 ? -errno : 0;
}

static int link_known(struct copier *c, const struct entry *e, const char *known)
{
	int r;

	if (e->there && (r = copy_may_replace(c, e)) <= 0)
		return r < 0 ? r : 1;
	r = c->o.dry_run ? 0 : make_link(c, e, known);
	/* It has as many names as it can have, or lies where that is not allowed: it becomes a file of its
	 * own. */
	if (r == -EMLINK || r == -EXDEV || r == -EPERM || r == -ENOENT || r == -ENAMETOOLONG)
		return 0;
	if (r < 0)
		return copy_blame(c, COPY_DESTINATION, "linking", r);
	c->counts.links++;
	copy_tell(c, COPY_NEWS_LINK, 0);
	return 1;
}

int copy_link(struct copier *c, struct entry *e)
{
	const char *known = c->o.take ? NULL : links_get(&c->links, e->st.st_dev, e->st.st_ino);
	struct stat at;

	if (!known)
		return 0;
	if (c->o.dry_run && (c->to < 0 || fstatat(c->to, known, &at, AT_SYMLINK_NOFOLLOW) < 0))
		return link_known(c, e, known);
	if (fstatat(c->to, known, &at, AT_SYMLINK_NOFOLLOW) < 0 || !is_copy_of(&at, &e->st))
		return 0;
	if (!e->there || at.st_dev != e->at.st_dev || at.st_ino != e->at.st_ino)
		return link_known(c, e, known);
	c->counts.present++;
	return 1;
}
