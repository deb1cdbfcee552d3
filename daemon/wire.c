/* SPDX-License-Identifier: MIT */
/* The whole architecture in one place: who is opened after whom, and which callbacks carry news upward
 * (an include never does). */
#include "daemon/wire_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/derive.h"
#include "daemon/config_policy.h"
#include "index/embed/embed.h"

#define ROOM_MARGIN (1u << 20) /* for what the disk needs beside a log segment */

/* ---- news from the catalog */

static int sync_data(void *context, uint64_t lsn)
{
	return files_sync_data(((struct stack *)context)->files, lsn);
}

static int data_present(void *context, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return files_data_present(((struct stack *)context)->files, key, key_len, value, value_len);
}

static int before_freeze(void *context)
{
	return files_before_freeze(((struct stack *)context)->files);
}

static void committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct stack *s = context;

	if (s->index)
		index_notify(s->index, lsn, events, n);
	if (s->changed)
		s->changed(s->context, events, n);
}

static bool in_flight(void *context, uint64_t unique)
{
	struct stack *s = context;

	return s->in_flight && s->in_flight(s->context, unique);
}

static void found_whole(void *context)
{
	struct stack *s = context;

	if (s->found_whole)
		s->found_whole(s->context);
}

/* ---- what the index asks of those above and beside it */

static ssize_t read_file(void *context, uint64_t ino, uint64_t offset, void *ret_data, size_t len)
{
	return file_read(((struct stack *)context)->files, ino, offset, ret_data, len, TIER_WAIT);
}

static bool is_busy(void *context, uint64_t ino)
{
	struct stack *s = context;

	return s->is_busy && s->is_busy(s->context, ino);
}

static bool is_open(void *context, uint64_t ino)
{
	struct stack *s = context;

	return s->is_open && s->is_open(s->context, ino);
}

static int need_packs(void *context)
{
	struct stack *s = context;

	return s->need_packs ? s->need_packs(s->context) : 0;
}

/* Before somebody serves, the next mount reclaims it. */
static void unlinked(void *context, uint64_t dir, const char *name, const struct inode *i)
{
	struct stack *s = context;

	if (s->unlinked)
		s->unlinked(s->context, dir, name, i);
}

/* ---- opening */

int wire_fail(char **ret_why, int error, const char *what)
{
	if (!*ret_why && asprintf(ret_why, "%s: %s", what, strerrordesc_np(-error)) < 0)
		*ret_why = NULL;
	return error;
}

static int open_files(struct stack *s, const struct config *config, const struct stack_options *o,
		      char **ret_why)
{
	struct files_config files = {
		.keys = s->keys,
		.volume_dirfd = s->volume_dirfd,
		.read_only = o->read_only,
		.segment_size = config->tiers.segment_size,
		.inline_below = (uint32_t)config->tiers.inline_below,
		.reserve_bytes = config->tiers.reserve,
		.clean_below = (unsigned)config->tiers.clean_below,
		.clean_ms = (unsigned)config->tiers.clean_ms,
		.promote_gap_ms = config_promote_gap_ms(config),
		.cold_cache = config->cold.cache_size,
	};
	int r = files_open(&files, &s->files);

	return r < 0 ? wire_fail(ret_why, r, "cannot open hot/") : 0;
}

static int open_catalog(struct stack *s, const struct config *config, const struct stack_options *o,
			char **ret_why)
{
	struct catalog_config catalog = {
		.keys = s->keys,
		.volume_dirfd = s->volume_dirfd,
		.wal = {
			.sealer = catalog_wal_sealer(s->keys),
			.segment_size = config->wal.segment_size,
			.segments_max = (unsigned)config->wal.segments_max,
			.no_mmap = config->wal.no_mmap,
			.read_only = o->read_only,
			.accept_older = o->accept_older,
			.warm = o->warm,
			.sync_data = sync_data,
			.sync_data_context = s,
		},
		.read_only = o->read_only,
		.warm = o->warm,
		.whole = o->whole,
		.check_later = o->answer_first,
		.rehearse = o->rehearse,
		.checkpoint_ms = (unsigned)config->wal.checkpoint_ms,
		.data_present = data_present,
		.before_freeze = before_freeze,
		.committed = committed,
		.found_whole = found_whole,
		.in_flight = in_flight,
		.context = s,
	};
	int r = catalog_open(&catalog, &s->replay, &s->catalog, ret_why);

	/* Deaths in a row, with no checkpoint between them, leave a segment each; the next one needs another.
	 */
	if (r == -ENOSPC && !o->read_only) {
		freep(ret_why);
		*ret_why = NULL;
		files_release_space(s->files,
				    (catalog.wal.segment_size ? catalog.wal.segment_size : WAL_SEGMENT_SIZE) +
					    ROOM_MARGIN);
		r = catalog_open(&catalog, &s->replay, &s->catalog, ret_why);
	}
	return r < 0 ? wire_fail(ret_why, r, "cannot open the catalog") : 0;
}

static struct index_settings index_settings(const struct config *config)
{
	return (struct index_settings){
		.exclude = config->index.exclude,
		.languages = config->index.languages,
		.max_file = config->index.max_file,
		.memory_segment = config->index.memory_segment,
	};
}

