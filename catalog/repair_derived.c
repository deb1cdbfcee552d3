/* SPDX-License-Identifier: MIT */
/* What follows from the records that say things once: inodes' counts and sets, then whole kinds of records,
 * made in an overlay as they must be and compared with those that are there. */
#include <errno.h>

#include "catalog/encode.h"
#include "catalog/labels.h"
#include "catalog/derive.h"
#include "catalog/repair_impl.h"

#define COUNTER_MARGIN (1u << 20) /* numbers beyond the largest seen may be remembered somewhere */

/* ---- inodes */

static void set_names(struct node *n)
{
	bool orphan = n->names == 0 && n->i.ino != ROOT_INO;

	if (orphan)
		n->i.nlink = 0;
	else
		n->i.nlink = S_ISDIR(n->i.mode) ? 2 + n->subdirs : n->names;
	if (!orphan)
		n->i.flags &= ~INODE_ORPHAN;
	if (orphan || n->i.ino == ROOT_INO)
		n->i.parent = n->i.cookie = 0;
	else if (!n->first_found) {
		n->i.parent = n->dir;
		n->i.cookie = n->cookie;
	}
}

static int set_sets(struct repair *r, struct node *n)
{
	static const char *const what[SET_KINDS] = { "entries", "xattrs", "extents" };

	if (repair_sets_are_whole(r, n))
		return 0;
	for (unsigned k = 0; k < SET_KINDS; k++) {
		struct set_summary found;
		int e = set_sum(r->c, n->i.ino, (enum inode_set)k, &found);

		if (e < 0)
			return e;
		if (set_agrees(&n->i.sets[k], &found))
			continue;
		if (!n->made)
			repair_say(r, "inode %llu: some of its %s are missing or not its own",
				   (unsigned long long)n->i.ino, what[k]);
		n->xattrs_lost |= k == SET_XATTRS && !n->made;
		n->i.sets[k] = found;
	}
	return 0;
}

/* An access list that is gone may have held the group back from what the mode's mask lets through. */
static void guard_group(struct repair *r, struct node *n)
{
	if (!n->xattrs_lost || S_ISLNK(n->i.mode) || !(n->i.mode & S_IRWXG))
		return;
	repair_say(r, "inode %llu: an access list may be lost; its group has no rights now",
		   (unsigned long long)n->i.ino);
	n->i.mode &= ~(uint32_t)S_IRWXG;
}

static int mend_symlink(struct repair *r, struct node *n, struct batch *b)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	int e;

	if (!S_ISLNK(n->i.mode))
		return 0;
	e = xattr_get_in(b, &n->i, XATTR_TARGET, &target);
	if (e >= 0) {
		n->i.size = target.len;
		return 0;
	}
	if (e != -ENODATA)
		return e;
	repair_say(r, "inode %llu: its target is lost; it leads nowhere now", (unsigned long long)n->i.ino);
	n->i.size = strlen("/lost+found/?");
	return xattr_put_in(b, &n->i, XATTR_TARGET, "/lost+found/?", n->i.size);
}

static bool same_names(const struct inode *a, const struct inode *b)
{
	return a->nlink == b->nlink && a->parent == b->parent && a->cookie == b->cookie && a->flags == b->flags &&
	       a->bytes == b->bytes && a->packed == b->packed && a->home == b->home;
}

static void set_bytes(struct node *n)
{
	n->i.bytes = n->bytes;
	n->i.packed = n->packed;
	if (!n->packed)
		n->i.home = 0;
	else if (!n->i.home)
		n->i.home = n->pack;
}

static int mend_inode(struct repair *r, struct node *n)
{
	struct inode before = n->i;
	struct batch *b;
	int e;

	set_names(n);
	set_bytes(n);
	if (!n->made && !same_names(&before, &n->i))
		repair_say(r, "inode %llu: link count, first name, flags or bytes are mended",
			   (unsigned long long)n->i.ino);
	e = set_sets(r, n);
	guard_group(r, n);
	if (e >= 0)
		e = repair_batch(r, &b);
	if (e >= 0)
		e = mend_symlink(r, n, b);
	if (e >= 0 && (n->made || n->found || memcmp(&before, &n->i, sizeof(before)) != 0))
		inode_put(b, &n->i);
	return e;
}

