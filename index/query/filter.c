/* SPDX-License-Identifier: MIT */
/* Which documents are candidates: those below the folder that is asked, that pass every filter, hold
 * every phrase and none of the excluded words. What is cheap to ask comes first; phrases, which read
 * stored text, last. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "catalog/derive.h"
#include "catalog/pack_record.h"
#include "catalog/tags.h"
#include "index/query/search.h"
#include "index/query/why.h"
#include "index/words/words.h"

/* ---- scope */

/* Folders and whether they are below, as far as this query has asked. */
struct scope {
	struct catalog *catalog;
	uint64_t top;
	struct ino_map folders; /* number: 1 below, 0 not */
};

/* Is the folder `top` or below it? Remembers every folder on the way up. */
static int folder_is_below(struct scope *sc, uint64_t folder, unsigned depth)
{
	struct ino_entry *e;
	struct inode i;
	int r;

	if (folder == sc->top)
		return 1;
	if (folder == 0 || folder == ROOT_INO || depth > 4096)
		return 0;
	e = ino_map_find(&sc->folders, folder);
	if (e)
		return (int)e->number;
	r = inode_get(sc->catalog, folder, &i);
	if (r >= 0)
		r = folder_is_below(sc, i.parent, depth + 1);
	else if (r == -ENOENT)
		r = 0;
	if (r < 0)
		return r;
	return ino_map_set(&sc->folders, folder, NULL, (uint32_t)r) < 0 ? -ENOMEM : r;
}

/* Documents whose place has changed, or that have several names, are asked for one by one. */
static int doc_is_below(struct scope *sc, struct segment *s, uint32_t doc)
{
	if (atomic_load(&s->flags[doc]) & DOC_MOVED)
		return tree_is_below(sc->catalog, s->docs[doc].ino, sc->top);
	return folder_is_below(sc, atomic_load(&s->docs[doc].parent), 0);
}

static int keep_below(struct search *s, uint64_t top)
{
	struct scope sc = { .catalog = s->x->config.catalog, .top = top };
	int r = 0;

	for (unsigned p = 0; r >= 0 && p < s->n_parts && top != ROOT_INO; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; r >= 0 && d < part->segment->n_docs; d++) {
			if (!part->candidate[d])
				continue;
			r = doc_is_below(&sc, part->segment, d);
			if (r == -ENOENT)
				r = 0;
			part->candidate[d] = r > 0;
		}
	}
	ino_map_done(&sc.folders);
	return r < 0 ? r : 0;
}

static void keep_one(struct search *s, uint64_t ino)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		for (uint32_t d = 0; d < s->parts[p].segment->n_docs; d++)
			s->parts[p].candidate[d] &= s->parts[p].segment->docs[d].ino == ino;
}

static int find_in(struct search *s, struct inode *ret_i)
{
	_cleanup_free_ char *path = strdup(s->query->in);
	size_t len = path ? strlen(path) : 0;
	int r;

	if (!path)
		return -ENOMEM;
	while (len > 0 && path[len - 1] == '/')
		path[--len] = 0;
	r = search_walk(s, path, ret_i);
	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL)
		return query_why(s->ret_why, "in=%s: no such folder or file below the one that is asked", s->query->in);
	return r;
}

int search_scope(struct search *s)
{
	struct inode i;
	int r;

	if (!s->query->in)
		return keep_below(s, s->scope->top);
	r = find_in(s, &i);
	if (r < 0)
		return r;
	s->in = i.ino;
	s->in_is_file = !S_ISDIR(i.mode);
	if (!s->in_is_file)
		return keep_below(s, i.ino);
	keep_one(s, i.ino);
	return 0;
}

/* ---- single filters: 1 passes, 0 does not, or -errno */

/* A file as filters see it; what is costly is fetched when first asked for. */
struct subject {
	struct search *s;
	uint64_t ino;
	const char *mime;   /* "" when not known */
	uint8_t language;
	struct inode inode; /* ino 0: not fetched */
	struct buf path;    /* below the folder that is asked; len 0: not fetched */
	struct buf folded;  /* last component, folded */
};

