/* SPDX-License-Identifier: MIT */
#include "wal/replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEGMENTS_SANE 65536u

static int add_segment(struct folder *f, uint32_t number)
{
	struct segment **grown;
	struct segment *s;
	int r;

	if (f->count >= SEGMENTS_SANE || number == UINT32_MAX)
		return -EBADMSG;
	r = log_segment_open(f->dirfd, number, f->config->read_only, &f->config->sealer, &s);
	if (r < 0)
		return r;
	grown = reallocarray(f->segments, f->count + 1, sizeof(struct segment *));
	if (!grown) {
		log_segment_free(s);
		return -ENOMEM;
	}
	f->segments = grown;
	f->segments[f->count++] = s;
	if (number >= f->next_number)
		f->next_number = number + 1;
	if (s->state == SEGMENT_VALID && s->head.generation > f->generation)
		f->generation = s->head.generation;
	return 0;
}

static void closedirp(DIR **d)
{
	if (*d)
		(void) closedir(*d);
}

static bool is_temporary(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".new") == 0;
}

/* What is older is used again earlier: repair may want the newest records (gather.c). */
static int older_first(const void *a, const void *b)
{
	const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
	bool first = x->state != SEGMENT_VALID, second = y->state != SEGMENT_VALID;

	if (first || second)
		return second - first;
	if (x->head.generation != y->head.generation)
		return x->head.generation < y->head.generation ? -1 : 1;
	return x->head.sequence < y->head.sequence ? -1 : x->head.sequence > y->head.sequence;
}

int folder_load(struct folder *f, int dirfd, const struct wal_config *config)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int r = 0;

	*f = (struct folder){ .dirfd = dirfd, .config = config };
	if (!dir) {
		r = -errno;
		if (fd >= 0)
			(void) close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		uint32_t number;

		if (log_segment_name_parse(e->d_name, &number) == 0)
			r = add_segment(f, number);
		else if (is_temporary(e->d_name) && !config->read_only)
			(void) unlinkat(dirfd, e->d_name, 0);
	}
	if (r == 0 && !e && errno)
		r = -errno;
	if (r == 0 && f->count > 0)
		qsort(f->segments, f->count, sizeof(*f->segments), older_first);
	return r;
}

void folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		log_segment_free(f->segments[i]);
	free(f->segments);
	*f = (struct folder){ 0 };
}