int repair_inodes(struct repair *r)
{
	int e = 0;

	for (size_t k = 0; k < r->n && e >= 0; k++)
		e = mend_inode(r, &r->nodes[k]);
	return e < 0 ? e : repair_flush(r);
}

/* ---- records that follow */

static int want(struct repair *r, struct key key, const void *value, size_t len)
{
	int e = overlay_reserve(r->want, 1, key.len + len);

	if (e >= 0)
		overlay_put(r->want, 0, key.bytes, key.len, value, len);
	return e;
}

static int want_varint(struct repair *r, struct key key, uint64_t v)
{
	uint8_t value[VARINT_MAX];

	return want(r, key, value, (size_t)(put_varint(value, v) - value));
}

/* A count that grows as its members are met. */
static int count(struct repair *r, struct key key, uint64_t plus)
{
	const struct overlay_value *v = overlay_get(r->want, UINT64_MAX, key.bytes, key.len);
	struct reader in = reader_over(v ? v->data : NULL, v ? v->len : 0);

	return want_varint(r, key, (v ? reader_varint(&in) : 0) + plus);
}

static int want_user(struct repair *r, uint64_t ino, const struct extent *x)
{
	struct key object = key_id(key_start('B'), x->run.id);
	int e = count(r, object, 1);

	return e < 0 ? e : want(r, key_u64(key_u64(object, ino), extent_end(x)), "\1", 1);
}

static int want_extent(void *context, const struct record *record)
{
	struct repair *r = context;
	uint64_t ino = load_be64(record->key + 1);
	struct extent x;
	int e = extent_decode(record->key, record->key_len, record->value, record->value_len, &x);

	if (e < 0 || !extent_has_object(&x))
		return e;
	if (x.kind == EXTENT_HOT)
		e = want_user(r, ino, &x);
	return e < 0 ? e : count(r, key_u64(key_start('S'), extent_account(&x)), x.len);
}

static int want_name(struct repair *r, const struct node *n, uint64_t dir, uint64_t cookie)
{
	if (n->i.parent == dir && n->i.cookie == cookie)
		return 0;
	return want(r, key_u64(key_u64(key_u64(key_start('P'), n->i.ino), dir), cookie), "\1", 1);
}

static int want_names(void *context, const struct record *record)
{
	struct reader in = reader_over(record->value, record->value_len);
	uint64_t dir = load_be64(record->key + 1), hash = load_be64(record->key + 8) & ((1ull << 56) - 1);
	struct repair *r = context;
	struct dentry_item item;
	int e = 0;

	while (e >= 0 && dentry_next(&in, &item) > 0) {
		const struct node *n = repair_find(r, item.ino);

		if (n)
			e = want_name(r, n, dir, cookie_of(hash, item.index));
	}
	return e;
}

/* A queue entry's own LSN and attempts are kept where it is there. */
static int want_queued(struct repair *r, const struct node *n)
{
	struct key key = key_u64(key_u8(key_start('Q'), QUEUE_INDEX), n->i.ino);
	_cleanup_buf_ struct buf value = BUF_INIT;
	uint8_t made[4 * VARINT_MAX], *at = made;
	int e;

	if (!(n->i.flags & INODE_QUEUED))
		return 0;
	r->queued++;
	e = catalog_get(r->c, key.bytes, key.len, &value);
	if (e != -ENOENT)
		return e < 0 ? e : want(r, key, value.data, value.len);
	at = put_varint(at, n->i.content_lsn);
	at = put_varint(at, n->i.flags >> INODE_WHY_SHIFT);
	at = put_varint(at, 0);
	at = put_varint(at, 0);
	return want(r, key, made, (size_t)(at - made));
}

static int want_figures(struct repair *r)
{
	struct tree_stats s = { 0 };
	uint8_t value[5 * VARINT_MAX], *at = value;

	for (size_t k = 0; k < r->n; k++) {
		const struct inode *i = &r->nodes[k].i;

		s.bytes += i->bytes;
		if (i->nlink == 0)
			continue;
		s.files += S_ISREG(i->mode);
		s.directories += S_ISDIR(i->mode);
		s.others += !S_ISREG(i->mode) && !S_ISDIR(i->mode);
	}
	at = put_varint(at, s.files);
	at = put_varint(at, s.directories);
	at = put_varint(at, s.others);
	at = put_varint(at, s.bytes);
	at = put_varint(at, r->queued);
	return want(r, key_u8(key_start('V'), 1), value, (size_t)(at - value));
}

