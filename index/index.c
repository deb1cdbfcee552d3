/* SPDX-License-Identifier: MIT */
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "index/index_impl.h"
#include "base/priority.h"
#include "index/rules.h"
#include "index/vectors/vectors.h"
#include "index/viewers.h"

#define CACHE_BYTES (24u << 20)
#define START_PATIENCE_MS 100u

/* ---- opening */

static int open_folder(struct index *x)
{
	if (!x->config.read_only && mkdirat(x->config.volume_dirfd, "index", 0700) < 0 && errno != EEXIST)
		return -errno;
	x->dirfd = openat(x->config.volume_dirfd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return x->dirfd < 0 && !(x->config.read_only && errno == ENOENT) ? -errno : 0;
}

static int init_locks(struct index *x)
{
	pthread_rwlockattr_t prefer_writer;

	if (pthread_rwlockattr_init(&prefer_writer))
		return -ENOMEM;
	(void) pthread_rwlockattr_setkind_np(&prefer_writer, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void) pthread_rwlock_init(&x->segments_lock, &prefer_writer);
	(void) pthread_rwlockattr_destroy(&prefer_writer);
	(void) pthread_mutex_init(&x->table_lock, NULL);
	(void) pthread_mutex_init(&x->census_lock, NULL);
	cond_init(&x->work_there);
	cond_init(&x->sealer_wake);
	cond_init(&x->work_finished);
	return 0;
}

static int open_model(struct index *x, char **ret_why)
{
	int r = x->model ? 0 : embed_open(x->config.model_dir, &x->model, ret_why);

	if (r < 0)
		return r;
	vector_start();
	x->stride = vector_stride(embed_dimensions(x->model));
	return rules_new(&x->config.settings, &x->rules, ret_why);
}

int index_open(const struct index_config *config, struct index **ret_x, char **ret_why)
{
	struct index *x = calloc(1, sizeof(*x));
	int r;

	*ret_why = NULL;
	if (!x) {
		(void) embed_close(config->model);
		return -ENOMEM;
	}
	x->config = *config;
	x->model = config->model;
	x->memory_segment = config->settings.memory_segment ? config->settings.memory_segment : MEMORY_SEGMENT_DEFAULT;
	x->work.window = config->waiting_window;
	x->dirfd = -1;
	x->extract_path = strdup(config->extract_path ? config->extract_path : "brainy-extract");
	r = x->extract_path ? init_locks(x) : -ENOMEM;
	if (r >= 0)
		r = block_cache_new(CACHE_BYTES, &x->cache);
	if (r >= 0)
		r = viewers_new(x->config.catalog, &x->viewers);
	if (r >= 0)
		r = open_folder(x);
	if (r >= 0)
		r = open_model(x, ret_why);
	if (r >= 0)
		r = rules_load(x);
	if (r >= 0 && !config->load_later)
		r = index_load(x, ret_why);
	if (r < 0) {
		index_close(x);
		return r;
	}
	*ret_x = x;
	return 0;
}

struct index *index_close(struct index *x)
{
	if (!x)
		return NULL;
	(void) index_stop(x);
	segments_done(x);
	ino_map_done(&x->places);
	work_done(&x->work);
	buf_done(&x->slow);
	buf_done(&x->early);
	buf_done(&x->renamed);
	buf_done(&x->below.directories);
	block_cache_free(x->cache);
	viewers_free(x->viewers);
	rules_free(x->rules);
	rules_free(x->next_rules);
	embed_close(x->model);
	if (x->dirfd >= 0)
		(void) close(x->dirfd);
	free(x->extract_path);
	free(x);
	return NULL;
}

/* ---- threads */

void index_hurry(struct index *x)
{
	if (x->may_lower_priority && x->worker_tid)
		priority_raise(x->worker_tid);
	if (x->extractor)
		extractor_pace(x->extractor, false);
}

struct viewers *index_viewers(struct index *x)
{
	return x->viewers;
}

bool index_is_loading(struct index *x)
{
	return !x->ready && !x->load_error;
}

int index_failure(struct index *x)
{
	return x->load_error;
}

static void stop_threads(struct index *x, bool worker, bool sealer)
{
	(void) pthread_mutex_lock(&x->table_lock);
	__atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
	(void) pthread_cond_broadcast(&x->work_there);
	(void) pthread_cond_broadcast(&x->sealer_wake);
	(void) pthread_cond_broadcast(&x->work_finished);
	index_hurry(x);
	(void) pthread_mutex_unlock(&x->table_lock);
	index_stop_loading(x);
	if (worker)
		(void) pthread_join(x->worker, NULL);
	if (sealer)
		(void) pthread_join(x->sealer, NULL);
}

/* A small index is ready when the mount is. */
static void wait_a_little(struct index *x)
{
	uint64_t until_ms = clock_mono_ms() + START_PATIENCE_MS;
	LOCKED(&x->table_lock);

	while (index_is_loading(x) && cond_wait_until(&x->work_finished, &x->table_lock, until_ms) != -ETIMEDOUT)
		;
}

static int start_threads(struct index *x)
{
	int r;

	if (x->config.read_only)
		return 0;
	r = extractor_start(x->extract_path, &x->extractor);
	if (r < 0)
		return r;
	x->may_lower_priority = priority_may_change();
	r = thread_start(&x->worker, "index-worker", queue_worker_main, x);
	if (r >= 0) {
		r = thread_start(&x->sealer, "index-sealer", sealer_main, x);
		if (r < 0)
			stop_threads(x, true, false);
	}
	if (r < 0) {
		x->extractor = extractor_stop(x->extractor);
		return r;
	}
	x->started = true;
	return 0;
}

int index_start(struct index *x)
{
	int r;

	x->stop = false;
	r = index_start_loading(x);
	if (r >= 0)
		r = start_threads(x);
	if (r < 0)
		stop_threads(x, false, false);
	else if (!x->config.at_once)
		wait_a_little(x);
	return r;
}

/* What was not loaded has nothing to seal. */
int index_stop(struct index *x)
{
	int r;

	if (!x->started && !x->loader_started)
		return 0;
	stop_threads(x, x->started, x->started);
	if (!x->started)
		return 0;
	x->started = false;
	x->worker_tid = 0;
	x->extractor = extractor_stop(x->extractor);
	if (!x->ready)
		return 0;
	r = segments_seal(x);
	if (r >= 0)
		r = segments_freeze(x);
	return r < 0 ? r : segments_seal(x);
}

int index_missing_walls(struct index *x)
{
	int r = x->extractor ? extractor_missing(x->extractor) : 0;

	return r < 0 ? 0 : r;
}
