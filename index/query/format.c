/* SPDX-License-Identifier: MIT */
/* Answers as bytes: tsv, paths, paths0, json, jsonl, md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "catalog/tags.h"
#include "index/query/search.h"

#define SCORE_FORMAT "%.6f"
/* Beyond this JavaScript's numbers are not exact. */
#define EXACT_MAX (1ull << 53)

/* A hit with everything that any format shows. */
struct shown {
	const struct hit *hit;
	uint64_t rank;
	struct buf path;     /* raw bytes, as `paths` asks */
	struct buf record;
	struct stored stored;
	struct snippet snippet;
};

static void shown_done(struct shown *v)
{
	buf_done(&v->path);
	buf_done(&v->record);
	buf_done(&v->snippet.text);
}

/* Many hits lie in few folders: the last one's path, with a slash unless it is empty, is kept. */
static int load_folder(struct search *s, uint64_t folder)
{
	int r;

	if (folder == s->folder)
		return 0;
	s->folder = 0;
	buf_reset(&s->folder_path);
	r = tree_path(s->x->config.catalog, folder, s->scope->top, 0, &s->folder_path);
	if (r >= 0 && s->folder_path.len > 0)
		r = buf_add_u8(&s->folder_path, '/');
	if (r >= 0)
		s->folder = folder;
	return r;
}

/* By way of the folder that the file was seen in. -ENOENT: its first name is not there any more. */
static int load_path_in_folder(struct search *s, const struct hit *h, struct buf *ret_path)
{
	uint64_t folder = h->segment ? atomic_load(&h->segment->docs[h->doc].parent) : 0;
	int r = folder ? load_folder(s, folder) : -ENOENT;

	if (r >= 0)
		r = buf_add(ret_path, s->folder_path.data, s->folder_path.len);
	if (r >= 0)
		r = tree_path(s->x->config.catalog, h->ino, folder, 0, ret_path);
	return r;
}

static int load_absolute_path(struct search *s, const struct hit *h, struct buf *ret_path)
{
	int r = buf_add_str(ret_path, s->scope->mount_point ? s->scope->mount_point : "");

	if (r >= 0)
		r = buf_add_u8(ret_path, '/');
	return r < 0 ? r : tree_path(s->x->config.catalog, h->ino, ROOT_INO, 0, ret_path);
}

/* A file whose first name is not below the folder may have another one that is. */
int search_hit_path(struct search *s, const struct hit *h, struct buf *ret_path)
{
	int r;

	if (s->query->absolute)
		return load_absolute_path(s, h, ret_path);
	r = load_path_in_folder(s, h, ret_path);
	for (unsigned nth = 0; r == -ENOENT && nth < 64; nth++) {
		buf_reset(ret_path);
		r = tree_path(s->x->config.catalog, h->ino, s->scope->top, nth, ret_path);
	}
	return r;
}

static int load_document(struct search *s, struct shown *v, bool snippet)
{
	struct segment *segment = v->hit->segment;
	int r;

	if (!segment)
		return 0;
	r = segment->ops->stored(segment, v->hit->doc, &v->record);
	if (r >= 0)
		r = stored_decode(v->record.data, v->record.len, &v->stored);
	if (r >= 0 && snippet)
		r = search_snippet(s, v->hit, &v->stored, &v->snippet);
	return search_failed(s, segment, r);
}

int search_add_escaped(struct buf *out, const void *data, size_t len)
{
	const char *p = data;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < len; i++) {
		if (p[i] == '\t')
			r = buf_add(out, "\\t", 2);
		else if (p[i] == '\n')
			r = buf_add(out, "\\n", 2);
		else if (p[i] == '\\')
			r = buf_add(out, "\\\\", 2);
		else
			r = buf_add_u8(out, (uint8_t)p[i]);
	}
	return r;
}

/* ---- lines */

