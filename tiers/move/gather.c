/* SPDX-License-Identifier: MIT */
#include "tiers/move/gather.h"

#include <errno.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/tree.h"
#include "catalog/walk.h"
#include "tiers/file_impl.h"
#include "tiers/move/capacity.h"
#include "tiers/move/description.h"

#define FOLDERS 4096u
#define DEPTH_MAX 4096u

/* What was set on a file or directory, or the nearest one above it. */
struct setting {
	enum policy_tier tier; /* AUTO: nothing was */
	bool said_tier, said_pin, pinned;
};

/* Settings of directories that were asked for lately: files come by inode number, many of one directory together. */
struct folder {
	uint64_t ino; /* 0: free */
	struct setting setting;
};

struct walk {
	struct gathering *g;
	struct folder folders[FOLDERS];
	uint64_t *cold;  /* owned; numbers of packs that are not here, ascending */
	size_t n_cold, cap_cold;
	struct buf tags, path, type, value;
};

/* ---- packs */

static int note_pack(void *context, const struct pack_record *record)
{
	struct walk *w = context;

	if (!pack_record_is_cold(record))
		return 0;
	if (w->n_cold == w->cap_cold) {
		size_t cap = w->cap_cold ? w->cap_cold * 2 : 64;
		uint64_t *more = realloc(w->cold, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->cold = more;
		w->cap_cold = cap;
	}
	w->cold[w->n_cold++] = record->number;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_cold(const struct walk *w, uint64_t pack)
{
	return w->n_cold > 0 && bsearch(&pack, w->cold, w->n_cold, sizeof(pack), compare_numbers);
}

/* ---- settings */

static int read_xattr(struct walk *w, const struct inode *i, const char *name)
{
	buf_reset(&w->value);
	return i->sets[SET_XATTRS].count ? tree_getxattr(w->g->files->catalog, i->ino, name, &w->value) : -ENODATA;
}

/* What it says itself, where nothing is said yet. */
static void add_own(struct walk *w, const struct inode *i, struct setting *s)
{
	enum policy_tier tier;

	if (!s->said_tier && read_xattr(w, i, "user.brainy.tier") >= 0 &&
	    policy_parse_tier((char *)w->value.data, w->value.len, &tier) >= 0) {
		s->said_tier = true;
		s->tier = tier;
	}
	if (!s->said_pin && read_xattr(w, i, "user.brainy.pin") >= 0) {
		s->said_pin = true;
		s->pinned = !(w->value.len == 1 && w->value.data[0] == '0');
	}
}

static void inherit(struct setting *s, const struct setting *above)
{
	if (!s->said_tier) {
		s->said_tier = above->said_tier;
		s->tier = above->tier;
	}
	if (!s->said_pin) {
		s->said_pin = above->said_pin;
		s->pinned = above->pinned;
	}
}

static struct folder *place_of(struct walk *w, uint64_t dir)
{
	return &w->folders[hash_mix64(dir) % FOLDERS];
}

/* Climbs until everything is said, or to the root, and remembers it for the directory it began at. */
static struct setting setting_of(struct walk *w, uint64_t dir)
{
	struct folder *at = place_of(w, dir);
	struct setting s = { 0 };
	struct inode i;

	if (at->ino == dir)
		return at->setting;
	for (uint64_t up = dir, n = 0; up && n < DEPTH_MAX && !(s.said_tier && s.said_pin); up = i.parent, n++) {
		const struct folder *known = place_of(w, up);

		if (known->ino == up) {
			inherit(&s, &known->setting);
			break;
		}
		if (inode_get(w->g->files->catalog, up, &i) < 0)
			break;
		add_own(w, &i, &s);
	}
	*at = (struct folder){ dir, s };
	return s;
}

struct further {
	struct walk *w;
	struct setting *s;
	uint64_t dir; /* of the name before */
};

static int add_further_name(void *context, uint64_t dir, uint64_t cookie)
{
	struct further *f = context;
	struct setting further;

	if (dir == f->dir)
		return 0;
	f->dir = dir;
	further = setting_of(f->w, dir);
	f->s->pinned |= further.pinned;
	if (f->s->tier == POLICY_AUTO)
		f->s->tier = further.tier;
	return 0;
}

/* Of a file with several names the first one counts; a pin counts wherever it is, and so does a setting where the first has
 * none: it keeps the file from being deleted. */
static void add_further(struct walk *w, const struct inode *i, struct setting *s)
{
	struct further f = { w, s, i->parent };

	(void) tree_foreach_name(w->g->files->catalog, i, add_further_name, &f);
}

static struct setting setting_of_file(struct walk *w, const struct inode *i)
{
	struct setting s = { 0 }, above;
	bool own_pin, own_tier;

	add_own(w, i, &s);
	own_pin = s.said_pin;
	own_tier = s.said_tier;
	above = setting_of(w, i->parent);
	inherit(&s, &above);
	if (i->nlink > 1 && !(own_pin && own_tier)) {
		above = s;
		add_further(w, i, &above);
		s.pinned = own_pin ? s.pinned : above.pinned;
		s.tier = own_tier ? s.tier : above.tier;
	}
	return s;
}

/* ---- a file */

static void fill_bytes(const struct walk *w, const struct inode *i, struct policy_file *f)
{
	f->bytes[POLICY_HOT] = i->bytes - i->packed;
	if (i->packed)
		f->bytes[is_cold(w, i->home) ? POLICY_COLD : POLICY_WARM] = i->packed;
}

/* Only what makes a difference. */
static void fill_texts(struct walk *w, const struct inode *i, struct policy_file *f)
{
	struct gathering *g = w->g;
	unsigned needs = policy_needs(g->policy);

	if (needs & POLICY_NEEDS_TAGS && read_xattr(w, i, "user.xdg.tags") >= 0) {
		buf_reset(&w->tags);
		(void) buf_add(&w->tags, w->value.data, w->value.len);
		f->tags = (char *)w->tags.data;
		f->tags_len = w->tags.len;
	}
	buf_reset(&w->path);
	if (needs & POLICY_NEEDS_PATH && tree_path(g->files->catalog, i->ino, ROOT_INO, 0, &w->path) >= 0) {
		f->path = (char *)w->path.data;
		f->path_len = w->path.len;
	}
	buf_reset(&w->type);
	if (needs & POLICY_NEEDS_TYPE && g->get_type) {
		g->get_type(g->context, i->ino, &w->type);
		f->type = w->type.len ? buf_cstr(&w->type) : NULL;
	}
}

struct known {
	struct policy_file f;
	struct uses uses;
};

static void fill(struct walk *w, const struct inode *i, struct known *k)
{
	struct gathering *g = w->g;
	struct setting s = setting_of_file(w, i);

	k->f = (struct policy_file){
		.last_use_s = inode_last_use_s(i), .mtime_s = i->mtime.tv_sec, .closed_s = i->mtime.tv_sec,
		.size_bytes = i->size, .uid = i->uid, .gid = i->gid, .is_open = files_is_open(g->files, i->ino),
	};

	k->f.tier = s.tier;
	k->f.is_pinned = s.pinned;
	fill_bytes(w, i, &k->f);
	fill_texts(w, i, &k->f);
	if (i->packed && used_get(g->files->used, i->ino, &k->uses))
		k->f.uses = &k->uses;
}

/* ---- decisions */

static void decide(struct walk *w, const struct inode *i, struct known *k, struct policy_move *ret_move)
{
	fill(w, i, k);
	policy_decide(w->g->policy, &w->g->when, &k->f, ret_move);
	if (ret_move->action == POLICY_DEMOTE && !description_fits(w->g->files->catalog, i))
		*ret_move = (struct policy_move){ .to = POLICY_HOT, .reason = POLICY_UNFIT, .age_s = ret_move->age_s };
}

/* ---- what could go down when the disk fills */

/* Of plain bytes packs take about so many percent. */
#define PACKED_PERCENT 60u

static int keep_candidate(struct gathering *g, const struct capacity_candidate *c)
{
	if (g->n_candidates == g->max) {
		g->more = true;
		return 0;
	}
	if (g->n_candidates == g->cap_candidates) {
		size_t cap = g->cap_candidates ? g->cap_candidates * 2 : 256;
		struct capacity_candidate *more = realloc(g->candidates, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->candidates = more;
		g->cap_candidates = cap;
	}
	g->candidates[g->n_candidates++] = *c;
	return 0;
}

static int consider(struct walk *w, const struct inode *i, const struct known *k)
{
	struct gathering *g = w->g;
	enum policy_tier coldest = policy_coldest(g->policy, &g->when, &k->f);
	const struct capacity_candidate c = {
		.ino = i->ino, .age_s = policy_age_s(g->when.now_s, k->f.last_use_s, k->f.mtime_s),
		.hot_bytes = k->f.bytes[POLICY_HOT], .packed_bytes = k->f.bytes[POLICY_HOT] / 100 * PACKED_PERCENT,
		.warm_bytes = k->f.bytes[POLICY_WARM] / 100 * PACKED_PERCENT, .not_cold = coldest == POLICY_WARM,
	};

	if (coldest == POLICY_HOT || (!c.hot_bytes && (!c.warm_bytes || c.not_cold)) || !description_fits(w->g->files->catalog, i))
		return 0;
	return keep_candidate(g, &c);
}

static int keep(struct gathering *g, const struct inode *i, const struct policy_move *move)
{
	if (g->n == g->max) {
		g->more = true;
		return 0;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		struct gathered *more = realloc(g->items, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->items = more;
		g->cap = cap;
	}
	g->items[g->n++] = (struct gathered){
		i->ino, calendar_day(i->mtime.tv_sec), i->packed == i->bytes ? i->home : 0, *move,
	};
	return 0;
}

static int note_unfit(struct gathering *g, const struct inode *i, const struct policy_move *move)
{
	const struct gathered item = { .ino = i->ino, .move = *move };

	g->unfit++;
	if (g->tell_unfit)
		g->tell_unfit(g->telling, &item);
	return 0;
}

static int visit(void *context, const struct record *record)
{
	struct walk *w = context;
	struct policy_move move;
	struct known known;
	struct inode i;

	/* A damaged record is fsck's to tell of. */
	if (record->key_len != 9 ||
	    inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i) < 0)
		return 0;
	if (!S_ISREG(i.mode) || i.nlink == 0)
		return 0;
	decide(w, &i, &known, &move);
	if (move.action != POLICY_STAY)
		return keep(w->g, &i, &move);
	if (move.reason == POLICY_UNFIT)
		return note_unfit(w->g, &i, &move);
	return w->g->wants_candidates ? consider(w, &i, &known) : 0;
}

/* ---- all */

static struct walk *walk_new(struct gathering *g)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (w)
		w->g = g;
	return w;
}

static void walk_free(struct walk *w)
{
	if (!w)
		return;
	buf_done(&w->tags);
	buf_done(&w->path);
	buf_done(&w->type);
	buf_done(&w->value);
	free(w->cold);
	free(w);
}

DEFINE_CLEANUP(struct walk *, walk_free)

int gather_all(struct gathering *g)
{
	_cleanup_(walk_freep) struct walk *w = walk_new(g);
	struct key prefix = key_start('I');
	int r = w ? pack_record_foreach(g->files->catalog, note_pack, w) : -ENOMEM;

	return r < 0 ? r : records_foreach(g->files->catalog, &prefix, visit, w);
}

int gather_add(struct gathering *g, uint64_t ino, const struct policy_move *move)
{
	struct inode i;
	int r = inode_get(g->files->catalog, ino, &i);

	return r < 0 ? (r == -ENOENT ? 0 : r) : keep(g, &i, move);
}

int gather_one(struct gathering *g, uint64_t ino, struct inode *ret_i, struct policy_move *ret_move)
{
	_cleanup_(walk_freep) struct walk *w = walk_new(g);
	struct known known;
	int r = w ? pack_record_foreach(g->files->catalog, note_pack, w) : -ENOMEM;

	if (r >= 0)
		r = inode_get(g->files->catalog, ino, ret_i);
	if (r >= 0)
		decide(w, ret_i, &known, ret_move);
	return r;
}

bool gather_spares(struct gathering *g, const struct inode *i)
{
	_cleanup_(walk_freep) struct walk *w = walk_new(g);
	struct setting s;

	if (!w || files_is_open(g->files, i->ino))
		return true;
	s = setting_of_file(w, i);
	return s.pinned || s.tier != POLICY_AUTO;
}