static int need_inode(struct subject *u)
{
	return u->inode.ino ? 0 : inode_get(u->s->x->config.catalog, u->ino, &u->inode);
}

static int need_path(struct subject *u)
{
	const char *text, *slash;
	int r;

	if (u->path.len)
		return 0;
	r = tree_path(u->s->x->config.catalog, u->ino, u->s->scope->top, 0, &u->path);
	if (r < 0)
		return r;
	text = buf_cstr(&u->path);
	if (!text)
		return -ENOMEM;
	slash = strrchr(text, '/');
	slash = slash ? slash + 1 : text;
	buf_reset(&u->folded);
	r = fold_text(slash, strlen(slash), &u->folded);
	return r < 0 ? r : buf_cstr(&u->folded) ? 0 : -ENOMEM;
}

static bool same(const char *value, const char *text, size_t len)
{
	return strlen(value) == len && strncasecmp(value, text, len) == 0;
}

/* A whole MIME type, its first or second half, or a file ending. */
static int passes_type(const struct query_filter *f, struct subject *u)
{
	const char *slash = strchr(u->mime, '/'), *dot;
	int r;

	if (same(f->value, u->mime, strlen(u->mime)) ||
	    (slash && (same(f->value, u->mime, (size_t)(slash - u->mime)) ||
		       same(f->value, slash + 1, strlen(slash + 1)) ||
		       (strncmp(slash, "/x-", 3) == 0 && same(f->value, slash + 3, strlen(slash + 3))))))
		return 1;
	if (strpbrk(f->value, "./")) /* no ending is so */
		return 0;
	r = need_path(u);
	if (r < 0)
		return r;
	dot = strrchr((const char *)u->folded.data, '.');
	return dot && dot != (const char *)u->folded.data && same(f->value, dot + 1, strlen(dot + 1));
}

static int passes_name(const struct query_filter *f, struct subject *u)
{
	int r = need_path(u);

	if (r < 0)
		return r;
	if (words_is_glob(f->value, f->len))
		return words_glob(f->value, f->len, (const char *)u->folded.data, u->folded.len);
	return memmem(u->folded.data, u->folded.len, f->value, f->len) != NULL;
}

static int passes_path(const struct query_filter *f, struct subject *u)
{
	size_t len = f->len;
	int r = need_path(u);

	if (r < 0)
		return r;
	if (words_is_glob(f->value, f->len))
		return words_glob(f->value, f->len, (const char *)u->path.data, u->path.len);
	while (len > 0 && f->value[len - 1] == '/')
		len--;
	return u->path.len >= len && memcmp(u->path.data, f->value, len) == 0 &&
	       (u->path.len == len || u->path.data[len] == '/');
}

static int passes_numbers(const struct query_filter *f, struct subject *u)
{
	int r = need_inode(u);
	int64_t v;

	if (r < 0)
		return r;
	if (f->kind == FILTER_SIZE)
		return (int64_t)u->inode.size >= f->low && (int64_t)u->inode.size <= f->high;
	if (__builtin_mul_overflow((int64_t)u->inode.mtime.tv_sec, 1000000000ll, &v))
		v = u->inode.mtime.tv_sec < 0 ? INT64_MIN : INT64_MAX - 1000000000ll;
	v += u->inode.mtime.tv_nsec;
	return v >= f->low && v < f->high;
}

static int passes_tier(const struct query_filter *f, struct subject *u)
{
	int r = need_inode(u);

	return r < 0 ? r : strcmp(f->value, inode_tier(u->s->x->config.catalog, &u->inode)) == 0;
}

/* An xattr user.FIELD with this value, upper and lower case alike. */
static int passes_field(const struct query_filter *f, struct subject *u)
{
	_cleanup_buf_ struct buf value = BUF_INIT, folded = BUF_INIT;
	char name[256];
	int r;

	if (snprintf(name, sizeof(name), "user.%s", f->field) >= (int)sizeof(name))
		return 0;
	r = tree_getxattr(u->s->x->config.catalog, u->ino, name, &value);
	if (r >= 0)
		r = fold_text(value.data, value.len, &folded);
	if (r < 0)
		return r == -ENODATA || r == -ERANGE ? 0 : r;
	return folded.len == f->len && memcmp(folded.data, f->value, f->len) == 0;
}

