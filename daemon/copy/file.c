/* SPDX-License-Identifier: MIT */
/* One regular file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"
#include "daemon/copy/writers.h"

/* How often it is begun anew when it changes while it is read. */
#define ATTEMPTS 3
#define GIVEN_MAX 4096

/* A file that is made, and has no name, or a hidden one. */
struct making {
	int fd;
	struct stat at;                  /* before it was written to */
	char partial[COPY_PARTIAL_SIZE]; /* "": none */
};

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- the source */

/* Also looks at it again: it may be another file than a moment ago. */
static int open_source(struct copier *c, struct entry *e, int *ret_fd)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	_cleanup_close_ int fd = openat(e->from, entry_from_name(e), flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(e->from, entry_from_name(e), flags);
	/* A link now, which was none a moment ago. */
	if (fd < 0 && errno == ELOOP)
		return copy_blame(c, COPY_SOURCE, "opening", -EBUSY);
	if (fd < 0 || fstat(fd, &e->st) < 0)
		return copy_blame(c, COPY_SOURCE, "opening", -errno);
	if (!S_ISREG(e->st.st_mode))
		return copy_blame(c, COPY_SOURCE, "opening", -EBUSY);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int check_unchanged(struct copier *c, int fd, const struct stat *st)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return copy_blame(c, COPY_SOURCE, "reading", -errno);
	return same_state(&now, st) ? 0 : copy_blame(c, COPY_SOURCE, "it changes while it is read", -EBUSY);
}

/* ---- making it */

