/* SPDX-License-Identifier: MIT */
/* Extents: each byte below a file's size is covered once. What nothing covers becomes EXTENT_LOST; where two
 * cover a byte, the one that ends first keeps it. A file whose extents are all there and yet not those of its
 * set holds bytes of different times: it loses its names, and so goes to lost+found, out of the way of
 * those who would take it for what it was. */
#include <errno.h>

#include "catalog/repair_impl.h"

static int put_extent(struct repair *r, uint64_t ino, const struct extent *e)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = extent_key(ino, extent_end(e));
	int error = extent_encode(e, &value);

	return error < 0 ? error : repair_put(r, &key, value.data, value.len);
}

static int put_lost(struct repair *r, struct node *n, uint64_t from, uint64_t to)
{
	struct extent e = { .offset = from, .len = to - from, .kind = EXTENT_LOST };

	repair_say(r, "inode %llu: bytes %llu to %llu are lost: their record is gone, and reading them is an error",
		   (unsigned long long)n->i.ino, (unsigned long long)from, (unsigned long long)to);
	n->bytes += e.len;
	return put_extent(r, n->i.ino, &e);
}

static int trim(struct repair *r, const struct node *n, struct extent *e)
{
	uint64_t front = n->end - e->offset;

	repair_say(r, "inode %llu: more than one extent covers bytes %llu to %llu", (unsigned long long)n->i.ino,
		   (unsigned long long)e->offset, (unsigned long long)n->end);
	e->offset += front;
	e->len -= front;
	if (e->kind == EXTENT_INLINE)
		e->data += front;
	if (extent_has_object(e))
		e->skip += (uint32_t)front;
	return put_extent(r, n->i.ino, e);
}

static bool is_orphan(const struct node *n)
{
	return n->i.flags & INODE_ORPHAN;
}

static uint64_t counted(const struct extent *e)
{
	return e->kind != EXTENT_HOLE || e->flags & EXTENT_ALLOCATED ? e->len : 0;
}

/* Gaps behind the end of a file are no damage. */
static int check_extent(struct repair *r, struct node *n, struct extent *e)
{
	int error = 0;

	if (e->offset > n->end && !is_orphan(n) && (n->made || n->end < n->i.size))
		error = put_lost(r, n, n->end, n->made ? e->offset : MIN(e->offset, n->i.size));
	else if (e->offset < n->end)
		error = trim(r, n, e);
	n->end = extent_end(e);
	n->bytes += counted(e);
	if (e->kind == EXTENT_PACK) {
		n->packed += e->len;
		n->pack = e->segment;
	}
	return error;
}

static int visit(void *context, const struct record *record)
{
	struct repair *r = context;
	struct node *n = repair_find(r, load_be64(record->key + 1));
	struct extent e;
	int error = extent_decode(record->key, record->key_len, record->value, record->value_len, &e);

	if (error == -EBADMSG || !n)
		return repair_remove(r, record->key, record->key_len);
	return error < 0 ? error : check_extent(r, n, &e);
}

static int end_file(struct repair *r, struct node *n)
{
	if (!S_ISREG(n->i.mode))
		return 0;
	if (n->made)
		n->i.size = n->end;
	return n->end < n->i.size && !is_orphan(n) ? put_lost(r, n, n->end, n->i.size) : 0;
}

/* Before gaps are filled: bytes of other times are told from missing ones by their number. */
static int find_doubtful(struct repair *r)
{
	struct set_summary found;

	for (size_t k = 0; k < r->n; k++) {
		struct node *n = &r->nodes[k];
		int e;

		if (n->made || repair_sets_are_whole(r, n))
			continue;
		e = S_ISREG(n->i.mode) ? set_sum(r->c, n->i.ino, SET_EXTENTS, &found) : 0;
		if (e < 0)
			return e;
		n->doubtful = S_ISREG(n->i.mode) && found.count >= n->i.sets[SET_EXTENTS].count &&
			      !set_agrees(&n->i.sets[SET_EXTENTS], &found);
		if (n->doubtful)
			repair_say(r, "inode %llu: its bytes may be of different times; it goes to lost+found",
				   (unsigned long long)n->i.ino);
	}
	return 0;
}

int repair_extents(struct repair *r)
{
	struct key prefix = key_start('E');
	int e = find_doubtful(r);

	if (e >= 0)
		e = records_foreach(r->c, &prefix, visit, r);
	for (size_t k = 0; k < r->n && e >= 0; k++)
		e = end_file(r, &r->nodes[k]);
	return e < 0 ? e : repair_flush(r);
}
