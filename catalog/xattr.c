/* SPDX-License-Identifier: MIT */
/* Extended attributes: key 'X' be64 ino, be64 hash. The hash is the first 64 bits of
 * digest_128(DIGEST_XATTR, le64 ino || name). The value holds all xattrs whose names have this hash:
 *
 *   u8      length of the name, 0 to 255
 *   bytes   name
 *   varint  length of the value
 *   bytes   value
 *
 * The empty name is a symlink's target: it is a member of the set like any xattr, so it cannot vanish
 * unnoticed. */
#include <errno.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "catalog/acl.h"
#include "catalog/encode.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

#define XATTR_NAME_LEN_MAX 255

struct xattr_ref {
	struct key key;
	const char *name;
	size_t name_len;
	struct buf record; /* owned */
	bool found;
	size_t at, size;   /* of the xattr within the record */
	const uint8_t *value;
	size_t value_len;
};

static void xattr_ref_done(struct xattr_ref *x)
{
	buf_done(&x->record);
}

static struct xattr_ref ref_of(struct catalog *c, uint64_t ino, const char *name)
{
	struct xattr_ref x = { .name = name, .name_len = strlen(name) };
	uint8_t number[8];
	struct iovec pieces[] = { { number, sizeof(number) }, { (void *)name, x.name_len } };
	struct id128 digest;
	uint64_t hash;

	store_le64(number, ino);
	digest = digest_128(catalog_keys(c), DIGEST_XATTR, pieces, ARRAY_SIZE(pieces));
	hash = load_be64(digest.bytes);
	if (dentry_hash_bits < 56)
		hash >>= 64 - dentry_hash_bits;
	x.key = key_u64(key_u64(key_start('X'), ino), hash);
	return x;
}

struct item {
	const char *name;
	size_t name_len;
	const uint8_t *value;
	size_t value_len;
};

/* 1, 0 at the end, -EBADMSG. */
static int next_item(struct reader *r, struct item *ret_item)
{
	if (!reader_left(r))
		return 0;
	ret_item->name_len = reader_u8(r);
	ret_item->name = reader_take(r, ret_item->name_len);
	ret_item->value = reader_bytes(r, &ret_item->value_len);
	return r->bad ? -EBADMSG : 1;
}

/* `r`: what getting the record gave. */
static int find(struct xattr_ref *x, int r)
{
	struct reader reader = reader_over(x->record.data, x->record.len);
	const uint8_t *from = reader.at;
	struct item item;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (; (r = next_item(&reader, &item)) > 0; from = reader.at) {
		if (item.name_len != x->name_len || memcmp(item.name, x->name, x->name_len) != 0)
			continue;
		x->found = true;
		x->at = (size_t)(from - x->record.data);
		x->size = (size_t)(reader.at - from);
		x->value = item.value;
		x->value_len = item.value_len;
	}
	return r;
}

static int load(struct xattr_ref *x, struct catalog *c)
{
	return find(x, catalog_get(c, x->key.bytes, x->key.len, &x->record));
}

static int load_in(struct xattr_ref *x, struct batch *b)
{
	return find(x, batch_get(b, x->key.bytes, x->key.len, &x->record));
}

/* ---- changing, inside a batch */

/* The record with what `x` found replaced by `value`, or taken out when that is NULL. */
static int rebuild(const struct xattr_ref *x, const void *value, size_t len, struct buf *now)
{
	size_t at = x->found ? x->at : x->record.len, rest = at + x->size;
	int r;

	r = buf_add(now, x->record.data, at);
	if (r >= 0 && value) {
		r = buf_add_u8(now, (uint8_t)x->name_len);
		if (r >= 0)
			r = buf_add(now, x->name, x->name_len);
		if (r >= 0)
			r = buf_add_bytes(now, value, len);
	}
	return r < 0 ? r : buf_add(now, x->record.data + rest, x->record.len - rest);
}

static int change(struct xattr_ref *x, struct batch *b, struct inode *i, const void *value, size_t len)
{
	_cleanup_buf_ struct buf now = BUF_INIT;
	struct buf *old = &x->record;
	int r;

	r = rebuild(x, value, len, &now);
	if (r < 0)
		return r;
	if (now.len > CATALOG_VALUE_MAX / 4)
		return -ENOSPC;
	if (now.len)
		set_put(b, i, SET_XATTRS, &x->key, old->len ? old->data : NULL, old->len, now.data, now.len);
	else
		set_remove(b, i, SET_XATTRS, &x->key, old->data, old->len);
	return 0;
}

