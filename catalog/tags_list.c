/* SPDX-License-Identifier: MIT */
/* The list in user.xdg.tags as it is stored (tags.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/pieces.h"
#include "catalog/tags_impl.h"

static int add_text(struct buf *list, const char *text, size_t len)
{
	return len ? piece_add(list, &(struct piece){ .text = text, .len = len }) : 0;
}

static int add_id(struct buf *list, uint64_t id)
{
	return piece_add(list, &(struct piece){ .number = id });
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

	while ((r = piece_next(&in, &p)) > 0) {
		r = p.number ? tag_name(c, p.number, ret_text) : buf_add(ret_text, p.text, p.len);
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
	while ((r = piece_next(&in, &p)) > 0)
		if (p.number)
			ids.ids[ids.n++] = p.number;
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
	return p->number ? label_is_below(batch_catalog(b), p->number, top) : 0;
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
	while ((r = piece_next(&in, &p)) > 0) {
		r = is_at(b, &p, top);
		if (r < 0)
			return r;
		if (r > 0) {
			*ret_any = dropped = true;
			continue;
		}
		if (dropped && !p.number)
			skip_comma(&p);
		dropped = false;
		r = p.number ? add_id(ret_list, p.number) : add_text(ret_list, p.text, p.len);
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

	while ((r = piece_next(&in, &p)) > 0)
		if (p.number)
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

	while ((r = piece_next(&in, &p)) > 0)
		if (p.number == id)
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
