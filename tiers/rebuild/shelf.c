/* SPDX-License-Identifier: MIT */
#include "tiers/rebuild/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/id.h"

#define PREFIX "packs/"
#define OPEN_MAX 8u
/* Frames are mostly read one after the other: then so many bytes are fetched at a time. */
#define AHEAD (1u << 20)

/* ---- what there is */

static int add(struct shelf *s, const char *name, const char *id_text, bool cold, uint64_t size)
{
	struct shelf_pack p = { .cold = cold, .size = size, .fd = -1, .shelf = s };

	if (id128_parse(id_text, &p.id) < 0)
		return 0;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct shelf_pack *more = realloc(s->packs, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->packs = more;
		s->cap = cap;
	}
	p.name = strdup(name);
	if (!p.name)
		return -ENOMEM;
	s->packs[s->n++] = p;
	return 0;
}

int shelf_add_folder(struct shelf *s)
{
	int fd = s->warm_dirfd < 0 ? -1 : openat(s->warm_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (s->warm_dirfd < 0)
		return 0;
	if (!d) {
		r = -errno;
		closep(&fd);
		return r;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d)) != NULL;)
		r = add(s, e->d_name, e->d_name, false, 0);
	(void) closedir(d);
	return r;
}

static int add_object(void *context, const char *key, const struct bucket_object *o)
{
	const char *slash = strrchr(key, '/');

	return add(context, key, slash ? slash + 1 : key, true, o->size);
}

int shelf_add_bucket(struct shelf *s, struct bucket_error *ret_why)
{
	const struct bucket_call call = { .cause = BUCKET_RECALL, .ret_error = ret_why };

	return s->bucket ? bucket_list(s->bucket, &call, PREFIX, add_object, s) : 0;
}

/* ---- opening */

static void close_pack(struct shelf_pack *p)
{
	p->pack = pack_close(p->pack);
	closep(&p->fd);
	p->fd = -1;
	buf_done(&p->window);
	p->window_from = 0;
}

void shelf_done(struct shelf *s)
{
	for (size_t k = 0; k < s->n; k++) {
		close_pack(&s->packs[k]);
		free(s->packs[k].name);
	}
	free(s->packs);
	s->packs = NULL;
	s->n = s->cap = 0;
}

static uint64_t window_end(const struct shelf_pack *p)
{
	return p->window_from + p->window.len;
}

static int fill_window(struct shelf_pack *p, uint64_t from, size_t len)
{
	const struct bucket_call call = { .cause = BUCKET_RECALL };
	bool goes_on = p->window.len > 0 && from <= window_end(p) && from >= p->window_from;
	void *place;
	int64_t n;
	int r;

	if (goes_on)
		len = MAX(len, (size_t)AHEAD);
	len = (size_t)MIN((uint64_t)len, p->size - from);
	buf_reset(&p->window);
	p->window_from = from;
	r = buf_extend(&p->window, len, &place);
	if (r < 0)
		return r;
	n = bucket_get(p->shelf->bucket, &call, p->name, from, place, len);
	p->window.len = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

static ssize_t read_object(void *context, uint64_t from, void *ret_data, size_t len)
{
	struct shelf_pack *p = context;
	int r = 0;

	if (from >= p->size)
		return 0;
	if (from < p->window_from || MIN(from + len, p->size) > window_end(p))
		r = fill_window(p, from, len);
	if (r < 0)
		return r;
	len = (size_t)MIN((uint64_t)len, window_end(p) - from);
	memcpy(ret_data, p->window.data + (from - p->window_from), len);
	return (ssize_t)len;
}

static int open_file(struct shelf_pack *p, struct pack_source *ret_source)
{
	p->fd = openat(p->shelf->warm_dirfd, p->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return p->fd < 0 ? -errno : pack_source_fd(p->fd, ret_source);
}

static int open_pack(struct shelf *s, struct shelf_pack *p)
{
	struct pack_source source = { .read = read_object, .context = p, .size = p->size };
	struct pack_summary summary;
	int r = 0;

	p->shelf = s;
	if (!p->cold)
		r = open_file(p, &source);
	if (r >= 0)
		r = pack_open(s->keys, &source, NULL, &p->pack);
	if (r >= 0) {
		pack_get_summary(p->pack, &summary);
		p->lsn = summary.lsn;
		/* Renamed by somebody: its bytes are sealed under another id. */
		r = id128_equal(summary.run.id, p->id) ? 0 : -EBADMSG;
	}
	p->error = MIN(r, 0);
	if (r < 0)
		close_pack(p);
	return p->error;
}

/* Keeps the number of open ones below OPEN_MAX. */
static void make_room(struct shelf *s)
{
	struct shelf_pack *oldest = NULL;
	unsigned n = 0;

	for (size_t k = 0; k < s->n; k++) {
		struct shelf_pack *p = &s->packs[k];

		if (!p->pack)
			continue;
		n++;
		if (k != s->pinned && (!oldest || p->used < oldest->used))
			oldest = p;
	}
	if (n >= OPEN_MAX && oldest)
		close_pack(oldest);
}

int shelf_open(struct shelf *s, size_t number, struct pack **ret_p)
{
	struct shelf_pack *p = &s->packs[number];
	int r = 0;

	if (!p->pack) {
		make_room(s);
		r = open_pack(s, p);
	}
	if (r < 0)
		return r;
	p->used = ++s->tick;
	*ret_p = p->pack;
	return 0;
}