static int open_making(struct copier *c, const struct entry *e, struct making *m)
{
	mode_t mode =
		(e->st.st_mode & 0777) | S_IWUSR; /* attributes can be set only on what may be written to */

	if (!c->no_unnamed)
		m->fd = openat(e->to, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
	if (m->fd >= 0)
		return 0;
	if (!c->no_unnamed && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	c->no_unnamed = true;
	copy_partial_name(c, m->partial);
	m->fd = openat(e->to, m->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return m->fd < 0 ? -errno : 0;
}

static int start_making(struct copier *c, const struct entry *e, struct making *m)
{
	int r;

	*m = (struct making){ .fd = -1 };
	r = open_making(c, e, m);
	if (r == 0 && fstat(m->fd, &m->at) < 0)
		r = -errno;
	return r < 0 ? copy_blame(c, COPY_DESTINATION, "making", r) : 0;
}

static int link_unnamed(const struct making *m, int dirfd, const char *name)
{
	char path[32];

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* From here on it is there, whole. */
static int give_name(struct copier *c, const struct entry *e, struct making *m)
{
	int r = 0;

	if (!*m->partial && !e->there) {
		r = link_unnamed(m, e->to, e->name);
		return r < 0 ? copy_blame(c, COPY_DESTINATION, "naming", r) : 0;
	}
	if (!*m->partial) {
		copy_partial_name(c, m->partial);
		r = link_unnamed(m, e->to, m->partial);
	}
	if (r == 0 && renameat(e->to, m->partial, e->to, e->name) < 0)
		r = -errno;
	if (r < 0)
		return copy_blame(c, COPY_DESTINATION, "naming", r);
	*m->partial = '\0';
	return 0;
}

static void end_making(const struct entry *e, struct making *m)
{
	if (*m->partial)
		(void) unlinkat(e->to, m->partial, 0);
	closep(&m->fd);
}

/* Tags and the tier are given in the volume, and outlive the bytes they were given to. */
static void keep_given(const struct copier *c, const struct entry *e, const struct making *m)
{
	static const char *const given[] = { "user.xdg.tags", "user.brainy.tier", "user.brainy.pin" };
	struct facts_side at = facts_of_name(e->to, e->name);

	for (size_t i = 0; e->there && i < ARRAY_SIZE(given); i++) {
		ssize_t n = lgetxattr(at.path, given[i], c->others, GIVEN_MAX);

		if (n > 0)
			(void) fsetxattr(m->fd, given[i], c->others, (size_t)n, XATTR_CREATE);
	}
}

static int fill(struct copier *c, const struct entry *e, int from_fd, struct making *m, bool *ret_shared)
{
	struct facts_side from = facts_of_fd(from_fd), to = facts_of_fd(m->fd);
	int r = copy_data(c, from_fd, m->fd, &e->st, ret_shared);

	if (r == 0)
		keep_given(c, e, m);
	if (r == 0)
		r = copy_facts(c, &from, &to, &e->st, &m->at, !e->inherits && !e->there);
	return r < 0 ? r : check_unchanged(c, from_fd, &e->st);
}

static int attempt(struct copier *c, struct entry *e, int from_fd, bool *ret_shared)
{
	struct making m;
	int r = start_making(c, e, &m);

	if (r == 0)
		r = fill(c, e, from_fd, &m, ret_shared);
	if (r == 0 && c->o.take && fsync(m.fd) < 0)
		r = copy_blame(c, COPY_DESTINATION, "syncing", -errno);
	if (r == 0)
		r = give_name(c, e, &m);
	end_making(e, &m);
	return r;
}

static void count(struct copier *c, const struct entry *e, bool shared)
{
	uint64_t size = (uint64_t)e->st.st_size;

	c->counts.files++;
	c->counts.bytes += size;
	c->counts.shared += shared;
	c->counts.shared_bytes += shared ? size : 0;
	copy_tell(c, shared ? COPY_NEWS_SHARE : COPY_NEWS_COPY, size);
}

static int make(struct copier *c, struct entry *e, int from_fd)
{
	bool shared = false;
	int r = -EBUSY;

	for (unsigned n = 0; r == -EBUSY && n < ATTEMPTS; n++) {
		r = n == 0 || fstat(from_fd, &e->st) == 0 ? 0 : copy_blame(c, COPY_SOURCE, "opening", -errno);
		if (r == 0)
			r = attempt(c, e, from_fd, &shared);
	}
	if (r == 0)
		count(c, e, shared);
	return r;
}

/* ---- taking it from the source */

/* Nobody else may have it open, and it is what was copied; who opens it in this moment, waits. */
static int take_away(struct copier *c, const struct entry *e, int from_fd)
{
	struct stat now;
	int r = 0;

	if (fsync(e->to) < 0)
		return copy_blame(c, COPY_DESTINATION, "syncing", -errno);
	if (!writers_keep_out(from_fd))
		r = -EBUSY;
	else if (fstatat(e->from, entry_from_name(e), &now, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	else if (now.st_ino != e->st.st_ino || now.st_dev != e->st.st_dev || !same_state(&now, &e->st))
		r = -EBUSY;
	else if (unlinkat(e->from, entry_from_name(e), 0) < 0)
		r = -errno;
	writers_let_in(from_fd);
	if (r < 0)
		return copy_blame(c, COPY_SOURCE, "removing", r);
	c->counts.removed++;
	return 0;
}

/* What is there was not copied in this moment: type, size and mtime do not prove the bytes. */
static int take_present(struct copier *c, struct entry *e, int from_fd)
{
	_cleanup_close_ int fd = openat(e->to, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r = fd < 0 ? copy_blame(c, COPY_DESTINATION, "opening", -errno)
		       : copy_data_equal(c, from_fd, fd, (uint64_t)e->st.st_size);

	if (r < 0)
		return r;
	if (r == 0) {
		copy_keep(c, "kept: the destination has another one of that name, size and time");
		return 0;
	}
	return fsync(fd) < 0 ? copy_blame(c, COPY_DESTINATION, "syncing", -errno) : take_away(c, e, from_fd);
}

/* ---- what is there already */

static int remember(struct copier *c, const struct entry *e)
{
	int r = 0;

	if (e->st.st_nlink > 1)
		r = links_put(&c->links, e->st.st_dev, e->st.st_ino, copy_path(c));
	return r < 0 ? copy_blame(c, COPY_SOURCE, "copying", r) : 0;
}

static bool changed_after(const struct stat *source, const struct stat *copy)
{
	const struct timespec *its = &source->st_ctim, *ours = &copy->st_ctim;

	return its->tv_sec > ours->tv_sec || (its->tv_sec == ours->tv_sec && its->tv_nsec > ours->tv_nsec);
}

/* The destination's ctime alone proves nothing: renames, links and tags there change it, too. So what the
 * source has is compared always, and only what it does not have any more is left to that, unless `thorough`.
 */
static bool facts_differ(const struct copier *c, const struct entry *e, const struct facts_side *from)
{
	return c->o.thorough || (e->at.st_mode & 07777) != (e->st.st_mode & 07777) ||
	       e->at.st_uid != e->st.st_uid || e->at.st_gid != e->st.st_gid ||
	       changed_after(&e->st, &e->at) || llistxattr(from->path, NULL, 0) > 0;
}

static int keep_present(struct copier *c, struct entry *e)
{
	struct facts_side from = facts_of_name(e->from, entry_from_name(e)),
			  to = facts_of_name(e->to, e->name);
	_cleanup_close_ int fd = -1;
	int r = 0;

	c->counts.present++;
	c->counts.present_bytes += (uint64_t)e->st.st_size;
	if (c->o.dry_run)
		return remember(c, e);
	if (facts_differ(c, e, &from))
		r = copy_facts(c, &from, &to, &e->st, &e->at, false);
	if (r == 0)
		r = copy_data_known(c, &e->st);
	if (r == 0)
		r = remember(c, e);
	if (r < 0 || !c->o.take)
		return r;
	r = open_source(c, e, &fd);
	return r < 0 ? r : take_present(c, e, fd);
}

/* ---- all of it */

static int copy_open(struct copier *c, struct entry *e, int fd)
{
	unsigned wait_ms = c->o.busy ? writers_wait_ms(fd, &e->st, c->o.quiet_ms) : 0;
	int r;

	if (wait_ms > 0) {
		c->o.busy(c->o.context, copy_path(c), wait_ms);
		return 0;
	}
	r = make(c, e, fd);
	if (r == 0)
		r = remember(c, e);
	if (r == 0 && e->st.st_nlink > 1 && c->o.several && !c->o.take)
		c->o.several(c->o.context, copy_path(c));
	return r < 0 || !c->o.take ? r : take_away(c, e, fd);
}

int copy_file(struct copier *c, struct entry *e)
{
	_cleanup_close_ int fd = -1;
	int r = e->st.st_nlink > 1 ? copy_link(c, e) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	if (e->there && S_ISREG(e->at.st_mode) && same_state(&e->at, &e->st))
		return keep_present(c, e);
	if (e->there && (r = copy_may_replace(c, e)) <= 0)
		return r;
	if (c->o.dry_run) {
		count(c, e, false);
		return remember(c, e);
	}
	r = open_source(c, e, &fd);
	return r < 0 ? r : copy_open(c, e, fd);
}
