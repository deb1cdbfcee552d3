/* SPDX-License-Identifier: MIT */
#include "daemon/copy/copier.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"

int copier_new(int to_dirfd, const struct copy_options *o, struct copier **ret_c)
{
	struct copier *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->o = *o;
	c->to = to_dirfd;
	c->bytes = malloc(COPY_CHUNK);
	c->others = malloc(COPY_CHUNK);
	if (!c->bytes || !c->others) {
		copier_free(c);
		return -ENOMEM;
	}
	if (to_dirfd >= 0 && fstat(to_dirfd, &c->to_st) < 0) {
		int r = -errno;

		copier_free(c);
		return r;
	}
	(void) umask(0);
	*ret_c = c;
	return 0;
}

struct copier *copier_free(struct copier *c)
{
	if (!c)
		return NULL;
	links_done(&c->links);
	twins_done(&c->twins);
	buf_done(&c->path);
	free(c->bytes);
	free(c->others);
	free(c->why);
	free(c);
	return NULL;
}

const struct copy_counts *copier_counts(const struct copier *c)
{
	return &c->counts;
}

const char *copier_why(const struct copier *c)
{
	return c->why;
}

void copier_forget_links(struct copier *c)
{
	links_done(&c->links);
}

/* ---- what the parts say */

int copy_blame(struct copier *c, enum copy_side side, const char *doing, int error)
{
	c->side = side;
	c->doing = doing;
	return error;
}

const char *copy_path(struct copier *c)
{
	const char *path = buf_cstr(&c->path);

	return path && *path ? path : ".";
}

/* What no other file would be spared, and the way out. NULL: it is this file's own. */
static const char *way_out(const struct copier *c, int error)
{
	if (error == -ECANCELED)
		return "the same command goes on where this one ended";
	if (error == -ENOMEM)
		return "give it more memory";
	if (c->side != COPY_DESTINATION)
		return NULL;
	switch (-error) {
	case ENOSPC:
		return "make room there and run the same command again, it goes on where this one ended";
	case EDQUOT:
		return "raise the quota or make room below it, and run the same command again";
	case EROFS:
		return "the destination is read-only; 'brainy status' says why when it was not mounted so";
	case EIO:
		return "the destination is damaged or its disk is; 'brainy status' says more";
	case ECONNABORTED:
	case ENOTCONN:
	case ENODEV:
		return "the destination was unmounted; mount it and run the same command again";
	default:
		return NULL;
	}
}

int copy_fail(struct copier *c, int error)
{
	const char *path = copy_path(c), *way = way_out(c, error), *doing = c->doing ? c->doing : "copying";
	const char *text = error == -ECANCELED ? "interrupted" : strerrordesc_np(-error);
	_cleanup_free_ char *why = NULL;

	if (c->why)
		return error;
	/* Who follows the source hears of what has gone, too. */
	if (c->o.busy && c->side == COPY_SOURCE && error == -ENOENT)
		return 0;
	if (way) {
		if (asprintf(&c->why, "%s: %s: %s; %s", path, doing, text, way) < 0)
			c->why = strdup("out of memory");
		return error;
	}
	c->counts.failed++;
	if (asprintf(&why, "%s: %s", doing, text) < 0)
		why = NULL;
	if (c->o.fail)
		c->o.fail(c->o.context, path, why ? why : text);
	return 0;
}

void copy_keep(struct copier *c, const char *why)
{
	c->counts.kept++;
	copy_tell(c, COPY_NEWS_KEEP, 0);
	if (c->o.fail)
		c->o.fail(c->o.context, copy_path(c), why);
}

void copy_tell(struct copier *c, enum copy_news news, uint64_t bytes)
{
	if (c->o.tell)
		c->o.tell(c->o.context, news, copy_path(c), bytes);
}

void copy_step(struct copier *c, uint64_t part)
{
	if (c->o.step)
		c->o.step(c->o.context, &c->counts, part);
}

int copy_check_stop(struct copier *c)
{
	return c->o.stop && *c->o.stop ? copy_blame(c, COPY_SOURCE, "copying", -ECANCELED) : 0;
}

/* ---- what is asked for */

