/* SPDX-License-Identifier: MIT */
#include "tiers/hot/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/hot/segment_format.h"
#include "tiers/hot/segments_impl.h"

/* ---- appending */

static bool reserve_in_current(struct segments *s, uint64_t len, struct segment **ret_seg, uint64_t *ret_place)
{
	struct segment *seg;

	LOCKED(&s->lock);
	seg = s->current;
	if (!seg || (seg->tail > 0 && seg->tail + len > s->config.size))
		return false;
	*ret_place = seg->tail;
	seg->tail += len;
	s->stats.bytes += len;
	seg->appends++;
	*ret_seg = segment_touch(s, seg);
	return true;
}

static unsigned unsynced(struct segments *s)
{
	LOCKED(&s->lock);
	return s->unsynced;
}

/* Before its file can be seen in the folder. */
static void set_making(struct segments *s, uint64_t number)
{
	LOCKED(&s->lock);
	s->making = number;
}

static int make_file(struct segments *s, struct segment **ret_seg)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t number;
	int fd, r;

	r = s->config.next_number(s->config.context, &number);
	if (r < 0)
		return r;
	set_making(s, number);
	fd = openat(s->config.dirfd, segment_name(number, name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return segment_new(fd, number, ret_seg);
}

/* Makes a new segment the current one. */
static int rotate(struct segments *s)
{
	struct segment *seg = NULL, *old;
	int r = 0;

	if (unsynced(s) >= UNSYNCED_MAX)
		r = segments_sync(s);
	if (r >= 0)
		r = make_file(s, &seg);
	if (r < 0) {
		set_making(s, 0);
		return r;
	}
	seg = segment_add(s, seg);
	(void) pthread_mutex_lock(&s->lock);
	old = s->current;
	s->current = seg;
	s->making = 0;
	s->unsynced++;
	s->folder_dirty = true;
	s->stats.count++;
	(void) pthread_mutex_unlock(&s->lock);
	if (old)
		segments_put(s, old);
	return 0;
}

int segments_reserve(struct segments *s, uint64_t len, struct segment **ret_seg, uint64_t *ret_place)
{
	int r;

	if (s->config.read_only)
		return -EROFS;
	if (reserve_in_current(s, len, ret_seg, ret_place))
		return 0;
	LOCKED(&s->rotate_lock);
	while (!reserve_in_current(s, len, ret_seg, ret_place)) {
		r = rotate(s);
		if (r < 0)
			return r;
	}
	return 0;
}

int segments_write(struct segments *s, struct segment *seg, const void *data, size_t len, uint64_t place)
{
	int r = io_pwrite(seg->fd, data, len, place);

	segment_mark_dirty(s, seg);
	return r;
}

void segments_write_back(struct segment *seg, uint64_t place, size_t len)
{
	(void) sync_file_range(seg->fd, (off_t)place, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

void segments_release(struct segments *s, struct segment *seg)
{
	(void) pthread_mutex_lock(&s->lock);
	seg->appends--;
	(void) pthread_mutex_unlock(&s->lock);
	segments_put(s, seg);
}

/* ---- the folder */

bool segments_is_idle(struct segments *s, uint64_t number)
{
	struct segment *seg;

	LOCKED(&s->lock);
	if (number == s->making)
		return false;
	seg = segment_find(s, number);
	return !seg || (seg != s->current && seg->appends == 0);
}

static struct segment *take_current(struct segments *s, uint64_t number)
{
	LOCKED(&s->lock);
	struct segment *seg = s->current;

	if (!seg || seg->number != number || seg->appends > 0)
		return NULL;
	s->current = NULL;
	return seg;
}

bool segments_retire(struct segments *s, uint64_t number)
{
	struct segment *seg = take_current(s, number);

	if (seg)
		segments_put(s, seg);
	return seg;
}

static void forget(struct segments *s, uint64_t number, uint64_t size)
{
	struct segment *seg;

	(void) pthread_mutex_lock(&s->lock);
	s->stats.count--;
	s->stats.bytes -= MIN(size, s->stats.bytes);
	seg = segment_find(s, number);
	if (seg) {
		(void) segment_detach(s, seg);
		seg->unlinked = true;
	}
	if (seg && seg->users > 0)
		seg = NULL;
	(void) pthread_mutex_unlock(&s->lock);
	(void) segment_free(seg);
}

int segments_unlink(struct segments *s, uint64_t number)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	if (s->config.read_only)
		return -EROFS;
	if (fstatat(s->config.dirfd, segment_name(number, name), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (unlinkat(s->config.dirfd, name, 0) < 0)
		return -errno;
	forget(s, number, (uint64_t)st.st_size);
	return 0;
}

static int visit(struct segments *s, const char *name,
		 int (*segment)(void *context, uint64_t number, uint64_t size), void *context)
{
	struct stat st;
	uint64_t number;

	if (segment_parse_name(name, &number) < 0)
		return 0;
	if (fstatat(s->config.dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return segment(context, number, (uint64_t)st.st_size);
}

int segments_foreach(struct segments *s, int (*segment)(void *context, uint64_t number, uint64_t size),
		     void *context)
{
	int fd = openat(s->config.dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		closep(&fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir)))
		r = visit(s, entry->d_name, segment, context);
	(void) closedir(dir);
	return r;
}

void segments_get_stats(struct segments *s, struct segments_stats *ret_stats)
{
	LOCKED(&s->lock);
	*ret_stats = s->stats;
}

/* ---- open and close */

int segments_open(const struct segments_config *config, struct segments **ret_s)
{
	struct segments *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	(void) pthread_mutex_init(&s->rotate_lock, NULL);
	(void) pthread_mutex_init(&s->sync_lock, NULL);
	(void) pthread_mutex_init(&s->lock, NULL);
	r = segments_take_over(s);
	if (r < 0) {
		(void) segments_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

struct segments *segments_close(struct segments *s)
{
	struct segment *next;

	if (!s)
		return NULL;
	/* Deleted ones are in no bucket any more. */
	for (struct segment *seg = s->dirty; seg; seg = next) {
		next = seg->next_dirty;
		if (seg->unlinked)
			(void) segment_free(seg);
	}
	for (unsigned k = 0; k < SEGMENT_BUCKETS; k++)
		while (s->buckets[k])
			(void) segment_free(segment_detach(s, s->buckets[k]));
	(void) pthread_mutex_destroy(&s->rotate_lock);
	(void) pthread_mutex_destroy(&s->sync_lock);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
