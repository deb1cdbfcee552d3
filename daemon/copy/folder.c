/* SPDX-License-Identifier: MIT */
/* Folders. Their times are set after everything is in them, and their modes, which may forbid that, too. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"

/* Reading leaves no trace where that is allowed. */
static int open_listed(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Appends "/name" to the path; returns what it was. */
static int push(struct copier *c, const char *name, size_t *ret_len)
{
	size_t len = c->path.len;
	int r = len ? buf_add_str(&c->path, "/") : 0;

	if (r >= 0)
		r = buf_add_str(&c->path, name);
	if (r < 0)
		c->path.len = len;
	else
		*ret_len = len;
	return r;
}

static int copy_names(struct copier *c, const struct folder *f, char **names, size_t n)
{
	struct entry like = { .from = f->from, .to = f->to, .fresh = f->fresh, .depth = f->depth };
	int r = 0;

	like.inherits = f->to >= 0 && fgetxattr(f->to, "system.posix_acl_default", NULL, 0) >= 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct entry e = like;
		size_t len = 0;

		r = push(c, names[i], &len);
		if (r < 0)
			return copy_blame(c, COPY_SOURCE, "copying", r);
		e.name = names[i];
		r = copy_entry(c, &e);
		c->path.len = len;
	}
	return r;
}

static int finish(struct copier *c, const struct folder *f, const struct stat *st)
{
	struct facts_side from = facts_of_fd(f->from), to = facts_of_fd(f->to);
	struct stat now;

	if (f->to < 0 || c->o.dry_run || c->o.take)
		return 0;
	if (fstat(f->to, &now) < 0)
		return copy_blame(c, COPY_DESTINATION, "looking at it", -errno);
	return copy_facts(c, &from, &to, st, &now, false);
}

static int copy_listed(struct copier *c, const struct folder *f)
{
	char **names = NULL;
	size_t n = 0;
	int r = names_read(f->from, &names, &n);

	if (r < 0)
		return copy_blame(c, COPY_SOURCE, "listing", r);
	r = f->fresh || f->to < 0 ? 0 : copy_prune(c, f->to, names, n);
	if (r == 0)
		r = copy_names(c, f, names, n);
	names_free(names, n);
	return r;
}

int copy_folder_contents(struct copier *c, const struct folder *f)
{
	struct stat st;
	int r = fstat(f->from, &st) < 0 ? -errno : 0;

	/* Before it is listed: what comes later is heard of. */
	if (r == 0 && c->o.entering)
		r = c->o.entering(c->o.context, f->from, copy_path(c));
	if (r < 0)
		return copy_blame(c, COPY_SOURCE, "watching", r);
	r = copy_listed(c, f);
	return r < 0 ? r : finish(c, f, &st);
}

/* 1: it was made. A folder that is there may be closed to us, as its source is, from an earlier time. */
static int make(struct copier *c, const struct entry *e)
{
	mode_t mode = e->at.st_mode & 07777;

	if (e->there) {
		if ((mode & S_IRWXU) != S_IRWXU && geteuid() == e->at.st_uid && geteuid() != 0)
			(void) fchmodat(e->to, e->name, mode | S_IRWXU, 0);
		return 0;
	}
	if (mkdirat(e->to, e->name, S_IRWXU) < 0)
		return errno == EEXIST ? 0 : copy_blame(c, COPY_DESTINATION, "making the folder", -errno);
	c->counts.folders++;
	copy_tell(c, COPY_NEWS_FOLDER, 0);
	return 1;
}

/* *ret_to stays -1 when it is not there and none is made. */
static int open_target(struct copier *c, const struct entry *e, bool *ret_fresh, int *ret_to)
{
	int r = 0, fd;

	if (c->o.dry_run && !e->there) {
		c->counts.folders++;
		copy_tell(c, COPY_NEWS_FOLDER, 0);
		*ret_fresh = true;
		return 0;
	}
	if (!c->o.dry_run)
		r = make(c, e);
	if (r < 0)
		return r;
	fd = openat(e->to, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return copy_blame(c, COPY_DESTINATION, "opening", -errno);
	*ret_fresh = r > 0;
	*ret_to = fd;
	return 0;
}

int copy_folder(struct copier *c, struct entry *e)
{
	_cleanup_close_ int from = -1, to = -1;
	struct folder f = { .depth = e->depth + 1 };
	int r;

	if (e->depth >= COPY_DEPTH_MAX)
		return copy_blame(c, COPY_SOURCE, "nested too deep", -ELOOP);
	if (e->st.st_dev == c->to_st.st_dev && e->st.st_ino == c->to_st.st_ino)
		return copy_blame(c, COPY_SOURCE, "it is the destination", -ELOOP);
	from = open_listed(e->from, entry_from_name(e));
	/* It is no folder any more. */
	if (from == -ELOOP || from == -ENOTDIR)
		from = -EBUSY;
	if (from < 0)
		return copy_blame(c, COPY_SOURCE, "opening", from);
	r = open_target(c, e, &f.fresh, &to);
	if (r < 0)
		return r;
	f.from = from;
	f.to = to;
	return copy_folder_contents(c, &f);
}
