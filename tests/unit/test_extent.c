/* SPDX-License-Identifier: MIT */
/* Extents: encoding, and random puts, cuts and replacements against a model that knows each byte. */
#include "catalog/extent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

#define FILE_INO 50
#define FILE_BYTES 4000

/* What the model knows of a byte: its kind, and where it comes from. */
struct model_byte {
	uint8_t kind, flags, data;
	uint32_t object, at;
};

static struct model_byte model[FILE_BYTES];

static struct extent hot(uint64_t offset, uint64_t len, uint32_t object, uint32_t skip)
{
	struct extent e = { .offset = offset, .len = len, .kind = EXTENT_HOT, .segment = 3, .place = object * 4096ull,
			    .object_len = 1u << 20, .skip = skip };

	memcpy(e.run.id.bytes, &object, sizeof(object));
	e.run.epoch = 1;
	e.run.cipher = CIPHER_XCHACHA20;
	return e;
}

static int recode(const struct extent *e, struct extent *ret_e, struct buf *scratch)
{
	struct key key = extent_key(FILE_INO, extent_end(e));
	int r;

	buf_reset(scratch);
	r = extent_encode(e, scratch);
	return r < 0 ? r : extent_decode(key.bytes, key.len, scratch->data, scratch->len, ret_e);
}

static void test_encoding(void)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e = hot(1ull << 40, 4096, 77, 100), got;

	CHECK_EQ(recode(&e, &got, &scratch), 0);
	CHECK_EQ(got.offset, e.offset);
	CHECK_EQ(got.len, e.len);
	CHECK(id128_equal(got.run.id, e.run.id));
	CHECK_EQ(got.place, e.place);
	CHECK_EQ(got.object_len, e.object_len);
	CHECK_EQ(got.skip, e.skip);
	CHECK_EQ(extent_head_len(scratch.data, scratch.len), scratch.len);

	e = (struct extent){ .offset = 5, .len = 3, .kind = EXTENT_INLINE, .data = (const uint8_t *)"abc", .lsn = 9 };
	CHECK_EQ(recode(&e, &got, &scratch), 0);
	CHECK_MEM(got.data, got.len, "abc", 3);
	CHECK_EQ(got.lsn, 9);
	CHECK_EQ(extent_head_len(scratch.data, scratch.len), scratch.len - 3);
	CHECK_EQ(extent_head_len(scratch.data, 0), 0);

	e = (struct extent){ .offset = INT64_MAX - 1, .len = 2, .kind = EXTENT_HOLE };
	CHECK_EQ(recode(&e, &got, &scratch), -EINVAL);
	e.len = 0;
	CHECK_EQ(recode(&e, &got, &scratch), -EINVAL);
	e = hot(0, 1u << 20, 1, 1);
	CHECK_EQ(recode(&e, &got, &scratch), -EINVAL);
	e.kind = 9;
	CHECK_EQ(recode(&e, &got, &scratch), -EINVAL);
}

static void test_damaged(void)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct extent e = hot(4096, 4096, 77, 100), got;
	struct key key = extent_key(FILE_INO, extent_end(&e));

	CHECK_EQ(extent_encode(&e, &value), 0);
	for (size_t len = 0; len < value.len; len++)
		CHECK_EQ(extent_decode(key.bytes, key.len, value.data, len, &got), -EBADMSG);
	CHECK_EQ(extent_decode(key.bytes, key.len - 1, value.data, value.len, &got), -EBADMSG);
	key = extent_key(FILE_INO, 4095);
	CHECK_EQ(extent_decode(key.bytes, key.len, value.data, value.len, &got), -EBADMSG);
}

/* ---- against the model */

static void model_set(const struct extent *e)
{
	for (uint64_t n = 0; n < e->len; n++) {
		struct model_byte *m = &model[e->offset + n];

		*m = (struct model_byte){ .kind = e->kind, .flags = e->flags };
		if (e->kind == EXTENT_INLINE)
			m->data = e->data[n];
		if (e->kind != EXTENT_HOT)
			continue;
		memcpy(&m->object, e->run.id.bytes, sizeof(m->object));
		m->at = e->skip + (uint32_t)n;
	}
}

