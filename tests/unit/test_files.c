/* SPDX-License-Identifier: MIT */
/* Files against a model of byte arrays: random operations, folds, checkpoints, cleaning, kills and clean
 * stops at random moments. What is not zero in `kind` is data or allocated, so that holes are checked,
 * too. Usage: test_files [SEED [STEPS]] */
#include <linux/falloc.h>
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "files_box.h"
#include "tiers/clean.h"

#define FILES 4
#define SIZE_MAX_TESTED (3u << 20)

enum { HOLE, ALLOCATED, DATA };

struct model {
	uint64_t ino;
	uint64_t size;
	uint8_t *bytes; /* SIZE_MAX_TESTED each */
	uint8_t *kind;
};

static struct files_box box;
static struct model models[FILES];
static uint8_t *scratch;

static uint64_t below(uint64_t n)
{
	return n ? (uint64_t)random() % n : 0;
}

/* Sizes of all orders, often at the borders of blocks. */
static uint64_t some_len(void)
{
	uint64_t len = 1 + below(1ull << (1 + below(21)));

	return below(3) ? len : MAX(len & ~4095ull, (uint64_t)1);
}

static uint64_t some_offset(const struct model *m)
{
	uint64_t at = below(4) ? below(m->size + 1) : below(SIZE_MAX_TESTED);

	return below(3) ? at : at & ~4095ull;
}

static void clip(uint64_t at, uint64_t *len)
{
	*len = MIN(*len, SIZE_MAX_TESTED - at);
}

/* ---- what the model does */

static void model_fill(struct model *m, uint64_t from, uint64_t to, int kind)
{
	memset(m->kind + from, kind, to - from);
}

static void model_grow(struct model *m, uint64_t size)
{
	if (size <= m->size)
		return;
	memset(m->bytes + m->size, 0, size - m->size);
	model_fill(m, m->size, size, HOLE);
	m->size = size;
}

/* ---- the operations */

static void do_write(struct model *m)
{
	uint64_t at = some_offset(m), len = some_len();
	bool append = !below(5);
	struct tree_request rq = { 0 };

	at = append ? m->size : at;
	clip(at, &len);
	if (len == 0)
		return;
	for (uint64_t k = 0; k < len; k += 8)
		scratch[k] = (uint8_t)random();
	CHECK_EQ(file_write(box.f, &rq, m->ino, append ? 0 : at, scratch, len, false, append), len);
	CHECK(rq.lsn > 0);
	model_grow(m, at);
	memcpy(m->bytes + at, scratch, len);
	model_fill(m, at, at + len, DATA);
	m->size = MAX(m->size, at + len);
}

/* Small ones side by side: they merge and fold. */
static void do_small_writes(struct model *m)
{
	unsigned n = 1 + (unsigned)below(30);

	for (uint64_t at = below(m->size + 1); n-- > 0;) {
		uint64_t len = 1 + below(700);
		struct tree_request rq = { 0 };

		clip(at, &len);
		if (len == 0)
			return;
		memset(scratch, (int)random(), len);
		CHECK_EQ(file_write(box.f, &rq, m->ino, at, scratch, len, false, false), len);
		memcpy(m->bytes + at, scratch, len);
		model_fill(m, at, at + len, DATA);
		at += len;
		m->size = MAX(m->size, at);
	}
}

static void do_truncate(struct model *m)
{
	uint64_t size = below(3) ? some_offset(m) : 0;
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(file_truncate(box.f, &rq, m->ino, size, false, &i), 0);
	CHECK_EQ(i.size, size);
	CHECK(size > m->size || i.bytes <= size); /* what was cut off takes no room */
	model_grow(m, size);
	m->size = size;
}

