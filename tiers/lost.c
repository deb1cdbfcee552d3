/* SPDX-License-Identifier: MIT */
#include "tiers/lost.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/extent.h"
#include "catalog/pack_record.h"

void lost_init(struct lost *l)
{
	*l = (struct lost){ .n = 0 };
	(void) pthread_mutex_init(&l->lock, NULL);
}

void lost_done(struct lost *l)
{
	(void) pthread_mutex_destroy(&l->lock);
}

/* One entry tells of a whole object; frames that are altered have one each. */
static bool is_same(const struct lost_frame *a, uint64_t pack, const struct pack_frame *frame)
{
	return a->pack == pack && (!a->altered || a->frame.number == frame->number);
}

void lost_note(struct lost *l, const struct lost_frame *f)
{
	LOCKED(&l->lock);

	for (size_t k = 0; k < l->n; k++) {
		if (!is_same(&l->frames[k], f->pack, &f->frame))
			continue;
		l->frames[k] = *f;
		return;
	}
	if (l->n < LOST_MAX)
		l->frames[l->n++] = *f;
}

static void remove_frames(struct lost *l, uint64_t pack, const struct pack_frame *frame)
{
	size_t kept = 0;
	LOCKED(&l->lock);

	for (size_t k = 0; k < l->n; k++)
		if (frame ? !is_same(&l->frames[k], pack, frame) : l->frames[k].pack != pack)
			l->frames[kept++] = l->frames[k];
	l->n = kept;
}

/* Each frame that is read comes here. */
void lost_clear(struct lost *l, uint64_t pack, const struct pack_frame *frame)
{
	if (atomic_load_explicit(&l->n, memory_order_relaxed) > 0)
		remove_frames(l, pack, frame);
}

void lost_forget(struct lost *l, uint64_t pack)
{
	if (atomic_load_explicit(&l->n, memory_order_relaxed) > 0)
		remove_frames(l, pack, NULL);
}

bool lost_has(struct lost *l, uint64_t pack)
{
	LOCKED(&l->lock);

	for (size_t k = 0; k < l->n; k++)
		if (l->frames[k].pack == pack)
			return true;
	return false;
}

size_t lost_get(struct lost *l, struct lost_frame ret_frames[LOST_MAX])
{
	LOCKED(&l->lock);

	for (size_t k = 0; k < l->n; k++)
		ret_frames[k] = l->frames[k];
	return l->n;
}

/* Does this extent lie there? */
static int lies_there(struct catalog *c, const struct lost_frame *f, uint64_t ino, uint64_t end)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e;
	int r = f->altered ? extent_find(c, ino, end - 1, &scratch, &e) : 0;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return !f->altered || (e.kind == EXTENT_PACK && e.segment == f->pack && e.frame == f->frame.number);
}

int lost_foreach_file(struct catalog *c, const struct lost_frame *f, unsigned max,
		      void (*file)(void *context, uint64_t ino), void *context)
{
	uint64_t ino = 0, end = 0, last = 0;
	unsigned n = 0;
	int r = 0;

	while (n < max && (r = extent_next_in_pack(c, f->pack, &ino, &end)) > 0) {
		r = ino == last ? 0 : lies_there(c, f, ino, end);
		if (r < 0)
			break;
		if (r == 0)
			continue;
		file(context, ino);
		last = ino;
		n++;
	}
	return MIN(r, 0);
}
