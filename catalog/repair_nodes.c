/* SPDX-License-Identifier: MIT */
/* All inodes: those with a record, and those that entries, xattrs or extents speak of although their record
 * is gone. Where no former record fits, these are made anew with what is known: type from the entry, size from the
 * extents; owner is the root directory's, and nobody else may use them until the owner says so. A file among them goes
 * to lost+found: some of its bytes may be gone without a trace. */
#include <errno.h>
#include <stdlib.h>

#include "catalog/repair_impl.h"

int repair_add_node(struct repair *r, const struct node *n)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 1024;
		struct node *more = reallocarray(r->nodes, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->nodes = more;
		r->cap = cap;
	}
	r->nodes[r->n++] = *n;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	uint64_t x = ((const struct node *)a)->i.ino, y = ((const struct node *)b)->i.ino;

	return x < y ? -1 : x > y;
}

void repair_sort(struct repair *r)
{
	if (r->n > 0)
		qsort(r->nodes, r->n, sizeof(*r->nodes), by_ino);
}

struct node *repair_find(struct repair *r, uint64_t ino)
{
	struct node key = { .i.ino = ino };

	return r->n ? bsearch(&key, r->nodes, r->n, sizeof(*r->nodes), by_ino) : NULL;
}

static int load(void *context, const struct record *record)
{
	struct repair *r = context;
	struct node n = { 0 };
	int e = inode_get(r->c, load_be64(record->key + 1), &n.i);

	if (e == -EBADMSG)
		return repair_remove(r, record->key, record->key_len);
	return e < 0 ? e : repair_add_node(r, &n);
}

/* ---- those without a record */

struct absent {
	uint64_t ino;
	uint32_t type; /* 0: nobody says */
};

struct search {
	struct repair *r;
	struct buf absent; /* of struct absent */
};

static int note(struct search *s, uint64_t ino, uint32_t type)
{
	struct absent a = { ino, type }, *last = (struct absent *)(void *)s->absent.data;
	size_t n = s->absent.len / sizeof(a);

	if (repair_find(s->r, ino))
		return 0;
	if (n > 0 && last[n - 1].ino == ino && (!type || last[n - 1].type == type))
		return 0;
	return buf_add(&s->absent, &a, sizeof(a));
}

static int search_entries(void *context, const struct record *record)
{
	struct reader in = reader_over(record->value, record->value_len);
	struct search *s = context;
	struct dentry_item item;
	int e = note(s, load_be64(record->key + 1), S_IFDIR);

	while (e >= 0 && dentry_next(&in, &item) > 0)
		e = note(s, item.ino, item.type);
	return e;
}

static int search_extents(void *context, const struct record *record)
{
	return note(context, load_be64(record->key + 1), S_IFREG);
}

/* Types known from entries come first and win. */
static void make_up(struct repair *r, const struct absent *a, struct inode *ret_i)
{
	const struct node *root = repair_find(r, ROOT_INO);
	struct timespec now;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	*ret_i = (struct inode){
		.ino = a->ino,
		.mode = a->type | (S_ISDIR(a->type) ? 0700u : 0600u),
		.uid = root ? root->i.uid : 0,
		.gid = root ? root->i.gid : 0,
		.atime = now, .mtime = now, .ctime = now, .btime = now,
		.content_lsn = catalog_last_lsn(r->c),
	};
	repair_say(r, "inode %llu: its record is lost; owner, mode and times are made up",
		   (unsigned long long)a->ino);
}

static int make(struct repair *r, const struct absent *a)
{
	struct node n = { .found = true };
	int e = repair_find_inode(r, a->ino, &n.i);

	if (e < 0)
		return e;
	if (e == 0 && a->ino == ROOT_INO && r->n == 0)
		return -ENODATA;
	if (e == 0 || (a->type && a->type != (n.i.mode & S_IFMT))) {
		n = (struct node){ .made = true };
		make_up(r, a, &n.i);
		n.doubtful = S_ISREG(n.i.mode); /* nobody knows whether these are all of its bytes */
	}
	return repair_add_node(r, &n);
}

static int by_number(const void *a, const void *b)
{
	const struct absent *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int make_all(struct repair *r, struct absent *absent, size_t n)
{
	int e = 0;

	if (n)
		qsort(absent, n, sizeof(*absent), by_number);
	for (size_t k = 0; k < n && e >= 0; k++)
		if (k == 0 || absent[k].ino != absent[k - 1].ino)
			e = make(r, &absent[k]);
	repair_sort(r);
	return e;
}

static int find_absent(struct repair *r)
{
	struct key entries = key_start('D'), extents = key_start('E');
	struct search s = { .r = r };
	int e = note(&s, ROOT_INO, S_IFDIR);

	if (e >= 0)
		e = records_foreach(r->c, &entries, search_entries, &s);
	if (e >= 0)
		e = records_foreach(r->c, &extents, search_extents, &s);
	if (e >= 0)
		e = make_all(r, (struct absent *)(void *)s.absent.data, s.absent.len / sizeof(struct absent));
	buf_done(&s.absent);
	return e;
}

/* Xattrs of what has neither record nor name nor bytes. */
static int check_xattr(void *context, const struct record *record)
{
	struct repair *r = context;

	if (repair_find(r, load_be64(record->key + 1)))
		return 0;
	repair_say(r, "inode %llu: has xattrs and nothing else", (unsigned long long)load_be64(record->key + 1));
	return repair_remove(r, record->key, record->key_len);
}

int repair_nodes(struct repair *r)
{
	struct key inodes = key_start('I'), xattrs = key_start('X');
	int e = records_foreach(r->c, &inodes, load, r);
	size_t before;

	if (e >= 0)
		e = repair_flush(r);
	/* What is found again may name others. */
	do {
		before = r->n;
		if (e >= 0)
			e = find_absent(r);
	} while (e >= 0 && r->n > before);
	if (e >= 0)
		e = records_foreach(r->c, &xattrs, check_xattr, r);
	return e < 0 ? e : repair_flush(r);
}