static int add_paths(struct search *s, struct shown *v, struct buf *out)
{
	int r = search_add_escaped(out, v->path.data, v->path.len);

	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int add_paths0(struct search *s, struct shown *v, struct buf *out)
{
	int r = buf_add(out, v->path.data, v->path.len);

	return r < 0 ? r : buf_add_u8(out, 0);
}

/* Others than the owner of the mount learn the order only. */
double search_score(const struct search *s, const struct hit *h, uint64_t rank)
{
	return s->scope->who ? (double)rank : h->score;
}

static double score_of(const struct search *s, const struct shown *v)
{
	return search_score(s, v->hit, v->rank);
}

static int add_tsv(struct search *s, struct shown *v, struct buf *out)
{
	int r = buf_addf(out, SCORE_FORMAT "\t", score_of(s, v));

	if (r >= 0)
		r = search_add_escaped(out, v->path.data, v->path.len);
	if (r >= 0)
		r = buf_addf(out, "\t%s\t", v->snippet.locator);
	if (r >= 0)
		r = search_add_escaped(out, v->snippet.text.data, v->snippet.text.len);
	return r < 0 ? r : buf_add_u8(out, '\n');
}

/* Markdown: what would end a link is percent-encoded in its target and escaped in its text. */
static int add_md_link(struct buf *out, const struct buf *path)
{
	int r = buf_add_u8(out, '[');

	for (size_t i = 0; r >= 0 && i < path->len; i++) {
		if (strchr("\\[]*_`<>", path->data[i]) && path->data[i])
			r = buf_add_u8(out, '\\');
		if (r >= 0)
			r = buf_add_u8(out, path->data[i] < ' ' ? ' ' : path->data[i]);
	}
	if (r >= 0)
		r = buf_add(out, "](", 2);
	for (size_t i = 0; r >= 0 && i < path->len; i++) {
		if (path->data[i] <= ' ' || strchr("()<>%\\#?", path->data[i]))
			r = buf_addf(out, "%%%02X", path->data[i]);
		else
			r = buf_add_u8(out, path->data[i]);
	}
	return r < 0 ? r : buf_add_u8(out, ')');
}

static int add_md(struct search *s, struct shown *v, struct buf *out)
{
	int r = buf_addf(out, "%llu. ", (unsigned long long)v->rank);

	if (r >= 0)
		r = add_md_link(out, &v->path);
	if (r >= 0 && v->snippet.locator[0])
		r = buf_addf(out, " (%s)", v->snippet.locator);
	if (r >= 0 && v->snippet.text.len) {
		r = buf_add_str(out, ": ");
		if (r >= 0)
			r = buf_add(out, v->snippet.text.data, v->snippet.text.len);
	}
	return r < 0 ? r : buf_add_u8(out, '\n');
}

/* ---- JSON */

json_t *search_json_base64(const struct buf *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < b->len; i += 3) {
		size_t n = MIN(b->len - i, (size_t)3);
		uint32_t v = (uint32_t)b->data[i] << 16 | (n > 1 ? (uint32_t)b->data[i + 1] << 8 : 0) |
			     (n > 2 ? b->data[i + 2] : 0);
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
				 n > 2 ? digits[v & 63] : '=' };

		if (buf_add(&out, four, 4) < 0)
			return NULL;
	}
	return json_text(out.data, out.len);
}

struct tag_list {
	struct catalog *c;
	json_t *tags;
};

static int add_tag(void *context, uint64_t id, uint32_t why)
{
	struct tag_list *l = context;
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = tag_name(l->c, id, &name);

	if (r >= 0 && json_array_append_new(l->tags, json_text(name.data, name.len)) < 0)
		r = -ENOMEM;
	return r == -ENOMEM ? r : 0;
}

/* A user's own and those that were found, as far as they can be read. NULL: no memory. */
static json_t *tags_of(struct search *s, uint64_t ino)
{
	struct tag_list l = { s->x->config.catalog, json_array() };

	if (!l.tags || tree_foreach_tag(l.c, ino, add_tag, &l) != -ENOMEM)
		return l.tags;
	json_decref(l.tags);
	return NULL;
}

json_t *search_json_inode(uint64_t ino)
{
	char text[24];

	if (ino <= EXACT_MAX)
		return json_integer((json_int_t)ino);
	(void) snprintf(text, sizeof(text), "%llu", (unsigned long long)ino);
	return json_string(text);
}

static double rounded(double score)
{
	char text[64];

	(void) snprintf(text, sizeof(text), SCORE_FORMAT, score);
	return strtod(text, NULL);
}

static bool add_price(json_t *o, const struct recall_price *p)
{
	json_t *price = json_object();
	bool bad = json_object_set_new(price, "bytes", json_integer((json_int_t)p->bytes)) < 0;

	bad |= json_object_set_new(price, "requests", json_integer((json_int_t)p->requests)) < 0;
	bad |= json_object_set_new(price, "cost", json_real((double)p->cost / 1e6)) < 0;
	if (p->currency[0])
		bad |= json_object_set_new(price, "currency", json_text(p->currency, strlen(p->currency))) < 0;
	bad |= json_object_set_new(price, "seconds", p->is_timed ? json_real((double)p->ms / 1000) : json_null()) < 0;
	bad |= json_object_set_new(o, "recall", price) < 0;
	return !bad;
}