static int passes(const struct query_filter *f, struct subject *u)
{
	switch (f->kind) {
	case FILTER_TAG:
		return ino_map_find(&u->s->tagged[f - u->s->parsed.filters], u->ino) != NULL;
	case FILTER_TYPE:
		return passes_type(f, u);
	case FILTER_NAME:
		return passes_name(f, u);
	case FILTER_PATH:
		return passes_path(f, u);
	case FILTER_LANG:
		return same(f->value, language_code(u->language), strlen(language_code(u->language)));
	case FILTER_TIER:
		return passes_tier(f, u);
	case FILTER_TIME:
	case FILTER_SIZE:
		return passes_numbers(f, u);
	case FILTER_FIELD:
		return passes_field(f, u);
	}
	return 0;
}

/* All filters. A file that has gone meanwhile passes none. */
static int passes_all(struct search *s, struct subject *u)
{
	for (size_t i = 0; i < s->parsed.n_filters; i++) {
		int r = passes(&s->parsed.filters[i], u);

		if (r == -ENOENT)
			return 0;
		if (r < 0 || (r > 0) == s->parsed.filters[i].negate)
			return r < 0 ? r : 0;
	}
	return 1;
}

static void subject_done(struct subject *u)
{
	buf_done(&u->path);
	buf_done(&u->folded);
}

static int note_tagged(void *context, uint64_t ino)
{
	return ino_map_set(context, ino, NULL, 0);
}

/* Files of each tag that is asked for. */
static int collect_tagged(struct search *s)
{
	s->tagged = calloc(s->parsed.n_filters + 1, sizeof(*s->tagged));
	if (!s->tagged)
		return -ENOMEM;
	for (size_t i = 0; i < s->parsed.n_filters; i++) {
		const struct query_filter *f = &s->parsed.filters[i];
		uint64_t id;
		int r;

		if (f->kind != FILTER_TAG)
			continue;
		if (derive_is_due(s->x->config.catalog))
			return query_why(s->ret_why, "tag:%s: the tags of this volume are of an older version; mount it for "
						     "writing once", f->value);
		r = tag_find(s->x->config.catalog, f->value, f->len, &id);
		if (r >= 0)
			r = tag_foreach_file(s->x->config.catalog, id, note_tagged, &s->tagged[i]);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

const char *search_type(const struct segment *segment, uint32_t doc)
{
	const char *mime = segment_mime(segment, doc);

	return *mime ? mime : "unknown";
}

int search_filter_document(struct search *s, const struct segment *segment, uint32_t doc)
{
	struct subject u = { .s = s, .ino = segment->docs[doc].ino, .language = segment->docs[doc].language,
			     .mime = search_type(segment, doc) };
	int r = passes_all(s, &u);

	subject_done(&u);
	return r;
}

static int filter_documents(struct search *s)
{
	for (unsigned p = 0; p < s->n_parts; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++) {
			int r = part->candidate[d] ? search_filter_document(s, part->segment, d) : 0;

			if (r < 0)
				return r;
			part->candidate[d] = r > 0;
		}
	}
	return 0;
}

/* Files that wait have no document yet: their type is not known, all else is. */
int search_filter_file(struct search *s, const struct inode *i)
{
	struct subject u = { .s = s, .ino = i->ino, .language = LANGUAGE_UNKNOWN, .mime = "", .inode = *i };
	uint64_t top = s->query->in ? s->in : s->scope->top;
	int r = s->in_is_file ? i->ino == s->in : tree_is_below(s->x->config.catalog, i->ino, top);

	if (r > 0)
		r = passes_all(s, &u);
	subject_done(&u);
	return r == -ENOENT ? 0 : r;
}

/* ---- excluded words */

static int exclude_word(struct search *s, const struct query_word *w, struct postings *scratch)
{
	struct term terms[LANGUAGES];
	unsigned n = search_terms(s, w->text, w->len, true, terms);

	for (unsigned p = 0; p < s->n_parts; p++) {
		int r;

		scratch->n = 0;
		r = search_postings(s, &s->parts[p], terms, n, scratch);
		if (r < 0)
			return r;
		for (size_t i = 0; i < scratch->n; i++)
			s->parts[p].candidate[scratch->items[i].doc] = 0;
	}
	return 0;
}

static int exclude_words(struct search *s)
{
	struct postings scratch = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->parsed.n_words; i++)
		if (s->parsed.words[i].negate)
			r = exclude_word(s, &s->parsed.words[i], &scratch);
	postings_done(&scratch);
	return r;
}