int xattr_put_in(struct batch *b, struct inode *i, const char *name, const void *value, size_t len)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = ref_of(batch_catalog(b), i->ino, name);
	int r = load_in(&x, b);

	return r < 0 ? r : change(&x, b, i, value ? value : "", len);
}

int xattr_get_in(struct batch *b, const struct inode *i, const char *name, struct buf *ret_value)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = ref_of(batch_catalog(b), i->ino, name);
	int r = load_in(&x, b);

	if (r < 0)
		return r;
	return x.found ? buf_add(ret_value, x.value, x.value_len) : -ENODATA;
}

int xattr_remove_in(struct batch *b, struct inode *i, const char *name)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = ref_of(batch_catalog(b), i->ino, name);
	int r = load_in(&x, b);

	if (r < 0)
		return r;
	return x.found ? change(&x, b, i, NULL, 0) : -ENODATA;
}

int tree_drop_capability_in(struct batch *b, struct inode *i)
{
	int r = i->sets[SET_XATTRS].count ? xattr_remove_in(b, i, "security.capability") : -ENODATA;

	if (r >= 0)
		batch_note(b, i->ino, EVENT_XATTR);
	return r == -ENODATA ? 0 : r;
}

/* ---- reading */

static int check_xattrs(struct catalog *c, uint64_t ino)
{
	struct inode i;
	int r;

	if (set_is_checked(c, ino, SET_XATTRS))
		return 0;
	r = inode_get(c, ino, &i);
	return r < 0 ? r : inode_check_set(c, &i, SET_XATTRS);
}

static int check_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= XATTR_NAME_LEN_MAX ? 0 : -ERANGE;
}

/* -ENODATA also for an inode that is not there, once its (empty) set was checked. */
int xattr_get_stored(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = ref_of(c, ino, name);
	int r;

	r = load(&x, c);
	if (r < 0)
		return r;
	if (x.found)
		return buf_add(ret_value, x.value, x.value_len);
	r = check_xattrs(c, ino);
	return r < 0 ? r : -ENODATA;
}

static bool is_tags(const char *name)
{
	return strcmp(name, XATTR_TAGS) == 0;
}

/* A volume that an older version has written, and that cannot be changed, has them as text. */
static int get_tags(struct catalog *c, uint64_t ino, struct buf *ret_value)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = xattr_get_stored(c, ino, XATTR_TAG_IDS, &list);

	if (r == -ENODATA)
		return xattr_get_stored(c, ino, XATTR_TAGS, ret_value);
	return r < 0 ? r : tags_decode(c, list.data, list.len, ret_value);
}

static int get_links(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	char stored[LINK_STORED_MAX];
	int r;

	link_stored_name(link_verb_of_xattr(name), stored);
	r = xattr_get_stored(c, ino, stored, &list);
	if (r == -ENODATA)
		return xattr_get_stored(c, ino, name, ret_value);
	return r < 0 ? r : links_decode(c, list.data, list.len, NULL, ret_value);
}

int tree_getxattr(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	int r = check_name(name);

	if (r < 0)
		return r;
	if (link_verb_of_xattr(name))
		return get_links(c, ino, name, ret_value);
	return is_tags(name) ? get_tags(c, ino, ret_value) : xattr_get_stored(c, ino, name, ret_value);
}

int tree_readlink(struct catalog *c, uint64_t ino, struct buf *ret_target)
{
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	if (r < 0)
		return r;
	if (!S_ISLNK(i.mode))
		return -EINVAL;
	r = xattr_get_stored(c, ino, XATTR_TARGET, ret_target);
	return r == -ENODATA ? -EBADMSG : r;
}

struct each_item {
	int (*item)(void *context, const char *name, size_t name_len, const void *value, size_t len);
	void *context;
};

static int tell_items(void *context, const struct record *record)
{
	struct reader reader = reader_over(record->value, record->value_len);
	const struct each_item *each = context;
	struct item i;
	int r = 0;

	while (r == 0 && (r = next_item(&reader, &i)) > 0)
		r = each->item(each->context, i.name, i.name_len, i.value, i.value_len);
	return r;
}

