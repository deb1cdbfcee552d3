/* SPDX-License-Identifier: MIT */
/* First look at all packs: which files and folders there are, and which of several descriptions wins. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/rebuild/rebuild_impl.h"

struct look {
	struct rebuilding *rb;
	uint64_t lsn;  /* of the pack at hand */
	uint32_t pack;
};

/* ---- files */

static int note_file(void *context, const struct pack_entry *e)
{
	struct look *l = context;
	struct rebuilding *rb = l->rb;

	if (rb->n_versions == rb->cap_versions) {
		size_t cap = rb->cap_versions ? rb->cap_versions * 2 : 1024;
		struct version *more = realloc(rb->versions, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		rb->versions = more;
		rb->cap_versions = cap;
	}
	rb->versions[rb->n_versions++] = (struct version){ e->inode.ino, e->inode.content_lsn, l->lsn, l->pack };
	return 0;
}

static int descending(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int by_inode(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	if (x->ino != y->ino)
		return -descending(x->ino, y->ino);
	if (x->content_lsn != y->content_lsn)
		return descending(x->content_lsn, y->content_lsn);
	return x->lsn != y->lsn ? descending(x->lsn, y->lsn) : -descending(x->pack, y->pack);
}

static void sort_versions(struct rebuilding *rb)
{
	if (rb->n_versions > 0)
		qsort(rb->versions, rb->n_versions, sizeof(rb->versions[0]), by_inode);
	for (size_t k = 0; k < rb->n_versions; k++)
		rb->n_inodes += k == 0 || rb->versions[k].ino != rb->versions[k - 1].ino;
}

const struct version *rebuild_find(const struct rebuilding *rb, uint64_t ino, size_t *ret_n)
{
	size_t low = 0, high = rb->n_versions, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rb->versions[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < rb->n_versions && rb->versions[low + n].ino == ino)
		n++;
	*ret_n = n;
	return n ? &rb->versions[low] : NULL;
}

/* ---- folders */

static void folder_done(struct folder *d)
{
	free(d->name);
	buf_done(&d->xattrs);
}

static int describe_folder(const struct look *l, const struct pack_entry *e, struct folder *ret_d)
{
	struct folder d = { .inode = e->inode, .lsn = l->lsn };
	int r = 0;

	d.parent = e->n_names ? e->names[0].parent : 0;
	d.name = strdup(e->n_names ? e->names[0].name : "");
	if (!d.name)
		r = -ENOMEM;
	for (uint32_t k = 0; r == 0 && k < e->n_xattrs; k++) {
		r = buf_add_bytes(&d.xattrs, e->xattrs[k].name, strlen(e->xattrs[k].name) + 1);
		if (r == 0)
			r = buf_add_bytes(&d.xattrs, e->xattrs[k].value, e->xattrs[k].len);
	}
	if (r < 0)
		folder_done(&d);
	else
		*ret_d = d;
	return r;
}

static int add_folder(struct rebuilding *rb, struct folder *d)
{
	int r;

	if (rb->n_folders == rb->cap_folders) {
		size_t cap = rb->cap_folders ? rb->cap_folders * 2 : 256;
		struct folder *more = realloc(rb->folders, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		rb->folders = more;
		rb->cap_folders = cap;
	}
	r = ino_places_put(&rb->places, d->inode.ino, (uint32_t)rb->n_folders);
	if (r == 0)
		rb->folders[rb->n_folders++] = *d;
	return r;
}

static int note_folder(void *context, const struct pack_entry *e)
{
	struct look *l = context;
	struct rebuilding *rb = l->rb;
	struct folder d, *there = NULL;
	uint32_t place;
	int r;

	if (ino_places_get(&rb->places, e->inode.ino, &place) == 0)
		there = &rb->folders[place];
	if (there && there->lsn >= l->lsn)
		return 0;
	r = describe_folder(l, e, &d);
	if (r < 0)
		return r;
	if (there) {
		folder_done(there);
		*there = d;
		return 0;
	}
	r = add_folder(rb, &d);
	if (r < 0)
		folder_done(&d);
	return r;
}

/* ---- packs */

static int look_at(struct rebuilding *rb, size_t number)
{
	struct look l = { .rb = rb, .pack = (uint32_t)number };
	struct pack *p;
	int r = shelf_open(&rb->shelf, number, &p);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	rb->report->packs++;
	l.lsn = rb->shelf.packs[number].lsn;
	r = pack_foreach_directory(p, note_folder, &l);
	return r < 0 ? r : pack_foreach_file(p, note_file, &l);
}

/* Is the same pack elsewhere, and good? */
static bool has_twin(const struct shelf *s, const struct shelf_pack *p)
{
	for (size_t k = 0; k < s->n; k++)
		if (!s->packs[k].error && id128_equal(s->packs[k].id, p->id))
			return true;
	return false;
}

static void tell_unreadable(struct rebuilding *rb)
{
	for (size_t k = 0; k < rb->shelf.n; k++) {
		const struct shelf_pack *p = &rb->shelf.packs[k];

		if (!p->error || has_twin(&rb->shelf, p))
			continue;
		rb->report->packs_damaged++;
		rebuild_tell(rb, "pack %s%s cannot be read (%s): what only it describes is lost, and what others describe, "
			     "too, may be older than it was", p->cold ? "" : "warm/", p->name,
			     p->error == -EBADMSG ? "damaged, or of another volume" : strerrordesc_np(-p->error));
	}
}

int rebuild_gather(struct rebuilding *rb)
{
	struct bucket_error why = { 0 };
	int r = shelf_add_folder(&rb->shelf);

	if (r < 0 && r != -ENOMEM)
		rebuild_tell(rb, "warm/ cannot be listed: %s", strerrordesc_np(-r));
	if (r != -ENOMEM)
		r = shelf_add_bucket(&rb->shelf, &why);
	if (r < 0 && r != -ENOMEM)
		rebuild_tell(rb, "the bucket cannot be listed: %s", *why.text ? why.text : strerrordesc_np(-r));
	if (r != -ENOMEM)
		r = 0;
	for (size_t k = 0; r == 0 && k < rb->shelf.n; k++)
		r = look_at(rb, k);
	if (r < 0)
		return r;
	tell_unreadable(rb);
	sort_versions(rb);
	return 0;
}

void rebuild_forget(struct rebuilding *rb)
{
	for (size_t k = 0; k < rb->n_folders; k++)
		folder_done(&rb->folders[k]);
	free(rb->folders);
	free(rb->versions);
	ino_places_done(&rb->places);
	shelf_done(&rb->shelf);
}
