/* SPDX-License-Identifier: MIT */
/* Everything about a file but its bytes and names. The order matters: a new owner clears suid bits and
 * capabilities, an access list sets the mode's bits, and the times are those of the last change, so they come
 * last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"

#define VALUE_MAX (64u << 10) /* XATTR_SIZE_MAX, XATTR_LIST_MAX */

_Static_assert(2 * VALUE_MAX <= COPY_CHUNK, "two lists, or two values, fit");

struct facts_side facts_of_fd(int fd)
{
	struct facts_side s = { .fd = fd, .dirfd = -1 };

	return s;
}

struct facts_side facts_of_name(int dirfd, const char *name)
{
	struct facts_side s = { .fd = -1, .dirfd = dirfd, .name = name };

	(void) snprintf(s.path, sizeof(s.path), "/proc/self/fd/%d/%s", dirfd, name);
	return s;
}

/* ---- extended attributes */

static ssize_t list_names(const struct facts_side *s, char *names)
{
	ssize_t n = s->fd >= 0 ? flistxattr(s->fd, names, VALUE_MAX) : llistxattr(s->path, names, VALUE_MAX);

	return n < 0 ? -errno : n;
}

static ssize_t get(const struct facts_side *s, const char *name, void *value)
{
	ssize_t n = s->fd >= 0 ? fgetxattr(s->fd, name, value, VALUE_MAX)
			       : lgetxattr(s->path, name, value, VALUE_MAX);

	return n < 0 ? -errno : n;
}

static int set(const struct facts_side *s, const char *name, const void *value, size_t len)
{
	int r = s->fd >= 0 ? fsetxattr(s->fd, name, value, len, 0) : lsetxattr(s->path, name, value, len, 0);

	return r < 0 ? -errno : 0;
}

static int take_away(const struct facts_side *s, const char *name)
{
	int r = s->fd >= 0 ? fremovexattr(s->fd, name) : lremovexattr(s->path, name);

	return r < 0 ? -errno : 0;
}

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Those of the kernel are for those who may set them: without leave they stay behind, as with cp(1). */
static bool is_kernels(const char *name)
{
	return begins_with(name, "security.") || begins_with(name, "trusted.");
}

static bool is_kept(const char *name)
{
	return begins_with(name, "user.") || begins_with(name, "system.posix_acl_") || is_kernels(name);
}