int xattr_foreach_stored(struct catalog *c, uint64_t ino,
			 int (*item)(void *context, const char *name, size_t name_len, const void *value, size_t len),
			 void *context)
{
	struct key prefix = key_u64(key_start('X'), ino);

	return records_foreach(c, &prefix, tell_items, &(struct each_item){ item, context });
}

static bool is_tag_ids(const struct item *item)
{
	return item->name_len == strlen(XATTR_TAG_IDS) && memcmp(item->name, XATTR_TAG_IDS, item->name_len) == 0;
}

/* What programs call it. */
static int add_name(struct buf *names, const struct item *item)
{
	size_t len;
	const char *verb = link_verb_of_stored(item->name, item->name_len, &len);
	int r = 0;

	if (is_tag_ids(item))
		return buf_add_str(names, XATTR_TAGS);
	if (verb)
		r = buf_add_str(names, LINK_XATTR);
	return r < 0 ? r : verb ? buf_add(names, verb, len) : buf_add(names, item->name, item->name_len);
}

static int add_names(void *context, const struct record *record)
{
	struct reader reader = reader_over(record->value, record->value_len);
	struct buf *names = context;
	struct item item;
	int r, more;

	while ((more = next_item(&reader, &item)) > 0) {
		if (!item.name_len)
			continue;
		r = add_name(names, &item);
		if (r >= 0)
			r = buf_add_u8(names, 0);
		if (r < 0)
			return r;
	}
	return more;
}

int tree_listxattr(struct catalog *c, uint64_t ino, struct buf *ret_names)
{
	struct key prefix = key_u64(key_start('X'), ino);
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	if (r >= 0)
		r = inode_check_set(c, &i, SET_XATTRS);
	if (r < 0 || !i.sets[SET_XATTRS].count)
		return r;
	return records_foreach(c, &prefix, add_names, ret_names);
}

/* ---- fields, when a file gets its first name or loses its last */

struct field_walk {
	struct batch *b;
	uint64_t ino;
	bool attach;
};

static int change_field(const struct field_walk *w, const struct item *item)
{
	char name[XATTR_NAME_LEN_MAX + 1];
	const char *field;

	memcpy(name, item->name, item->name_len);
	name[item->name_len] = 0;
	field = field_of_xattr(name);
	if (!field)
		return 0;
	return w->attach ? field_change(w->b, w->ino, field, "", 0, item->value, item->value_len)
			 : field_change(w->b, w->ino, field, item->value, item->value_len, "", 0);
}

static int change_fields(void *context, const struct record *record)
{
	struct reader reader = reader_over(record->value, record->value_len);
	struct item item;
	int r;

	while ((r = next_item(&reader, &item)) > 0) {
		r = change_field(context, &item);
		if (r < 0)
			break;
	}
	return r;
}

int xattr_follow_fields(struct batch *b, const struct inode *i, bool attach)
{
	struct key prefix = key_u64(key_start('X'), i->ino);
	struct field_walk w = { b, i->ino, attach };

	return i->sets[SET_XATTRS].count ? records_foreach(batch_catalog(b), &prefix, change_fields, &w) : 0;
}

/* ---- setting and removing */

struct setting {
	uint64_t ino;
	const char *name;
	const void *value; /* NULL: remove */
	size_t len;
	int flags;
	struct buf list;   /* owned; in the place of a value that lists tags or links */
	char stored[LINK_STORED_MAX];
};

static int check_flags(const struct xattr_ref *x, const struct setting *s)
{
	if (x->found && s->flags & XATTR_CREATE)
		return -EEXIST;
	if (!x->found && (!s->value || s->flags & XATTR_REPLACE))
		return -ENODATA;
	return 0;
}

static void take_list(struct setting *s)
{
	s->value = s->list.data ? s->list.data : (const void *)"";
	s->len = s->list.len;
}

/* Tags count while the file has a name. */
static int change_tags(struct tree_op *op, const struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	struct buf old = { .data = (uint8_t *)x->value, .len = x->value_len };
	int r = 0;

	if (s->value) {
		r = tags_encode(op->b, s->value, s->len, &s->list);
		take_list(s);
	}
	return r < 0 ? r : tags_change(op->b, i->ino, &old, &s->list);
}

