/* SPDX-License-Identifier: MIT */
/* What the list in user.xdg.tags says, and the labels that follow from it. */
#include "catalog/tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/found.h"
#include "catalog/tree_impl.h"

#define LIST_ID 1u

/* ---- names */

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\0';
}

bool tag_step_is_good(const char *name, size_t len)
{
	return len > 0 && len <= LABEL_NAME_MAX && !memchr(name, ',', len) && !memchr(name, '/', len) &&
	       !memchr(name, 0, len) && !is_blank(name[0]) && !is_blank(name[len - 1]);
}

/* Steps of a whole name; empty ones are stepped over. */
struct steps {
	const char *at, *end;
	unsigned depth;
};

static bool next_step(struct steps *s, const char **ret_name, size_t *ret_len)
{
	const char *slash;

	while (s->at < s->end && *s->at == '/')
		s->at++;
	if (s->at == s->end)
		return false;
	slash = ++s->depth < TAG_DEPTH_MAX ? memchr(s->at, '/', (size_t)(s->end - s->at)) : NULL;
	*ret_name = s->at;
	*ret_len = (size_t)((slash ? slash : s->end) - s->at);
	s->at += *ret_len;
	return true;
}

int tag_find(struct catalog *c, const char *name, size_t len, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + len };
	uint64_t id = LABEL_ROOT_TAGS;
	int r = -ENOENT;

	while (next_step(&steps, &name, &len)) {
		r = label_find(c, id, name, len, &id);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		*ret_id = id;
	return r;
}

/* 1: made, or it was there. 0: this is no name. */
static int make_tag(struct batch *b, const char *name, size_t len, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + len };
	uint64_t id = LABEL_ROOT_TAGS;
	int r = 0;

	while (next_step(&steps, &name, &len)) {
		r = label_make(b, id, name, len, 0, 0, &id);
		if (r < 0)
			return r;
		r = 1;
	}
	*ret_id = id;
	return r;
}

/* In a list it could not be told from several. */
int tags_make_found(struct batch *b, const char *name, size_t len, uint64_t *ret_id)
{
	return memchr(name, ',', len) ? 0 : make_tag(b, name, len, ret_id);
}

int tag_name(struct catalog *c, uint64_t id, struct buf *ret_name)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get(c, id, &l);

	if (r >= 0 && l.above != LABEL_ROOT_TAGS) {
		r = tag_name(c, l.above, ret_name); /* at most TAG_DEPTH_MAX deep: see label_rename() */
		if (r >= 0)
			r = buf_add_u8(ret_name, '/');
	}
	return r < 0 ? r : buf_add(ret_name, l.name.data, l.name.len);
}

/* ---- lists */

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
	*ret_p = (struct piece){ .id = code & LIST_ID ? code >> 1 : 0, .len = code & LIST_ID ? 0 : (size_t)(code >> 1) };
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
		const char *from = at, *comma = memchr(at, ',', (size_t)(end - at)), *to = comma ? comma : end;
		uint64_t id;

		at = comma ? comma + 1 : end;
		while (from < to && is_blank(*from))
			from++;
		while (from < to && is_blank(to[-1]))
			to--;
		r = make_tag(b, from, (size_t)(to - from), &id);
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

struct ids {
	uint64_t *ids; /* owned; sorted, each once */
	size_t n;
};