static bool byte_agrees(const struct extent *e, uint64_t offset)
{
	const struct model_byte *m = &model[offset];
	uint64_t n = offset - e->offset;
	uint32_t object;

	if (m->kind != e->kind || m->flags != e->flags)
		return false;
	if (e->kind == EXTENT_INLINE)
		return m->data == e->data[n];
	memcpy(&object, e->run.id.bytes, sizeof(object));
	return e->kind != EXTENT_HOT || (m->object == object && m->at == e->skip + n);
}

static void check_model(struct catalog *c)
{
	struct extent_walk *w;
	uint64_t at = 0, bytes = 0;
	struct tree_stats stats;
	struct extent e;
	struct inode i;
	size_t wrong = 0, count = 0;

	CHECK_EQ(extent_walk_open(c, FILE_INO, 0, &w), 0);
	for (; extent_walk_next(w, &e) > 0; at = extent_end(&e), count++) {
		for (; at < e.offset; at++)
			wrong += model[at].kind != 0;
		for (uint64_t n = e.offset; n < extent_end(&e); n++)
			wrong += !byte_agrees(&e, n);
	}
	(void) extent_walk_close(w);
	for (uint64_t n = 0; n < FILE_BYTES; n++) {
		wrong += n >= at && model[n].kind != 0;
		bytes += model[n].kind && (model[n].kind != EXTENT_HOLE || model[n].flags);
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(inode_get(c, FILE_INO, &i), 0);
	CHECK_EQ(i.bytes, bytes);
	CHECK_EQ(i.sets[SET_EXTENTS].count, count);
	tree_get_stats(c, &stats);
	CHECK_EQ(stats.bytes, bytes);
}

static void check_find(struct catalog *c, uint64_t offset)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent e;
	int r = extent_find(c, FILE_INO, offset, &scratch, &e);

	CHECK_EQ(r, model[offset].kind ? 0 : -ENOENT);
	if (r >= 0)
		CHECK(byte_agrees(&e, offset));
}

static unsigned dead_objects;

static void count_dead(void *context, const struct extent *piece, bool last)
{
	uint32_t object;

	if (!last)
		return;
	memcpy(&object, piece->run.id.bytes, sizeof(object));
	dead_objects++;
	((uint8_t *)context)[object] = 1;
}

static uint8_t dead[10000];

static void cut(struct batch *b, struct inode *i, uint64_t from, uint64_t to)
{
	uint64_t next = from;

	while (next < to)
		CHECK_EQ(extent_cut_objects(b, i, next, to - next, 1 + rand() % 8, count_dead, dead, &next), 0);
	memset(model + from, 0, (to - from) * sizeof(model[0]));
}

static struct extent random_extent(uint64_t offset, uint64_t len)
{
	static uint8_t data[FILE_BYTES];
	static uint32_t object;

	switch (rand() % 4) {
	case 0:
		return (struct extent){ .offset = offset, .len = len, .kind = EXTENT_HOLE, .flags = rand() % 2 };
	case 1:
		random_bytes(data, len);
		return (struct extent){ .offset = offset, .len = len, .kind = EXTENT_INLINE, .data = data };
	case 2: /* shared with whatever else has it */
		return hot(offset, len, (uint32_t)rand() % 5 + 9000, (uint32_t)rand() % 1000);
	default:
		return hot(offset, len, object++ % 9000, (uint32_t)rand() % 1000);
	}
}

/* Some ranges, upwards in the file, cut and written anew in one batch. */
static void random_batch(struct catalog *c)
{
	struct batch *b;
	struct inode i;
	uint64_t at = 0;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, FILE_INO, &i), 0);
	for (int n = 1 + rand() % 3; n > 0; n--) {
		uint64_t from = at + (uint64_t)rand() % (FILE_BYTES / 2), to = from + 1 + (uint64_t)rand() % 700;
		struct extent e;

		to = MIN(to, (uint64_t)FILE_BYTES);
		if (from >= to)
			break;
		e = random_extent(from, to - from);
		cut(b, &i, from, to);
		if (rand() % 5) {
			CHECK_EQ(extent_put(b, &i, &e), 0);
			model_set(&e);
		}
		at = to;
	}
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void random_replace(struct catalog *c)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent old, now;
	struct batch *b;
	struct inode i;
	uint64_t offset = (uint64_t)rand() % FILE_BYTES;

	if (extent_find(c, FILE_INO, offset, &scratch, &old) < 0)
		return;
	now = random_extent(old.offset, old.len);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, FILE_INO, &i), 0);
	CHECK(extent_replace(b, &i, &old, &now) >= 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	model_set(&now);
}