static json_t *json_of(struct search *s, const struct shown *v)
{
	const struct stored *d = &v->stored;
	json_t *o = json_object();
	struct hit_place place;
	bool bad = json_object_set_new(o, "rank", json_integer((json_int_t)v->rank)) < 0;

	bad |= json_object_set_new(o, "score", json_real(rounded(score_of(s, v)))) < 0;
	bad |= json_object_set_new(o, "path", json_text(v->path.data, v->path.len)) < 0;
	if (!utf8_valid(v->path.data, v->path.len))
		bad |= json_object_set_new(o, "path_base64", search_json_base64(&v->path)) < 0;
	bad |= json_object_set_new(o, "inode", search_json_inode(v->hit->ino)) < 0;
	bad |= json_object_set_new(o, "locator", json_string(v->snippet.locator)) < 0;
	bad |= json_object_set_new(o, "snippet", json_text(v->snippet.text.data, v->snippet.text.len)) < 0;
	bad |= json_object_set_new(o, "title", json_text(d->title, d->title_len)) < 0;
	bad |= json_object_set_new(o, "mime", json_text(d->mime, d->mime_len)) < 0;
	search_place(s, v->hit->ino, &place);
	bad |= json_object_set_new(o, "tier", json_string(place.tier)) < 0;
	bad |= json_object_set_new(o, "tags", tags_of(s, v->hit->ino)) < 0;
	bad |= !add_price(o, &place.price);
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

static int add_jsonl(struct search *s, struct shown *v, struct buf *out)
{
	_cleanup_json_ json_t *o = json_of(s, v);
	int r = o ? json_add_to(out, o) : -ENOMEM;

	return r < 0 ? r : buf_add_u8(out, '\n');
}

/* In a json answer the results stand in an array: a comma before all but the first. */
static int add_json(struct search *s, struct shown *v, struct buf *out)
{
	_cleanup_json_ json_t *o = json_of(s, v);
	int r = v->rank > s->query->offset + 1u ? buf_add_u8(out, ',') : 0;

	return r < 0 ? r : o ? json_add_to(out, o) : -ENOMEM;
}

static int json_head(struct search *s, const struct hits *h, uint64_t pending, uint64_t took_us, struct buf *out)
{
	_cleanup_json_ json_t *o = json_object();
	const char *text = s->query->text ? s->query->text : ""; /* similar and related can do without */
	bool bad = json_object_set_new(o, "query", json_text(text, strlen(text))) < 0;
	int r;

	bad |= json_object_set_new(o, "took_ms", json_real((double)took_us / 1000)) < 0;
	bad |= json_object_set_new(o, "total", json_integer((json_int_t)h->total)) < 0;
	bad |= json_object_set_new(o, "pending", json_integer((json_int_t)pending)) < 0;
	r = bad ? -ENOMEM : search_json_unknown(s, h, o);
	if (r >= 0)
		r = json_add_to(out, o);
	if (r < 0)
		return r;
	out->len--; /* the closing brace: results follow */
	return buf_add_str(out, ",\"results\":[");
}

/* ---- all */

static int add_inode(struct search *s, struct shown *v, struct buf *out)
{
	return buf_add(out, &v->hit->ino, sizeof(v->hit->ino));
}

static const struct {
	int (*add)(struct search *s, struct shown *v, struct buf *out);
	bool document, snippet;
} formats[] = {
	[FORMAT_TSV] = { add_tsv, true, true },       [FORMAT_PATHS] = { add_paths, false, false },
	[FORMAT_PATHS0] = { add_paths0, false, false }, [FORMAT_JSON] = { add_json, true, true },
	[FORMAT_JSONL] = { add_jsonl, true, true },   [FORMAT_MD] = { add_md, true, true },
	[FORMAT_INODES] = { add_inode, false, false },
};

/* 1: shown. 0: the file went away meanwhile. */
static int add_hit(struct search *s, const struct hit *h, uint64_t rank, struct buf *out)
{
	enum query_format f = s->query->format;
	struct shown v = { .hit = h, .rank = rank };
	int r = search_hit_path(s, h, &v.path);

	if (r == -ENOENT) {
		shown_done(&v);
		return 0;
	}
	if (r >= 0 && formats[f].document)
		r = load_document(s, &v, formats[f].snippet);
	if (r >= 0)
		r = formats[f].add(s, &v, out);
	shown_done(&v);
	return r < 0 ? r : 1;
}

int search_format(struct search *s, const struct hits *h, uint64_t pending, uint64_t took_us,
		  struct buf *ret_bytes)
{
	bool json = s->query->format == FORMAT_JSON;
	uint64_t rank = (uint64_t)s->query->offset + 1;
	int r = json ? json_head(s, h, pending, took_us, ret_bytes) : 0;

	for (size_t i = 0; r >= 0 && i < h->n; i++) {
		r = add_hit(s, &h->items[i], rank, ret_bytes);
		rank += r > 0;
	}
	if (r >= 0 && json)
		r = buf_add_str(ret_bytes, "]}\n");
	return r < 0 ? r : 0;
}
