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

void census_of_living(struct index *x, struct segment *s, const uint8_t *alive, uint32_t n_dead, struct census *ret)
{
	LOCKED(&x->census_lock);

	if (s->census && s->census->n_docs == s->n_docs && s->census->n_dead == n_dead) {
		*ret = *s->census;
		return;
	}
	census_take(s, alive, ret);
	ret->n_dead = n_dead;
	if (!s->census)
		s->census = malloc(sizeof(*ret));
	if (s->census)
		*s->census = *ret;
}