/* Each object's users are those that the extents show. */
static void check_users(struct catalog *c)
{
	struct batch *b;
	uint64_t count;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	for (uint32_t object = 0; object < 9010; object++) {
		struct extent e = hot(0, 1, object, 0);
		uint64_t ino = 0, end = 0, users = 0;
		_cleanup_buf_ struct buf scratch = BUF_INIT;
		struct extent user;

		while (extent_next_user(c, e.run.id, &ino, &end) > 0) {
			users++;
			CHECK_EQ(extent_get_in(b, ino, end, &scratch, &user), 0);
			CHECK(id128_equal(user.run.id, e.run.id));
		}
		CHECK_EQ(extent_count_users_in(b, e.run.id, &count), 0);
		CHECK_EQ(count, users);
	}
	(void) batch_abort(b);
}

static void test_model(struct catalog *c)
{
	struct inode i = { .ino = FILE_INO, .mode = S_IFREG | 0644, .nlink = 1 };
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	for (int n = 0; n < 2000; n++) {
		if (n % 3)
			random_batch(c);
		else
			random_replace(c);
		check_find(c, (uint64_t)rand() % FILE_BYTES);
		if (n % 20 == 0)
			check_model(c);
	}
	check_model(c);
	check_users(c);
	CHECK(dead_objects > 100);
	CHECK_EQ(inode_get(c, FILE_INO, &i), 0);
	CHECK_EQ(inode_check_set(c, &i, SET_EXTENTS), 0);
}

/* With everything cut away nothing is left but the inode. */
static void test_cut_all(struct catalog *c)
{
	struct batch *b;
	struct inode i;

	CHECK_EQ(catalog_begin(c, true, &b), 0);
	CHECK_EQ(inode_get_in(b, FILE_INO, &i), 0);
	cut(b, &i, 0, FILE_BYTES);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	check_model(c);
	check_users(c);
	CHECK_EQ(i.sets[SET_EXTENTS].count, 0);
}

static void test_stale_replace(struct catalog *c)
{
	struct extent old = hot(0, 100, 1, 0), now = hot(0, 100, 2, 0), other = hot(0, 100, 1, 5);
	struct batch *b;
	struct inode i;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	CHECK_EQ(inode_get_in(b, FILE_INO, &i), 0);
	CHECK_EQ(extent_replace(b, &i, &old, &now), -ESTALE);
	CHECK_EQ(extent_put(b, &i, &old), 0);
	CHECK_EQ(extent_replace(b, &i, &other, &now), -ESTALE);
	CHECK_EQ(extent_replace(b, &i, &old, &now), 1);
	CHECK_EQ(extent_replace(b, &i, &old, &now), -ESTALE);
	other = now;
	other.place = 1ull << 30; /* moved: the same object, elsewhere */
	CHECK_EQ(extent_replace(b, &i, &now, &other), 0);
	(void) batch_abort(b);
}

/* A record that vanished is noticed. */
static void test_lost_extent(struct catalog *c)
{
	struct extent e = hot(0, 100, 1, 0);
	struct key key = extent_key(FILE_INO + 1, 100);
	struct batch *b;
	struct inode i;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	i = (struct inode){ .ino = FILE_INO + 1, .mode = S_IFREG | 0600, .nlink = 1 };
	CHECK_EQ(extent_put(b, &i, &e), 0);
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(inode_check_set(c, &i, SET_EXTENTS), -EBADMSG);
}

int main(void)
{
	struct catalog *c = tree_box_open();

	if (!c)
		return 1;
	srand(1);
	test_encoding();
	test_damaged();
	test_model(c);
	test_cut_all(c);
	test_stale_replace(c);
	test_lost_extent(c);
	tree_box_close(c);
	return check_result();
}
