/* SPDX-License-Identifier: MIT */
#include "index/query/census.h"

#include <stdlib.h>

#include "base/cleanup.h"

static void count(struct census *c, const struct segment_doc *doc)
{
	bool text = doc->state == STATE_INDEXED || doc->state == STATE_PARTIAL;

	c->languages[doc->language] = true;
	c->with_words += doc->words > 0;
	c->with_text += text;
	c->with_both += text && doc->words > 0;
	c->words += text ? doc->words : 0;
}

void census_take(const struct segment *s, const uint8_t *alive, struct census *ret)
{
	*ret = (struct census){ .n_docs = s->n_docs };
	for (uint32_t d = 0; d < s->n_docs; d++)
		if (alive[d])
			count(ret, &s->docs[d]);
}

/* A document that dies meanwhile may be counted or not: then n_dead will not be what it was. */
static void take_of_living(const struct segment *s, struct census *ret)
{
	*ret = (struct census){ .n_docs = s->n_docs, .n_dead = atomic_load(&s->n_dead) };
	for (uint32_t d = 0; d < s->n_docs; d++)
		if (!segment_is_dead(s, d))
			count(ret, &s->docs[d]);
}

void census_of_living(struct index *x, struct segment *s, struct census *ret)
{
	LOCKED(&x->census_lock);
	struct census *kept = s->census;

	if (kept && kept->n_docs == s->n_docs && kept->n_dead == atomic_load(&s->n_dead)) {
		*ret = *kept;
		return;
	}
	take_of_living(s, ret);
	if (!kept)
		kept = s->census = malloc(sizeof(*kept));
	if (kept)
		*kept = *ret;
}