static int open_index(struct stack *s, const struct config *config, const struct stack_options *o,
		      char **ret_why)
{
	struct index_config index = {
		.catalog = s->catalog,
		.keys = s->keys,
		.volume_dirfd = s->volume_dirfd,
		.read_only = o->read_only,
		.load_later = o->answer_first,
		.at_once = o->warm,
		.settings = index_settings(config),
		.read_file = read_file,
		.is_busy = is_busy,
		.requests = wire_requests,
		.price = wire_price,
		.context = s,
	};
	int r;

	if (asprintf(&s->extract_path, "%s/brainy-extract", o->program_dir) < 0)
		return wire_fail(ret_why, -ENOMEM, "cannot open the index");
	r = config->index.model || s->model_dir ? 0 : embed_find(&s->model_dir);
	if (r < 0)
		return wire_fail(ret_why, r,
				 "cannot find the built-in model; reinstall, or set [index] model");
	index.extract_path = s->extract_path;
	index.model_dir = config->index.model ? config->index.model : s->model_dir;
	index.model = config->index.model ? NULL : steal_ptr(&s->model);
	r = index_open(&index, &s->index, ret_why);
	return r < 0 ? wire_fail(ret_why, r, "cannot open the index") : 0;
}

void stack_prepare(struct stack *s)
{
	_cleanup_free_ char *why = NULL;

	if (embed_find(&s->model_dir) == 0)
		(void) embed_open(s->model_dir, &s->model, &why);
}

/* The time since *from, which becomes now. */
static unsigned lap_ms(uint64_t *from_ms)
{
	uint64_t before_ms = *from_ms;

	*from_ms = clock_mono_ms();
	return (unsigned)(*from_ms - before_ms);
}

int stack_open(struct stack *s, const struct config *config, const struct stack_options *o, char **ret_why)
{
	uint64_t ms = clock_mono_ms();
	int r;

	*ret_why = NULL;
	s->read_only = o->read_only;
	(void) pthread_mutex_init(&s->prices_lock, NULL);
	/* The files come first: replay asks them whether the data of an unsynced record arrived. */
	r = open_files(s, config, o, ret_why);
	s->files_ms = lap_ms(&ms);
	if (r == 0)
		r = open_catalog(s, config, o, ret_why);
	s->catalog_ms = lap_ms(&ms);
	if (r == 0) {
		r = files_attach(s->files, s->catalog);
		if (r < 0)
			(void) wire_fail(ret_why, r, "cannot open hot/");
		files_set_world(s->files, &(struct files_world){ is_open, need_packs, unlinked, s });
	}
	if (r == 0)
		r = wire_open_moves(s, config, ret_why);
	if (r == 0 && o->index)
		r = open_index(s, config, o, ret_why);
	s->index_ms = lap_ms(&ms);
	if (r < 0)
		stack_close(s);
	return r;
}

int stack_set(struct stack *s, const struct config *config, char **ret_why)
{
	struct index_settings settings = index_settings(config);
	int r = s->index ? index_set(s->index, &settings, ret_why) : 0;

	if (r == 0)
		r = wire_set_moves(s, config, ret_why);
	if (r == 0)
		catalog_set_checkpoint_ms(s->catalog, (unsigned)config->wal.checkpoint_ms);
	return r;
}

/* The first time that this version opens a volume for writing, and after damage. Nobody else is at work yet.
 */
static int put_in_order(struct stack *s)
{
	struct tree_stats stats;
	int r;

	if (s->read_only || !derive_is_due(s->catalog))
		return 0;
	r = s->need_labels ? s->need_labels(s->context) : 0;
	if (r < 0)
		return r;
	(void) tree_get_stats(s->catalog, &stats);
	if (stats.files)
		log_info("names and tags of %llu files are put in order, once",
			 (unsigned long long)stats.files);
	return derive_run(s->catalog);
}

int stack_start(struct stack *s)
{
	int r = catalog_start(s->catalog);

	if (r == 0)
		r = put_in_order(s);
	if (r == 0)
		r = files_start(s->files);
	if (r == 0 && s->index)
		r = index_start(s->index);
	return r;
}

int stack_stop(struct stack *s)
{
	int r, last;

	recalls_interrupt(s->recalls);
	s->schedule = schedule_free(s->schedule);
	s->recalls = recalls_free(s->recalls);
	r = s->index ? index_stop(s->index) : 0;

	files_stop(s->files);
	if (s->mover)
		(void) mover_save_meter(s->mover);
	last = catalog_stop_clean(s->catalog);
	return last < 0 ? last : r;
}

void stack_close(struct stack *s)
{
	s->index = index_close(s->index);
	wire_close_moves(s);
	/* Its cleaning uses the catalog. */
	files_stop(s->files);
	s->catalog = catalog_close(s->catalog);
	s->files = files_close(s->files);
	s->model = embed_close(s->model);
	freep(&s->extract_path);
	freep(&s->model_dir);
	s->extract_path = s->model_dir = NULL;
}
