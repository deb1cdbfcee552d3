/* SPDX-License-Identifier: MIT */
/* fsck of the bytes: one walk over all extents, in the order of their keys, so that the extents of a
 * file come together and upwards. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/walk.h"
#include "tiers/account.h"
#include "tiers/file_impl.h"

struct verification {
	struct files *f;
	void (*problem)(void *context, const char *text);
	void *context;
	struct verified sound;    /* objects that were opened */
	struct account accounts;  /* what the walk finds alive */
	int64_t blocks;
	struct inode i;           /* of the file at hand */
	uint64_t end, bytes;      /* of what was seen of it */
};

static void end_file(struct verification *v)
{
	if (!v->i.ino)
		return;
	if (v->end < v->i.size)
		problem_say(v->problem, v->context, "inode %llu: nothing covers the bytes from %llu to its end",
			    (unsigned long long)v->i.ino, (unsigned long long)v->end);
	if (v->bytes != v->i.bytes)
		problem_say(v->problem, v->context, "inode %llu: has %llu bytes, its record says %llu",
			    (unsigned long long)v->i.ino, (unsigned long long)v->bytes, (unsigned long long)v->i.bytes);
}

static void begin_file(struct verification *v, uint64_t ino)
{
	end_file(v);
	v->end = v->bytes = 0;
	if (inode_get(v->f->catalog, ino, &v->i) >= 0)
		return;
	problem_say(v->problem, v->context, "inode %llu: has extents and no record", (unsigned long long)ino);
	v->i = (struct inode){ 0 };
}

/* In a rehearsal: it has been told, and need not be again. */
static int mark_damaged(struct verification *v, uint64_t ino, const struct extent *e)
{
	struct extent marked = *e;
	struct batch *b;
	struct inode i;
	int r;

	if (!catalog_rehearses(v->f->catalog))
		return 0;
	r = catalog_begin(v->f->catalog, true, &b);
	if (r < 0)
		return r;
	marked.flags |= EXTENT_DAMAGED;
	r = inode_get_in(b, ino, &i);
	if (r >= 0)
		r = extent_replace(b, &i, e, &marked);
	if (r < 0) {
		batch_abort(b);
		return r == -EBADMSG || r == -ENOENT ? 0 : r;
	}
	inode_put(b, &i);
	return batch_commit(b, NULL);
}

static int verify_object(struct verification *v, uint64_t ino, const struct extent *e)
{
	int64_t n;

	if (e->flags & EXTENT_DAMAGED || verified_has(&v->sound, e))
		return 0;
	n = tier_verify(files_tier(v->f), e);
	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0) {
		problem_say(v->problem, v->context, "inode %llu: bytes %llu to %llu cannot be read (segment %llx, place %llu)",
			    (unsigned long long)ino, (unsigned long long)e->offset,
			    (unsigned long long)extent_end(e), (unsigned long long)e->segment,
			    (unsigned long long)e->place);
		return mark_damaged(v, ino, e);
	}
	v->blocks += n;
	verified_add(&v->sound, e);
	return 0;
}

static int verify_extent(struct verification *v, uint64_t ino, const struct extent *e)
{
	int r = 0;

	if (ino != v->i.ino)
		begin_file(v, ino);
	if (e->offset != v->end && v->end < v->i.size)
		problem_say(v->problem, v->context, "inode %llu: nothing, or more than one extent, covers bytes at %llu",
			    (unsigned long long)ino, (unsigned long long)v->end);
	v->end = extent_end(e);
	v->bytes += extent_counts(e) ? e->len : 0;
	if (e->kind != EXTENT_HOT)
		return 0;
	r = account_add(&v->accounts, e->segment, (int64_t)e->len);
	return r < 0 ? r : verify_object(v, ino, e);
}

static int verify_record(void *context, const struct record *record)
{
	struct verification *v = context;
	struct extent e;
	int r;

	r = extent_decode(record->key, record->key_len, record->value, record->value_len, &e);
	if (r == -EBADMSG) {
		problem_say(v->problem, v->context, "an extent record cannot be read");
		return 0;
	}
	if (r >= 0)
		r = verify_extent(v, load_be64(record->key + 1), &e);
	return MIN(r, 0);
}

static int walk(struct verification *v)
{
	struct key prefix = key_start('E');
	int r = records_foreach(v->f->catalog, &prefix, verify_record, v);

	end_file(v);
	return r;
}

static int compare_account(void *context, uint64_t segment, uint64_t bytes)
{
	struct verification *v = context;

	return account_add(&v->accounts, segment, -(int64_t)bytes);
}

int64_t files_verify(struct files *f, void (*problem)(void *context, const char *text), void *context)
{
	struct verification v = { .f = f, .problem = problem, .context = context };
	int r = walk(&v);

	if (r >= 0)
		r = account_foreach(f->catalog, compare_account, &v);
	for (size_t k = 0; r >= 0 && k < v.accounts.n; k++)
		if (v.accounts.entries[k].bytes != 0)
			problem_say(v.problem, v.context, "segment %llx: its account is wrong by %lld bytes",
				    (unsigned long long)v.accounts.entries[k].segment,
				    -(long long)v.accounts.entries[k].bytes);
	verified_done(&v.sound);
	account_done(&v.accounts);
	return r < 0 ? r : v.blocks;
}