static void ids_done(struct ids *ids)
{
	free(ids->ids);
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int ids_of(const void *list, size_t len, struct ids *ret_ids)
{
	struct reader in = reader_over(list, len);
	struct ids ids = { .ids = calloc(len + 1, sizeof(*ids.ids)) };
	struct piece p;
	size_t kept = 0;
	int r;

	if (!ids.ids)
		return -ENOMEM;
	while ((r = next_piece(&in, &p)) > 0)
		if (p.id)
			ids.ids[ids.n++] = p.id;
	qsort(ids.ids, ids.n, sizeof(*ids.ids), compare_ids);
	for (size_t k = 0; k < ids.n; k++)
		if (!kept || ids.ids[kept - 1] != ids.ids[k])
			ids.ids[kept++] = ids.ids[k];
	ids.n = kept;
	*ret_ids = ids;
	return r;
}

/* What comes goes in first: a label that both lists have must not go away in between. */
int tags_change(struct batch *b, uint64_t ino, const struct buf *old, const struct buf *now)
{
	_cleanup_(ids_done) struct ids before = { 0 }, after = { 0 };
	int r = ids_of(old->data, old->len, &before);

	if (r >= 0)
		r = ids_of(now->data, now->len, &after);
	for (size_t k = 0; r >= 0 && k < after.n; k++)
		r = label_attach(b, after.ids[k], ino, LABEL_SET);
	for (size_t k = 0; r >= 0 && k < before.n; k++)
		if (!bsearch(&before.ids[k], after.ids, after.n, sizeof(*after.ids), compare_ids))
			r = label_detach(b, before.ids[k], ino, LABEL_SET);
	return r;
}

static int list_of(struct batch *b, const struct inode *i, struct buf *ret_list)
{
	int r = i->sets[SET_XATTRS].count ? xattr_get_in(b, i, XATTR_TAG_IDS, ret_list) : -ENODATA;

	return r == -ENODATA ? 0 : r;
}

int tags_detach(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT, text = BUF_INIT;
	int r = list_of(b, i, &list);

	if (r < 0 || !list.len)
		return r;
	r = tags_decode(batch_catalog(b), list.data, list.len, &text);
	if (r >= 0)
		r = tags_change(b, i->ino, &list, &BUF_INIT);
	if (r >= 0)
		r = xattr_remove_in(b, i, XATTR_TAG_IDS);
	return r < 0 ? r : xattr_put_in(b, i, XATTR_TAGS, text.data, text.len);
}

/* From text to labels. */
static int convert(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf text = BUF_INIT, list = BUF_INIT;
	int r = i->sets[SET_XATTRS].count ? xattr_get_in(b, i, XATTR_TAGS, &text) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	r = tags_encode(b, text.data, text.len, &list);
	if (r >= 0)
		r = xattr_remove_in(b, i, XATTR_TAGS);
	return r < 0 ? r : xattr_put_in(b, i, XATTR_TAG_IDS, list.data, list.len);
}

int tags_attach(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = convert(b, i);

	if (r >= 0)
		r = list_of(b, i, &list);
	return r < 0 ? r : tags_change(b, i->ino, &BUF_INIT, &list);
}

/* ---- changes */

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

static int take_out(struct batch *b, const struct buf *list, uint64_t top, struct buf *ret_list, bool *ret_any)
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

/* Takes one label out, 1, or finds it is not there, 0. */
static int lose(struct batch *b, uint64_t id, struct buf *list)
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

static int gain(uint64_t id, struct buf *list)
{
	int has = has_id(list, id), r = has ? has : append(list, id);

	return r < 0 ? r : !has;
}

/* Whoever found the tags held no lock. */
static int check_there(struct batch *b, const struct retag *change)
{
	int r = 0;

	for (size_t k = 0; k < change->n_with && r >= 0; k++) {
		_cleanup_label_ struct label l = { 0 };

		r = label_get_in(b, change->with[k], &l);
	}
	return r;
}

/* 1: *list has become another. */
static int change_list(struct batch *b, const struct retag *change, struct buf *list)
{
	bool any = false;
	int r = 0;

	for (size_t k = 0; k < change->n_without && r >= 0; k++) {
		r = lose(b, change->without[k], list);
		any = any || r > 0;
	}
	if (r >= 0 && change->n_without && !any && !change->n_with)
		return -ENODATA;
	for (size_t k = 0; k < change->n_with && r >= 0; k++) {
		r = gain(change->with[k], list);
		any = any || r > 0;
	}
	return r < 0 ? r : any;
}

/* A label that is left by way of its folder stays until the folder is removed, as programs expect that remove all of it. */
static int keep_folders(struct batch *b, const struct retag *change)
{
	int r = 0;

	for (size_t k = 0; k < change->n_without && r >= 0; k++)
		r = label_change_flags(b, change->without[k], LABEL_KEPT, 0);
	return r;
}

/* No xattr could say more. */
static int check_length(struct batch *b, const struct buf *list)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = tags_decode(batch_catalog(b), list->data, list->len, &text);

	return r < 0 ? r : text.len > XATTR_SIZE_MAX ? -E2BIG : 0;
}

static int store_list(struct batch *b, struct inode *i, const struct buf *old, const struct buf *now)
{
	int r = 0;

	if (now->len)
		r = xattr_put_in(b, i, XATTR_TAG_IDS, now->data, now->len);
	else if (old->len)
		r = xattr_remove_in(b, i, XATTR_TAG_IDS);
	return r < 0 ? r : tags_change(b, i->ino, old, now);
}

static int retag_in(struct tree_op *op, uint64_t ino, const struct retag *change)
{
	_cleanup_buf_ struct buf old = BUF_INIT, now = BUF_INIT;
	struct inode i;
	int r = inode_get_in(op->b, ino, &i);

	if (r >= 0)
		r = i.nlink ? check_there(op->b, change) : -ENOENT;
	if (r >= 0)
		r = list_of(op->b, &i, &old);
	if (r >= 0)
		r = buf_add(&now, old.data, old.len);
	if (r >= 0)
		r = change_list(op->b, change, &now);
	if (r <= 0)
		return r;
	r = change->n_with ? check_length(op->b, &now) : 0;
	if (r >= 0)
		r = keep_folders(op->b, change);
	if (r >= 0)
		r = store_list(op->b, &i, &old, &now);
	if (r < 0)
		return r;
	i.ctime = op->now;
	batch_note(op->b, ino, EVENT_XATTR);
	r = queue_mark(op->b, &i, EVENT_XATTR, &op->stats);
	if (r >= 0)
		inode_put(op->b, &i);
	return r;
}

