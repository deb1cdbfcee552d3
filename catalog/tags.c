/* SPDX-License-Identifier: MIT */
/* Tags: what user.xdg.tags lists, as records that find the files of a tag.
 *
 *   'G' 128-bit digest_128(DIGEST_TAG, name)   varint tag id, varint number of files, then the name
 *   'g' be64 tag id                            the 16 bytes of the hash
 *   'T' be64 tag id, be64 ino                  u8 1
 *
 * The list is separated by commas; blanks around a tag do not count, empty ones and repeated ones are
 * dropped. Tags are compared byte by byte. A tag without files has no records; when it comes back it
 * gets a new id. Files have their tags here while they have a name. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

struct tag {
	const char *name; /* borrowed from the list */
	size_t len;
};

struct tag_list {
	struct tag *tags; /* owned; sorted, each once */
	size_t count;
};

/* ---- parsing */

static int compare(const void *a, const void *b)
{
	const struct tag *x = a, *y = b;
	int r = memcmp(x->name, y->name, MIN(x->len, y->len));

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\0';
}

static struct tag trim(const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (from < to && is_blank(to[-1]))
		to--;
	return (struct tag){ from, (size_t)(to - from) };
}

static void sort_once(struct tag_list *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->tags, list->count, sizeof(*list->tags), compare);
	for (size_t n = 0; n < list->count; n++)
		if (!kept || compare(&list->tags[kept - 1], &list->tags[n]) != 0)
			list->tags[kept++] = list->tags[n];
	list->count = kept;
}

static int parse(const void *data, size_t len, struct tag_list *ret_list)
{
	const char *at = data, *end = at + len;
	struct tag_list list = { .tags = calloc(len / 2 + 1, sizeof(*list.tags)) };

	if (!list.tags)
		return -ENOMEM;
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct tag tag = trim(at, comma ? comma : end);

		if (tag.len)
			list.tags[list.count++] = tag;
		at = comma ? comma + 1 : end;
	}
	sort_once(&list);
	*ret_list = list;
	return 0;
}

static void tag_list_done(struct tag_list *list)
{
	free(list->tags);
}

/* ---- records */

struct tag_record {
	struct key key;
	uint64_t id, files;
};

static struct key tag_key(struct catalog *c, const struct tag *tag)
{
	struct iovec piece = { (void *)tag->name, tag->len };

	return key_id(key_start('G'), digest_128(catalog_keys(c), DIGEST_TAG, &piece, 1));
}

static struct key file_key(uint64_t id, uint64_t ino)
{
	return key_u64(key_u64(key_start('T'), id), ino);
}

/* `r`: what getting the value gave. */
static int decode(int r, const struct buf *value, const struct tag *tag, struct tag_record *record)
{
	struct reader reader = reader_over(value->data, value->len);

	if (r < 0)
		return r;
	record->id = reader_varint(&reader);
	record->files = reader_varint(&reader);
	if (reader.bad || reader_left(&reader) != tag->len || memcmp(reader.at, tag->name, tag->len) != 0)
		return -EBADMSG;
	return 0;
}

static int get_record_in(struct batch *b, const struct tag *tag, struct tag_record *ret_record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct tag_record *record = ret_record;

	record->key = tag_key(batch_catalog(b), tag);
	return decode(batch_get(b, record->key.bytes, record->key.len, &value), &value, tag, record);
}

static int get_record(struct catalog *c, const struct tag *tag, struct tag_record *ret_record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct tag_record *record = ret_record;

	record->key = tag_key(c, tag);
	return decode(catalog_get(c, record->key.bytes, record->key.len, &value), &value, tag, record);
}

static int put_record(struct batch *b, const struct tag *tag, const struct tag_record *record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r;

	r = buf_add_varint(&value, record->id);
	if (r >= 0)
		r = buf_add_varint(&value, record->files);
	if (r >= 0)
		r = buf_add(&value, tag->name, tag->len);
	if (r >= 0)
		batch_put(b, record->key.bytes, record->key.len, value.data, value.len);
	return r;
}

static struct key id_key(uint64_t id)
{
	return key_u64(key_start('g'), id);
}

static int attach(struct batch *b, uint64_t ino, const struct tag *tag, struct tag_numbers *numbers)
{
	struct tag_record record;
	struct key key;
	int r;

	r = get_record_in(b, tag, &record);
	if (r == -ENOENT) {
		if (numbers->used == numbers->count)
			return -EAGAIN;
		record.id = numbers->numbers[numbers->used++];
		record.files = 0;
		key = id_key(record.id);
		batch_put(b, key.bytes, key.len, record.key.bytes + 1, record.key.len - 1);
	} else if (r < 0)
		return r;
	record.files++;
	key = file_key(record.id, ino);
	batch_put(b, key.bytes, key.len, "\1", 1);
	return put_record(b, tag, &record);
}

