/* SPDX-License-Identifier: MIT */
#include "fs/virtual/recent.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/thread.h"
#include "catalog/catalog.h"
#include "index/ino_map.h"

/* Of each file the number of the last change of an attribute, or of its end, or of any change if there was none of these,
 * doubled, with bit 0: there was one; and 64 bits of which one stands for each attribute that is being changed, or was. */
struct changes {
	struct ino_map files; /* owned */
	unsigned attributes;  /* files with bit 0 */
};

struct recent {
	pthread_mutex_t lock;  /* rank 60 */
	pthread_cond_t looked;
	struct shared_recent *log; /* borrowed; guarded by lock, as all below */
	uint64_t looking_end;  /* of the log: what the present look sees */
	struct changes fresh;  /* no look has begun since */
	struct changes looking; /* what the present look sees; it does not change before the look ends */
	uint32_t number;
	bool has_looked;
	atomic_bool follow;    /* quickly asked */
};

static void changes_done(struct changes *c)
{
	ino_map_done(&c->files);
	c->attributes = 0;
}

struct recent *recent_free(struct recent *r)
{
	if (!r)
		return NULL;
	changes_done(&r->fresh);
	changes_done(&r->looking);
	(void) pthread_cond_destroy(&r->looked);
	(void) pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

void recent_follow(struct recent *r, bool follow)
{
	LOCKED(&r->lock);

	atomic_store(&r->follow, follow);
	if (follow)
		return;
	changes_done(&r->fresh);
	r->log->seen = r->log->end;
}

bool recent_is_followed(struct recent *r)
{
	return atomic_load(&r->follow);
}

/* ---- what changes */

static uintptr_t mask_of(const char *attribute)
{
	return attribute ? (uintptr_t)1 << (hash_bytes(attribute, strlen(attribute), 0) % 64) : UINTPTR_MAX;
}

static uintptr_t mask_in(const struct changes *c, uint64_t ino)
{
	const struct ino_entry *e = ino_map_find(&c->files, ino);

	return e ? (uintptr_t)e->value : 0;
}

/* Call with the lock. Without memory nobody waits, and the order is another. */
static void set(struct changes *c, uint64_t ino, uintptr_t mask, uint32_t number)
{
	const struct ino_entry *e = ino_map_find(&c->files, ino);
	bool had = e && e->number & 1;

	if ((e || c->files.n < SHARED_RECENT) && ino_map_set(&c->files, ino, (void *)mask, number) >= 0)
		c->attributes += (number & 1) && !had;
}

/* A look that began, or ended, while an attribute was being changed has not seen that. */
static void note(struct recent *r, uint64_t ino, uint64_t what)
{
	const struct ino_entry *e = ino_map_find(&r->fresh.files, ino);
	uintptr_t mask = mask_in(&r->fresh, ino) | mask_in(&r->looking, ino);
	uint32_t was = e ? e->number : 0, number = ++r->number << 1;

	if (what & (EVENT_XATTR | EVENT_GONE))
		set(&r->fresh, ino, mask ? mask : UINTPTR_MAX, number | 1);
	else
		set(&r->fresh, ino, mask, was & 1 ? was : number);
}

static void log_add(struct shared_recent *log, uint64_t ino, uint64_t what)
{
	log->changes[log->end % SHARED_RECENT].ino = ino;
	log->changes[log->end % SHARED_RECENT].what = what;
	__atomic_store_n(&log->end, log->end + 1, __ATOMIC_RELEASE);
}

void recent_note(struct recent *r, const struct catalog_event *events, size_t n)
{
	if (!atomic_load(&r->follow))
		return;
	LOCKED(&r->lock);
	for (size_t k = 0; k < n; k++) {
		log_add(r->log, events[k].ino, events[k].what);
		note(r, events[k].ino, events[k].what);
	}
}

void recent_will_change(struct recent *r, uint64_t ino, const char *attribute)
{
	const struct ino_entry *e;

	if (!atomic_load(&r->follow))
		return;
	LOCKED(&r->lock);
	e = ino_map_find(&r->fresh.files, ino);
	set(&r->fresh, ino, mask_in(&r->fresh, ino) | mask_of(attribute), e ? e->number : 0);
}

/* ---- looks */

void recent_begin_look(struct recent *r)
{
	LOCKED(&r->lock);

	r->looking = r->fresh;
	r->fresh = (struct changes){ 0 };
	r->number = 0;
	r->looking_end = r->log->end;
}

void recent_end_look(struct recent *r)
{
	LOCKED(&r->lock);

	changes_done(&r->looking);
	r->has_looked = true;
	r->log->seen = r->looking_end;
	(void) pthread_cond_broadcast(&r->looked);
}

/* What a server was killed for between committing and noting it was its last. */
bool recent_order(struct recent *r, uint64_t ino, uint32_t *ret_order)
{
	LOCKED(&r->lock);
	const struct ino_entry *e = ino_map_find(&r->looking.files, ino), *later = ino_map_find(&r->fresh.files, ino);

	*ret_order = e ? e->number >> 1 : r->has_looked ? 0 : UINT32_MAX;
	if (!later || !later->number || (e && e->number & 1))
		return true;
	return *ret_order && !(later->number & 1);
}

bool recent_has_news(struct recent *r)
{
	LOCKED(&r->lock);

	return !r->has_looked || r->fresh.attributes > 0;
}

static bool has(const struct changes *c, uint64_t ino, const char *attribute)
{
	const struct ino_entry *e;

	if (!ino)
		return c->attributes > 0;
	e = ino_map_find(&c->files, ino);
	return e && e->number & 1 && (uintptr_t)e->value & mask_of(attribute);
}

/* Call with the lock. */
static bool is_unseen(const struct recent *r, uint64_t ino, const char *attribute)
{
	return !r->has_looked || has(&r->fresh, ino, attribute) || has(&r->looking, ino, attribute);
}

bool recent_is_unseen(struct recent *r, uint64_t ino, const char *attribute)
{
	if (!atomic_load(&r->follow))
		return false;
	LOCKED(&r->lock);
	return is_unseen(r, ino, attribute);
}

bool recent_has_looked(struct recent *r)
{
	LOCKED(&r->lock);

	return r->has_looked;
}

void recent_await(struct recent *r, uint64_t ino, const char *attribute, unsigned timeout_ms)
{
	uint64_t until_ms = clock_mono_ms() + timeout_ms;
	LOCKED(&r->lock);

	while (is_unseen(r, ino, attribute) && cond_wait_until(&r->looked, &r->lock, until_ms) != -ETIMEDOUT)
		;
}

/* ---- beginning */

/* Those that were overwritten are told in any order. */
static void note_left(struct recent *r)
{
	const struct shared_recent *log = r->log;

	for (uint64_t n = log->end > SHARED_RECENT ? MAX(log->seen, log->end - SHARED_RECENT) : log->seen; n < log->end; n++)
		if (log->changes[n % SHARED_RECENT].ino)
			note(r, log->changes[n % SHARED_RECENT].ino, log->changes[n % SHARED_RECENT].what);
}

int recent_new(struct shared_recent *log, struct recent **ret_r)
{
	struct recent *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	(void) pthread_mutex_init(&r->lock, NULL);
	cond_init(&r->looked);
	atomic_init(&r->follow, true);
	r->log = log;
	note_left(r);
	*ret_r = r;
	return 0;
}
