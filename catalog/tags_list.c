/* SPDX-License-Identifier: MIT */
/* The list in user.xdg.tags as it is stored (tags.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tags_impl.h"

#define LIST_ID 1u

struct piece {
	uint64_t id;      /* 0: `text` */
	const char *text; /* borrowed */
	size_t len;
};

/* 1, 0 at the end, -EBADMSG. */
static int next_piece(struct reader *in, struct piece *ret_p)
{
	uint64_t code;

	if (!reader_left(in))
		return 0;
	code = reader_varint(in);
	*ret_p = (struct piece){ .id = code & LIST_ID ? code >> 1 : 0,
				 .len = code & LIST_ID ? 0 : (size_t)(code >> 1) };
	ret_p->text = reader_take(in, ret_p->len);
	return in->bad || (code & LIST_ID && !ret_p->id) ? -EBADMSG : 1;
}

static int add_text(struct buf *list, const char *text, size_t len)
{
	int r = len ? buf_add_varint(list, (uint64_t)len << 1) : 0;

	return r < 0 || !len ? r : buf_add(list, text, len);
}

static int add_id(struct buf *list, uint64_t id)
{
	return buf_add_varint(list, id << 1 | LIST_ID);
}

int tags_encode(struct batch *b, const void *text, size_t len, struct buf *ret_list)
{
	const char *at = text, *end = at + len, *before = at;
	int r = 0;

	while (r >= 0 && at < end) {
		const char *from = at, *comma = memchr(at, ',', (size_t)(end - at));
		const char *to = comma ? comma : end;
		uint64_t id;

		at = comma ? comma + 1 : end;
		while (from < to && tag_is_blank(*from))
			from++;
		while (from < to && tag_is_blank(to[-1]))
			to--;
		r = tag_make(b, from, (size_t)(to - from), &id);
		if (r <= 0)
			continue;
		r = add_text(ret_list, before, (size_t)(from - before));
		if (r >= 0)
			r = add_id(ret_list, id);
		before = to;
	}
	return r < 0 ? r : add_text(ret_list, before, (size_t)(end - before));
}

int tags_decode(struct catalog *c, const void *list, size_t len, struct buf *ret_text)
{
	struct reader in = reader_over(list, len);
	struct piece p;
	int r;

	while ((r = next_piece(&in, &p)) > 0) {
		r = p.id ? tag_name(c, p.id, ret_text) : buf_add(ret_text, p.text, p.len);
		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
	}
	return r;
}

/* ---- which labels a list gives */

void tag_ids_done(struct tag_ids *ids)
{
	free(ids->ids);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int tag_ids_of(const void *list, size_t len, struct tag_ids *ret_ids)
{
	struct reader in = reader_over(list, len);
	struct tag_ids ids = { .ids = calloc(len + 1, sizeof(*ids.ids)) };
	struct piece p;
	size_t kept = 0;
	int r;

	if (!ids.ids)
		return -ENOMEM;
	while ((r = next_piece(&in, &p)) > 0)
		if (p.id)
			ids.ids[ids.n++] = p.id;
	qsort(ids.ids, ids.n, sizeof(*ids.ids), compare);
	for (size_t k = 0; k < ids.n; k++)
		if (!kept || ids.ids[kept - 1] != ids.ids[k])
			ids.ids[kept++] = ids.ids[k];
	ids.n = kept;
	*ret_ids = ids;
	return r;
}

bool tag_ids_have(const struct tag_ids *ids, uint64_t id)
{
	return bsearch(&id, ids->ids, ids->n, sizeof(*ids->ids), compare);
}

/* ---- changing it */

/* Does the list give it, or one below it? */
static int is_at(struct batch *b, const struct piece *p, uint64_t top)
{
	return p->id ? label_is_below(batch_catalog(b), p->id, top) : 0;
}

/* With a tag goes what follows it, up to the next one's comma. */
static void skip_comma(struct piece *p)
{
	const char *comma = p->len ? memchr(p->text, ',', p->len) : NULL;
	size_t skipped = comma ? (size_t)(comma + 1 - p->text) : p->len;

	p->text += skipped;
	p->len -= skipped;
}

static int take_out(struct batch *b, const struct buf *list, uint64_t top, struct buf *ret_list,
		    bool *ret_any)
{
	struct reader in = reader_over(list->data, list->len);
	bool dropped = false;
	struct piece p;
	int r;

	*ret_any = false;
	while ((r = next_piece(&in, &p)) > 0) {
		r = is_at(b, &p, top);
		if (r < 0)
			return r;
		if (r > 0) {
			*ret_any = dropped = true;
			continue;
		}
		if (dropped && !p.id)
			skip_comma(&p);
		dropped = false;
		r = p.id ? add_id(ret_list, p.id) : add_text(ret_list, p.text, p.len);
		if (r < 0)
			return r;
	}
	return r;
}

/* Nothing of a list is kept behind its last tag. */
static int tidy(const struct buf *list, struct buf *ret_list)
{
	struct reader in = reader_over(list->data, list->len);
	const uint8_t *end = in.at;
	struct piece p;
	int r;

	while ((r = next_piece(&in, &p)) > 0)
		if (p.id)
			end = in.at;
	return r < 0 ? r : buf_add(ret_list, list->data, (size_t)(end - list->data));
}

static int append(struct buf *list, uint64_t id)
{
	int r = list->len ? add_text(list, ",", 1) : 0;

	return r < 0 ? r : add_id(list, id);
}

static int has_id(const struct buf *list, uint64_t id)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;
	int r;

	while ((r = next_piece(&in, &p)) > 0)
		if (p.id == id)
			return 1;
	return r;
}

int tag_list_lose(struct batch *b, uint64_t id, struct buf *list)
{
	_cleanup_buf_ struct buf rest = BUF_INIT;
	bool any;
	int r = take_out(b, list, id, &rest, &any);

	if (r < 0 || !any)
		return r;
	buf_reset(list);
	r = tidy(&rest, list);
	return r < 0 ? r : 1;
}

int tag_list_gain(uint64_t id, struct buf *list)
{
	int has = has_id(list, id), r = has ? has : append(list, id);

	return r < 0 ? r : !has;
}