static int detach(struct batch *b, uint64_t ino, const struct tag *tag)
{
	struct tag_record record;
	struct key key;
	int r;

	r = get_record_in(b, tag, &record);
	if (r < 0 || !record.files)
		return r == -ENOENT || r >= 0 ? -EBADMSG : r;
	key = file_key(record.id, ino);
	batch_remove(b, key.bytes, key.len);
	record.files--;
	if (record.files)
		return put_record(b, tag, &record);
	key = id_key(record.id);
	batch_remove(b, key.bytes, key.len);
	batch_remove(b, record.key.bytes, record.key.len);
	return 0;
}

/* ---- lists */

static int change(struct batch *b, uint64_t ino, const struct tag_list *old, const struct tag_list *now,
		  struct tag_numbers *numbers)
{
	size_t o = 0, n = 0;
	int order, r = 0;

	while (r >= 0 && (o < old->count || n < now->count)) {
		if (o == old->count)
			order = 1;
		else if (n == now->count)
			order = -1;
		else
			order = compare(&old->tags[o], &now->tags[n]);
		if (order < 0)
			r = detach(b, ino, &old->tags[o]);
		else if (order > 0)
			r = attach(b, ino, &now->tags[n], numbers);
		o += order <= 0;
		n += order >= 0;
	}
	return r;
}

int tags_change(struct batch *b, uint64_t ino, const struct buf *old, const struct buf *now,
		struct tag_numbers *numbers)
{
	_cleanup_(tag_list_done) struct tag_list old_list = { 0 };
	_cleanup_(tag_list_done) struct tag_list now_list = { 0 };
	int r;

	r = parse(old->data, old->len, &old_list);
	if (r >= 0)
		r = parse(now->data, now->len, &now_list);
	return r < 0 ? r : change(b, ino, &old_list, &now_list, numbers);
}

int tags_detach(struct batch *b, const struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r;

	r = xattr_get_in(b, i, XATTR_TAGS, &list);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	return tags_change(b, i->ino, &list, &BUF_INIT, NULL);
}

int tags_attach(struct batch *b, const struct inode *i, struct tag_numbers *numbers)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r;

	if (!i->sets[SET_XATTRS].count)
		return 0;
	r = xattr_get_in(b, i, XATTR_TAGS, &list);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	return tags_change(b, i->ino, &BUF_INIT, &list, numbers);
}

/* ---- numbers */

static int take_number(struct catalog *c, const struct tag *tag, struct tag_numbers *numbers)
{
	struct tag_record record;
	int r = get_record(c, tag, &record);

	if (r != -ENOENT)
		return r;
	return catalog_next_number(c, COUNTER_TAG, &numbers->numbers[numbers->count++]);
}

int tag_numbers_take(struct catalog *c, const void *data, size_t len, struct tag_numbers *ret_numbers)
{
	_cleanup_(tag_list_done) struct tag_list list = { 0 };
	struct tag_numbers numbers = { 0 };
	int r;

	r = parse(data, len, &list);
	if (r < 0)
		return r;
	numbers.numbers = calloc(list.count + 1, sizeof(*numbers.numbers));
	if (!numbers.numbers)
		return -ENOMEM;
	for (size_t n = 0; n < list.count && r >= 0; n++)
		r = take_number(c, &list.tags[n], &numbers);
	if (r < 0) {
		tag_numbers_done(&numbers);
		return r;
	}
	*ret_numbers = numbers;
	return 0;
}

void tag_numbers_done(struct tag_numbers *numbers)
{
	free(numbers->numbers);
	*numbers = (struct tag_numbers){ 0 };
}

/* ---- finding */

struct visitor {
	int (*file)(void *context, uint64_t ino); /* NULL: only count */
	void *context;
	uint64_t count;
};

static int visit(void *context, const struct record *record)
{
	struct visitor *v = context;

	if (record->key_len != 17)
		return -EBADMSG;
	v->count++;
	return v->file ? v->file(v->context, load_be64(record->key + 9)) : 0;
}

static int visit_files(struct catalog *c, uint64_t id, struct visitor *v)
{
	struct key prefix = key_u64(key_start('T'), id);

	return records_foreach(c, &prefix, visit, v);
}

/* Files that were found and counted differ: another look, while nothing changes. */
static int check_count(struct catalog *c, const struct tag *tag)
{
	struct batch *hold = tree_hold(c);
	struct tag_record record;
	struct visitor v = { 0 };
	int r;

	r = get_record(c, tag, &record);
	if (r >= 0)
		r = visit_files(c, record.id, &v);
	if (r >= 0 && v.count != record.files)
		r = -EBADMSG;
	tree_release(hold);
	return r == -ENOENT ? 0 : r;
}

int tree_foreach_tagged(struct catalog *c, const char *name, size_t len,
			int (*file)(void *context, uint64_t ino), void *context)
{
	struct tag tag = { name, len };
	struct visitor v = { file, context, 0 };
	struct tag_record record;
	int r;

	r = get_record(c, &tag, &record);
	if (r < 0)
		return r;
	r = visit_files(c, record.id, &v);
	if (r || v.count == record.files)
		return r;
	return check_count(c, &tag);
}
