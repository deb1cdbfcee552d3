/* SPDX-License-Identifier: MIT */
/* The store as an object: memory, locks, callbacks, durability and figures. open.c fills it. */
#include "catalog/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "catalog/catalog_impl.h"
#include "catalog/set.h"

/* LMDB holds a copy of each page that a change touches until the commit, and keeps that memory for ever; records that lie far
 * apart take a page each. */
#define OVERLAY_RECORDS 65536u
#define OVERLAY_BYTES ((size_t)64 << 20)
#define MAP_SIZE ((size_t)1 << 40)

DEFINE_CLEANUP(struct catalog *, catalog_close)

static void init_locks(struct catalog *c)
{
	(void) pthread_mutex_init(&c->writer, NULL);
	(void) pthread_mutex_init(&c->view_lock, NULL);
	(void) pthread_mutex_init(&c->fold_lock, NULL);
	(void) pthread_mutex_init(&c->turn_lock, NULL);
	(void) pthread_mutex_init(&c->checkpoint_lock, NULL);
	(void) pthread_mutex_init(&c->gate_lock, NULL);
	(void) pthread_mutex_init(&c->counters_lock, NULL);
	cond_init(&c->room);
	cond_init(&c->work);
	(void) pthread_mutex_init(&c->letters_lock, NULL);
	(void) pthread_mutex_init(&c->vetting.lock, NULL);
	(void) pthread_mutex_init(&c->compaction.turn, NULL);
	(void) pthread_cond_init(&c->vetting.done, NULL);
}

static void set_config(struct catalog *c, const struct catalog_config *config)
{
	c->config = *config;
	if (c->config.checkpoint_ms == 0)
		c->config.checkpoint_ms = CHECKPOINT_MS;
	if (c->config.overlay_records == 0)
		c->config.overlay_records = OVERLAY_RECORDS;
	if (c->config.overlay_bytes == 0)
		c->config.overlay_bytes = OVERLAY_BYTES;
	if (c->config.map_size == 0)
		c->config.map_size = MAP_SIZE;
}

static int init_memory(struct catalog *c)
{
	struct overlay *o;
	int r = value_opener_new(c->config.keys, &c->opener);

	if (r >= 0)
		r = value_cache_new(&c->values);
	if (r >= 0)
		r = replies_new(&c->replies);
	if (r >= 0)
		replies_ask(c->replies, c->config.in_flight, c->config.context);
	if (r >= 0)
		r = set_checks_new(&c->set_checks);
	if (r >= 0)
		r = overlay_pool_new(&c->pool);
	if (r >= 0)
		r = overlay_new(c->pool, &o);
	if (r < 0)
		return r;
	c->active = o;
	return view_replace(c, o, NULL);
}

int catalog_new(const struct catalog_config *config, struct catalog **ret_c)
{
	_cleanup_(catalog_closep) struct catalog *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->catalog_dirfd = c->wal_dirfd = -1;
	c->batch.c = c;
	init_locks(c);
	set_config(c, config);
	facts_derive_key(config->keys, &c->facts_key);
	r = init_memory(c);
	if (r < 0)
		return r;
	*ret_c = steal_ptr(&c);
	return 0;
}

struct catalog *catalog_close(struct catalog *c)
{
	if (!c)
		return NULL;
	checkpoint_stop_thread(c);
	compaction_stop(c);
	vetting_stop(c);
	wal_close(c->wal);
	store_close(c->store);
	view_unref(c->view);
	overlay_pool_free(c->pool);
	replies_free(c->replies);
	set_checks_free(c->set_checks);
	value_cache_free(c->values);
	value_opener_free(c->opener);
	batch_done(&c->batch);
	buf_done(&c->job.replies);
	buf_done(&c->compaction.changed);
	if (c->catalog_dirfd >= 0)
		(void) close(c->catalog_dirfd);
	if (c->wal_dirfd >= 0)
		(void) close(c->wal_dirfd);
	(void) pthread_cond_destroy(&c->room);
	(void) pthread_cond_destroy(&c->work);
	(void) pthread_cond_destroy(&c->vetting.done);
	free(c);
	return NULL;
}