static void do_punch(struct model *m)
{
	uint64_t at = some_offset(m), len = some_len(), end;
	struct tree_request rq = { 0 };

	clip(at, &len);
	if (len == 0)
		return;
	CHECK_EQ(file_allocate(box.f, &rq, m->ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len, false), 0);
	end = MIN(at + len, m->size);
	if (at < end) {
		memset(m->bytes + at, 0, end - at);
		model_fill(m, at, end, HOLE);
	}
}

static void do_zero(struct model *m)
{
	uint64_t at = some_offset(m), len = some_len(), end;
	bool keep = below(2);
	struct tree_request rq = { 0 };

	clip(at, &len);
	if (len == 0)
		return;
	CHECK_EQ(file_allocate(box.f, &rq, m->ino, FALLOC_FL_ZERO_RANGE | (keep ? FALLOC_FL_KEEP_SIZE : 0), at, len,
			       false), 0);
	end = keep ? MIN(at + len, m->size) : at + len;
	if (!keep)
		model_grow(m, at);
	if (at < end) {
		memset(m->bytes + at, 0, end - at);
		model_fill(m, at, end, ALLOCATED);
	}
	m->size = MAX(m->size, end);
}

static void do_allocate(struct model *m)
{
	uint64_t at = some_offset(m), len = some_len(), end;
	bool keep = below(2);
	struct tree_request rq = { 0 };

	clip(at, &len);
	if (len == 0)
		return;
	CHECK_EQ(file_allocate(box.f, &rq, m->ino, keep ? FALLOC_FL_KEEP_SIZE : 0, at, len, false), 0);
	end = keep ? MIN(at + len, m->size) : at + len;
	if (!keep) {
		model_grow(m, at);
		if (end > m->size) {
			memset(m->bytes + m->size, 0, end - m->size);
			model_fill(m, m->size, end, ALLOCATED);
			m->size = end;
		}
	}
	for (uint64_t k = at; k < end; k++)
		m->kind[k] = MAX(m->kind[k], (uint8_t)ALLOCATED);
}

static void model_copy(struct model *from, uint64_t from_at, struct model *to, uint64_t to_at, uint64_t len)
{
	model_grow(to, to_at);
	memcpy(to->bytes + to_at, from->bytes + from_at, len);
	for (uint64_t k = 0; k < len; k++)
		to->kind[to_at + k] = from->kind[from_at + k] == DATA ? DATA : HOLE;
	to->size = MAX(to->size, to_at + len);
}

static void do_copy(struct model *to)
{
	struct model *from = &models[below(FILES)];
	uint64_t from_at = some_offset(from), to_at = some_offset(to), len = some_len();
	struct tree_request rq = { 0 };
	int64_t want, got;

	clip(to_at, &len);
	want = from_at < from->size ? (int64_t)MIN(len, from->size - from_at) : 0;
	got = file_copy_range(box.f, &rq, from->ino, from_at, to->ino, to_at, len, false);
	if (want > 0 && from == to && from_at < to_at + (uint64_t)want && to_at < from_at + (uint64_t)want) {
		CHECK_EQ(got, -EINVAL);
		return;
	}
	CHECK_EQ(got, want);
	if (want > 0)
		model_copy(from, from_at, to, to_at, (uint64_t)want);
}

/* ---- comparing */

static void check_read(const struct model *m, uint64_t at, uint64_t len)
{
	int64_t want = at < m->size ? (int64_t)MIN(len, m->size - at) : 0, got;

	memset(scratch, 0x5a, len);
	got = file_read(box.f, m->ino, at, scratch, len, false);
	CHECK_EQ(got, want);
	if (got == want && got > 0)
		CHECK(memcmp(scratch, m->bytes + at, (size_t)got) == 0);
}

static void check_seek(const struct model *m, uint64_t at)
{
	uint64_t hole = at, data = at, got = 0;
	int r;

	while (hole < m->size && m->kind[hole] != HOLE)
		hole++;
	while (data < m->size && m->kind[data] == HOLE)
		data++;
	r = file_seek(box.f, m->ino, at, SEEK_HOLE, &got);
	CHECK_EQ(r, at >= m->size ? -ENXIO : 0);
	if (r == 0)
		CHECK_EQ(got, hole);
	r = file_seek(box.f, m->ino, at, SEEK_DATA, &got);
	CHECK_EQ(r, data >= m->size ? -ENXIO : 0);
	if (r == 0)
		CHECK_EQ(got, data);
}

