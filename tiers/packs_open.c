/* SPDX-License-Identifier: MIT */
/* Packs that are being read, and some that were. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/packs_impl.h"

/* A pack that goes away between the look at its record and its opening has another record then. */
#define TRIES 3u

struct open_pack *open_pack_free(struct open_pack *op)
{
	if (!op)
		return NULL;
	closep(&op->fd);
	op->run = pack_run_free(op->run);
	free(op);
	return NULL;
}

DEFINE_CLEANUP(struct open_pack *, open_pack_free)

static int open_file(struct packs *p, struct open_pack *op)
{
	char name[ID128_TEXT_SIZE];

	if (pack_record_is_cold(&op->record))
		return 0;
	op->fd = openat(p->config.dirfd, id128_format(op->record.run.id, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return op->fd < 0 ? -errno : 0;
}

static int open_pack(struct packs *p, uint64_t number, struct open_pack **ret_op)
{
	_cleanup_(open_pack_freep) struct open_pack *op = calloc(1, sizeof(*op));
	int r;

	if (!op)
		return -ENOMEM;
	op->fd = -1;
	r = pack_record_get(p->catalog, number, &op->record);
	if (r >= 0)
		r = open_file(p, op);
	if (r >= 0)
		r = pack_run_open(p->config.keys, &op->record.run, &op->run);
	if (r < 0)
		return r;
	*ret_op = steal_ptr(&op);
	return 0;
}

static struct open_pack **find(struct packs *p, uint64_t number)
{
	for (unsigned k = 0; k < OPEN_MAX; k++)
		if (p->open[k] && p->open[k]->record.number == number)
			return &p->open[k];
	return NULL;
}

/* A free place, or that of the one that nobody uses and was used longest ago; NULL: all are in use. */
static struct open_pack **make_place(struct packs *p)
{
	struct open_pack **place = NULL;

	for (unsigned k = 0; k < OPEN_MAX; k++) {
		if (!p->open[k])
			return &p->open[k];
		if (p->open[k]->users == 0 && (!place || p->open[k]->used < (*place)->used))
			place = &p->open[k];
	}
	return place;
}

static struct open_pack *use(struct packs *p, struct open_pack *op)
{
	op->users++;
	op->used = ++p->tick;
	return op;
}

static struct open_pack *get_open(struct packs *p, uint64_t number)
{
	LOCKED(&p->lock);
	struct open_pack **at = find(p, number);

	return at ? use(p, *at) : NULL;
}

/* Takes it over; another thread may have been faster. */
static struct open_pack *add_open(struct packs *p, struct open_pack *op)
{
	LOCKED(&p->lock);
	struct open_pack **at = find(p, op->record.number);

	if (at) {
		(void) open_pack_free(op);
		return use(p, *at);
	}
	at = make_place(p);
	if (at) {
		(void) open_pack_free(*at);
		*at = op;
	}
	op->stale = !at;
	return use(p, op);
}

int packs_get_open(struct packs *p, uint64_t number, struct open_pack **ret_op)
{
	struct open_pack *op = get_open(p, number);
	int r = 0;

	for (unsigned n = 0; !op && n < TRIES; n++) {
		struct open_pack *opened;

		r = open_pack(p, number, &opened);
		if (r >= 0)
			op = add_open(p, opened);
		else if (r != -ENOENT)
			return r;
	}
	if (!op)
		return r;
	*ret_op = op;
	return 0;
}

void packs_put_open(struct packs *p, struct open_pack *op)
{
	LOCKED(&p->lock);

	if (--op->users == 0 && op->stale)
		(void) open_pack_free(op);
}

void packs_forget(struct packs *p, uint64_t number)
{
	LOCKED(&p->lock);
	struct open_pack **at = find(p, number);

	lost_forget(&p->lost, number);
	if (!at)
		return;
	(*at)->stale = true;
	if ((*at)->users == 0)
		(void) open_pack_free(*at);
	*at = NULL;
}
