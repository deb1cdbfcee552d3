/* SPDX-License-Identifier: MIT */
/* What the source does not have. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"
#include "daemon/copy/globs.h"

static int remove_all(struct copier *c, int dirfd, const char *name, unsigned depth);

static int remove_names(struct copier *c, int fd, char **names, size_t n, unsigned depth)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t len = c->path.len;

		r = buf_addf(&c->path, "%s%s", len ? "/" : "", names[i]);
		if (r >= 0)
			r = remove_all(c, fd, names[i], depth);
		c->path.len = len;
	}
	return r;
}

static int remove_folder(struct copier *c, int dirfd, const char *name, unsigned depth)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names = NULL;
	size_t n = 0;
	int r = fd < 0 ? -errno : depth >= COPY_DEPTH_MAX ? -ELOOP : names_read(fd, &names, &n);

	if (r < 0)
		return copy_blame(c, COPY_DESTINATION, "removing", r);
	if (geteuid() != 0)
		(void) fchmod(fd, S_IRWXU);
	r = remove_names(c, fd, names, n, depth + 1);
	names_free(names, n);
	if (r < 0)
		return r;
	/* What is ignored stays in it. */
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		return errno == ENOTEMPTY ? 0 : copy_blame(c, COPY_DESTINATION, "removing", -errno);
	c->counts.removed++;
	return 0;
}

static int remove_all(struct copier *c, int dirfd, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : copy_blame(c, COPY_DESTINATION, "removing", -errno);
	if (c->o.ignored && globs_match(c->o.ignored, copy_path(c), S_ISDIR(st.st_mode)))
		return 0;
	if (depth == 0)
		copy_tell(c, COPY_NEWS_REMOVE, 0);
	if (c->o.dry_run) {
		c->counts.removed++;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return remove_folder(c, dirfd, name, depth);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return copy_blame(c, COPY_DESTINATION, "removing", -errno);
	c->counts.removed++;
	return 0;
}

int copy_remove(struct copier *c, int dirfd, const char *name)
{
	return remove_all(c, dirfd, name, 0);
}

static int prune_one(struct copier *c, int dirfd, const char *name)
{
	size_t len = c->path.len;
	int r = buf_addf(&c->path, "%s%s", len ? "/" : "", name);

	if (r >= 0)
		r = copy_remove(c, dirfd, name);
	/* One that cannot be removed does not keep the others. */
	if (r < 0)
		r = copy_fail(c, r);
	c->path.len = len;
	return r;
}

int copy_prune(struct copier *c, int dirfd, char **names, size_t n)
{
	char **there = NULL;
	size_t n_there = 0;
	int r = names_read(dirfd, &there, &n_there);

	if (r < 0)
		return copy_blame(c, COPY_DESTINATION, "listing", r);
	for (size_t i = 0; r >= 0 && i < n_there; i++) {
		if (copy_is_partial(there[i])) {
			if (!c->o.dry_run && copy_is_left(there[i]))
				(void) unlinkat(dirfd, there[i], 0);
		} else if (c->o.prune && !names_have(names, n, there[i])) {
			r = prune_one(c, dirfd, there[i]);
		}
	}
	names_free(there, n_there);
	return r;
}
