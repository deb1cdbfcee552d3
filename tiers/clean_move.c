/* SPDX-License-Identifier: MIT */
/* Moving an object copies its ciphertext. An object that would make the next segment as sparse as this one is opened
 * instead, and its living parts are written into new objects with those of others.
 *
 * Each reference is changed by compare-and-set in its own file's batch; a file that changed meanwhile
 * has let go of the old place by itself. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/change.h"
#include "tiers/clean_impl.h"

#define RELEASE_BYTES (4u << 20)

/* ---- who refers to an object */

static bool same_object(const struct extent *a, const struct extent *b)
{
	return a->kind == EXTENT_HOT && id128_equal(a->run.id, b->run.id) && a->segment == b->segment &&
	       a->place == b->place;
}

static int get_extent(struct files *f, uint64_t ino, uint64_t end, struct extent *ret_e)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	int r = extent_find(f->catalog, ino, end - 1, &scratch, ret_e);

	if (r >= 0 && extent_end(ret_e) != end)
		r = -ENOENT;
	ret_e->data = NULL;
	return r;
}

int object_next_user(struct files *f, const struct extent *object, struct object_user *user)
{
	uint64_t ino = user->ino, end = extent_end(&user->e);
	int r;

	while ((r = extent_next_user(f->catalog, object->run.id, &ino, &end)) > 0) {
		r = get_extent(f, ino, end, &user->e);
		user->ino = ino;
		if (r >= 0 && same_object(&user->e, object))
			return 1;
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return r;
}

/* ---- moving */

struct mover {
	struct files *f;
	struct object_user users[OBJECT_PARTS_MAX]; /* of the object at hand, or to be packed */
	struct object_part parts[OBJECT_PARTS_MAX];
	size_t n_users, n_packed;
	struct buf packed;                          /* plain bytes of users[0 .. n_packed) */
};

/* Lists the users of an object behind those that are to be packed. *ret_alive: bytes they name. */
static int list_users(struct mover *m, const struct extent *object, uint64_t *ret_alive)
{
	struct object_user user = { 0 };
	int r;

	m->n_users = m->n_packed;
	*ret_alive = 0;
	while ((r = object_next_user(m->f, object, &user)) > 0) {
		if (m->n_users == OBJECT_PARTS_MAX)
			return -E2BIG;
		*ret_alive += user.e.len;
		m->users[m->n_users++] = user;
	}
	return r;
}

static int exchange_user(struct files *f, const struct object_user *user, const struct extent *now)
{
	struct change ch;
	int r = change_begin(&ch, f, user->ino, true);

	if (r >= 0)
		r = change_end(&ch, change_exchange(&ch, &user->e, now), NULL, 0);
	/* The file changed or went away: its own batch has let go of the place. */
	return r == -ESTALE || r == -ENOENT ? 0 : r;
}

static int move_object(struct mover *m, const struct extent *object)
{
	struct hot_object o;
	int r = hot_copy(m->f->hot, object, &o);

	if (r == -ENOSPC) {
		space_release(m->f->space, RELEASE_BYTES);
		r = hot_copy(m->f->hot, object, &o);
	}
	if (r < 0)
		return r;
	for (size_t k = m->n_packed; r >= 0 && k < m->n_users; k++) {
		const struct extent *e = &m->users[k].e;
		struct extent now = hot_extent(&o, e->offset, e->len, e->skip);

		r = exchange_user(m->f, &m->users[k], &now);
	}
	hot_release(m->f->hot, &o);
	m->n_users = m->n_packed;
	return r;
}

static int write_packed(struct mover *m, struct hot_object *ret_o)
{
	int r = hot_write(m->f->hot, m->packed.data, (uint32_t)m->packed.len, m->parts, m->n_packed, ret_o);

	if (r != -ENOSPC)
		return r;
	space_release(m->f->space, RELEASE_BYTES);
	return hot_write(m->f->hot, m->packed.data, (uint32_t)m->packed.len, m->parts, m->n_packed, ret_o);
}

static int flush_packed(struct mover *m)
{
	struct hot_object o;
	uint32_t at = 0;
	int r;

	if (m->n_packed == 0)
		return 0;
	r = write_packed(m, &o);
	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < m->n_packed; k++) {
		struct extent now = hot_extent(&o, m->users[k].e.offset, m->users[k].e.len, at);

		at += (uint32_t)m->users[k].e.len;
		r = exchange_user(m->f, &m->users[k], &now);
	}
	hot_release(m->f->hot, &o);
	memmove(m->users, m->users + m->n_packed, (m->n_users - m->n_packed) * sizeof(m->users[0]));
	m->n_users -= m->n_packed;
	m->n_packed = 0;
	buf_reset(&m->packed);
	return r;
}

/* Takes the next listed user in among those to be packed. */
static int pack_user(struct mover *m)
{
	const struct object_user *user = &m->users[m->n_packed];
	void *place;
	int r;

	if (m->packed.len + user->e.len > OBJECT_MAX) {
		r = flush_packed(m);
		if (r < 0)
			return r;
		user = &m->users[0];
	}
	r = buf_extend(&m->packed, user->e.len, &place);
	if (r < 0)
		return r;
	r = tier_read(hot_tier(m->f->hot), &user->e, 0, place, user->e.len, TIER_WAIT);
	if (r < 0) {
		m->packed.len -= user->e.len;
		return r;
	}
	m->parts[m->n_packed++] = (struct object_part){ user->ino, user->e.offset, (uint32_t)user->e.len };
	return 0;
}

static int pack_object(struct mover *m)
{
	int r = 0;

	while (r >= 0 && m->n_packed < m->n_users)
		r = pack_user(m);
	return r;
}

static bool is_sparse(const struct files *f, const struct extent *object, uint64_t alive)
{
	uint64_t stored = (object_blocks(object->object_len) + 1) * (uint64_t)BLOCK_SIZE;

	return alive * 100 < stored * f->config.clean_below;
}

static int clean_object(void *context, const struct extent *object)
{
	struct mover *m = context;
	uint64_t alive;
	int r = list_users(m, object, &alive);

	if (r == -E2BIG && m->n_packed > 0) {
		r = flush_packed(m);
		if (r >= 0)
			r = list_users(m, object, &alive);
	}
	/* More users than the list holds: a copy for each listful. */
	while (r == -E2BIG) {
		r = move_object(m, object);
		if (r >= 0)
			r = list_users(m, object, &alive);
	}
	if (r < 0 || m->n_users == m->n_packed)
		return r;
	return is_sparse(m->f, object, alive) ? pack_object(m) : move_object(m, object);
}

int clean_segment(struct files *f, uint64_t segment)
{
	struct mover *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->f = f;
	r = hot_foreach_object(f->hot, segment, clean_object, m);
	m->n_users = m->n_packed;
	if (r >= 0)
		r = flush_packed(m);
	buf_done(&m->packed);
	free(m);
	return r;
}