static bool list_has(const char *names, ssize_t len, const char *name)
{
	for (const char *at = names; at < names + len; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

/* 1: it was set. */
static int copy_attribute(struct copier *c, const struct facts_side *from, const struct facts_side *to,
			  const char *name, bool fresh)
{
	uint8_t *value = c->others, *now = c->others + VALUE_MAX;
	ssize_t len = get(from, name, value), now_len;
	int r;

	if (len == -ENODATA || (len < 0 && is_kernels(name)))
		return 0;
	if (len < 0)
		return copy_blame(c, COPY_SOURCE, "reading attributes", (int)len);
	now_len = fresh ? -ENODATA : get(to, name, now);
	if (now_len == len && memcmp(value, now, (size_t)len) == 0)
		return 0;
	r = set(to, name, value, (size_t)len);
	if (r < 0 && is_kernels(name) && (r == -EPERM || r == -EOPNOTSUPP || r == -EACCES))
		return 0;
	return r < 0 ? copy_blame(c, COPY_DESTINATION, "setting attributes", r) : 1;
}

/* Tags are given in the volume: the source knows nothing of them. */
static int remove_others(struct copier *c, const struct facts_side *to, const char *names, ssize_t len)
{
	char *there = (char *)c->bytes + VALUE_MAX;
	ssize_t there_len = list_names(to, there);

	if (there_len == -EOPNOTSUPP)
		return 0;
	if (there_len < 0)
		return copy_blame(c, COPY_DESTINATION, "listing attributes", (int)there_len);
	for (const char *at = there; at < there + there_len; at += strlen(at) + 1) {
		int r = 0;

		if (is_kept(at) && !is_kernels(at) && strcmp(at, "user.xdg.tags") != 0 &&
		    !list_has(names, len, at))
			r = take_away(to, at);
		if (r < 0 && r != -ENODATA)
			return copy_blame(c, COPY_DESTINATION, "removing attributes", r);
	}
	return 1;
}

/* 1: some may have changed. */
static int copy_attributes(struct copier *c, const struct facts_side *from, const struct facts_side *to,
			   bool fresh)
{
	char *names = (char *)c->bytes;
	ssize_t len = list_names(from, names);
	int r = 0, changed = 0;

	if (len < 0)
		return len == -EOPNOTSUPP ? 0 : copy_blame(c, COPY_SOURCE, "listing attributes", (int)len);
	for (const char *at = names; r >= 0 && at < names + len; at += strlen(at) + 1) {
		r = is_kept(at) ? copy_attribute(c, from, to, at, fresh) : 0;
		changed |= r > 0;
	}
	if (r >= 0 && !fresh)
		r = remove_others(c, to, names, len);
	return r < 0 ? r : changed || !fresh;
}

/* ---- owner, mode, times */

static int change_owner(const struct facts_side *s, uid_t uid, gid_t gid)
{
	int r = s->fd >= 0 ? fchown(s->fd, uid, gid)
			   : fchownat(s->dirfd, s->name, uid, gid, AT_SYMLINK_NOFOLLOW);

	return r < 0 ? -errno : 0;
}

/* 1: owner and group are the source's. An ordinary user keeps what of it is allowed. */
static int copy_owner(struct copier *c, const struct facts_side *to, const struct stat *st,
		      const struct stat *now)
{
	int r;

	if (st->st_uid == now->st_uid && st->st_gid == now->st_gid)
		return 1;
	r = change_owner(to, st->st_uid, st->st_gid);
	if (r == 0)
		return 1;
	if (r != -EPERM && r != -EINVAL)
		return copy_blame(c, COPY_DESTINATION, "setting the owner", r);
	if (st->st_gid != now->st_gid)
		(void) change_owner(to, (uid_t)-1, st->st_gid);
	return 0;
}

static int copy_mode(struct copier *c, const struct facts_side *to, mode_t mode)
{
	int r = to->fd >= 0 ? fchmod(to->fd, mode) : fchmodat(to->dirfd, to->name, mode, AT_SYMLINK_NOFOLLOW);

	return r < 0 ? copy_blame(c, COPY_DESTINATION, "setting the mode", -errno) : 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The last use of what was there before is not the source's to say. */
static int copy_times(struct copier *c, const struct facts_side *to, const struct stat *st,
		      const struct stat *now, bool fresh)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (same_time(&st->st_mtim, &now->st_mtim) && (!fresh || same_time(&st->st_atim, &now->st_atim)))
		return 0;
	r = to->fd >= 0 ? futimens(to->fd, times)
			: utimensat(to->dirfd, to->name, times, AT_SYMLINK_NOFOLLOW);

	return r < 0 ? copy_blame(c, COPY_DESTINATION, "setting the times", -errno) : 0;
}

/* Asked only when it may have changed: after a write that costs a request. */
static mode_t look_at_mode(const struct facts_side *s, const struct stat *st, const struct stat *now,
			   bool changed)
{
	struct stat seen = *now;

	if (changed || st->st_uid != now->st_uid || st->st_gid != now->st_gid)
		(void)(s->fd >= 0 ? fstat(s->fd, &seen)
				  : fstatat(s->dirfd, s->name, &seen, AT_SYMLINK_NOFOLLOW));
	return seen.st_mode & 07777;
}

int copy_facts(struct copier *c, const struct facts_side *from, const struct facts_side *to,
	       const struct stat *st, const struct stat *now, bool fresh)
{
	mode_t mode = st->st_mode & 07777;
	int is_owners = copy_owner(c, to, st, now), r;

	if (is_owners < 0)
		return is_owners;
	/* Its owner, too, may set attributes only of what he may write to. */
	r = 0;
	if (!fresh && !S_ISLNK(st->st_mode) && !(now->st_mode & S_IWUSR))
		r = copy_mode(c, to, (now->st_mode | S_IWUSR) & 07777);
	if (r == 0)
		r = copy_attributes(c, from, to, fresh);
	if (r < 0)
		return r;
	/* With another owner these bits would mean another thing. */
	if (!is_owners)
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	if (!S_ISLNK(st->st_mode) && look_at_mode(to, st, now, r > 0) != mode)
		r = copy_mode(c, to, mode);
	else
		r = 0;
	return r < 0 ? r : copy_times(c, to, st, now, fresh);
}