/* Links hang on the inode, with or without a name. */
static int change_links(struct tree_op *op, struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	struct buf old = { .data = (uint8_t *)x->value, .len = x->value_len };
	int r = 0;

	if (s->value) {
		r = links_encode(op->c, s->value, s->len, &s->list);
		take_list(s);
	}
	return r < 0 ? r : links_change_list(op->b, i, link_verb_of_xattr(s->name), &old, &s->list);
}

static int change_labels(struct tree_op *op, struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	const char *field = field_of_xattr(s->name);

	if (link_verb_of_xattr(s->name))
		return change_links(op, i, x, s);
	if (!i->nlink)
		return 0;
	if (is_tags(s->name))
		return change_tags(op, i, x, s);
	if (!field)
		return 0;
	return field_change(op->b, i->ino, field, x->found ? x->value : (const uint8_t *)"", x->value_len,
			    s->value ? s->value : "", s->len);
}

/* An access ACL is the mode in more words: what it says of the three classes goes there. 1: there is
 * nothing else in it. */
static int apply_acl(struct inode *i, const struct setting *s)
{
	uint32_t ignored = 0;

	if (s->value && strcmp(s->name, XATTR_ACL_DEFAULT) == 0)
		return MIN(acl_to_mode(s->value, s->len, &ignored), 0);
	if (!s->value || strcmp(s->name, XATTR_ACL_ACCESS) != 0)
		return 0;
	if (s->flags & TREE_XATTR_KILL_SGID)
		i->mode &= ~(uint32_t)S_ISGID;
	return acl_to_mode(s->value, s->len, &i->mode);
}

static int store(struct tree_op *op, struct inode *i, struct xattr_ref *x, const struct setting *s)
{
	int r = apply_acl(i, s);

	if (r < 0)
		return r;
	if (r > 0)
		return x->found ? change(x, op->b, i, NULL, 0) : 0;
	return change(x, op->b, i, s->value, s->len);
}

static int note_change(struct tree_op *op, struct inode *i, const struct setting *s)
{
	bool searchable = strncmp(s->name, "user.", 5) == 0;

	i->ctime = op->now;
	batch_note(op->b, i->ino, EVENT_XATTR);
	return searchable ? queue_mark(op->b, i, EVENT_XATTR, &op->stats) : 0;
}

static const char *stored_name(struct setting *s, const struct inode *i)
{
	const char *verb = link_verb_of_xattr(s->name);

	if (!verb)
		return is_tags(s->name) && i->nlink ? XATTR_TAG_IDS : s->name;
	link_stored_name(verb, s->stored);
	return s->stored;
}

static int set_in(struct tree_op *op, struct setting *s)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = { 0 };
	struct inode i;
	int r;

	r = inode_get_in(op->b, s->ino, &i);
	if (r < 0)
		return r;
	x = ref_of(op->c, s->ino, stored_name(s, &i));
	r = load_in(&x, op->b);
	if (r >= 0)
		r = check_flags(&x, s);
	if (r >= 0)
		r = change_labels(op, &i, &x, s);
	if (r >= 0)
		r = store(op, &i, &x, s);
	if (r >= 0)
		r = note_change(op, &i, s);
	if (r >= 0)
		inode_put(op->b, &i);
	return r;
}

static int check_setting(const struct setting *s)
{
	if (s->value && link_is_xattr(s->name) && !link_verb_of_xattr(s->name))
		return -EINVAL;
	return check_name(s->name);
}

static int set(struct catalog *c, struct tree_request *rq, struct setting *s)
{
	struct tree_op op;
	int r;

	r = check_setting(s);
	if (r >= 0)
		r = check_xattrs(c, s->ino);
	if (r >= 0)
		r = op_begin(&op, c, rq, !s->value);
	if (r < 0)
		return r;
	r = op_end(&op, set_in(&op, s), s->ino);
	buf_done(&s->list);
	/* So many tags or links that their records fill more than a batch. */
	return r == -EFBIG ? -E2BIG : r;
}

int tree_setxattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name,
		  const void *value, size_t len, int flags)
{
	struct setting s = { .ino = ino, .name = name, .value = value ? value : "", .len = len, .flags = flags };

	return len > (link_verb_of_xattr(name) ? LINKS_SET_BYTES : XATTR_SIZE_MAX) ? -E2BIG : set(c, rq, &s);
}

int tree_removexattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name)
{
	struct setting s = { .ino = ino, .name = name };

	return set(c, rq, &s);
}
