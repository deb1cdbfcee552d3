/* SPDX-License-Identifier: MIT */
#include "fs/virtual/announcements.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* So much may stay in memory when nothing is to be told; whole pages. */
#define KEPT_BYTES (256u << 10)

enum { DRAFT = 1, SETTLED, DROPPED };

struct record {
	uint32_t len; /* of all of it, a multiple of 8 */
	uint32_t state;
	uint64_t told; /* the request; 0: none */
	uint64_t dir, due_ms, search, ino;
	uint32_t uid, name_at;
	uint8_t came, for_other;
	char path[6]; /* and more */
};

#define RECORD_FIXED offsetof(struct record, path)

static struct record *record_at(const struct shared_announcements *s, uint64_t at)
{
	return (struct record *)(s->records + at);
}

/* NULL: there is none. */
static struct record *first_record(const struct shared_announcements *s)
{
	return s->first < s->end ? record_at(s, s->first) : NULL;
}

static void describe(const struct record *x, struct announcement *ret_a)
{
	*ret_a = (struct announcement){
		.came = x->came,
		.for_other = x->for_other,
		.uid = x->uid,
		.dir = x->dir,
		.due_ms = x->due_ms,
		.search = x->search,
		.ino = x->ino,
		.path = x->path,
		.name = x->path + x->name_at,
	};
}

int announcements_add(struct shared_announcements *s, const struct announcement *a, bool draft)
{
	size_t path_len = strlen(a->path) + 1, len = (RECORD_FIXED + path_len + 7) / 8 * 8;
	struct record *x = record_at(s, s->end);

	if (len > sizeof(s->records) - s->end)
		return -ENOBUFS;
	memset(x, 0, RECORD_FIXED);
	x->len = (uint32_t)len;
	x->state = draft ? DRAFT : SETTLED;
	x->dir = a->dir;
	x->due_ms = a->due_ms;
	x->search = a->search;
	x->ino = a->ino;
	x->uid = a->uid;
	x->name_at = (uint32_t)(a->name - a->path);
	x->came = a->came;
	x->for_other = a->for_other;
	memcpy(x->path, a->path, path_len);
	__atomic_store_n(&s->end, s->end + len, __ATOMIC_RELEASE);
	return 0;
}

void announcements_settle(struct shared_announcements *s, bool committed)
{
	for (uint64_t at = s->first; at < s->end; at += record_at(s, at)->len)
		if (record_at(s, at)->state == DRAFT)
			record_at(s, at)->state = committed ? SETTLED : DROPPED;
}

/* The records begin anew when none is left; until then no byte of them moves. */
static void begin_anew(struct shared_announcements *s)
{
	uint64_t used = s->end;

	s->end = 0;
	__atomic_store_n(&s->first, 0, __ATOMIC_RELEASE);
	if (used > KEPT_BYTES)
		(void) madvise(s->records + KEPT_BYTES, sizeof(s->records) - KEPT_BYTES, MADV_REMOVE);
}

void announcements_remove(struct shared_announcements *s)
{
	const struct record *x = first_record(s);

	if (!x)
		return;
	if (x->told)
		s->last_told = x->told;
	__atomic_store_n(&s->first, s->first + x->len, __ATOMIC_RELEASE);
	if (!first_record(s))
		begin_anew(s);
}

static void remove_dropped(struct shared_announcements *s)
{
	const struct record *x;

	while ((x = first_record(s)) && x->state == DROPPED)
		announcements_remove(s);
}

bool announcements_first(struct shared_announcements *s, struct announcement *ret_a)
{
	const struct record *x;

	remove_dropped(s);
	x = first_record(s);
	if (!x || x->state == DRAFT)
		return false;
	describe(x, ret_a);
	return true;
}

void announcements_tell(struct shared_announcements *s, uint64_t unique)
{
	__atomic_store_n(&first_record(s)->told, unique, __ATOMIC_RELEASE);
}

bool announcements_is_told(const struct shared_announcements *s)
{
	const struct record *x = first_record(s);

	return x && x->told;
}

bool announcements_was_told_by(const struct shared_announcements *s, uint64_t unique)
{
	const struct record *x = first_record(s);

	return s->last_told == unique || (x && x->told == unique);
}

/* A server that crashed may have written anywhere. */
static bool is_sound(const struct shared_announcements *s, uint64_t at)
{
	const struct record *x = record_at(s, at);
	uint64_t left = s->end - at;

	return left > RECORD_FIXED && x->len % 8 == 0 && x->len > RECORD_FIXED && x->len <= left &&
	       x->name_at < x->len - RECORD_FIXED && memchr(x->path, '\0', x->len - RECORD_FIXED) &&
	       x->name_at <= strlen(x->path);
}

void announcements_recover(struct shared_announcements *s,
			   bool (*was_committed)(void *context, const struct announcement *a), void *context)
{
	struct announcement a;

	if (s->end > sizeof(s->records))
		s->end = 0;
	for (uint64_t at = s->first; at < s->end; at += record_at(s, at)->len) {
		struct record *x = record_at(s, at);

		if (!is_sound(s, at)) {
			s->end = at;
			break;
		}
		describe(x, &a);
		if (x->state == DRAFT)
			x->state = was_committed(context, &a) ? SETTLED : DROPPED;
	}
	if (!first_record(s))
		begin_anew(s);
}
