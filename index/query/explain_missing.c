/* SPDX-License-Identifier: MIT */
/* Why a file that somebody asks about is no result: the steps of the search itself, asked again. */
#include <errno.h>

#include "base/cleanup.h"
#include "index/query/search.h"

struct missing {
	struct search *s;
	struct buf *out;
	bool told; /* a reason */
};

static int tell(struct missing *m, const char *why)
{
	m->told = true;
	return buf_addf(m->out, "\tfails\t%s\n", why);
}

static int tell_filter(void *context, size_t filter)
{
	struct missing *m = context;
	const struct query_filter *f = &m->s->parsed.filters[filter];
	int r = buf_addf(m->out, "\tfails\t%s%s:", f->negate ? "-" : "", f->field);

	m->told = true;
	if (r >= 0)
		r = search_add_escaped(m->out, f->value, f->len);
	return r < 0 ? r : buf_add_u8(m->out, '\n');
}

/* Is it where the query looks? 1, 0, -errno. */
static int is_in_scope(const struct search *s, uint64_t ino)
{
	if (s->in_is_file)
		return ino == s->in;
	return tree_is_below(s->x->config.catalog, ino, s->query->in ? s->in : s->scope->top);
}

static int tell_why(struct missing *m, const struct search_part *part, uint32_t doc)
{
	int r = is_in_scope(m->s, part->segment->docs[doc].ino);

	if (r >= 0 && !r)
		r = tell(m, "it does not lie where the query looks");
	if (r >= 0)
		r = search_foreach_failed(m->s, part->segment, doc, tell_filter, m);
	if (r < 0 || m->told)
		return r;
	if (!part->candidate[doc])
		return tell(m, "a phrase is not in it, or an excluded word or phrase is");
	if (m->s->mix.words && !(part->words[doc] > 0) && !m->s->mix.meaning)
		return tell(m, "none of the words is in it");
	if (m->s->mix.meaning && part->meaning[doc].whole <= NO_MEANING &&
	    !(m->s->mix.words && part->words[doc] > 0))
		return tell(m, "it has no text that could be compared");
	return tell(m, "as many others as may be shown are better, or it has just changed");
}

int search_explain_missing(struct search *s, uint64_t ino, struct buf *out)
{
	struct missing m = { .s = s, .out = out };
	_cleanup_buf_ struct buf path = BUF_INIT;
	const struct search_part *part;
	uint32_t doc;
	int r = tree_path(s->x->config.catalog, ino, s->scope->top, 0, &path);

	if (r < 0 && r != -ENOENT)
		return r;
	r = buf_addf(out, "no hit\tinode %llu\n\tpath\t", (unsigned long long)ino);
	if (r >= 0)
		r = search_add_escaped(out, path.data, path.len);
	if (r >= 0)
		r = buf_add_u8(out, '\n');
	part = search_document(s, ino, &doc);
	if (r >= 0)
		r = part ? tell_why(&m, part, doc) : tell(&m, "it is no file that is indexed");
	return r;
}
