/* SPDX-License-Identifier: MIT */
/* Dictionaries that frames are opened with: the catalog's, or, when that has lost one, a pack's own. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/packs_impl.h"

static const struct pack_dictionary *find_dictionary(struct packs *p, uint64_t id)
{
	for (unsigned k = 0; k < DICTIONARIES_MAX; k++) {
		struct open_dictionary *o = &p->dictionaries[k];

		if (!o->d || pack_dictionary_id(o->d) != id)
			continue;
		o->users++;
		o->used = ++p->tick;
		return o->d;
	}
	return NULL;
}

static const struct pack_dictionary *get_loaded(struct packs *p, uint64_t id)
{
	LOCKED(&p->lock);

	return find_dictionary(p, id);
}

static struct open_dictionary *make_dictionary_place(struct packs *p)
{
	struct open_dictionary *place = NULL;

	for (unsigned k = 0; k < DICTIONARIES_MAX; k++) {
		struct open_dictionary *o = &p->dictionaries[k];

		if (!o->d)
			return o;
		if (o->users == 0 && (!place || o->used < place->used))
			place = o;
	}
	return place;
}

/* Takes it over. NULL: all places are in use. */
static const struct pack_dictionary *add_dictionary(struct packs *p, struct pack_dictionary *d)
{
	LOCKED(&p->lock);
	const struct pack_dictionary *there = find_dictionary(p, pack_dictionary_id(d));
	struct open_dictionary *place = there ? NULL : make_dictionary_place(p);

	if (!place) {
		(void) pack_dictionary_free(d);
		return there;
	}
	(void) pack_dictionary_free(place->d);
	*place = (struct open_dictionary){ .d = d, .users = 1, .used = ++p->tick };
	return d;
}

int packs_get_dictionary(struct packs *p, uint64_t id, const struct pack_dictionary **ret_d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct pack_dictionary *d;
	int r;

	*ret_d = get_loaded(p, id);
	if (*ret_d)
		return 0;
	r = dictionary_get(p->catalog, id, &bytes);
	if (r >= 0)
		r = pack_dictionary_load(id, bytes.data, bytes.len, &d);
	if (r < 0)
		return r;
	*ret_d = add_dictionary(p, d);
	return *ret_d ? 0 : -EBUSY;
}

void packs_put_dictionary(struct packs *p, const struct pack_dictionary *d)
{
	LOCKED(&p->lock);

	for (unsigned k = 0; d && k < DICTIONARIES_MAX; k++)
		if (p->dictionaries[k].d == d)
			p->dictionaries[k].users--;
}

/* ---- a dictionary that the catalog has lost */

struct whole {
	struct packs *p;
	struct open_pack *op;
};

static ssize_t read_whole(void *context, uint64_t from, void *data, size_t len)
{
	const struct whole *w = context;
	const struct bucket_call call = { .cause = BUCKET_RECALL };
	struct bucket *bucket = packs_get_bucket(w->p);
	char key[PACK_KEY_SIZE];

	if (w->op->fd >= 0)
		return io_pread(w->op->fd, data, len, from);
	if (!bucket)
		return -EHOSTUNREACH;
	return (ssize_t)bucket_get(bucket, &call, pack_key(&w->op->record, key), from, data, len);
}

static int copy_dictionary(struct pack *pack, struct pack_dictionary **ret_d)
{
	const struct pack_dictionary *own;
	const void *bytes;
	size_t len;
	int r = pack_get_dictionary(pack, &own);

	if (r < 0 || !own)
		return r < 0 ? r : -EBADMSG;
	bytes = pack_dictionary_bytes(own, &len);
	return pack_dictionary_load(pack_dictionary_id(own), bytes, len, ret_d);
}

static int get_own_dictionary(struct packs *p, struct open_pack *op, const struct pack_dictionary **ret_d)
{
	struct whole w = { p, op };
	const struct pack_source source = { read_whole, &w, op->record.stored };
	struct pack_dictionary *d;
	struct pack *pack;
	int r = pack_open(p->config.keys, &source, &op->record.run, &pack);

	if (r < 0)
		return r == -EBADMSG ? r : packs_plain_error(r);
	r = copy_dictionary(pack, &d);
	(void) pack_close(pack);
	if (r < 0)
		return r == -EBADMSG ? r : packs_plain_error(r);
	if (pack_dictionary_id(d) != op->record.dictionary) {
		(void) pack_dictionary_free(d);
		return -EBADMSG;
	}
	*ret_d = add_dictionary(p, d);
	return *ret_d ? 0 : -EBUSY;
}

int packs_find_dictionary(struct packs *p, struct open_pack *op, const struct pack_dictionary **ret_d)
{
	int r = packs_get_dictionary(p, op->record.dictionary, ret_d);

	return r == -ENOENT || r == -EBADMSG ? get_own_dictionary(p, op, ret_d) : r;
}
