/* SPDX-License-Identifier: MIT */
#include "catalog/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"

#define VERSION 1u
#define FOUND_LABELS_MAX 4096u
#define FIELD_NAME_MAX 255u

static struct key found_key(uint64_t ino)
{
	return key_u64(key_start('N'), ino);
}

/* ---- fields */

const char *field_of_xattr(const char *name)
{
	static const char user[] = "user.", ours[] = "user.brainy.";

	if (strncmp(name, user, sizeof(user) - 1) != 0 || strncmp(name, ours, sizeof(ours) - 1) == 0 ||
	    strcmp(name, XATTR_TAGS) == 0)
		return NULL;
	return name + sizeof(user) - 1;
}

/* A value is one line that a folder can be called by. */
static bool is_value(const char **at, size_t *len)
{
	while (*len && (unsigned char)**at <= ' ')
		(*at)++, (*len)--;
	while (*len && (unsigned char)(*at)[*len - 1] <= ' ')
		(*len)--;
	if (!*len || *len > FIELD_VALUE_MAX || !utf8_valid(*at, *len))
		return false;
	for (size_t k = 0; k < *len; k++)
		if ((unsigned char)(*at)[k] < ' ' || (*at)[k] == 0x7f)
			return false;
	return true;
}

int field_find_name(struct catalog *c, const char *field, uint64_t *ret_id)
{
	return label_find(c, LABEL_ROOT_FIELDS, field, strlen(field), ret_id);
}

int field_find(struct catalog *c, const char *field, const char *value, size_t len, uint64_t *ret_id)
{
	uint64_t above;
	int r = is_value(&value, &len) ? field_find_name(c, field, &above) : -ENOENT;

	return r < 0 ? r : label_find(c, above, value, len, ret_id);
}

/* -EINVAL: no label for that. */
static int make_value(struct batch *b, const char *field, const char *value, size_t len, uint64_t *ret_id)
{
	size_t field_len = strlen(field);
	uint64_t above;
	int r = field_len && field_len <= FIELD_NAME_MAX && is_value(&value, &len) ? 0 : -EINVAL;

	if (r >= 0)
		r = label_make(b, LABEL_ROOT_FIELDS, field, field_len, 0, 0, &above);
	return r < 0 ? r : label_make(b, above, value, len, 0, 0, ret_id);
}

static int find_value_in(struct batch *b, const char *field, const char *value, size_t len, uint64_t *ret_id)
{
	uint64_t above;
	int r = is_value(&value, &len) ? label_find_in(b, LABEL_ROOT_FIELDS, field, strlen(field), &above) : -ENOENT;

	return r < 0 ? r : label_find_in(b, above, value, len, ret_id);
}

int field_change(struct batch *b, uint64_t ino, const char *field, const void *old, size_t old_len, const void *now,
		 size_t now_len)
{
	uint64_t id = 0, before;
	int r = make_value(b, field, now, now_len, &id);

	if (r >= 0)
		r = label_attach(b, id, ino, LABEL_SET);
	if (r < 0 && r != -EINVAL)
		return r;
	r = find_value_in(b, field, old, old_len, &before);
	if (r == -ENOENT || (r >= 0 && before == id)) /* the same value, perhaps with other blanks around it */
		return 0;
	return r < 0 ? r : label_detach(b, before, ino, LABEL_SET);
}

/* ---- records */

struct labels {
	uint64_t *ids; /* owned; ascending, each once */
	size_t n;
};

static void labels_done(struct labels *l)
{
	free(l->ids);
}

/* `r`: what getting the value gave; no record is none found. */
static int decode(int r, const struct buf *value, struct labels *ret_l)
{
	struct reader in = reader_over(value->data, value->len);
	struct labels l = { 0 };
	uint64_t id = 0, n;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (reader_u8(&in) != VERSION)
		return -EBADMSG;
	n = reader_varint(&in);
	if (in.bad || n > FOUND_LABELS_MAX)
		return -EBADMSG;
	l.ids = calloc(n + 1, sizeof(*l.ids));
	if (!l.ids)
		return -ENOMEM;
	while (l.n < n)
		l.ids[l.n++] = id += reader_varint(&in);
	if (in.bad || reader_left(&in)) {
		labels_done(&l);
		return -EBADMSG;
	}
	*ret_l = l;
	return 0;
}

static int load(struct catalog *c, uint64_t ino, struct labels *ret_l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = found_key(ino);

	return decode(catalog_get(c, key.bytes, key.len, &value), &value, ret_l);
}

static int load_in(struct batch *b, uint64_t ino, struct labels *ret_l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = found_key(ino);

	return decode(batch_get(b, key.bytes, key.len, &value), &value, ret_l);
}

static int store(struct batch *b, struct inode *i, const struct labels *l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = found_key(i->ino);
	int r = buf_add_u8(&value, VERSION);

	if (!l->n) {
		if (i->flags & INODE_FOUND)
			batch_remove(b, key.bytes, key.len);
		i->flags &= ~INODE_FOUND;
		return 0;
	}
	if (r >= 0)
		r = buf_add_varint(&value, l->n);
	for (size_t k = 0; r >= 0 && k < l->n; k++)
		r = buf_add_varint(&value, l->ids[k] - (k ? l->ids[k - 1] : 0));
	if (r < 0)
		return r;
	batch_put(b, key.bytes, key.len, value.data, value.len);
	i->flags |= INODE_FOUND;
	return 0;
}