/* Of a pack that is gone nobody counts the files. */
static int want_home(struct repair *r, const struct node *n)
{
	struct pack_record p;
	int e = n->i.home ? pack_record_get(r->c, n->i.home, &p) : -ENOENT;

	return e == -ENOENT ? 0 : e < 0 ? e : count(r, key_u64(key_start('S'), PACK_FILES | n->i.home), 1);
}

static int want_nodes(struct repair *r)
{
	int e = 0;

	for (size_t k = 0; k < r->n && e >= 0; k++) {
		const struct node *n = &r->nodes[k];

		e = want_queued(r, n);
		if (e >= 0)
			e = want_home(r, n);
		if (e >= 0 && n->i.flags & INODE_ORPHAN)
			e = want(r, key_u64(key_start('O'), n->i.ino), "\1", 1);
	}
	return e < 0 ? e : want_figures(r);
}

static int want_all(struct repair *r)
{
	struct key extents = key_start('E'), entries = key_start('D');
	int e = records_foreach(r->c, &extents, want_extent, r);

	if (e >= 0)
		e = records_foreach(r->c, &entries, want_names, r);
	return e < 0 ? e : want_nodes(r);
}

/* ---- compared with what is there */

static bool is_zero_account(const struct record *record)
{
	return *record->key == 'S' && record->value_len == 1 && *(const uint8_t *)record->value == 0;
}

static bool is_pack_account(const struct record *record)
{
	return *record->key == 'S' && load_be64(record->key + 1) & (PACK_ALIVE | PACK_FILES);
}

/* The account of a segment without extents must become 0 and not vanish: cleaning then takes its segment away. Those of
 * packs are 0 where they are not. */
static int drop_record(struct repair *r, const struct record *record)
{
	bool is_pack = is_pack_account(record);
	struct key key = { .len = record->key_len };

	memcpy(key.bytes, record->key, record->key_len);
	if (is_zero_account(record))
		return is_pack ? repair_remove(r, key.bytes, key.len) : 0;
	repair_say(r, "catalog: a record %c that nothing asks for", *record->key);
	return *record->key == 'S' && !is_pack ? repair_put(r, &key, "", 1) : repair_remove(r, key.bytes, key.len);
}

static int check_there(void *context, const struct record *record)
{
	struct repair *r = context;
	const struct overlay_value *v = overlay_get(r->want, UINT64_MAX, record->key, record->key_len);
	struct key key = { .len = record->key_len };

	if (*record->key == 'V' && record->key[1] != 1)
		return 0;
	if (*record->key == 'Q' && record->key[1] != QUEUE_INDEX)
		return 0;
	if (!v)
		return drop_record(r, record);
	if (v->len == record->value_len && memcmp(v->data, record->value, v->len) == 0)
		return 0;
	memcpy(key.bytes, record->key, record->key_len);
	repair_say(r, "catalog: a record %c does not say what follows from others", *record->key);
	return repair_put(r, &key, v->data, v->len);
}

static int put_missing(struct repair *r)
{
	const struct overlay_node *n = overlay_seek(r->want, "", 0, false);
	int e = 0;

	for (; n && e >= 0; n = overlay_next(n)) {
		const struct overlay_value *v = overlay_value_at(n, UINT64_MAX);
		struct key key;
		const void *bytes = overlay_key(n, &key.len);

		memcpy(key.bytes, bytes, key.len);
		if (catalog_get(r->c, key.bytes, key.len, NULL) != -ENOENT)
			continue;
		repair_say(r, "catalog: a record %c is missing", key.bytes[0]);
		e = repair_put(r, &key, v->data, v->len);
	}
	return e;
}

