/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/catalog_impl.h"
#include "catalog/packed_chunk.h"

struct view *view_unref(struct view *v)
{
	if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	overlay_unref(v->active);
	overlay_unref(v->frozen);
	free(v);
	return NULL;
}

int view_replace(struct catalog *c, struct overlay *active, struct overlay *frozen)
{
	struct view *v = calloc(1, sizeof(*v)), *before;

	if (!v) {
		overlay_unref(active);
		overlay_unref(frozen);
		return -ENOMEM;
	}
	atomic_init(&v->refs, 1);
	v->active = active;
	v->frozen = frozen;
	(void) pthread_mutex_lock(&c->view_lock);
	before = c->view;
	c->view = v;
	atomic_fetch_add(&c->generation, 1);
	(void) pthread_mutex_unlock(&c->view_lock);
	view_unref(before);
	return 0;
}

uint64_t catalog_generation(struct catalog *c)
{
	return atomic_load(&c->generation);
}

/* The state of the store is fixed under the same lock as the overlays: no checkpoint can come between
 * and show batches after `lsn` in part. */
int snapshot_begin(struct catalog *c, bool scan, struct snapshot *ret_s)
{
	LOCKED(&c->view_lock);
	struct store_scan *begun = NULL;
	int r;

	if (scan) {
		r = store_scan_begin(c->store, &begun);
		if (r < 0)
			return r;
	}
	atomic_fetch_add_explicit(&c->view->refs, 1, memory_order_relaxed);
	*ret_s = (struct snapshot){
		.view = c->view,
		.scan = begun,
		.lsn = atomic_load_explicit(&c->visible_lsn, memory_order_acquire),
	};
	return 0;
}

void snapshot_end(struct snapshot *s)
{
	if (s->scan)
		store_scan_end(s->scan);
	view_unref(s->view);
}

static const struct overlay_value *find_in_overlays(const struct snapshot *s, const void *key, size_t key_len)
{
	const struct overlay_value *v = overlay_get(s->view->active, s->lsn, key, key_len);

	if (!v && s->view->frozen)
		v = overlay_get(s->view->frozen, s->lsn, key, key_len);
	return v;
}

/* A record of a kind from which some have vanished: "there is none" would be a guess. */
static int missing(struct catalog *c, const void *key)
{
	int r = vetting_check_letter(c, *(const uint8_t *)key);

	return r < 0 ? r : -ENOENT;
}

static int open_stored(struct catalog *c, uint64_t ticket, const void *key, size_t key_len, const struct buf *sealed,
		       struct buf *ret_value)
{
	size_t before = ret_value->len;
	int r = value_open(c->opener, key, key_len, sealed->data, sealed->len, ret_value);

	if (r >= 0)
		value_cache_put(c->values, ticket, key, key_len, ret_value->data + before, ret_value->len - before);
	return r;
}

static int get_stored(struct catalog *c, const void *key, size_t key_len, struct buf *ret_value)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	uint64_t ticket = value_cache_ticket(c->values);
	struct store_scan *scan;
	int r;

	if (value_cache_get(c->values, key, key_len, ret_value))
		return 0;
	r = store_scan_begin(c->store, &scan);
	if (r < 0)
		return r;
	r = store_scan_get(scan, key, key_len, &sealed);
	store_scan_end(scan);
	if (r == -ENOENT)
		return missing(c, key);
	if (r < 0 || !ret_value)
		return r;
	return open_stored(c, ticket, key, key_len, &sealed, ret_value);
}

int catalog_get(struct catalog *c, const void *key, size_t key_len, struct buf *ret_value)
{
	const struct overlay_value *v;
	struct snapshot s;
	int r;

	if (key_len == 0 || key_len > CATALOG_KEY_MAX)
		return -EINVAL;
	r = snapshot_begin(c, false, &s);
	if (r < 0)
		return r;
	v = find_in_overlays(&s, key, key_len);
	if (!v)
		r = *(const uint8_t *)key == LETTER_CHANGE ? -ENOENT : get_stored(c, key, key_len, ret_value);
	else if (v->len == OVERLAY_REMOVED)
		r = -ENOENT;
	else if (ret_value)
		r = buf_add(ret_value, v->data, v->len);
	snapshot_end(&s);
	return r;
}