int found_foreach_label(struct catalog *c, uint64_t ino, int (*label)(void *context, uint64_t id), void *context)
{
	_cleanup_(labels_done) struct labels l = { 0 };
	int r = load(c, ino, &l);

	for (size_t k = 0; r >= 0 && k < l.n; k++) {
		r = label(context, l.ids[k]);
		if (r)
			break;
	}
	return r;
}

/* ---- changing */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort_once(struct labels *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->ids, l->n, sizeof(*l->ids), compare);
	for (size_t k = 0; k < l->n; k++)
		if (!kept || l->ids[kept - 1] != l->ids[k])
			l->ids[kept++] = l->ids[k];
	l->n = kept;
}

static const char *next_text(const char **at, const char *end, size_t *ret_len)
{
	const char *text = *at;

	*ret_len = strnlen(text, (size_t)(end - text));
	*at = text + *ret_len + (text + *ret_len < end);
	return text;
}

static int make_tags(struct batch *b, const struct found *f, struct labels *l)
{
	const char *at = f->tags, *end = at + f->tags_len;
	int r = 0;

	while (at < end && r >= 0 && l->n < FOUND_LABELS_MAX) {
		size_t len;
		const char *name = next_text(&at, end, &len);

		r = tags_make_found(b, name, len, &l->ids[l->n]);
		l->n += r > 0;
	}
	return r;
}

static int make_fields(struct batch *b, const struct found *f, struct labels *l)
{
	const char *at = f->fields, *end = at + f->fields_len;
	int r = 0;

	while (at < end && r >= 0 && l->n < FOUND_LABELS_MAX) {
		size_t len;
		const char *name = next_text(&at, end, &len);
		const char *value = next_text(&at, end, &len);

		r = make_value(b, name, value, len, &l->ids[l->n]);
		l->n += r >= 0;
		if (r == -EINVAL)
			r = 0;
	}
	return r;
}

static bool has(const struct labels *l, uint64_t id)
{
	return l->n && bsearch(&id, l->ids, l->n, sizeof(*l->ids), compare);
}

/* What comes goes in first: a label that stays must not go away in between. */
static int exchange(struct batch *b, uint64_t ino, const struct labels *old, const struct labels *now)
{
	int r = 0;

	for (size_t k = 0; k < now->n && r >= 0; k++)
		if (!has(old, now->ids[k]))
			r = label_attach(b, now->ids[k], ino, LABEL_FOUND);
	for (size_t k = 0; k < old->n && r >= 0; k++)
		if (!has(now, old->ids[k]))
			r = label_detach(b, old->ids[k], ino, LABEL_FOUND);
	return r;
}

static int set_in(struct tree_op *op, uint64_t ino, uint64_t content_lsn, const struct found *f)
{
	_cleanup_(labels_done) struct labels old = { 0 }, now = { .ids = calloc(FOUND_LABELS_MAX, sizeof(uint64_t)) };
	struct inode i;
	int r = now.ids ? inode_get_in(op->b, ino, &i) : -ENOMEM;

	if (r >= 0 && (!i.nlink || i.content_lsn != content_lsn))
		return 0;
	if (r >= 0)
		r = load_in(op->b, ino, &old);
	if (r >= 0)
		r = make_tags(op->b, f, &now);
	if (r >= 0)
		r = make_fields(op->b, f, &now);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	sort_once(&now);
	if (now.n == old.n && memcmp(now.ids, old.n ? old.ids : now.ids, now.n * sizeof(*now.ids)) == 0)
		return 0;
	r = exchange(op->b, ino, &old, &now);
	if (r >= 0)
		r = store(op->b, &i, &now);
	if (r >= 0)
		inode_put(op->b, &i);
	return r;
}

static int set_labels(struct catalog *c, uint64_t ino, uint64_t content_lsn, const struct found *f)
{
	struct inode i;
	struct tree_op op;
	int r = inode_get(c, ino, &i);

	if (r < 0 || (!f->tags_len && !f->fields_len && !(i.flags & INODE_FOUND)))
		return r == -ENOENT ? 0 : r;
	r = op_begin(&op, c, NULL, false);
	return r < 0 ? r : op_end(&op, set_in(&op, ino, content_lsn, f), ino);
}

int tree_set_found(struct catalog *c, uint64_t ino, uint64_t content_lsn, const struct found *f)
{
	int r = set_labels(c, ino, content_lsn, f);

	return r < 0 ? r : links_set_found(c, ino, content_lsn, f->links, f->links_len);
}

void found_forget(struct batch *b, struct inode *i)
{
	struct key key = found_key(i->ino);

	batch_remove(b, key.bytes, key.len);
	i->flags &= ~INODE_FOUND;
}

int found_detach(struct batch *b, struct inode *i)
{
	_cleanup_(labels_done) struct labels old = { 0 };
	static const struct labels none;
	int r = i->flags & INODE_FOUND ? load_in(b, i->ino, &old) : 0;

	if (r >= 0)
		r = exchange(b, i->ino, &old, &none);
	return r < 0 ? r : store(b, i, &none);
}

int found_attach(struct batch *b, const struct inode *i)
{
	_cleanup_(labels_done) struct labels now = { 0 };
	static const struct labels none;
	int r = i->flags & INODE_FOUND ? load_in(b, i->ino, &now) : 0;

	return r < 0 ? r : exchange(b, i->ino, &none, &now);
}
