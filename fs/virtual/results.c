/* SPDX-License-Identifier: MIT */
#include "fs/virtual/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/virtual/view.h"
#include "fs/virtual/view_names.h"

#define CACHED_MAX 16u
#define SHARED_MS 1000u
/* Of a search that another one is to agree with, so many files count. */
#define OTHERS_MAX 10000u

struct results_cache {
	pthread_mutex_t lock;    /* rank 60 */
	struct results *newest;  /* guarded by lock; one reference each */
	unsigned n;              /* guarded by lock */
};

int results_cache_new(struct results_cache **ret_c)
{
	struct results_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	(void) pthread_mutex_init(&c->lock, NULL);
	*ret_c = c;
	return 0;
}

const struct results *results_put(const struct results *r)
{
	struct results *own = (struct results *)r;

	if (!own || atomic_fetch_sub(&own->users, 1) > 1)
		return NULL;
	free(own->key);
	free(own->items);
	buf_done(&own->names);
	buf_done(&own->targets);
	free(own);
	return NULL;
}
DEFINE_CLEANUP(const struct results *, results_put)

struct results_cache *results_cache_free(struct results_cache *c)
{
	if (!c)
		return NULL;
	while (c->newest) {
		struct results *r = c->newest;

		c->newest = r->next;
		(void) results_put(r);
	}
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

struct moment moment_now(struct fs *fs)
{
	return (struct moment){ catalog_last_lsn(fs->config.catalog), index_rounds(fs->config.index) };
}

bool moment_is_same(const struct moment *a, const struct moment *b)
{
	return a->lsn == b->lsn && a->rounds == b->rounds;
}

/* `moment` NULL: whatever has changed since. */
static const struct results *find(struct results_cache *c, const char *key, const struct moment *moment)
{
	uint64_t now_ms = clock_mono_ms();
	LOCKED(&c->lock);

	for (struct results *r = c->newest; r; r = r->next)
		if ((!moment || moment_is_same(&r->moment, moment)) && now_ms - r->made_ms <= SHARED_MS &&
		    strcmp(r->key, key) == 0) {
			atomic_fetch_add(&r->users, 1);
			return r;
		}
	return NULL;
}

/* The same search of before goes, or the oldest one. */
static void keep(struct results_cache *c, struct results *r)
{
	LOCKED(&c->lock);
	struct results **at = &c->newest, *old;

	while (*at && strcmp((*at)->key, r->key) != 0 && ((*at)->next || c->n < CACHED_MAX))
		at = &(*at)->next;
	old = *at;
	if (old)
		*at = old->next;
	c->n += !old;
	r->next = c->newest;
	c->newest = r;
	atomic_fetch_add(&r->users, 1);
	(void) results_put(old);
}

/* ---- names */

struct named {
	uint64_t ino;
	size_t rank, name; /* where its text begins */
};

/* Called for qsort_r(): by name, then inode. */
static int compare(const void *a, const void *b, void *names)
{
	const struct named *x = a, *y = b;
	int r = strcmp((const char *)names + x->name, (const char *)names + y->name);

	return r ? r : (x->ino > y->ino) - (x->ino < y->ino);
}

/* Appends the base name with its NUL; of a file that went meanwhile an empty one. */
static int add_base_name(struct catalog *c, uint64_t ino, struct buf *names)
{
	struct inode i;
	size_t before = names->len;
	int r = inode_get(c, ino, &i);

	if (r >= 0)
		r = i.nlink && i.parent ? view_base_name(c, &i, names) : -ENOENT;
	if (r == -ENOENT) {
		names->len = before;
		r = 0;
	}
	return r < 0 ? r : buf_add_u8(names, 0);
}

static int add_last_step(const char *path, struct buf *names)
{
	const char *slash = strrchr(path, '/');

	path = slash ? slash + 1 : path;
	return buf_add(names, path, strlen(path) + 1);
}

/* All but the first of one name get their numbers. */
static int number_names(struct named *all, size_t n, struct buf *names)
{
	if (n)
		qsort_r(all, n, sizeof(*all), compare, names->data);
	for (size_t k = n; k-- > 1;) {
		const char *name = (const char *)names->data + all[k].name;
		_cleanup_buf_ struct buf base = BUF_INIT;
		int r;

		if (strcmp(name, (const char *)names->data + all[k - 1].name) != 0)
			continue;
		r = buf_add(&base, name, strlen(name));
		all[k].name = names->len;
		if (r >= 0)
			r = view_numbered_name(&base, all[k].ino, names);
		if (r >= 0)
			r = buf_add_u8(names, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_names(struct catalog *c, struct results *r)
{
	struct named *all = calloc(r->n + 1, sizeof(*all));
	int e = all ? 0 : -ENOMEM;

	for (size_t k = 0; k < r->n && e >= 0; k++) {
		all[k] = (struct named){ .ino = r->items[k].ino, .rank = k, .name = r->names.len };
		e = r->items[k].target ? add_last_step(r->items[k].target, &r->names)
				       : add_base_name(c, all[k].ino, &r->names);
	}
	if (e >= 0)
		e = number_names(all, r->n, &r->names);
	for (size_t k = 0; k < r->n && e >= 0; k++)
		r->items[all[k].rank].name = (const char *)r->names.data + all[k].name;
	free(all);
	return e;
}

int results_list_add(struct results_list *l, uint64_t ino, const char *target, size_t len)
{
	const struct result item = { .ino = ino };
	int r = buf_add(&l->items, &item, sizeof(item));

	if (r >= 0 && target)
		r = buf_add(&l->targets, target, len);
	return r < 0 ? r : buf_add_u8(&l->targets, 0);
}

void results_list_done(struct results_list *l)
{
	buf_done(&l->items);
	buf_done(&l->targets);
}

static struct results *results_of(struct results_list *list)
{
	struct results *r = calloc(1, sizeof(*r));
	const char *target = (const char *)list->targets.data;

	if (!r)
		return NULL;
	atomic_init(&r->users, 1);
	r->n = list->items.len / sizeof(*r->items);
	r->items = (void *)list->items.data;
	r->targets = list->targets;
	*list = (struct results_list){ 0 };
	for (size_t k = 0; k < r->n; k++, target += strlen(target) + 1)
		r->items[k].target = *target ? target : NULL;
	return r;
}

int results_name(struct catalog *c, struct results_list *list, const struct results **ret_r)
{
	struct results *r = results_of(list);
	int e = r ? set_names(c, r) : -ENOMEM;

	if (e < 0)
		(void) results_put(r);
	else
		*ret_r = r;
	return e;
}

/* ---- running */

/* How a search is run. */
struct manner {
	const struct caller *caller;
	enum results_age age;
	struct moment moment; /* not later than it begins */
};

/* What a search has found so far. */
struct found {
	struct buf inos;
	bool knows_waiting;
};

static int run(struct fs *fs, const struct manner *m, const char *spec, uint32_t at_least, struct found *ret_f,
	       uint32_t *ret_limit, char **ret_why)
{
	const struct query_scope scope = { .top = ROOT_INO, .mount_point = fs->config.mount_point, .who = caller_identity(m->caller) };
	struct answer answer = { 0 };
	struct query q;
	int r = query_parse(spec, &q, ret_why);

	if (r < 0)
		return r;
	q.format = FORMAT_INODES;
	*ret_limit = q.limit;
	q.limit = MAX(q.limit, at_least);
	if (m->age != RESULTS_NOW)
		view_wait(fs, q.wait_ms);
	r = index_query(fs->config.index, &q, &scope, &answer, ret_why);
	query_done(&q);
	if (r >= 0)
		*ret_f = (struct found){ answer.bytes, answer.knows_waiting };
	return r;
}

static int compare_inos(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void keep_common(struct buf *inos, struct buf *others)
{
	uint64_t *at = (void *)inos->data, *other = (void *)others->data;
	size_t n = inos->len / sizeof(*at), m = others->len / sizeof(*other), kept = 0;

	if (m)
		qsort(other, m, sizeof(*other), compare_inos);
	for (size_t k = 0; k < n; k++)
		if (m && bsearch(&at[k], other, m, sizeof(*other), compare_inos))
			at[kept++] = at[k];
	inos->len = kept * sizeof(*at);
}

static int run_all(struct fs *fs, const struct manner *m, char *const *specs, size_t n, struct found *ret_f, char **ret_why)
{
	uint32_t limit, ignored;
	int r = run(fs, m, specs[0], n > 1 ? OTHERS_MAX : 0, ret_f, &limit, ret_why);

	for (size_t k = 1; k < n && r >= 0; k++) {
		struct found others = { BUF_INIT, false };

		r = run(fs, m, specs[k], OTHERS_MAX, &others, &ignored, ret_why);
		if (r >= 0)
			keep_common(&ret_f->inos, &others.inos);
		ret_f->knows_waiting &= others.knows_waiting;
		buf_done(&others.inos);
	}
	if (r >= 0)
		ret_f->inos.len = MIN(ret_f->inos.len, (size_t)limit * sizeof(uint64_t));
	return r;
}

/* Takes `key` over. */
static int make(struct fs *fs, const struct manner *m, char *const *specs, size_t n, char *key, struct results **ret_r,
		char **ret_why)
{
	struct results *r = calloc(1, sizeof(*r));
	struct found found = { BUF_INIT, false };
	int e = r ? run_all(fs, m, specs, n, &found, ret_why) : -ENOMEM;

	if (!r) {
		free(key);
		return e;
	}
	atomic_init(&r->users, 1);
	r->key = key;
	r->moment = m->moment;
	r->made_ms = clock_mono_ms();
	r->n = found.inos.len / sizeof(uint64_t);
	r->knows_waiting = found.knows_waiting;
	if (e >= 0) {
		r->items = calloc(r->n + 1, sizeof(*r->items));
		e = r->items ? 0 : -ENOMEM;
	}
	for (size_t k = 0; k < r->n && e >= 0; k++)
		r->items[k].ino = ((const uint64_t *)(const void *)found.inos.data)[k];
	buf_done(&found.inos);
	if (e >= 0)
		e = set_names(fs->config.catalog, r);
	if (e < 0)
		(void) results_put(r);
	else
		*ret_r = r;
	return e;
}

static char *key_of(const struct caller *caller, char *const *specs, size_t n)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = buf_addf(&text, "%u ", caller->uid);

	for (size_t k = 0; k < n && r >= 0; k++)
		r = buf_addf(&text, "%s\n", specs[k]);
	return r < 0 || !buf_cstr(&text) ? NULL : caller_key(caller, buf_cstr(&text));
}

int results_get(struct fs *fs, const struct caller *caller, char *const *specs, size_t n, enum results_age age,
		const struct results **ret_r, char **ret_why)
{
	struct results_cache *cache = fs->virtual->results;
	char *key = fs->config.index ? key_of(caller, specs, n) : NULL;
	struct manner manner = { caller, age, { 0 } };
	struct results *made = NULL;
	const struct results *known;
	int r;

	*ret_why = NULL;
	if (!key)
		return fs->config.index ? -ENOMEM : -ENOTSUP;
	manner.moment = moment_now(fs);
	if (age == RESULTS_RECENT)
		known = find(cache, key, NULL);
	else
		known = index_pending(fs->config.index) ? NULL : find(cache, key, &manner.moment);
	if (known) {
		free(key);
		*ret_r = known;
		return 0;
	}
	r = make(fs, &manner, specs, n, key, &made, ret_why);
	if (r < 0)
		return r;
	keep(cache, made);
	*ret_r = made;
	return 0;
}
