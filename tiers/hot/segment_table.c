/* SPDX-License-Identifier: MIT */
/* The segments that are open: counted references, and the least recently used idle ones are closed when
 * there are too many. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "tiers/hot/segment_format.h"
#include "tiers/hot/segments_impl.h"

#define IDLE_OPEN_MAX 256u

static struct segment **bucket_of(struct segments *s, uint64_t number)
{
	return &s->buckets[hash_mix64(number) % SEGMENT_BUCKETS];
}

struct segment *segment_find(struct segments *s, uint64_t number)
{
	struct segment *seg = *bucket_of(s, number);

	while (seg && seg->number != number)
		seg = seg->next;
	return seg;
}

struct segment *segment_free(struct segment *seg)
{
	if (seg)
		closep(&seg->fd);
	free(seg);
	return NULL;
}

struct segment *segment_detach(struct segments *s, struct segment *seg)
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
	for (unsigned k = 0; k < SEGMENT_BUCKETS; k++)
		for (struct segment *seg = s->buckets[k]; seg; seg = seg->next)
			if (seg->users == 0 && (!oldest || seg->used < oldest->used))
				oldest = seg;
	return oldest ? segment_detach(s, oldest) : NULL;
}

struct segment *segment_touch(struct segments *s, struct segment *seg)
{
	seg->users++;
	seg->used = ++s->tick;
	return seg;
}

int segment_new(int fd, uint64_t number, struct segment **ret_seg)
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

struct segment *segment_add(struct segments *s, struct segment *seg)
{
	struct segment *spare, *there;

	(void) pthread_mutex_lock(&s->lock);
	there = segment_find(s, seg->number);
	if (!there)
		insert(s, seg);
	/* In use before an idle one is looked for: that must not be this one. */
	there = segment_touch(s, there ? there : seg);
	spare = there == seg ? take_idle(s) : seg;
	(void) pthread_mutex_unlock(&s->lock);
	(void) segment_free(spare);
	return there;
}

static struct segment *get_open(struct segments *s, uint64_t number)
{
	struct segment *seg;

	LOCKED(&s->lock);
	seg = segment_find(s, number);
	return seg ? segment_touch(s, seg) : NULL;
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
		r = segment_new(fd, number, &seg);
		if (r < 0)
			return r;
		seg = segment_add(s, seg);
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