static int set_path(struct copier *c, const char *path)
{
	buf_reset(&c->path);
	return buf_add_str(&c->path, path);
}

int copier_copy(struct copier *c, int from_dirfd, const char *name, const char *path)
{
	struct entry e = { .from = from_dirfd, .to = c->to, .name = path, .from_name = name };
	int r = set_path(c, path);

	return r < 0 ? copy_fail(c, r) : copy_entry(c, &e);
}

int copier_contents(struct copier *c, int from_dirfd)
{
	struct folder f = { .from = from_dirfd, .to = c->to, .fresh = c->to < 0 };
	int r;

	buf_reset(&c->path);
	r = copy_folder_contents(c, &f);
	return r < 0 ? copy_fail(c, r) : 0;
}

/* A folder below `root`, reached through no link. */
static int open_below(int root, const char *path, int *ret_fd)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	long fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	if (fd < 0)
		return -errno;
	*ret_fd = (int)fd;
	return 0;
}

static int open_parent(int root, const char *path, int *ret_fd)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);

	return parent ? open_below(root, parent, ret_fd) : -ENOMEM;
}

/* It has no name in the source any more. */
static int sync_nothing(struct copier *c, int to, const char *name)
{
	return c->o.prune && !copy_is_partial(name) ? copy_remove(c, to, name) : 0;
}

static int sync_name(struct copier *c, int from_root, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_close_ int from = -1, to = -1;
	struct entry e = { .name = name };
	int r = open_parent(c->to, path, &to);

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return -ENOENT;
	if (r < 0)
		return copy_fail(c, copy_blame(c, COPY_DESTINATION, "opening", r));
	r = open_parent(from_root, path, &from);
	e.from = from;
	e.to = to;
	if (r >= 0 && fstatat(from, name, &e.st, AT_SYMLINK_NOFOLLOW) == 0)
		return copy_entry(c, &e);
	r = r < 0 ? r : -errno;
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		r = sync_nothing(c, to, name);
	else
		(void) copy_blame(c, COPY_SOURCE, "opening", r);
	return r < 0 ? copy_fail(c, r) : 0;
}

int copier_sync(struct copier *c, int from_dirfd, const char *path)
{
	int r = set_path(c, path);

	if (r < 0)
		return copy_fail(c, r);
	return *path ? sync_name(c, from_dirfd, path) : copier_contents(c, from_dirfd);
}

int copier_sync_folder(struct copier *c, int from_dirfd, const char *path)
{
	_cleanup_close_ int from = -1, to = -1;
	struct facts_side from_side, to_side;
	struct stat st, now;
	int r;

	if (c->o.take || open_below(from_dirfd, path, &from) < 0 || open_below(c->to, path, &to) < 0 ||
	    fstat(from, &st) < 0 || fstat(to, &now) < 0)
		return 0;
	from_side = facts_of_fd(from);
	to_side = facts_of_fd(to);
	r = set_path(c, path);
	if (r == 0)
		r = copy_facts(c, &from_side, &to_side, &st, &now, false);
	return r < 0 ? copy_fail(c, r) : 0;
}

void copier_give_up(struct copier *c, const char *path, const char *why)
{
	c->counts.failed++;
	if (c->o.fail)
		c->o.fail(c->o.context, path, why);
}

int copier_move(struct copier *c, const char *from, const char *to)
{
	_cleanup_close_ int a = -1, b = -1;
	const char *from_slash = strrchr(from, '/'), *to_slash = strrchr(to, '/');
	int r = open_parent(c->to, from, &a);

	if (r >= 0)
		r = open_parent(c->to, to, &b);
	if (r < 0)
		return r;
	return renameat(a, from_slash ? from_slash + 1 : from, b, to_slash ? to_slash + 1 : to) < 0 ? -errno
												    : 0;
}

int copier_flush(struct copier *c)
{
	/* brainyfs syncs all of it for a folder, others for syncfs(2). */
	if (c->to < 0 || (syncfs(c->to) == 0 && fsync(c->to) == 0))
		return 0;
	buf_reset(&c->path);
	return copy_fail(c, copy_blame(c, COPY_DESTINATION, "syncing", -errno));
}
