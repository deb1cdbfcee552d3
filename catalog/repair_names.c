/* SPDX-License-Identifier: MIT */
/* Names. An entry stands when its inode is there, is of the type that the entry says, and is no directory
 * that has a name already. What ends without a name, and was not an orphan, gets one in lost+found: its
 * number. */
#include <errno.h>
#include <stdio.h>

#include "catalog/encode.h"
#include "catalog/repair_impl.h"

#define LOST_FOUND "lost+found"

/* ---- entries */

static bool stands(struct repair *r, uint64_t dir, const struct dentry_item *item, struct node *n)
{
	const char *why = NULL;

	if (item->ino == ROOT_INO || item->ino == dir)
		why = "makes a circle";
	else if (n->severed)
		why = "closes a circle";
	else if ((n->i.mode & S_IFMT) != item->type)
		why = "is not of its type";
	else if (S_ISDIR(n->i.mode) && n->names > 0)
		why = "is a second name of a directory";
	if (why)
		repair_say(r, "inode %llu: an entry for %llu %s", (unsigned long long)dir,
			   (unsigned long long)item->ino, why);
	return !why && !n->doubtful;
}

static void count_name(struct node *n, struct node *dir, uint64_t cookie)
{
	if (n->names++ == 0) {
		n->dir = dir->i.ino;
		n->cookie = cookie;
	}
	if (n->i.parent == dir->i.ino && n->i.cookie == cookie)
		n->first_found = true;
	if (S_ISDIR(n->i.mode))
		dir->subdirs++;
}

static int keep_item(struct buf *out, const struct dentry_item *item)
{
	int e = buf_add_u8(out, item->index);

	if (e >= 0)
		e = buf_add_u8(out, (uint8_t)(item->type >> 12));
	if (e >= 0)
		e = buf_add_varint(out, item->ino);
	if (e >= 0)
		e = buf_add_u8(out, (uint8_t)item->name_len);
	return e < 0 ? e : buf_add(out, item->name, item->name_len);
}

static int visit(void *context, const struct record *record)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	struct reader in = reader_over(record->value, record->value_len);
	struct repair *r = context;
	struct node *dir = repair_find(r, load_be64(record->key + 1)), *n;
	uint64_t hash = load_be64(record->key + 8) & ((1ull << 56) - 1);
	struct dentry_item item;
	struct key key = { .len = record->key_len };
	int e = 0;

	memcpy(key.bytes, record->key, record->key_len);
	while (e >= 0 && dentry_next(&in, &item) > 0) {
		n = repair_find(r, item.ino);
		if (!n || !dir || !S_ISDIR(dir->i.mode) || !stands(r, dir->i.ino, &item, n))
			continue;
		e = keep_item(&kept, &item);
		count_name(n, dir, cookie_of(hash, item.index));
	}
	if (e < 0 || (kept.len == record->value_len && memcmp(kept.data, record->value, kept.len) == 0))
		return e;
	return kept.len ? repair_put(r, &key, kept.data, kept.len) : repair_remove(r, key.bytes, key.len);
}

/* ---- circles: directories that are reached from each other and not from the root */

/* Walks up from there; true when a circle was found, which then is cut. */
static bool cut_circle(struct repair *r, struct node *n, uint64_t walk)
{
	while (n && n->i.ino != ROOT_INO && n->names > 0 && !n->walked) {
		n->walked = walk;
		n = repair_find(r, n->dir);
	}
	if (!n || n->walked != walk || n->i.ino == ROOT_INO || n->names == 0)
		return false;
	n->severed = true;
	return true;
}

static bool cut_circles(struct repair *r)
{
	bool found = false;

	for (size_t k = 0; k < r->n; k++)
		if (S_ISDIR(r->nodes[k].i.mode))
			found |= cut_circle(r, &r->nodes[k], k + 1);
	return found;
}

static void forget_names(struct repair *r)
{
	for (size_t k = 0; k < r->n; k++) {
		struct node *n = &r->nodes[k];

		n->names = n->subdirs = 0;
		n->first_found = false;
		n->dir = n->cookie = n->walked = 0;
	}
}

