/* SPDX-License-Identifier: MIT */
/* Sets that hang on an inode: entries, xattrs, extents.
 *
 * The hash of a set is the XOR of the hashes of its members; a member's hash is
 * digest_128(DIGEST_SET, key || value), where of an inline extent's value only the part before its
 * bytes counts (extent.c: it holds the LSN of the batch that wrote the record, so that no two values
 * of one key have the same head). The count is the number of records. With a count of 0 no hash is
 * kept.
 *
 * XOR is enough here: an attacker who could choose members must first seal them, and the hashes are
 * keyed and themselves sealed.
 *
 * Checks run without a lock first. A batch that commits meanwhile makes inode and members disagree,
 * so a difference is looked at again with the writer lock held before it is called damage. */
#include <errno.h>
#include <pthread.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/extent.h"
#include "catalog/set.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

static const char set_letters[SET_KINDS] = { 'D', 'X', 'E' };

/* ---- what was checked */

/* hash_mix64() is a bijection, so the low bits of the mixed inode number choose a bucket and the
 * others tell the inodes in it apart; the low bits of an entry are free to say which kinds were
 * checked. A bucket is one cache line, its most recently used entry first. */
#define BUCKET_BITS 13
#define BUCKET_MASK ((1ull << BUCKET_BITS) - 1)
#define BUCKET_WAYS 8

struct bucket {
	uint64_t entries[BUCKET_WAYS];
};

struct set_checks {
	pthread_mutex_t lock;
	struct bucket *buckets; /* owned; guarded by lock */
};

int set_checks_new(struct set_checks **ret_checks)
{
	struct set_checks *checks = calloc(1, sizeof(*checks));

	if (!checks)
		return -ENOMEM;
	checks->buckets = calloc(BUCKET_MASK + 1, sizeof(*checks->buckets));
	if (!checks->buckets) {
		free(checks);
		return -ENOMEM;
	}
	(void) pthread_mutex_init(&checks->lock, NULL);
	*ret_checks = checks;
	return 0;
}

size_t set_checks_memory(void)
{
	return sizeof(struct set_checks) + (BUCKET_MASK + 1) * sizeof(struct bucket);
}

struct set_checks *set_checks_free(struct set_checks *checks)
{
	if (!checks)
		return NULL;
	(void) pthread_mutex_destroy(&checks->lock);
	free(checks->buckets);
	free(checks);
	return NULL;
}

/* Moves the inode's entry to the front and returns it; makes one, over the oldest, when `bits` are to
 * be added. NULL: unknown. */
static uint64_t *bucket_touch(struct set_checks *checks, uint64_t ino, uint64_t bits)
{
	uint64_t mixed = hash_mix64(ino), tag = mixed & ~BUCKET_MASK, entry = tag;
	uint64_t *ways = checks->buckets[mixed & BUCKET_MASK].entries;
	size_t at = 0;

	while (at < BUCKET_WAYS && (!ways[at] || (ways[at] & ~BUCKET_MASK) != tag))
		at++;
	if (at < BUCKET_WAYS)
		entry = ways[at];
	else if (bits)
		at = BUCKET_WAYS - 1;
	else
		return NULL;
	memmove(ways + 1, ways, at * sizeof(*ways));
	ways[0] = entry | bits;
	return ways;
}

bool set_is_checked(struct catalog *c, uint64_t ino, enum inode_set kind)
{
	struct set_checks *checks = catalog_set_checks(c);
	uint64_t *entry;

	LOCKED(&checks->lock);
	entry = bucket_touch(checks, ino, 0);
	return entry && *entry & 1u << kind;
}

static void mark(struct catalog *c, uint64_t ino, uint64_t bits)
{
	struct set_checks *checks = catalog_set_checks(c);

	LOCKED(&checks->lock);
	(void) bucket_touch(checks, ino, bits);
}

void inode_mark_checked(struct catalog *c, const struct inode *i)
{
	mark(c, i->ino, 1u << SET_XATTRS | 1u << (S_ISDIR(i->mode) ? SET_ENTRIES : SET_EXTENTS));
}

/* ---- keeping a set */

char set_letter(enum inode_set kind)
{
	return set_letters[kind];
}