void catalog_set_callbacks(struct catalog *c, const struct catalog_config *callbacks)
{
	c->config.before_freeze = callbacks->before_freeze;
	c->config.committed = callbacks->committed;
	c->config.in_flight = callbacks->in_flight;
	c->config.data_present = callbacks->data_present;
	c->config.context = callbacks->context;
	replies_ask(c->replies, callbacks->in_flight, callbacks->context);
	if (callbacks->wal.sync_data) {
		c->config.wal.sync_data = callbacks->wal.sync_data;
		c->config.wal.sync_data_context = callbacks->wal.sync_data_context;
	}
}

/* ---- durability and figures */

int catalog_sync(struct catalog *c, uint64_t lsn)
{
	int r;

	if (c->config.read_only)
		return 0;
	if (atomic_load(&c->failed))
		return -EIO;
	r = wal_sync(c->wal, lsn);
	return r < 0 && r != -ENOMEM ? catalog_fail(c, r) : r;
}

uint64_t catalog_last_lsn(struct catalog *c)
{
	return atomic_load_explicit(&c->visible_lsn, memory_order_acquire);
}

int catalog_find_reply(struct catalog *c, struct id128 mount, uint64_t unique, struct reply_record *ret_reply)
{
	return replies_find(c->replies, mount, unique, ret_reply);
}

struct set_checks *catalog_set_checks(struct catalog *c)
{
	return c->set_checks;
}

struct keyring *catalog_keys(struct catalog *c)
{
	return c->config.keys;
}

bool catalog_kind_suspect(struct catalog *c, uint8_t letter)
{
	return atomic_load(&c->letters[letter]) == LETTER_DAMAGED;
}

bool catalog_rehearses(const struct catalog *c)
{
	return c->config.rehearse;
}

void catalog_get_stats(struct catalog *c, struct catalog_stats *ret_stats)
{
	struct store_usage usage = { 0 };
	struct snapshot s;

	(void) store_get_usage(c->store, &usage);
	*ret_stats = (struct catalog_stats){
		.map_used_bytes = usage.bytes,
		.wal_replayed = c->replayed,
		.last_lsn = catalog_last_lsn(c),
		.checkpoints = atomic_load(&c->checkpoints),
		.checking = vetting_is_running(c),
		.failed = atomic_load(&c->failed),
		.no_space = atomic_load(&c->no_space),
	};
	for (unsigned i = 0; i < 256; i++)
		ret_stats->damaged += atomic_load(&c->letters[i]) == LETTER_DAMAGED;
	if (c->wal) {
		ret_stats->wal_segments = wal_segment_count(c->wal);
		ret_stats->last_sync_us = wal_last_sync_us(c->wal);
		ret_stats->synced_lsn = wal_synced_lsn(c->wal);
	}
	if (snapshot_begin(c, false, &s) < 0)
		return;
	ret_stats->overlay_records = overlay_records(s.view->active);
	ret_stats->overlay_bytes = overlay_bytes(s.view->active);
	if (s.view->frozen) {
		ret_stats->overlay_records += overlay_records(s.view->frozen);
		ret_stats->overlay_bytes += overlay_bytes(s.view->frozen);
	}
	snapshot_end(&s);
}

/* The overlay that replay fills holds what two did before the crash, and another one grows while it is written. */
static uint64_t overlays_bound(const struct catalog *c)
{
	return 3 * (uint64_t)overlay_memory_of(c->config.overlay_records, c->config.overlay_bytes) + OVERLAY_POOL_BYTES;
}

void catalog_add_memory(struct catalog *c, struct memory_parts *m)
{
	struct snapshot s;
	size_t bytes;

	if (snapshot_begin(c, false, &s) >= 0) {
		bytes = overlay_memory(s.view->active) + (s.view->frozen ? overlay_memory(s.view->frozen) : 0) +
			overlay_pool_memory(c->pool);
		snapshot_end(&s);
		memory_part_add(m, "overlay", bytes, overlays_bound(c));
	}
	memory_part_add(m, "values", VALUE_CACHE_BYTES, VALUE_CACHE_BYTES);
	memory_part_add(m, "replies", replies_memory(), replies_memory());
	memory_part_add(m, "checked_sets", set_checks_memory(), set_checks_memory());
	memory_part_add(m, "log_buffers", wal_memory(), wal_memory());
}