/* ---- phrases: postings narrow the documents down, their stored text decides */

/* Marks in `ret` the documents that have every word of the phrase. */
static int phrase_words(struct search *s, struct search_part *part, const struct query_phrase *q, uint8_t *ret)
{
	struct word_reader words = words_over(q->text, q->len);
	struct postings p = { 0 };
	uint32_t round = 0;
	struct word w;
	int r = 0;

	memset(ret, 0, part->segment->n_docs);
	while (r >= 0 && round < 250 && words_next(&words, &w)) {
		struct term terms[LANGUAGES];
		unsigned n = search_terms(s, w.text, w.len, true, terms);

		p.n = 0;
		r = search_postings(s, part, terms, n, &p);
		for (size_t i = 0; r >= 0 && i < p.n; i++)
			if (ret[p.items[i].doc] == round)
				ret[p.items[i].doc] = (uint8_t)(round + 1);
		round++;
	}
	for (uint32_t d = 0; d < part->segment->n_docs; d++)
		ret[d] = ret[d] == round;
	postings_done(&p);
	return r;
}

/* In the text, the title, or a name? */
static int document_has(struct search_part *part, uint32_t doc, const struct query_phrase *q, struct buf *record,
			struct buf *text)
{
	struct stored st;
	int r;

	buf_reset(record);
	buf_reset(text);
	r = part->segment->ops->stored(part->segment, doc, record);
	if (r >= 0)
		r = stored_decode(record->data, record->len, &st);
	if (r >= 0)
		r = stored_text(&st, text);
	if (r < 0)
		return r;
	if (words_have_phrase(text->data, text->len, q->text, q->len) ||
	    words_have_phrase(st.title, st.title_len, q->text, q->len))
		return 1;
	for (const char *n = st.names, *end = n + st.names_len; n < end; n += strnlen(n, (size_t)(end - n)) + 1)
		if (words_have_phrase(n, strnlen(n, (size_t)(end - n)), q->text, q->len))
			return 1;
	return 0;
}

static int filter_phrase(struct search *s, struct search_part *part, const struct query_phrase *q)
{
	_cleanup_free_ uint8_t *maybe = malloc(part->segment->n_docs + 1);
	_cleanup_buf_ struct buf record = BUF_INIT, text = BUF_INIT;
	int r = maybe ? phrase_words(s, part, q, maybe) : -ENOMEM;

	for (uint32_t d = 0; r >= 0 && d < part->segment->n_docs; d++) {
		if (!part->candidate[d])
			continue;
		if (!maybe[d]) {
			part->candidate[d] = q->negate;
			continue;
		}
		r = document_has(part, d, q, &record, &text);
		part->candidate[d] = (r > 0) != q->negate;
	}
	return search_failed(s, part->segment, r);
}

static int filter_phrases(struct search *s)
{
	for (size_t i = 0; i < s->parsed.n_phrases; i++)
		for (unsigned p = 0; p < s->n_parts; p++) {
			int r = filter_phrase(s, &s->parts[p], &s->parsed.phrases[i]);

			if (r < 0)
				return r;
		}
	return 0;
}

int search_filter(struct search *s)
{
	int r = exclude_words(s);

	if (r >= 0 && s->parsed.n_filters > 0) {
		r = collect_tagged(s);
		if (r >= 0)
			r = filter_documents(s);
	}
	return r < 0 ? r : filter_phrases(s);
}