struct id128 set_member(struct catalog *c, enum inode_set kind, const void *key, size_t key_len, const void *value,
			size_t value_len)
{
	size_t covered = kind == SET_EXTENTS ? extent_head_len(value, value_len) : value_len;
	struct iovec pieces[] = { { (void *)key, key_len }, { (void *)value, covered } };

	return digest_128(catalog_keys(c), DIGEST_SET, pieces, ARRAY_SIZE(pieces));
}

static void toggle(struct catalog *c, struct set_summary *s, enum inode_set kind, const void *key,
		   size_t key_len, const void *value, size_t value_len)
{
	struct id128 hash = set_member(c, kind, key, key_len, value, value_len);

	for (size_t n = 0; n < sizeof(hash.bytes); n++)
		s->hash.bytes[n] ^= hash.bytes[n];
}

void set_put(struct batch *b, struct inode *i, enum inode_set kind, const struct key *key, const void *old,
	     size_t old_len, const void *value, size_t value_len)
{
	struct catalog *c = batch_catalog(b);

	if (old)
		toggle(c, &i->sets[kind], kind, key->bytes, key->len, old, old_len);
	else
		i->sets[kind].count++;
	toggle(c, &i->sets[kind], kind, key->bytes, key->len, value, value_len);
	batch_put(b, key->bytes, key->len, value, value_len);
}

void set_remove(struct batch *b, struct inode *i, enum inode_set kind, const struct key *key,
		const void *old, size_t old_len)
{
	toggle(batch_catalog(b), &i->sets[kind], kind, key->bytes, key->len, old, old_len);
	i->sets[kind].count--;
	batch_remove(b, key->bytes, key->len);
}

/* ---- checking a set */

struct summing {
	struct catalog *c;
	enum inode_set kind;
	struct set_summary s;
};

void set_add(struct catalog *c, struct set_summary *s, enum inode_set kind, const struct record *record)
{
	toggle(c, s, kind, record->key, record->key_len, record->value, record->value_len);
	s->count++;
}

static int sum_up(void *context, const struct record *record)
{
	struct summing *sum = context;

	set_add(sum->c, &sum->s, sum->kind, record);
	return 0;
}

int set_sum(struct catalog *c, uint64_t ino, enum inode_set kind, struct set_summary *ret_s)
{
	struct key prefix = key_u64(key_start(set_letters[kind]), ino);
	struct summing sum = { .c = c, .kind = kind };
	int r;

	r = records_foreach(c, &prefix, sum_up, &sum);
	if (r >= 0)
		*ret_s = sum.s;
	return r;
}

bool set_agrees(const struct set_summary *stored, const struct set_summary *found)
{
	return stored->count == found->count &&
	       (!found->count || id128_equal(stored->hash, found->hash));
}

/* 1: agrees. 0: does not. */
static int compare(struct catalog *c, const struct inode *i, enum inode_set kind)
{
	struct set_summary found;
	int r;

	r = set_sum(c, i->ino, kind, &found);
	return r < 0 ? r : set_agrees(&i->sets[kind], &found);
}

int set_check_held(struct catalog *c, const struct inode *i, enum inode_set kind)
{
	int r;

	if (set_is_checked(c, i->ino, kind))
		return 0;
	r = compare(c, i, kind);
	if (r < 0)
		return r;
	if (!r)
		return -EBADMSG;
	mark(c, i->ino, 1u << kind);
	return 0;
}

int inode_check_set(struct catalog *c, const struct inode *i, enum inode_set kind)
{
	struct batch *b = NULL;
	struct inode now;
	int r;

	if (set_is_checked(c, i->ino, kind))
		return 0;
	r = compare(c, i, kind);
	if (r > 0)
		mark(c, i->ino, 1u << kind);
	if (r)
		return r < 0 ? r : 0;

	/* Where no batch can begin, none changes the set either. */
	if (catalog_begin(c, true, &b) < 0)
		b = NULL;
	r = inode_get(c, i->ino, &now);
	if (r >= 0)
		r = set_check_held(c, &now, kind);
	if (b)
		(void) batch_abort(b);
	return r;
}
