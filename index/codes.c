/* SPDX-License-Identifier: MIT */
#include "index/codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define NO_GROUP SIZE_MAX

static size_t groups_of(uint32_t n_vectors)
{
	return ((size_t)n_vectors + RABITQ_GROUP - 1) / RABITQ_GROUP;
}

/* Lists follow each other without gaps, and so do their groups. */
static int load_lists(struct codes *c, const struct codes_shape *shape, const struct buf *bytes)
{
	size_t group = rabitq_group_size(rabitq_bits(c->stride));
	struct code_list next = { 0 };

	for (uint32_t i = 0; i < c->n_lists; i++) {
		const uint8_t *at = bytes->data + i * CODES_LIST_SIZE(c->stride);

		next.n_docs = load_le32(at);
		next.n_vectors = load_le32(at + 4);
		for (size_t e = 0; e < c->stride; e++)
			c->centres[i * c->stride + e] = (int16_t)load_le16(at + 8 + 2 * e);
		if (next.n_docs > shape->n_docs - next.first_doc ||
		    next.n_vectors > shape->n_vectors - next.first_vector)
			return -EBADMSG;
		c->lists[i] = next;
		next.first_doc += next.n_docs;
		next.first_vector += next.n_vectors;
		next.at += groups_of(next.n_vectors) * group;
	}
	return next.first_doc == shape->n_docs && next.first_vector == shape->n_vectors && next.at == c->groups_len
		       ? 0
		       : -EBADMSG;
}

int codes_load(const struct codes_shape *shape, const struct buf *lists, uint8_t *groups, size_t groups_len,
	       struct codes **ret_c)
{
	struct codes *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c) {
		free(groups);
		return -ENOMEM;
	}
	c->stride = shape->stride;
	c->n_lists = shape->n_lists;
	c->probes = shape->probes;
	c->groups = groups;
	c->groups_len = groups_len;
	if (rabitq_bits(c->stride) == 0 || lists->len != c->n_lists * CODES_LIST_SIZE(c->stride))
		r = -EBADMSG;
	if (r >= 0)
		r = rabitq_new(c->stride, shape->seed, &c->rotation);
	if (r >= 0) {
		c->lists = calloc((size_t)c->n_lists + 1, sizeof(*c->lists));
		c->centres = calloc((size_t)c->n_lists + 1, c->stride * sizeof(*c->centres));
		r = c->lists && c->centres ? load_lists(c, shape, lists) : -ENOMEM;
	}
	if (r < 0) {
		codes_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

struct codes *codes_free(struct codes *c)
{
	if (!c)
		return NULL;
	rabitq_free(c->rotation);
	free(c->lists);
	free(c->centres);
	free(c->groups);
	free(c);
	return NULL;
}

size_t codes_memory(const struct codes *c)
{
	return c ? c->groups_len + c->n_lists * (sizeof(*c->lists) + c->stride * sizeof(*c->centres)) : 0;
}

/* ---- looking */

struct code_scan {
	const struct codes *codes;     /* borrowed */
	const int16_t *query;          /* borrowed */
	const struct code_list *list;
	size_t group_size, group;      /* which one was estimated last */
	float cosine[RABITQ_GROUP], error[RABITQ_GROUP];
	struct rabitq_query prepared;
	int32_t rotated[RABITQ_BITS_MAX];
};

int code_scan_new(const struct codes *c, const int16_t *query, struct code_scan **ret_s)
{
	struct code_scan *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);

	if (!s)
		return -ENOMEM;
	s->codes = c;
	s->query = query;
	s->list = NULL;
	s->group_size = rabitq_group_size(rabitq_bits(c->stride));
	s->group = NO_GROUP;
	rabitq_rotate(c->rotation, query, s->rotated);
	*ret_s = s;
	return 0;
}

struct code_scan *code_scan_free(struct code_scan *s)
{
	free(s);
	return NULL;
}

void code_scan_list(struct code_scan *s, uint32_t list)
{
	s->list = &s->codes->lists[list];
	s->group = NO_GROUP;
	rabitq_prepare(s->codes->rotation, s->query, s->rotated, s->codes->centres + list * s->codes->stride,
		       &s->prepared);
}

void code_scan_get(struct code_scan *s, uint32_t vector, float *ret_cosine, float *ret_error)
{
	uint32_t at = vector - s->list->first_vector;

	if (s->group != at / RABITQ_GROUP) {
		s->group = at / RABITQ_GROUP;
		rabitq_estimate(s->codes->rotation, &s->prepared,
				s->codes->groups + s->list->at + s->group * s->group_size, s->cosine, s->error);
	}
	*ret_cosine = s->cosine[at % RABITQ_GROUP];
	*ret_error = s->error[at % RABITQ_GROUP];
}
