/* SPDX-License-Identifier: MIT */
/* Durability. Bytes are written before the batch that names them, and a segment is on the dirty list
 * from the write on, so whoever syncs a batch finds its segments here. sync_lock is held through the
 * fdatasync calls: a second caller must not find the list empty while the first is still at it.
 *
 * A segment on the dirty list keeps its descriptor: the kernel reports a failed write-back only to
 * descriptors that were open when it happened.
 *
 * What the last process left unsynced is not recorded anywhere; instead never more than UNSYNCED_MAX
 * segments are made without a sync, and that many of the highest numbers are taken as dirty at open.
 *
 * Locks, in this order: rotate_lock, sync_lock, lock. Only `lock` is never held across I/O. */
#include "tiers/hot/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io.h"
#include "tiers/hot/segment_format.h"

#define BUCKETS 256u
#define IDLE_OPEN_MAX 256u
#define UNSYNCED_MAX 32u

struct segment {
	uint64_t number;
	int fd;                     /* owned */
	unsigned users;             /* guarded by lock, as all below */
	unsigned appends;           /* reserved, not released */
	uint64_t tail;              /* of the current one */
	uint64_t used;              /* tick of the last use */
	bool dirty, unlinked;
	struct segment *next;       /* in its bucket */
	struct segment *next_dirty;
};

struct segments {
	struct segments_config config;
	pthread_mutex_t rotate_lock; /* held while a segment is made */
	pthread_mutex_t sync_lock;   /* held while segments are synced */
	int failed;                  /* of a sync; guarded by sync_lock */

	pthread_mutex_t lock;
	struct segment *buckets[BUCKETS]; /* open ones; guarded by lock, as all below */
	unsigned open;
	uint64_t tick;
	uint64_t making;             /* number of a file that is not in the table yet; 0: none */
	struct segment *current;     /* holds a reference */
	struct segment *dirty;       /* each holds a reference */
	unsigned unsynced;           /* made since the last sync, and taken over at open */
	bool folder_dirty;
	struct segments_stats stats; /* bytes: of the others, and the tail of the current one */
};

static struct segment **bucket_of(struct segments *s, uint64_t number)
{
	return &s->buckets[hash_mix64(number) % BUCKETS];
}

static struct segment *find(struct segments *s, uint64_t number)
{
	struct segment *seg = *bucket_of(s, number);

	while (seg && seg->number != number)
		seg = seg->next;
	return seg;
}

static struct segment *segment_free(struct segment *seg)
{
	if (seg)
		closep(&seg->fd);
	free(seg);
	return NULL;
}

static struct segment *detach(struct segments *s, struct segment *seg)
{
	struct segment **at = bucket_of(s, seg->number);

	while (*at != seg)
		at = &(*at)->next;
	*at = seg->next;
	s->open--;
	return seg;
}

/* Takes the least recently used idle segment out of the table when too many are open. */
static struct segment *take_idle(struct segments *s)
{
	struct segment *oldest = NULL;

	if (s->open <= IDLE_OPEN_MAX)
		return NULL;
	for (unsigned k = 0; k < BUCKETS; k++)
		for (struct segment *seg = s->buckets[k]; seg; seg = seg->next)
			if (seg->users == 0 && (!oldest || seg->used < oldest->used))
				oldest = seg;
	return oldest ? detach(s, oldest) : NULL;
}

/* Gives the caller a reference. */
static struct segment *touch(struct segments *s, struct segment *seg)
{
	seg->users++;
	seg->used = ++s->tick;
	return seg;
}

static int new_segment(int fd, uint64_t number, struct segment **ret_seg)
{
	struct segment *seg = calloc(1, sizeof(*seg));

	if (!seg) {
		(void) close(fd);
		return -ENOMEM;
	}
	seg->number = number;
	seg->fd = fd;
	*ret_seg = seg;
	return 0;
}

static void insert(struct segments *s, struct segment *seg)
{
	struct segment **bucket = bucket_of(s, seg->number);

	seg->next = *bucket;
	*bucket = seg;
	s->open++;
}

/* Puts a freshly opened segment into the table, unless another thread was faster. */
static struct segment *add(struct segments *s, struct segment *seg)
{
	struct segment *spare, *there;

	(void) pthread_mutex_lock(&s->lock);
	there = find(s, seg->number);
	if (!there)
		insert(s, seg);
	/* In use before an idle one is looked for: that must not be this one. */
	there = touch(s, there ? there : seg);
	spare = there == seg ? take_idle(s) : seg;
	(void) pthread_mutex_unlock(&s->lock);
	(void) segment_free(spare);
	return there;
}

static struct segment *get_open(struct segments *s, uint64_t number)
{
	struct segment *seg;

	LOCKED(&s->lock);
	seg = find(s, number);
	return seg ? touch(s, seg) : NULL;
}

