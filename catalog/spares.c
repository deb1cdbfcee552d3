/* SPDX-License-Identifier: MIT */
#include "catalog/spares.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/batch_record.h"
#include "catalog/catalog_impl.h"
#include "catalog/lmdb_salvage.h"
#include "catalog/xor_solve.h"

#define BYTES_MAX (256u << 20)

/* A stored version that no leaf in use has, as the facts would count it. */
struct mark {
	uint8_t letter;
	struct id128 hash;
	uint64_t order;  /* of its version in the overlay */
	const struct overlay_node *node;
};

struct spares {
	struct catalog *c;
	struct overlay *versions; /* owned */
	struct buf marks;         /* owned; of struct mark */
	struct facts readable;    /* what the leaves in use still hold */
	struct buf value, current;
	uint64_t order;
};

struct spares *spares_free(struct spares *s)
{
	if (!s)
		return NULL;
	overlay_unref(s->versions);
	buf_done(&s->marks);
	buf_done(&s->value);
	buf_done(&s->current);
	free(s);
	return NULL;
}

DEFINE_CLEANUP(struct spares *, spares_free)

static bool wanted(uint8_t letter)
{
	return letter == 'I' || letter == 'D' || letter == 'X' || letter == 'E' || letter == 'U';
}

static bool newest_is(const struct spares *s, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct overlay_value *v = overlay_get(s->versions, UINT64_MAX, key, key_len);

	return v && v->len == len && memcmp(v->data, value, len) == 0;
}

/* 1: it is new. What the catalog has is not added, but what was the newest version no longer is. */
static int add_version(struct spares *s, const void *key, size_t key_len, const void *value, size_t len)
{
	int r;

	buf_reset(&s->current);
	r = catalog_get(s->c, key, key_len, &s->current);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	if (r >= 0 && s->current.len == len && memcmp(s->current.data, value, len) == 0 &&
	    !overlay_get(s->versions, UINT64_MAX, key, key_len))
		return 0;
	if (newest_is(s, key, key_len, value, len) || overlay_bytes(s->versions) > BYTES_MAX)
		return 0;
	r = overlay_reserve(s->versions, 1, key_len + len);
	if (r < 0)
		return r;
	overlay_put(s->versions, ++s->order, key, key_len, value, len);
	return 1;
}

/* ---- pages of the store */

static struct id128 mark_of(const struct spares *s, const void *key, size_t key_len, const void *sealed, size_t len)
{
	struct facts f = { 0 };
	struct id128 hash;

	facts_add(&f, &s->c->facts_key, key, key_len, sealed, len);
	memcpy(hash.bytes, f.letters[*(const uint8_t *)key].hash, sizeof(hash.bytes));
	return hash;
}

static int add_stale(struct spares *s, const void *key, size_t key_len, const void *sealed, size_t len)
{
	struct mark m = { .letter = *(const uint8_t *)key };
	int r = add_version(s, key, key_len, s->value.data, s->value.len);

	if (r <= 0)
		return r;
	m.hash = mark_of(s, key, key_len, sealed, len);
	m.order = s->order;
	m.node = overlay_seek(s->versions, key, key_len, false);
	return buf_add(&s->marks, &m, sizeof(m));
}

static int take(struct spares *s, const void *key, size_t key_len, const void *sealed, size_t len, bool stale)
{
	int r;

	buf_reset(&s->value);
	r = value_open(s->c->opener, key, key_len, sealed, len, &s->value);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	if (stale)
		return add_stale(s, key, key_len, sealed, len);
	facts_add(&s->readable, &s->c->facts_key, key, key_len, sealed, len);
	return 0;
}

struct paging {
	struct spares *s;
	int error;
};

static void visit_page(void *context, const void *key, size_t key_len, const void *value, size_t len, bool stale)
{
	struct paging *p = context;

	if (p->error >= 0 && wanted(*(const uint8_t *)key))
		p->error = take(p->s, key, key_len, value, len, stale);
}

static int gather_pages(struct spares *s)
{
	_cleanup_close_ int fd = openat(s->c->catalog_dirfd, STORE_FILE, O_RDONLY | O_CLOEXEC);
	struct paging p = { .s = s };
	int r = fd < 0 ? -errno : lmdb_salvage(fd, visit_page, &p);

	if (r < 0)
		return r == -EBADMSG || r == -ENOENT ? 0 : r;
	return p.error;
}

/* ---- the log */

static int add_removed(struct spares *s, const void *key, size_t key_len)
{
	int r;

	if (overlay_bytes(s->versions) > BYTES_MAX)
		return 0;
	r = overlay_reserve(s->versions, 1, key_len);
	if (r >= 0)
		overlay_remove(s->versions, ++s->order, key, key_len);
	return r;
}