static void check_whole(struct model *m)
{
	struct inode i;
	uint64_t counted = 0;

	CHECK_EQ(inode_get(box.c, m->ino, &i), 0);
	CHECK_EQ(i.size, m->size);
	for (uint64_t k = 0; k < m->size; k++)
		counted += m->kind[k] != HOLE;
	/* Beyond the size there may be allocated room. */
	CHECK(i.bytes >= counted);
	check_read(m, 0, SIZE_MAX_TESTED);
}

static void check_all(void)
{
	for (unsigned k = 0; k < FILES; k++)
		check_whole(&models[k]);
	files_box_verify(&box);
}

/* ---- the house around them */

static void replace_file(struct model *m)
{
	struct tree_request rq = { 0 };
	struct inode i;
	char name[32];

	(void) snprintf(name, sizeof(name), "file%u", box.made - 1);
	m = &models[FILES - 1];
	CHECK_EQ(tree_unlink(box.c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
	CHECK_EQ(i.ino, m->ino);
	CHECK_EQ(file_reclaim(box.f, m->ino), 0);
	CHECK_EQ(inode_get(box.c, m->ino, &i), -ENOENT);
	m->ino = files_box_new_file(&box);
	m->size = 0;
}

static void do_house(void)
{
	switch (below(8)) {
	case 0:
		check_all();
		files_box_kill(&box);
		CHECK_EQ(files_box_open(&box), 0);
		check_all();
		break;
	case 1:
		CHECK_EQ(files_box_stop(&box), 0);
		CHECK_EQ(files_box_open(&box), 0);
		CHECK(box.report.clean);
		check_all();
		break;
	case 2:
	case 3:
		CHECK_EQ(files_before_freeze(box.f), 0);
		break;
	case 4:
		CHECK_EQ(catalog_checkpoint(box.c), 0);
		break;
	case 5:
	case 6:
		CHECK(clean_once(box.f) >= 0);
		break;
	default:
		replace_file(NULL);
	}
}

static void do_operation(struct model *m)
{
	switch (below(12)) {
	case 0:
	case 1:
	case 2:
		do_write(m);
		break;
	case 3:
	case 4:
		do_small_writes(m);
		break;
	case 5:
		do_truncate(m);
		break;
	case 6:
		do_punch(m);
		break;
	case 7:
		do_zero(m);
		break;
	case 8:
		do_allocate(m);
		break;
	case 9:
	case 10:
		do_copy(m);
		break;
	default:
		if (!below(3))
			do_house();
	}
}

static void test_model(unsigned steps)
{
	for (unsigned k = 0; k < FILES; k++) {
		models[k].bytes = malloc(SIZE_MAX_TESTED);
		models[k].kind = malloc(SIZE_MAX_TESTED);
		models[k].ino = files_box_new_file(&box);
	}
	for (unsigned n = 0; n < steps && !check_failures; n++) {
		struct model *m = &models[below(FILES)];

		do_operation(m);
		check_read(m, some_offset(m), some_len());
		check_seek(m, some_offset(m));
		if (check_failures)
			fprintf(stderr, "at step %u\n", n);
	}
	check_all();
	for (unsigned k = 0; k < FILES; k++) {
		free(models[k].bytes);
		free(models[k].kind);
	}
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);
	unsigned steps = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;

	srandom(seed);
	fprintf(stderr, "seed %u\n", seed);
	scratch = malloc(SIZE_MAX_TESTED + (1 << 21));
	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	test_model(steps);
	files_box_free(&box);
	free(scratch);
	return check_result();
}
