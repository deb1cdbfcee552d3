/* SPDX-License-Identifier: MIT */
/* How far the index knows the files, by their types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/index_impl.h"

enum { INDEXED, PARTIAL, SKIPPED, FAILED, COLUMNS };

struct row {
	const char *mime; /* borrowed from a segment */
	uint64_t files[COLUMNS];
};

struct table {
	struct row *rows; /* owned */
	size_t n;
};

static struct row *row_of(struct table *t, const char *mime)
{
	struct row *grown;

	for (size_t k = 0; k < t->n; k++)
		if (strcmp(t->rows[k].mime, mime) == 0)
			return &t->rows[k];
	grown = reallocarray(t->rows, t->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	t->rows = grown;
	t->rows[t->n] = (struct row){ .mime = mime };
	return &t->rows[t->n++];
}

static unsigned column_of(uint8_t state)
{
	return state == STATE_INDEXED ? INDEXED : state == STATE_PARTIAL ? PARTIAL : state == STATE_FAILED ? FAILED : SKIPPED;
}

/* Documents of one type mostly stand side by side. */
static int count_segment(struct table *t, const struct segment *s)
{
	struct row *row = NULL;

	for (uint32_t d = 0; d < s->n_docs; d++) {
		const char *mime = segment_mime(s, d);

		if (segment_is_dead(s, d))
			continue;
		if (!row || strcmp(row->mime, mime) != 0)
			row = row_of(t, mime);
		if (!row)
			return -ENOMEM;
		row->files[column_of(s->docs[d].state)]++;
	}
	return 0;
}

static uint64_t sum_of(const struct row *row)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < COLUMNS; k++)
		sum += row->files[k];
	return sum;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = sum_of(a), y = sum_of(b);

	return x < y ? 1 : x > y ? -1 : strcmp(((const struct row *)a)->mime, ((const struct row *)b)->mime);
}

static int write_row(const char *name, const struct row *row, struct buf *out)
{
	return buf_addf(out, "%s\t%llu\t%llu\t%llu\t%llu\t%llu\n", name, (unsigned long long)sum_of(row),
			(unsigned long long)row->files[INDEXED], (unsigned long long)row->files[PARTIAL],
			(unsigned long long)row->files[SKIPPED], (unsigned long long)row->files[FAILED]);
}

static int write_table(const struct table *t, uint64_t pending, struct buf *out)
{
	struct row all = { 0 };
	int r = buf_add_str(out, "# type\tfiles\tindexed\tpartial\tskipped\tfailed\n");

	for (size_t n = 0; n < t->n; n++)
		for (unsigned k = 0; k < COLUMNS; k++)
			all.files[k] += t->rows[n].files[k];
	if (r >= 0)
		r = write_row("all", &all, out);
	for (size_t n = 0; n < t->n && r >= 0; n++)
		r = write_row(*t->rows[n].mime ? t->rows[n].mime : "unknown", &t->rows[n], out);
	return r < 0 ? r : buf_addf(out, "pending\t%llu\n", (unsigned long long)pending);
}

int index_describe_coverage(struct index *x, struct buf *ret_text)
{
	struct table t = { 0 };
	uint64_t pending = index_pending(x);
	int r = 0;

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	for (unsigned i = 0; x->ready && i < x->n_segments && r >= 0; i++)
		r = count_segment(&t, x->segments[i]);
	if (r >= 0 && t.n)
		qsort(t.rows, t.n, sizeof(*t.rows), compare);
	if (r >= 0)
		r = write_table(&t, pending, ret_text);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	free(t.rows);
	return r;
}
