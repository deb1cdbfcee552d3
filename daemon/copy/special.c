/* SPDX-License-Identifier: MIT */
/* Symbolic links, fifos, sockets, devices: made at once, so that nothing of them can be half there but owner,
 * attributes and times, which are set again each time. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/copy/copier_impl.h"

static int read_link(struct copier *c, enum copy_side side, int dirfd, const char *name,
		     char ret_target[PATH_MAX])
{
	ssize_t n = readlinkat(dirfd, name, ret_target, PATH_MAX - 1);

	if (n < 0)
		return copy_blame(c, side, "reading the link", -errno);
	ret_target[n] = '\0';
	return 0;
}

/* 1: the destination has the same. */
static int is_same(struct copier *c, const struct entry *e)
{
	char wanted[PATH_MAX], found[PATH_MAX];
	int r;

	if (!e->there || (e->at.st_mode & S_IFMT) != (e->st.st_mode & S_IFMT))
		return 0;
	if (!S_ISLNK(e->st.st_mode))
		return e->at.st_rdev == e->st.st_rdev;
	r = read_link(c, COPY_SOURCE, e->from, entry_from_name(e), wanted);
	if (r == 0)
		r = read_link(c, COPY_DESTINATION, e->to, e->name, found);
	return r < 0 ? r : strcmp(wanted, found) == 0;
}

static int make_at(struct copier *c, const struct entry *e, const char *name)
{
	char target[PATH_MAX];
	int r;

	if (!S_ISLNK(e->st.st_mode))
		r = mknodat(e->to, name, e->st.st_mode & (S_IFMT | 0777), e->st.st_rdev);
	else if ((r = read_link(c, COPY_SOURCE, e->from, entry_from_name(e), target)) < 0)
		return r;
	else
		r = symlinkat(target, e->to, name);
	return r < 0 ? copy_blame(c, COPY_DESTINATION, "making", -errno) : 0;
}

static int copy_facts_at(struct copier *c, const struct entry *e, const char *name, bool fresh)
{
	struct facts_side from = facts_of_name(e->from, entry_from_name(e)), to = facts_of_name(e->to, name);
	struct stat now;

	if (fstatat(e->to, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_blame(c, COPY_DESTINATION, "looking at it", -errno);
	return copy_facts(c, &from, &to, &e->st, &now, fresh);
}

/* Under a hidden name first when something has the name. */
static int make(struct copier *c, const struct entry *e)
{
	char partial[COPY_PARTIAL_SIZE];
	int r;

	copy_partial_name(c, partial);
	r = make_at(c, e, e->there ? partial : e->name);
	if (r < 0)
		return r;
	r = copy_facts_at(c, e, e->there ? partial : e->name, !e->inherits);
	if (r == 0 && e->there && renameat(e->to, partial, e->to, e->name) < 0)
		r = copy_blame(c, COPY_DESTINATION, "renaming", -errno);
	if (r < 0 && e->there)
		(void) unlinkat(e->to, partial, 0);
	return r;
}

static int remove_taken(struct copier *c, const struct entry *e)
{
	if (!c->o.take || c->o.dry_run)
		return 0;
	if (fsync(e->to) < 0)
		return copy_blame(c, COPY_DESTINATION, "syncing", -errno);
	if (unlinkat(e->from, entry_from_name(e), 0) < 0)
		return copy_blame(c, COPY_SOURCE, "removing", -errno);
	c->counts.removed++;
	return 0;
}

static int put(struct copier *c, struct entry *e)
{
	int r = is_same(c, e);

	if (r < 0)
		return r;
	if (r > 0) {
		c->counts.present++;
		return c->o.dry_run ? 0 : copy_facts_at(c, e, e->name, false);
	}
	if (e->there) {
		r = copy_may_replace(c, e);
		if (r <= 0)
			return r < 0 ? r : 1;
	}
	copy_tell(c, COPY_NEWS_COPY, 0);
	r = c->o.dry_run ? 0 : make(c, e);
	c->counts.files += r == 0;
	return r;
}

int copy_special(struct copier *c, struct entry *e)
{
	int r = e->st.st_nlink > 1 ? copy_link(c, e) : 0;

	if (r == 0)
		r = put(c, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (e->st.st_nlink > 1 && links_put(&c->links, e->st.st_dev, e->st.st_ino, copy_path(c)) < 0)
		return copy_blame(c, COPY_SOURCE, "copying", -ENOMEM);
	return remove_taken(c, e);
}