static int visit_op(struct spares *s, const struct record_op *op)
{
	if (op->kind == RECORD_REPLY || op->key_len == 0 || op->key_len > 64 || !wanted(*op->key))
		return 0;
	if (op->kind == RECORD_REMOVE)
		return add_removed(s, op->key, op->key_len);
	return add_version(s, op->key, op->key_len, op->value, op->value_len);
}

static int visit_log(void *context, uint64_t lsn, bool synced, const void *data, size_t len)
{
	struct spares *s = context;
	struct reader in;
	struct record_op op;
	int r = record_start(data, len, &in);

	while (r >= 0 && (r = record_next(&in, &op)) > 0)
		r = visit_op(s, &op);
	return r == -EBADMSG ? 0 : r;
}

static int gather_log(struct spares *s)
{
	struct wal_replay replay = { .context = s, .record = visit_log };
	struct wal_config config = s->c->config.wal;

	return wal_gather(s->c->wal_dirfd, &config, &replay);
}

int spares_add_extent(struct spares *s, uint64_t ino, const struct extent *e)
{
	struct key key = extent_key(ino, extent_end(e));
	int r;

	buf_reset(&s->value);
	r = extent_encode(e, &s->value);
	if (r >= 0)
		r = add_version(s, key.bytes, key.len, s->value.data, s->value.len);
	return r == -EINVAL ? 0 : MIN(r, 0);
}

int spares_gather(struct catalog *c, struct spares **ret_s)
{
	_cleanup_(spares_freep) struct spares *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->c = c;
	r = overlay_new(NULL, &s->versions);
	if (r >= 0)
		r = gather_pages(s);
	if (r >= 0)
		r = gather_log(s);
	if (r < 0)
		return r;
	*ret_s = steal_ptr(&s);
	return 0;
}

const struct overlay *spares_versions(const struct spares *s)
{
	return s->versions;
}

/* ---- what the facts prove */

struct proving {
	const struct mark *marks[XOR_MAX];
	struct id128 hashes[XOR_MAX];
	bool chosen[XOR_MAX];
	unsigned n;
};

/* Lost from the store, and not written again since. */
static bool is_missing(struct spares *s, const struct mark *m)
{
	size_t key_len;
	const void *key = overlay_key(m->node, &key_len);

	return catalog_get(s->c, key, key_len, NULL) == -ENOENT;
}

static bool collect(struct spares *s, uint8_t letter, struct proving *p)
{
	const struct mark *marks = (const struct mark *)(const void *)s->marks.data;

	for (size_t i = 0; i < s->marks.len / sizeof(*marks); i++) {
		if (marks[i].letter != letter || !is_missing(s, &marks[i]))
			continue;
		if (p->n == XOR_MAX)
			return false;
		p->hashes[p->n] = marks[i].hash;
		p->marks[p->n++] = &marks[i];
	}
	return p->n > 0;
}

static bool prove(const struct spares *s, uint8_t letter, struct proving *p)
{
	const struct letter_facts *all = &s->c->facts.letters[letter], *have = &s->readable.letters[letter];
	struct letter_facts lost = { all->count - have->count, { all->hash[0] ^ have->hash[0], all->hash[1] ^ have->hash[1] } };
	struct id128 target;
	uint64_t found = 0;

	memcpy(target.bytes, lost.hash, sizeof(target.bytes));
	if (!lost.count || !xor_solve(p->hashes, p->n, target, p->chosen))
		return false;
	for (unsigned i = 0; i < p->n; i++)
		found += p->chosen[i];
	return found == lost.count;
}

static const struct overlay_value *version_of(const struct mark *m)
{
	return overlay_value_at(m->node, m->order);
}

int spares_foreach_proved(struct spares *s, int (*found)(void *context, const void *key, size_t key_len,
							  const void *value, size_t len), void *context)
{
	int r = 0;

	if (s->c->facts_unsure)
		return 0;
	for (const char *l = "IDXEU"; *l && r >= 0; l++) {
		struct proving p = { .n = 0 };

		if (!collect(s, (uint8_t)*l, &p) || !prove(s, (uint8_t)*l, &p))
			continue;
		for (unsigned i = 0; i < p.n && r >= 0; i++) {
			const struct overlay_value *v = version_of(p.marks[i]);
			size_t key_len;
			const void *key = overlay_key(p.marks[i]->node, &key_len);

			if (p.chosen[i])
				r = found(context, key, key_len, v->data, v->len);
		}
	}
	return r;
}
