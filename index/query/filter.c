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
#include "base/utf8.h"
#include "catalog/found.h"
#include "catalog/pack_record.h"
#include "index/query/search.h"
#include "index/words/words.h"

/* ---- single filters: 1 passes, 0 does not, or -errno */

/* A file as filters see it; what is costly is fetched when first asked for. */
struct subject {
	struct search *s;
	uint64_t ino;
	const char *mime; /* "" when not known */
	uint8_t language;
	struct inode inode; /* ino 0: not fetched */
	struct buf path;    /* below the folder that is asked; len 0: not fetched */
	struct buf folded;  /* last component, folded */
};

static const struct filter_members *members_of(const struct query_filter *f, const struct subject *u)
{
	return &u->s->members[f - u->s->parsed.filters];
}

static bool is_member(const struct query_filter *f, const struct subject *u)
{
	return u->s->members && ino_set_has(&members_of(f, u)->files, u->ino);
}

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

/* The members have all values that are labels (found.h): one line, not too long. Only a pattern, or a text
 * that is none itself, may match others. */
static bool may_be_no_label(const struct query_filter *f)
{
	bool control = false;

	for (size_t k = 0; k < f->len; k++)
		control |= (unsigned char)f->value[k] < ' ';
	return !f->is_range && (control || f->len > FIELD_VALUE_MAX || words_is_glob(f->value, f->len) ||
				!utf8_valid(f->value, f->len));
}

struct xattr_question {
	const struct query_filter *filter;
	struct subject *subject;
};

static int matches_xattr(void *context, const char *field)
{
	const struct xattr_question *q = context;
	_cleanup_buf_ struct buf value = BUF_INIT;
	char name[256];
	int r;

	if (snprintf(name, sizeof(name), "user.%s", field) >= (int)sizeof(name))
		return 0;
	r = tree_getxattr(q->subject->s->x->config.catalog, q->subject->ino, name, &value);
	if (r < 0)
		return r == -ENODATA || r == -ERANGE ? 0 : r;
	return search_field_matches(q->filter, value.data, value.len);
}

/* A value that was found in the file, or that of an xattr user.FIELD; upper and lower case are alike. */
static int passes_field(const struct query_filter *f, struct subject *u)
{
	int r;

	if (is_member(f, u))
		return 1;
	if (!may_be_no_label(f))
		return 0;
	r = need_inode(u);
	if (r < 0 || !u->inode.sets[SET_XATTRS].count)
		return r;
	return search_foreach_field(f, matches_xattr, &(struct xattr_question){ f, u });
}

static int passes_language(const struct query_filter *f, struct subject *u)
{
	const char *code = language_code(u->language);

	return same(f->value, code, strlen(code)) || is_member(f, u);
}

static int passes(const struct query_filter *f, struct subject *u)
{
	switch (f->kind) {
	case FILTER_TAG:
		return is_member(f, u);
	case FILTER_TYPE:
		return passes_type(f, u);
	case FILTER_NAME:
		return passes_name(f, u);
	case FILTER_PATH:
		return passes_path(f, u);
	case FILTER_LANG:
		return passes_language(f, u);
	case FILTER_TIER:
		return passes_tier(f, u);
	case FILTER_TIME:
	case FILTER_SIZE:
		return passes_numbers(f, u);
	case FILTER_RELATED:
	case FILTER_LINK:
		return ino_map_find(&members_of(f, u)->steps, u->ino) != NULL;
	case FILTER_TITLE:
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

const char *search_type(const struct segment *segment, uint32_t doc)
{
	const char *mime = segment_mime(segment, doc);

	return *mime ? mime : "unknown";
}

int search_filter_document(struct search *s, const struct segment *segment, uint32_t doc)
{
	struct subject u = { .s = s,
			     .ino = segment->docs[doc].ino,
			     .language = segment->docs[doc].language,
			     .mime = search_type(segment, doc) };
	int r = passes_all(s, &u);

	subject_done(&u);
	return r;
}

int search_foreach_failed(struct search *s, const struct segment *segment, uint32_t doc,
			  int (*fails)(void *context, size_t filter), void *context)
{
	struct subject u = { .s = s,
			     .ino = segment->docs[doc].ino,
			     .language = segment->docs[doc].language,
			     .mime = search_type(segment, doc) };
	int r = 0;

	for (size_t i = 0; i < s->parsed.n_filters && r >= 0; i++) {
		r = passes(&s->parsed.filters[i], &u);
		if (r >= 0 && (r > 0) == s->parsed.filters[i].negate)
			r = fails(context, i);
	}
	subject_done(&u);
	return r == -ENOENT ? 0 : MIN(r, 0);
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

/* ---- all */

int search_filter(struct search *s)
{
	int r = search_exclude_words(s);

	if (r >= 0 && s->parsed.n_filters > 0) {
		r = search_find_members(s);
		if (r >= 0)
			r = filter_documents(s);
	}
	return r < 0 ? r : search_filter_phrases(s);
}

double search_near(const struct search *s, uint64_t ino)
{
	double sum = 0;

	for (size_t i = 0; i < s->parsed.n_filters; i++) {
		const struct query_filter *f = &s->parsed.filters[i];
		const struct ino_entry *e = f->kind == FILTER_RELATED && !f->negate
						    ? ino_map_find(&s->members[i].steps, ino)
						    : NULL;

		sum += e ? 1.0 / e->number : 0;
	}
	return sum;
}
