/* SPDX-License-Identifier: MIT */
/* statvfs() costs more than a small write, so its answer holds for CHECK_MS and is lowered by what
 * was taken meanwhile. Bytes given back by others show with the next answer.
 *
 * The reserve is written, and with noise: a filesystem that compresses, deduplicates or leaves out zeros
 * would keep no room for anything else. The noise need not be secret, only incompressible. */
#include "tiers/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/io.h"

#define CHECK_MS 100u
/* A disk that refused a write is called full for so long after. */
#define FULL_MS 60000u
#define FLOOR_MAX (16ull << 20)
#define RESERVE_MIN (64ull << 20)
#define RESERVE_MAX (1ull << 30)
#define NOISE_CHUNK (128u << 10)
#define FILL_STEP (1ull << 20) /* at once under the lock */

struct space {
	int dirfd;              /* borrowed */
	int fd;                 /* of the reserve; owned; -1: read-only */
	uint64_t fixed;         /* size that the configuration asks for; 0: by what is stored */
	uint8_t *noise;         /* owned; NOISE_CHUNK bytes; used by the one who fills */

	pthread_mutex_t lock;
	uint64_t wanted;        /* size of the whole reserve; guarded by lock, as all below */
	uint64_t floor;         /* stays free beside it */
	uint64_t held;          /* size of the reserve now */
	uint64_t free, total, withheld;
	uint64_t checked_ms;    /* 0: never */
	uint64_t refused_ms;    /* when a write was refused last; 0: never */
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
	if (r == -ENOSPC)
		s->refused_ms = clock_mono_ms() + 1;
	if (r >= 0 && !only_probe)
		s->free -= bytes;
	return r;
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

/* The reserve never shrinks under a mount, but when it is needed. */
static void want(struct space *s, uint64_t stored_bytes)
{
	uint64_t wanted = s->fixed;

	if (!wanted) {
		wanted = MAX(stored_bytes / 100, RESERVE_MIN);
		wanted = MIN(wanted, RESERVE_MAX);
		wanted = MIN(wanted, s->total / 4);
	}
	s->wanted = MAX(s->wanted, wanted);
	s->floor = MIN(FLOOR_MAX, s->wanted / 4);
}

/* splitmix64: 64 MiB in a fraction of the time that writing them takes. */
static void make_noise(uint8_t *data, size_t len, uint64_t *state)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t x = *state += 0x9e3779b97f4a7c15u;

		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		store_le64(data + i, x ^ x >> 31);
	}
}

static int write_noise(struct space *s, uint64_t from, uint64_t to, uint64_t *state)
{
	int r = 0;

	for (uint64_t n; r == 0 && from < to; from += n) {
		n = MIN(to - from, (uint64_t)NOISE_CHUNK);
		make_noise(s->noise, NOISE_CHUNK, state);
		r = io_pwrite(s->fd, s->noise, n, from);
	}
	return r;
}

/* True: there is more to do. */
static bool fill_step(struct space *s, uint64_t *state)
{
	uint64_t to, lack;

	LOCKED(&s->lock);
	lack = s->wanted - s->held;
	if (lack == 0 || check(s, true) < 0 || s->free < lack + s->floor * 2)
		return false;
	to = s->held + MIN(lack, FILL_STEP);
	s->checked_ms = 0;
	if (write_noise(s, s->held, to, state) < 0) {
		(void) ftruncate(s->fd, (off_t)s->held);
		return false;
	}
	s->held = to;
	return true;
}

/* Takes note of what is stored now. True: there is nothing to fill. */
static bool is_filled(struct space *s, uint64_t stored_bytes)
{
	LOCKED(&s->lock);
	want(s, stored_bytes);
	return s->held >= s->wanted;
}

bool space_refill(struct space *s, uint64_t stored_bytes)
{
	uint64_t state;

	if (s->fd < 0 || is_filled(s, stored_bytes))
		return true;
	random_bytes(&state, sizeof(state));
	while (fill_step(s, &state))
		;
	return is_filled(s, stored_bytes);
}

uint64_t space_floor(struct space *s)
{
	LOCKED(&s->lock);
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
		.refused = s->refused_ms && clock_mono_ms() + 1 - s->refused_ms < FULL_MS,
	};
}

/* How much of the file is there without a hole. */
static int find_held(struct space *s, uint64_t *ret_held)
{
	struct stat st;
	off_t hole;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	hole = lseek(s->fd, 0, SEEK_HOLE);
	*ret_held = hole < 0 ? 0 : MIN((uint64_t)hole, (uint64_t)st.st_size);
	return 0;
}

/* Finds the reserve, or makes it as large as it may be. */
static int open_reserve(struct space *s, uint64_t stored_bytes)
{
	int r;

	s->fd = openat(s->dirfd, "reserve", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return -errno;
	r = find_held(s, &s->held);
	if (r < 0)
		return r;
	s->held = MIN(s->held, s->wanted);
	if (ftruncate(s->fd, (off_t)s->held) < 0)
		return -errno;
	(void) space_refill(s, stored_bytes);
	return 0;
}

int space_open(const struct space_config *config, struct space **ret_s)
{
	struct space *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = config->volume_dirfd;
	s->fd = -1;
	s->fixed = config->reserve_bytes;
	(void) pthread_mutex_init(&s->lock, NULL);
	s->noise = malloc(NOISE_CHUNK);
	r = s->noise ? ask(s) : -ENOMEM;
	if (r >= 0) {
		want(s, config->stored_bytes);
		if (!config->read_only)
			r = open_reserve(s, config->stored_bytes);
	}
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
	free(s->noise);
	free(s);
	return NULL;
}
