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

/* Room for the lists; the rest is zero. */
static int codes_room(size_t stride, uint64_t seed, uint32_t n_lists, struct codes *c)
{
	int r = rabitq_new(stride, seed, &c->rotation);

	if (r < 0)
		return r;
	c->stride = stride;
	c->n_lists = n_lists;
	c->lists = calloc((size_t)n_lists + 1, sizeof(*c->lists));
	c->centres = calloc((size_t)n_lists + 1, stride * sizeof(*c->centres));
	return c->lists && c->centres ? 0 : -ENOMEM;
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
	c->probes = shape->probes;
	c->groups = groups;
	c->groups_len = c->groups_cap = groups_len;
	if (rabitq_bits(shape->stride) == 0 || lists->len != shape->n_lists * CODES_LIST_SIZE(shape->stride))
		r = -EBADMSG;
	if (r >= 0)
		r = codes_room(shape->stride, shape->seed, shape->n_lists, c);
	if (r >= 0)
		r = load_lists(c, shape, lists);
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

/* ---- growing */

int codes_new(size_t stride, struct codes **ret_c)
{
	struct codes *c = calloc(1, sizeof(*c));
	int r = c ? codes_room(stride, CODES_SEED, 1, c) : -ENOMEM;

	if (r < 0) {
		codes_free(c);
		return r;
	}
	c->probes = 1;
	*ret_c = c;
	return 0;
}

int codes_reserve(struct codes *c, uint32_t n_vectors)
{
	size_t need = groups_of(c->lists->n_vectors + n_vectors) * rabitq_group_size(rabitq_bits(c->stride));
	uint8_t *grown;

	if (need <= c->groups_cap)
		return 0;
	need = MAX(need, 2 * c->groups_cap);
	grown = realloc(c->groups, need);
	if (!grown)
		return -ENOMEM;
	c->groups = grown;
	c->groups_cap = need;
	return 0;
}

void codes_add(struct codes *c, const int16_t *vectors, uint32_t n_vectors)
{
	size_t size = rabitq_group_size(rabitq_bits(c->stride));
	struct code_list *list = c->lists;

	for (uint32_t i = 0; i < n_vectors; i++, list->n_vectors++) {
		unsigned at = list->n_vectors % RABITQ_GROUP;

		if (at == 0) {
			memset(c->groups + c->groups_len, 0, size);
			c->groups_len += size;
		}
		rabitq_encode(c->rotation, vectors + i * c->stride, c->centres, c->groups + c->groups_len - size, at);
	}
	list->n_docs++;
}

size_t codes_memory(const struct codes *c)
{
	return c ? c->groups_cap + c->n_lists * (sizeof(*c->lists) + c->stride * sizeof(*c->centres)) : 0;
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
	if (s->list == &s->codes->lists[list])
		return;
	s->list = &s->codes->lists[list];
	s->group = NO_GROUP;
	rabitq_prepare(s->codes->rotation, s->query, s->rotated, s->codes->centres + list * s->codes->stride,
		       &s->prepared);
}

uint32_t code_scan_run(struct code_scan *s, uint32_t vector, const float **ret_cosines, const float **ret_errors)
{
	uint32_t at = vector - s->list->first_vector, left = s->list->n_vectors - at;

	if (s->group != at / RABITQ_GROUP) {
		s->group = at / RABITQ_GROUP;
		rabitq_estimate(s->codes->rotation, &s->prepared,
				s->codes->groups + s->list->at + s->group * s->group_size, s->cosine, s->error);
	}
	at %= RABITQ_GROUP;
	*ret_cosines = s->cosine + at;
	*ret_errors = s->error + at;
	return MIN(left, RABITQ_GROUP - at);
}
