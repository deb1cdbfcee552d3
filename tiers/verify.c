/* SPDX-License-Identifier: MIT */
/* fsck of the bytes: packs are read first, each once and whole; then one walk over all extents, in the order of their
 * keys, so that the extents of a file come together and upwards. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/walk.h"
#include "tiers/change.h"
#include "tiers/verify_packs.h"

struct verification {
	struct files *f;
	void (*problem)(void *context, const char *text);
	void *context;
	struct verified sound;    /* objects that were opened */
	struct account accounts;  /* what the walk finds alive in data segments, and in packs that have no record */
	struct checked_packs packs;
	int64_t blocks;
	struct inode i;           /* of the file at hand */
	uint64_t end, bytes, packed; /* of what was seen of it */
};

static void count_home(struct verification *v)
{
	struct checked_pack *home = v->i.home ? checked_packs_find(&v->packs, v->i.home) : NULL;

	if (home)
		home->files++;
}

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
	if (v->packed != v->i.packed || !v->packed != !v->i.home)
		problem_say(v->problem, v->context, "inode %llu: has %llu bytes in packs, its record says %llu",
			    (unsigned long long)v->i.ino, (unsigned long long)v->packed,
			    (unsigned long long)v->i.packed);
	count_home(v);
}

static void begin_file(struct verification *v, uint64_t ino)
{
	end_file(v);
	v->end = v->bytes = v->packed = 0;
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

/* Of a pack that nobody knows any more. */
static int give_up(struct verification *v, uint64_t ino, const struct extent *e)
{
	const struct extent lost = { .offset = e->offset, .len = e->len, .kind = EXTENT_LOST };
	struct change ch;
	int r;

	problem_say(v->problem, v->context, "inode %llu: bytes %llu to %llu are lost: pack %llu is nowhere",
		    (unsigned long long)ino, (unsigned long long)e->offset, (unsigned long long)extent_end(e),
		    (unsigned long long)e->segment);
	if (!catalog_rehearses(v->f->catalog))
		return 0;
	r = change_begin(&ch, v->f, ino, true);
	if (r == -ENOENT || r == -EISDIR || r == -EINVAL)
		return 0;
	if (r >= 0)
		r = change_exchange(&ch, e, &lost);
	r = change_end(&ch, MIN(r, 0), NULL, 0);
	if (r >= 0)
		v->i = ch.i;
	return r;
}

static int say_unreadable(struct verification *v, uint64_t ino, const struct extent *e)
{
	problem_say(v->problem, v->context, "inode %llu: bytes %llu to %llu cannot be read (%s %llx, place %llu)",
		    (unsigned long long)ino, (unsigned long long)e->offset, (unsigned long long)extent_end(e),
		    e->kind == EXTENT_PACK ? "pack" : "segment", (unsigned long long)e->segment,
		    (unsigned long long)e->place);
	return mark_damaged(v, ino, e);
}

static int verify_object(struct verification *v, uint64_t ino, const struct extent *e)
{
	int64_t n;

	if (e->flags & EXTENT_DAMAGED || verified_has(&v->sound, e))
		return 0;
	n = tier_verify(hot_tier(v->f->hot), e);
	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0)
		return say_unreadable(v, ino, e);
	v->blocks += n;
	verified_add(&v->sound, e);
	return 0;
}

static int verify_packed(struct verification *v, uint64_t ino, const struct extent *e)
{
	struct checked_pack *p = checked_packs_find(&v->packs, e->segment);
	int r;

	if (!p) {
		r = account_extent(&v->accounts, e, 1);
		return r < 0 ? r : 0;
	}
	p->bytes += e->len;
	if (e->flags & EXTENT_DAMAGED)
		return 0;
	r = checked_pack_has(v->f, p, e);
	return r == 0 ? say_unreadable(v, ino, e) : MIN(r, 0);
}

static int verify_extent(struct verification *v, uint64_t ino, const struct extent *e)
{
	bool nowhere;
	int r;

	if (ino != v->i.ino)
		begin_file(v, ino);
	nowhere = e->kind == EXTENT_PACK && !checked_packs_find(&v->packs, e->segment);
	if (e->offset != v->end && v->end < v->i.size)
		problem_say(v->problem, v->context, "inode %llu: nothing, or more than one extent, covers bytes at %llu",
			    (unsigned long long)ino, (unsigned long long)v->end);
	v->end = extent_end(e);
	v->bytes += extent_counts(e) ? e->len : 0;
	if (nowhere && v->i.ino) {
		r = give_up(v, ino, e);
		if (r < 0 || catalog_rehearses(v->f->catalog))
			return r;
	}
	v->packed += e->kind == EXTENT_PACK ? e->len : 0;
	if (e->kind == EXTENT_PACK)
		return verify_packed(v, ino, e);
	if (!extent_has_object(e))
		return 0;
	r = account_extent(&v->accounts, e, 1);
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

/* ---- accounts */

static int compare_account(void *context, uint64_t segment, uint64_t bytes)
{
	struct verification *v = context;
	struct checked_pack *p = checked_packs_find(&v->packs, segment & ~(PACK_ALIVE | PACK_FILES));

	if (!(segment & (PACK_ALIVE | PACK_FILES)))
		return account_add(&v->accounts, segment, -(int64_t)bytes);
	if (p && segment & PACK_ALIVE)
		p->bytes -= bytes;
	else if (p)
		p->files -= bytes;
	else if (segment & PACK_ALIVE)
		return account_add(&v->accounts, segment, -(int64_t)bytes);
	return 0;
}

static void say_accounts(const struct verification *v)
{
	for (size_t k = 0; k < v->accounts.n; k++)
		if (v->accounts.entries[k].bytes != 0)
			problem_say(v->problem, v->context, "segment %llx: its account is wrong by %lld bytes",
				    (unsigned long long)v->accounts.entries[k].segment,
				    -(long long)v->accounts.entries[k].bytes);
	for (size_t k = 0; k < v->packs.n; k++) {
		const struct checked_pack *p = &v->packs.all[k];

		if (p->bytes || p->files)
			problem_say(v->problem, v->context, "pack %llu: its accounts are wrong by %lld bytes, %lld files",
				    (unsigned long long)p->record.number, -(long long)p->bytes, -(long long)p->files);
	}
}

int64_t files_verify(struct files *f, struct files_check *check)
{
	struct verification v = { .f = f, .problem = check->problem, .context = check->context };
	int64_t r = checked_packs_load(f, check, &v.packs);

	v.blocks = MAX(r, 0);
	if (r >= 0)
		r = walk(&v);
	if (r >= 0)
		r = account_foreach(f->catalog, compare_account, &v);
	if (r >= 0)
		say_accounts(&v);
	verified_done(&v.sound);
	account_done(&v.accounts);
	checked_packs_done(&v.packs);
	return r < 0 ? r : v.blocks;
}