int segments_get(struct segments *s, uint64_t number, struct segment **ret_seg)
{
	struct segment *seg = get_open(s, number);
	char name[SEGMENT_NAME_SIZE];
	int fd, r;

	if (!seg) {
		fd = openat(s->config.dirfd, segment_name(number, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return -errno;
		r = new_segment(fd, number, &seg);
		if (r < 0)
			return r;
		seg = add(s, seg);
	}
	*ret_seg = seg;
	return 0;
}

void segments_put(struct segments *s, struct segment *seg)
{
	bool last;

	(void) pthread_mutex_lock(&s->lock);
	last = --seg->users == 0 && seg->unlinked;
	(void) pthread_mutex_unlock(&s->lock);
	if (last)
		(void) segment_free(seg);
}

int segment_fd(const struct segment *seg)
{
	return seg->fd;
}

uint64_t segment_number(const struct segment *seg)
{
	return seg->number;
}

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
	*ret_seg = touch(s, seg);
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
	return new_segment(fd, number, ret_seg);
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
	seg = add(s, seg);
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

static void mark_dirty(struct segments *s, struct segment *seg)
{
	LOCKED(&s->lock);
	if (seg->dirty)
		return;
	seg->dirty = true;
	seg->next_dirty = s->dirty;
	s->dirty = touch(s, seg);
}

int segments_write(struct segments *s, struct segment *seg, const void *data, size_t len, uint64_t place)
{
	int r = io_pwrite(seg->fd, data, len, place);

	mark_dirty(s, seg);
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

/* ---- durability */

/* Takes the list off; its segments stay marked, so that writers leave their links alone. */
static struct segment *take_dirty(struct segments *s, bool *ret_folder)
{
	struct segment *list;

	LOCKED(&s->lock);
	list = s->dirty;
	s->dirty = NULL;
	s->unsynced = s->current ? 1 : 0;
	*ret_folder = s->folder_dirty;
	s->folder_dirty = false;
	return list;
}

/* What is written from here on marks the segment anew. */
static struct segment *unmark(struct segments *s, struct segment *seg)
{
	LOCKED(&s->lock);
	seg->dirty = false;
	return seg->next_dirty;
}

int segments_sync(struct segments *s)
{
	struct segment *seg, *next;
	bool folder;

	LOCKED(&s->sync_lock);
	if (s->failed)
		return s->failed;
	for (seg = take_dirty(s, &folder); seg; seg = next) {
		next = unmark(s, seg);
		if (fdatasync(seg->fd) < 0)
			s->failed = -EIO;
		segments_put(s, seg);
	}
	if (folder && fsync(s->config.dirfd) < 0)
		s->failed = -EIO;
	return s->failed;
}

/* ---- the folder */

bool segments_is_idle(struct segments *s, uint64_t number)
{
	struct segment *seg;

	LOCKED(&s->lock);
	if (number == s->making)
		return false;
	seg = find(s, number);
	return !seg || (seg != s->current && seg->appends == 0);
}

static void forget(struct segments *s, uint64_t number, uint64_t size)
{
	struct segment *seg;

	(void) pthread_mutex_lock(&s->lock);
	s->stats.count--;
	s->stats.bytes -= MIN(size, s->stats.bytes);
	seg = find(s, number);
	if (seg) {
		(void) detach(s, seg);
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

struct newest {
	struct segments *s;
	uint64_t numbers[UNSYNCED_MAX]; /* ascending */
	unsigned n;
};

/* Counts a segment and keeps the highest numbers. */
static int count(void *context, uint64_t number, uint64_t size)
{
	struct newest *newest = context;
	unsigned at = 0;

	newest->s->stats.count++;
	newest->s->stats.bytes += size;
	if (newest->n < UNSYNCED_MAX)
		newest->numbers[newest->n++] = UINT64_MAX;
	else if (number < newest->numbers[0])
		return 0;
	else
		memmove(newest->numbers, newest->numbers + 1, (newest->n - 1) * sizeof(number));
	while (at < newest->n - 1 && newest->numbers[at] < number)
		at++;
	memmove(newest->numbers + at + 1, newest->numbers + at, (newest->n - 1 - at) * sizeof(number));
	newest->numbers[at] = number;
	return 0;
}

static int take_over(struct segments *s)
{
	struct newest newest = { .s = s };
	struct segment *seg;
	int r;

	r = segments_foreach(s, count, &newest);
	if (r < 0 || s->config.read_only)
		return r;
	s->folder_dirty = true;
	s->unsynced = newest.n;
	for (unsigned k = 0; k < newest.n; k++) {
		r = segments_get(s, newest.numbers[k], &seg);
		if (r < 0)
			return r;
		mark_dirty(s, seg);
		segments_put(s, seg);
	}
	return 0;
}

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
	r = take_over(s);
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
	for (unsigned k = 0; k < BUCKETS; k++)
		while (s->buckets[k])
			(void) segment_free(detach(s, s->buckets[k]));
	(void) pthread_mutex_destroy(&s->rotate_lock);
	(void) pthread_mutex_destroy(&s->sync_lock);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
