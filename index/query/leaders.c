/* SPDX-License-Identifier: MIT */
#include "index/query/leaders.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/hash.h"

int leaders_init(struct leaders *l, uint32_t max)
{
	size_t buckets = 64;

	while (buckets < max / 2)
		buckets *= 2;
	*l = (struct leaders){
		.max = max,
		.mask = (uint32_t)buckets - 1,
		.sketches = calloc((size_t)max + 1, SKETCH_SIZE),
		.next = calloc((size_t)max + 1, LEADERS_BANDS * sizeof(uint32_t)),
		.heads = malloc(buckets * LEADERS_BANDS * sizeof(uint32_t)),
		.asked = calloc((size_t)max + 1, sizeof(uint32_t)),
	};
	if (!l->sketches || !l->next || !l->heads || !l->asked) {
		leaders_done(l);
		return -ENOMEM;
	}
	memset(l->heads, 0xff, buckets * LEADERS_BANDS * sizeof(uint32_t));
	return 0;
}

void leaders_done(struct leaders *l)
{
	free(l->sketches);
	free(l->next);
	free(l->heads);
	free(l->asked);
	*l = (struct leaders){ 0 };
}

static uint32_t *head_of(const struct leaders *l, const uint8_t *sketch, uint32_t band)
{
	uint64_t rows = load_le32(sketch + (size_t)band * LEADERS_ROWS);

	return &l->heads[(size_t)band * (l->mask + 1) + (hash_mix64(rows | (uint64_t)band << 32) & l->mask)];
}

static const uint8_t *sketch_of(const struct leaders *l, uint32_t number)
{
	return l->sketches + (size_t)number * SKETCH_SIZE;
}

struct question {
	const uint8_t *sketch;
	double best;
	uint32_t found;
	unsigned looks;
};

static void look(struct leaders *l, struct question *q, uint32_t number)
{
	double r = sketch_resemblance(q->sketch, sketch_of(l, number));

	q->looks++;
	if (r > q->best || (r >= q->best && number < q->found)) {
		q->best = r;
		q->found = number;
	}
}

uint32_t leaders_find(struct leaders *l, const uint8_t sketch[SKETCH_SIZE], double threshold)
{
	struct question q = { .sketch = sketch, .best = threshold, .found = LEADER_NONE };

	l->question++;
	for (uint32_t band = 0; band < LEADERS_BANDS; band++)
		for (uint32_t k = *head_of(l, sketch, band); k != LEADER_NONE && q.looks < LEADERS_LOOKS;
		     k = l->next[(size_t)k * LEADERS_BANDS + band]) {
			if (l->asked[k] == l->question)
				continue;
			l->asked[k] = l->question;
			look(l, &q, k);
		}
	return q.found;
}

uint32_t leaders_add(struct leaders *l, const uint8_t sketch[SKETCH_SIZE])
{
	uint32_t number = l->n++;

	assert(number < l->max);
	memcpy(l->sketches + (size_t)number * SKETCH_SIZE, sketch, SKETCH_SIZE);
	for (uint32_t band = 0; band < LEADERS_BANDS; band++) {
		uint32_t *head = head_of(l, sketch, band);

		l->next[(size_t)number * LEADERS_BANDS + band] = *head;
		*head = number;
	}
	return number;
}
