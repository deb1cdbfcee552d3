/* SPDX-License-Identifier: MIT */
/* statvfs() costs more than a small write, so its answer holds for CHECK_MS and is lowered by what
 * was taken meanwhile. Bytes given back by others show with the next answer. */
#include "tiers/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"

#define CHECK_MS 100u
#define FLOOR_MAX (16ull << 20)
#define RESERVE_MIN (64ull << 20)
#define RESERVE_MAX (1ull << 30)

struct space {
	int dirfd;              /* borrowed */
	int fd;                 /* of the reserve; owned; -1: read-only */
	uint64_t wanted;        /* size of the whole reserve */
	uint64_t floor;         /* stays free beside it */

	pthread_mutex_t lock;
	uint64_t held;          /* size of the reserve now; guarded by lock, as all below */
	uint64_t free, total, withheld;
	uint64_t checked_ms;    /* 0: never */
};

static int ask(struct space *s)
{
	struct statvfs v;

	if (fstatvfs(s->dirfd, &v) < 0)
		return -errno;
	s->total = (uint64_t)v.f_blocks * v.f_frsize;
	s->free = (uint64_t)v.f_bavail * v.f_frsize;
	s->withheld = (uint64_t)(v.f_bfree - MIN(v.f_bfree, v.f_bavail)) * v.f_frsize;
	return 0;
}

/* With the lock held. */
static int check(struct space *s, bool now)
{
	uint64_t ms = clock_mono_ms();
	int r;

	if (!now && s->checked_ms && ms - s->checked_ms < CHECK_MS)
		return 0;
	r = ask(s);
	if (r >= 0)
		s->checked_ms = ms ? ms : 1;
	return r;
}

/* What ordinary writes leave alone: the floor, and what the reserve lacks. */
static uint64_t untouchable(const struct space *s)
{
	return s->floor + (s->wanted - s->held);
}

static bool has_room(const struct space *s, uint64_t bytes)
{
	return s->free >= untouchable(s) && s->free - untouchable(s) >= bytes;
}

/* What was taken since the last answer is an estimate: before saying no, it asks again. */
static int probe(struct space *s, uint64_t bytes)
{
	int r = check(s, false);

	if (r >= 0 && !has_room(s, bytes))
		r = check(s, true);
	if (r < 0)
		return r;
	return has_room(s, bytes) ? 0 : -ENOSPC;
}

int space_take(struct space *s, uint64_t bytes, uint64_t pending, bool only_probe)
{
	int r;

	LOCKED(&s->lock);
	r = probe(s, bytes + pending);
	if (r >= 0 && !only_probe)
		s->free -= bytes;
	return r;
}

static int allocate(int fd, uint64_t from, uint64_t to)
{
	if (fallocate(fd, 0, (off_t)from, (off_t)(to - from)) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return -errno;
	return io_write_zeros(fd, from, to - from);
}

void space_release(struct space *s, uint64_t bytes)
{
	uint64_t less;

	LOCKED(&s->lock);
	if (s->fd < 0 || check(s, true) < 0 || s->free >= bytes)
		return;
	less = MIN(bytes - s->free, s->held);
	if (less > 0 && ftruncate(s->fd, (off_t)(s->held - less)) == 0) {
		s->held -= less;
		s->checked_ms = 0;
	}
}

void space_refill(struct space *s)
{
	uint64_t lack;

	LOCKED(&s->lock);
	lack = s->wanted - s->held;
	if (s->fd < 0 || lack == 0 || check(s, true) < 0 || s->free < lack + s->floor * 2)
		return;
	if (allocate(s->fd, s->held, s->wanted) < 0)
		(void) ftruncate(s->fd, (off_t)s->held);
	else
		s->held = s->wanted;
	s->checked_ms = 0;
}

uint64_t space_floor(const struct space *s)
{
	return s->floor;
}

void space_get_stats(struct space *s, struct space_stats *ret_stats)
{
	LOCKED(&s->lock);
	(void) check(s, true);
	*ret_stats = (struct space_stats){
		.reserve_bytes = s->held,
		.total_bytes = s->total,
		.withheld_bytes = s->withheld,
		.free_bytes = s->free > untouchable(s) ? s->free - untouchable(s) : 0,
	};
}

/* Finds the reserve, or makes it as large as it may be. */
static int open_reserve(struct space *s)
{
	struct stat st;
	uint64_t allocated;

	s->fd = openat(s->dirfd, "reserve", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	allocated = MIN((uint64_t)st.st_size, (uint64_t)st.st_blocks * 512);
	s->held = MIN(allocated, s->wanted);
	if ((uint64_t)st.st_size != s->held && ftruncate(s->fd, (off_t)s->held) < 0)
		return -errno;
	if (s->held < s->wanted)
		space_refill(s);
	return 0;
}

static int measure(struct space *s, uint64_t reserve_bytes)
{
	int r = ask(s);

	if (r < 0)
		return r;
	s->wanted = reserve_bytes;
	if (!s->wanted) {
		s->wanted = MAX(s->total / 100, RESERVE_MIN);
		s->wanted = MIN(s->wanted, RESERVE_MAX);
		s->wanted = MIN(s->wanted, s->total / 4);
	}
	s->floor = MIN(FLOOR_MAX, s->wanted / 4);
	return 0;
}

int space_open(int volume_dirfd, uint64_t reserve_bytes, bool read_only, struct space **ret_s)
{
	struct space *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = volume_dirfd;
	s->fd = -1;
	(void) pthread_mutex_init(&s->lock, NULL);
	r = measure(s, reserve_bytes);
	if (r >= 0 && !read_only)
		r = open_reserve(s);
	if (r < 0) {
		(void) space_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

struct space *space_close(struct space *s)
{
	if (!s)
		return NULL;
	closep(&s->fd);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