/* ---- lost+found */

static uint64_t unused_ino(const struct repair *r)
{
	uint64_t next = 0;

	(void) catalog_next_number(r->c, COUNTER_INODE, &next);
	return MAX(next, r->n ? r->nodes[r->n - 1].i.ino + 1 : ROOT_INO + 1);
}

/* Puts the name in memory at once: the next one may share its record. */
static int add_entry(struct repair *r, struct node *dir, const char *name, struct node *n)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	struct inode scratch = dir->i; /* its set is summed up later */
	struct batch *b;
	int e = dentry_init(&d, r->c, dir->i.ino, name);

	if (e >= 0)
		e = repair_batch(r, &b);
	if (e >= 0)
		e = dentry_load_in(&d, b);
	if (e >= 0 && d.found)
		return -EEXIST;
	if (e >= 0)
		e = dentry_add(&d, b, &scratch, n->i.ino, n->i.mode);
	if (e < 0)
		return e;
	count_name(n, dir, d.cookie);
	return 0;
}

static int add_numbered(struct repair *r, struct node *dir, const char *name, struct node *n)
{
	char numbered[64];
	int e = add_entry(r, dir, name, n);

	for (unsigned k = 1; e == -EEXIST && k < 100; k++) {
		(void) snprintf(numbered, sizeof(numbered), "%s.%u", name, k);
		e = add_entry(r, dir, numbered, n);
	}
	return e;
}

static int make_lost_found(struct repair *r, uint64_t *ret_ino)
{
	struct node n = { .made = true }, *root;
	struct timespec now;
	int e;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	root = repair_find(r, ROOT_INO);
	n.i = (struct inode){
		.ino = unused_ino(r), .mode = S_IFDIR | 0700, .uid = root->i.uid, .gid = root->i.gid,
		.atime = now, .mtime = now, .ctime = now, .btime = now,
	};
	e = repair_add_node(r, &n);
	if (e < 0)
		return e;
	*ret_ino = n.i.ino;
	return add_numbered(r, repair_find(r, ROOT_INO), LOST_FOUND, repair_find(r, n.i.ino));
}

/* The one that is there, or a new one. */
static int lost_found(struct repair *r, uint64_t *ret_ino)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	int e = dentry_init(&d, r->c, ROOT_INO, LOST_FOUND);

	if (e >= 0)
		e = dentry_load(&d, r->c);
	if (e < 0)
		return e;
	if (!d.found || d.type != S_IFDIR || !repair_find(r, d.ino))
		return make_lost_found(r, ret_ino);
	*ret_ino = d.ino;
	return 0;
}

static bool is_nameless(const struct node *n)
{
	return n->names == 0 && n->i.ino != ROOT_INO && !(n->i.flags & INODE_ORPHAN);
}

static int adopt(struct repair *r, uint64_t home, uint64_t ino)
{
	char name[32];

	(void) snprintf(name, sizeof(name), "#%llu", (unsigned long long)ino);
	repair_say(r, "inode %llu: has no name, and is lost+found/%s now", (unsigned long long)ino, name);
	repair_find(r, ino)->adopted = true;
	return add_numbered(r, repair_find(r, home), name, repair_find(r, ino));
}

static int adopt_all(struct repair *r)
{
	uint64_t home = 0;
	size_t n = r->n;
	int e = 0;

	for (size_t k = 0; k < n && e >= 0; k++) {
		if (!is_nameless(&r->nodes[k]))
			continue;
		if (!home)
			e = lost_found(r, &home);
		if (e >= 0)
			e = adopt(r, home, r->nodes[k].i.ino);
	}
	return e;
}

static int visit_all(struct repair *r)
{
	struct key prefix = key_start('D');
	int e = records_foreach(r->c, &prefix, visit, r);

	return e < 0 ? e : repair_flush(r);
}

int repair_names(struct repair *r)
{
	int e = visit_all(r);

	if (e >= 0 && cut_circles(r)) {
		forget_names(r);
		e = visit_all(r);
	}
	if (e >= 0)
		e = adopt_all(r);
	return e < 0 ? e : repair_flush(r);
}