/* What is to lose a tag that its content says has it all the same. */
int tags_follow_request(struct tree_op *op, uint64_t ino)
{
	int r = retag_in(op, ino, op->rq->tags);

	return r == -ENODATA ? 0 : r;
}

int tree_retag(struct catalog *c, struct tree_request *rq, uint64_t ino, const struct retag *change)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, !change->n_with);

	r = r < 0 ? r : op_end(&op, retag_in(&op, ino, change), ino);
	return r == -EFBIG ? -E2BIG : r;
}

/* All its steps; the last one is new. */
static int make_in(struct tree_op *op, uint64_t above, const char *name, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + strlen(name) };
	uint32_t uid = op->rq ? op->rq->uid : 0;
	int r = -EINVAL;
	bool made = false;
	size_t len;

	while (next_step(&steps, &name, &len)) {
		r = tag_step_is_good(name, len) ? label_find_in(op->b, above, name, len, ret_id) : -EINVAL;
		made = r == -ENOENT;
		if (made)
			r = label_make(op->b, above, name, len, LABEL_KEPT, uid, ret_id);
		if (r < 0)
			return r;
		above = *ret_id;
	}
	return r < 0 || made ? r : -EEXIST;
}

int tree_make_tag(struct catalog *c, struct tree_request *rq, uint64_t above, const char *name, uint64_t *ret_id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, make_in(&op, above, name, ret_id), 0);
}

int tree_remove_tag(struct catalog *c, struct tree_request *rq, uint64_t id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, true);

	return r < 0 ? r : op_end(&op, label_remove(op.b, id), 0);
}

/* The folder that it lay in must not go with it: another comes there. */
static int replace(struct batch *b, uint64_t other, uint64_t above)
{
	int r = above == LABEL_ROOT_TAGS ? 0 : label_change_flags(b, above, LABEL_KEPT, 0);

	return r < 0 ? r : label_remove(b, other);
}

static int rename_in(struct tree_op *op, uint64_t id, uint64_t above, const char *name, bool may_replace)
{
	size_t len = strlen(name);
	uint64_t other;
	int r = tag_step_is_good(name, len) ? label_find_in(op->b, above, name, len, &other) : -EINVAL;

	if (r >= 0 && other != id)
		r = may_replace ? replace(op->b, other, above) : -EEXIST;
	if (r < 0 && r != -ENOENT)
		return r;
	r = label_rename(op->b, id, above, name, len);
	return r < 0 ? r : label_change_flags(op->b, id, LABEL_KEPT, 0);
}

int tree_rename_tag(struct catalog *c, struct tree_request *rq, uint64_t id, uint64_t above, const char *name,
		    bool may_replace)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, rename_in(&op, id, above, name, may_replace), 0);
}

/* ---- what a file has */

int tags_foreach_set(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context)
{
	_cleanup_(ids_done) struct ids set = { 0 };
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = xattr_get_stored(c, ino, XATTR_TAG_IDS, &list);

	if (r >= 0)
		r = ids_of(list.data, list.len, &set);
	for (size_t k = 0; k < set.n && r == 0; k++)
		r = tag(context, set.ids[k], LABEL_SET);
	return r == -ENODATA ? 0 : r;
}

struct tag_visit {
	struct catalog *c;
	uint64_t ino;
	int (*tag)(void *context, uint64_t id, uint32_t why);
	void *context;
};

static int visit_set(void *context, uint64_t id, uint32_t why)
{
	struct tag_visit *v = context;
	int r = label_why(v->c, id, v->ino, &why);

	return r < 0 ? r : v->tag(v->context, id, why | LABEL_SET);
}

static int visit_found(void *context, uint64_t id)
{
	struct tag_visit *v = context;
	uint32_t why = 0;
	int r = label_is_below(v->c, id, LABEL_ROOT_TAGS);

	if (r > 0)
		r = label_why(v->c, id, v->ino, &why);
	return r < 0 || why != LABEL_FOUND ? MIN(r, 0) : v->tag(v->context, id, why);
}

int tree_foreach_tag(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context)
{
	struct tag_visit v = { .c = c, .ino = ino, .tag = tag, .context = context };
	int r = tags_foreach_set(c, ino, visit_set, &v);

	return r ? r : found_foreach_label(c, ino, visit_found, &v);
}
