/* SPDX-License-Identifier: MIT */
#include "index/code_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/codes.h"
#include "index/probes.h"

struct code_writer {
	struct segment_sink *sink;   /* borrowed */
	const struct arrangement *a; /* borrowed */
	struct rabitq *rotation;     /* owned */
	struct probes *probes;       /* owned; NULL: there is one list */
	size_t stride;
	int64_t *sums;               /* owned; of each list's vectors; stride each */
	uint32_t *n_vectors;         /* owned; each list's */
	int16_t *centres;            /* owned; set when the vectors are shown again */
	bool again;
	uint64_t n_shown;
	uint8_t *group;              /* owned; the one being filled */
	size_t group_size;
	unsigned fill;
	uint32_t list;               /* whose group it is */
};

int code_writer_new(struct segment_sink *sink, size_t stride, const struct arrangement *a,
		    struct code_writer **ret_w)
{
	struct code_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->sink = sink;
	w->a = a;
	w->stride = stride;
	r = rabitq_new(stride, CODES_SEED, &w->rotation);
	if (r >= 0 && a->n_lists > 1)
		r = probes_new(stride, &w->probes);
	if (r >= 0) {
		w->group_size = rabitq_group_size(rabitq_bits(stride));
		w->group = calloc(1, w->group_size);
		w->sums = calloc(a->n_lists, stride * sizeof(*w->sums));
		w->n_vectors = calloc(a->n_lists, sizeof(*w->n_vectors));
		w->centres = calloc(a->n_lists, stride * sizeof(*w->centres));
		r = w->group && w->sums && w->n_vectors && w->centres ? 0 : -ENOMEM;
	}
	if (r < 0) {
		code_writer_free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

struct code_writer *code_writer_free(struct code_writer *w)
{
	if (!w)
		return NULL;
	rabitq_free(w->rotation);
	probes_free(w->probes);
	free(w->group);
	free(w->sums);
	free(w->n_vectors);
	free(w->centres);
	free(w);
	return NULL;
}

void code_writer_first(struct code_writer *w, uint32_t list, const int16_t *v)
{
	int64_t *sums = w->sums + list * w->stride;

	for (size_t e = 0; e < w->stride; e++)
		sums[e] += v[e];
	w->n_vectors[list]++;
	if (w->probes && w->n_shown++ % (w->a->n_vectors / PROBES_QUERIES + 1) == 0)
		probes_add_query(w->probes, v);
}

static void set_centres(struct code_writer *w)
{
	for (uint32_t l = 0; l < w->a->n_lists; l++)
		for (size_t e = 0; w->n_vectors[l] && e < w->stride; e++)
			w->centres[l * w->stride + e] = (int16_t)(w->sums[l * w->stride + e] / w->n_vectors[l]);
	w->again = true;
}

static int flush(struct code_writer *w)
{
	int r = w->fill ? segment_sink_write(w->sink, w->group, w->group_size) : 0;

	memset(w->group, 0, w->group_size);
	w->fill = 0;
	return r;
}

int code_writer_second(struct code_writer *w, uint32_t list, const int16_t *v)
{
	int r = 0;

	if (!w->again)
		set_centres(w);
	if (w->fill == RABITQ_GROUP || w->list != list)
		r = flush(w);
	w->list = list;
	rabitq_encode(w->rotation, v, w->centres + list * w->stride, w->group, w->fill++);
	if (w->probes)
		probes_add_vector(w->probes, v);
	return r;
}

void code_writer_document(struct code_writer *w, uint32_t list)
{
	if (w->probes)
		probes_add_document(w->probes, list);
}

static int add_list(const struct code_writer *w, uint32_t list, struct buf *ret_lists)
{
	int r = buf_reserve(ret_lists, CODES_LIST_SIZE(w->stride));

	if (r < 0)
		return r;
	(void) buf_add_le32(ret_lists, w->a->list_docs[list]);
	(void) buf_add_le32(ret_lists, w->n_vectors[list]);
	for (size_t e = 0; e < w->stride; e++)
		(void) buf_add_le16(ret_lists, (uint16_t)w->centres[list * w->stride + e]);
	return 0;
}

int code_writer_finish(struct code_writer *w, struct buf *ret_lists, uint32_t *ret_probes)
{
	int64_t probes = 1;
	int r = flush(w);

	for (uint32_t l = 0; r >= 0 && l < w->a->n_lists; l++)
		r = add_list(w, l, ret_lists);
	if (r >= 0 && w->probes)
		probes = probes_count(w->probes, w->centres, w->a->n_lists);
	if (r < 0 || probes < 0)
		return r < 0 ? r : (int)probes;
	*ret_probes = (uint32_t)probes;
	return 0;
}