static int compare(struct repair *r)
{
	static const char letters[] = "BOPQSV";
	int e = 0;

	for (const char *l = letters; *l && e >= 0; l++) {
		struct key prefix = key_start(*l);

		e = records_foreach(r->c, &prefix, check_there, r);
	}
	if (e >= 0)
		e = repair_flush(r);
	return e < 0 ? e : put_missing(r);
}

/* ---- counters */

struct largest {
	uint64_t number;
};

static int see(void *context, const struct record *record)
{
	struct largest *l = context;
	uint64_t number = record->key_len >= 9 ? load_be64(record->key + 1) : 0;

	if (!(*record->key == 'S' && number & (PACK_ALIVE | PACK_FILES)) && !(*record->key == 'g' && number >= LABEL_ROOT_TAGS))
		l->number = MAX(l->number, number);
	return 0;
}

static int mend_counter(struct repair *r, enum catalog_counter which, char letter, bool lost)
{
	struct key prefix = key_start(letter), key = key_u8(key_start('C'), (uint8_t)which);
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct largest largest = { 0 };
	uint8_t limit[8];
	int e = records_foreach(r->c, &prefix, see, &largest);

	if (e >= 0)
		e = catalog_get(r->c, key.bytes, key.len, &value);
	if (e < 0 && e != -ENOENT)
		return e;
	if (e >= 0 && value.len == 8 && load_le64(value.data) > largest.number)
		return 0;
	if (largest.number == 0 || (which == COUNTER_INODE && largest.number == ROOT_INO && !lost))
		return 0;
	repair_say(r, "catalog: counter %u is missing or too low", (unsigned)which);
	store_le64(limit, largest.number + COUNTER_MARGIN);
	return repair_put(r, &key, limit, sizeof(limit));
}

static int mend_counters(struct repair *r)
{
	bool lost = r->lost['C'];
	int e = mend_counter(r, COUNTER_INODE, 'I', lost);

	if (e >= 0)
		e = mend_counter(r, COUNTER_TAG, 'g', lost);
	if (e >= 0)
		e = mend_counter(r, COUNTER_SEGMENT, 'S', lost);
	if (e >= 0)
		e = mend_counter(r, COUNTER_INDEX_SEGMENT, 'M', lost);
	if (e >= 0)
		e = mend_counter(r, COUNTER_PACK, 'K', lost);
	return e < 0 ? e : repair_flush(r);
}

/* ---- what was found in files */

static int queue_file(struct repair *r, uint64_t ino, unsigned *files)
{
	struct inode i;
	struct batch *b;
	int e = repair_batch(r, &b);

	if (e >= 0)
		e = inode_get_in(b, ino, &i);
	if (e < 0 || !i.nlink || i.flags & EVENT_RULES << INODE_WHY_SHIFT)
		return e == -ENOENT ? 0 : e;
	e = queue_add(b, &i, EVENT_RULES);
	if (e >= 0)
		inode_put(b, &i);
	++*files;
	return e;
}

/* Nothing tells which files have lost something of it: it is looked for in all. */
static int find_again(struct repair *r)
{
	unsigned files = 0;
	int e = 0;

	for (size_t k = 0; k < r->n && e >= 0 && (r->lost['N'] || r->lost['W']); k++)
		if (r->nodes[k].i.flags & (INODE_FOUND | INODE_LINKS))
			e = queue_file(r, r->nodes[k].i.ino, &files);
	if (files)
		repair_say(r, "index: tags and links are looked for in %u files again", files);
	return e < 0 ? e : repair_flush(r);
}

/* ---- what derive.c makes */

/* Whatever a repair has changed, names and times and labels are made again from it at the next mount. */
static int note_doubt(struct repair *r)
{
	struct batch *b;
	int e = repair_batch(r, &b);

	if (e >= 0)
		derive_doubt(b);
	return e < 0 ? e : repair_flush(r);
}

int repair_derived(struct repair *r)
{
	int e = mend_counters(r);

	if (e >= 0)
		e = want_all(r);
	if (e >= 0)
		e = compare(r);
	if (e >= 0)
		e = repair_flush(r);
	if (e >= 0) /* once more, of the segments that are known now */
		e = mend_counters(r);
	if (e >= 0)
		e = find_again(r);
	if (e >= 0)
		e = note_doubt(r);
	return e;
}
