/* SPDX-License-Identifier: MIT */
/* Opening: what is there, what it means, and only then the first write. The old log stays as it is until
 * the new incarnation's header is durable, and the anchor until after that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "wal/ahead.h"
#include "wal/guard.h"
#include "wal/replay.h"
#include "wal/wal_impl.h"

#define SEGMENT_SIZE_MIN (16u << 10)
#define SELF_TEST_OFFSET 1024 /* between the copies of the header */

DEFINE_CLEANUP(struct wal *, wal_close)

/* What was found, before anything is written. */
struct found {
	struct folder folder;
	struct chain chain;
	uint64_t generation; /* newest there is */
	uint64_t keep_first; /* segments of the chain that begin at or before this LSN are kept */
	bool clean;
	bool anchor_damaged;
	bool damaged;
	uint64_t catalog_txn; /* of an anchor that was believed more than the catalog */
	struct ahead ahead;
};

static void found_done(struct found *f)
{
	(void) ahead_end(&f->ahead);
	chain_done(&f->chain);
	folder_done(&f->folder);
}

/* 1: there is one. 0: none. -EBADMSG: it does not open. */
static int load_anchor(int dirfd, const struct wal_sealer *sealer, struct wal_anchor_body *ret_anchor)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = io_read_file_at(dirfd, WAL_ANCHOR_NAME, 4096, &b);

	if (r == -ENOENT)
		return 0;
	if (r == -EFBIG)
		return -EBADMSG;
	if (r == 0)
		r = wal_anchor_open(sealer, b.data, b.len, ret_anchor);
	return r < 0 ? r : 1;
}

static int check_clean(struct found *f, const struct wal_anchor_body *anchor, const struct wal_position *from,
		       uint64_t catalog_txn)
{
	if (anchor->catalog_txn != catalog_txn || anchor->last_lsn != from->lsn)
		return -ESTALE;
	f->clean = true;
	f->generation = MAX(f->folder.generation, anchor->generation);
	f->chain = (struct chain){ .last_lsn = from->lsn, .synced = from->lsn };
	return chain_check_unused(&f->folder, anchor->generation);
}

static int check_unclean(struct found *f, const struct wal_position *from)
{
	int r = chain_build(&f->chain, &f->folder, from);

	if (r == 0)
		r = chain_walk(&f->chain, &f->folder, from);
	if (r < 0)
		return r;
	f->generation = f->folder.generation;
	/* Someone took the anchor away, or the log, or what was written after the anchor. */
	if (f->chain.ended || (f->chain.count == 0 && from->lsn > 0))
		return -ESTALE;
	return 0;
}

/* The anchor does not open. END says as well that the stop was clean (H6), and everything is there if it
 * stands where the checkpoint does. */
static int check_ended(struct found *f, const struct wal_position *from)
{
	int r = chain_build(&f->chain, &f->folder, from);

	if (r == 0)
		r = chain_walk(&f->chain, &f->folder, from);
	if (r < 0)
		return r;
	if (!f->chain.ended || f->chain.ended_lsn != from->lsn)
		return -EBADMSG;
	chain_done(&f->chain);
	f->clean = f->anchor_damaged = true;
	f->generation = f->folder.generation;
	f->chain = (struct chain){ .last_lsn = from->lsn, .synced = from->lsn };
	return 0;
}

/* ---- for repair */

static bool has_bad_segment(const struct found *f)
{
	for (size_t i = 0; i < f->folder.count; i++)
		if (f->folder.segments[i]->state == SEGMENT_BAD)
			return true;
	return false;
}

/* As far as it goes. That it does not go at all is damage where damage is seen; else parts of different
 * times look the same. */
static int salvage(struct found *f, const struct wal_position *from, int failed)
{
	bool accept = f->folder.config->accept_older;
	int r;

	if (failed == -ESTALE && !accept)
		return failed;
	chain_done(&f->chain);
	r = chain_build_longest(&f->chain, &f->folder, from);
	if (r >= 0)
		r = chain_walk(&f->chain, &f->folder, from);
	if (r < 0)
		return r;
	if (f->chain.count == 0 && !has_bad_segment(f) && !accept)
		return -ESTALE;
	f->damaged = true;
	f->generation = f->folder.generation;
	return 0;
}

/* No anchor, or none that opens. */
static int look_salvaging(struct found *f, const struct wal_position *from)
{
	int r = check_ended(f, from);

	if (r != -EBADMSG)
		return r;
	chain_done(&f->chain);
	r = check_unclean(f, from);
	return r == -EBADMSG || r == -ESTALE ? salvage(f, from, r) : r;
}

/* The checkpoint is lost, and records that were gathered in its place may be of any time: all that the log still has goes
 * over them. 0: it cannot be followed up to its end. */
static int look_whole(struct found *f, const struct wal_anchor_body *anchor, struct wal_position *from)
{
	struct wal_position start;
	int r = chain_build_whole(&f->chain, &f->folder, &start);

	if (r >= 0)
		r = f->chain.count ? chain_walk(&f->chain, &f->folder, &start) : -EBADMSG;
	if (r >= 0 && anchor && f->chain.last_lsn != anchor->last_lsn)
		r = -EBADMSG;
	if (r < 0) {
		chain_done(&f->chain);
		return r == -EBADMSG ? 0 : r;
	}
	*from = start;
	f->clean = anchor || f->chain.ended;
	f->catalog_txn = anchor ? anchor->catalog_txn : 0;
	f->generation = f->folder.generation;
	return 1;
}

static int check_anchor(struct found *f, const struct wal_anchor_body *anchor, struct wal_position *from,
			uint64_t catalog_txn)
{
	const struct wal_config *c = f->folder.config;
	int r;

	if (c->from_unsure) {
		f->catalog_txn = catalog_txn = anchor->catalog_txn;
		from->lsn = anchor->last_lsn;
	}
	r = check_clean(f, anchor, from, catalog_txn);
	if (r == -ESTALE && c->accept_older) {
		f->clean = false;
		r = salvage(f, from, r);
	}
	return r;
}

/* ---- what it means */

static int look(struct found *f, int dirfd, const struct wal_config *config, struct wal_position *from,
		uint64_t catalog_txn)
{
	struct wal_anchor_body anchor;
	int r = folder_load(&f->folder, dirfd, config), anchored;

	if (r < 0)
		return r;
	if (config->warm && !config->read_only)
		ahead_begin(&f->ahead, f->folder.segments, f->folder.count);
	anchored = load_anchor(dirfd, &config->sealer, &anchor);
	if (anchored < 0 && anchored != -EBADMSG)
		return anchored;
	if (config->from_unsure) {
		r = look_whole(f, anchored > 0 ? &anchor : NULL, from);
		if (r != 0)
			return MIN(r, 0);
	}
	if (anchored > 0)
		return check_anchor(f, &anchor, from, catalog_txn);
	if (config->salvage)
		return look_salvaging(f, from);
	return anchored ? check_ended(f, from) : check_unclean(f, from);
}

/* ---- the new incarnation */

static int config_set(struct wal_config *c, const struct wal_config *from)
{
	*c = *from;
	c->segment_size = c->segment_size ? c->segment_size : WAL_SEGMENT_SIZE;
	c->segments_min = c->segments_min ? c->segments_min : 3;
	c->segments_max = c->segments_max ? c->segments_max : 32;
	if (c->segment_size % 4096 || c->segment_size < SEGMENT_SIZE_MIN || c->segments_max < 3 ||
	    c->segments_min > c->segments_max)
		return -EINVAL;
	return 0;
}

size_t wal_memory(void)
{
	return 2 * (WAL_RECORD_INNER + WAL_RECORD_MAX) + wal_record_size(WAL_RECORD_INNER + WAL_RECORD_MAX + WAL_TAG_SIZE);
}

/* What appending needs. */
static int new_buffers(struct wal *w)
{
	w->plain = malloc(WAL_RECORD_INNER + WAL_RECORD_MAX);
	w->packed = malloc(WAL_RECORD_INNER + WAL_RECORD_MAX);
	w->sealed = malloc(wal_record_size(WAL_RECORD_INNER + WAL_RECORD_MAX + WAL_TAG_SIZE));
	w->zstd = ZSTD_createCCtx();
	return w->plain && w->packed && w->sealed && w->zstd ? 0 : -ENOMEM;
}

static int wal_new(int dirfd, const struct wal_config *config, struct wal **ret_w)
{
	_cleanup_(wal_closep) struct wal *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_cond_init(&w->sync_done, NULL);
	w->config = *config;
	w->dirfd = dirfd;
	w->incarnation = id128_random();
	if (!config->read_only && new_buffers(w) < 0)
		return -ENOMEM;
	*ret_w = steal_ptr(&w);
	return 0;
}

/* Segments of the chain are kept until they are released: those with records, and the beginning of an
 * incarnation that has none yet, because it may be what the next checkpoint names. */
static bool is_live(const struct found *f, const struct segment *s)
{
	for (size_t i = 0; i < f->chain.count; i++)
		if (f->chain.segments[i] == s)
			return s->head.first_lsn <= f->keep_first;
	return false;
}

/* What the new incarnation follows; the checkpoint's word when all records are in it. */
static struct wal_position last_position(const struct found *f, const struct wal_position *from)
{
	struct wal_position p = *from;

	for (size_t i = 0; f->chain.last_lsn > from->lsn && i < f->chain.count; i++)
		if (is_live(f, f->chain.segments[i]))
			p = (struct wal_position){ f->chain.segments[i]->head.incarnation,
						   f->chain.last_lsn };
	return p;
}

static int adopt_live(struct wal *w, struct found *f)
{
	for (size_t i = 0; i < f->chain.count; i++) {
		struct segment *s = f->chain.segments[i];
		int r;

		if (!is_live(f, s))
			continue;
		s->last_lsn = MIN(s->last_lsn, f->chain.last_lsn);
		r = s->clean ? 0 : log_segment_sync(s);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f->chain.count; i++)
		if (is_live(f, f->chain.segments[i]))
			log_segment_list_push(&w->live, f->chain.segments[i]);
	return 0;
}

static int adopt_free(struct wal *w, struct found *f, struct segment_list *ret_obsolete)
{
	for (size_t i = 0; i < f->folder.count; i++) {
		struct segment *s = f->folder.segments[i];

		if (is_live(f, s))
			continue;
		/* Only after a clean stop: keys of long ago, or damage that no longer matters. */
		if (s->state == SEGMENT_BAD && s->size == w->config.segment_size) {
			int r = log_segment_blank(s);

			if (r < 0)
				return r;
		}
		f->folder.segments[i] = NULL;
		log_segment_list_push(s->size == w->config.segment_size ? &w->ready : ret_obsolete, s);
	}
	return 0;
}

static int adopt(struct wal *w, struct found *f, struct segment_list *ret_obsolete)
{
	int r = adopt_live(w, f);

	if (r < 0)
		return r;
	r = adopt_free(w, f, ret_obsolete);
	for (size_t i = 0; i < f->folder.count; i++)
		if (f->folder.segments[i] && is_live(f, f->folder.segments[i]))
			f->folder.segments[i] = NULL;
	return r;
}

static int self_test_stores(void *context)
{
	struct segment *s = context;
	uint64_t *place = (uint64_t *)(s->map + SELF_TEST_OFFSET), mine, seen;

	random_bytes(&mine, sizeof(mine));
	__atomic_store_n(place, mine, __ATOMIC_SEQ_CST);
	if (io_pread_exact(s->fd, &seen, sizeof(seen), SELF_TEST_OFFSET) < 0 || seen != mine)
		return -EOPNOTSUPP;
	mine = ~mine;
	if (io_pwrite(s->fd, &mine, sizeof(mine), SELF_TEST_OFFSET) < 0 ||
	    __atomic_load_n(place, __ATOMIC_SEQ_CST) != mine)
		return -EOPNOTSUPP;
	*place = 0;
	return 0;
}

/* Some network and user-space filesystems have no shared mappings, or none that agree with pread(2). */
static int self_test(struct wal *w)
{
	struct segment *s;
	int r;

	if (w->config.no_mmap || guard_install() < 0)
		return 0;
	r = wal_take_segment(w, true, &s);
	if (r < 0)
		return r;
	r = log_segment_map(s);
	if (r == 0)
		r = guard_call(self_test_stores, s);
	if (r == 0 && !w->config.warm && msync(s->map, 4096, MS_SYNC) < 0)
		r = -errno;
	log_segment_unmap(s);
	log_segment_list_put_back(&w->ready, s);
	w->mapped = r == 0;
	if (w->mapped)
		free(steal_ptr(&w->sealed));
	return 0;
}

static int make_runs(struct wal *w)
{
	const struct wal_sealer *s = &w->config.sealer;
	int r = s->run_new(s->context, WAL_SEAL_RECORD, w->record_run_header, &w->record_run);

	return r < 0 ? r : s->run_new(s->context, WAL_SEAL_HEADER, w->header_run_header, &w->header_run);
}

static int remove_anchor(int dirfd)
{
	if (unlinkat(dirfd, WAL_ANCHOR_NAME, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dirfd) < 0 ? -errno : 0;
}

static void remove_all(struct segment_list *l, int dirfd)
{
	struct segment *s;

	while ((s = log_segment_list_pop(l)))
		log_segment_remove(s, dirfd);
}

static void free_all(struct segment_list *l)
{
	struct segment *s;

	while ((s = log_segment_list_pop(l)))
		log_segment_free(s);
}

static int begin_incarnation(struct wal *w, struct found *f, const struct wal_position *from)
{
	_cleanup_(free_all) struct segment_list obsolete = { 0 };
	int r;

	f->keep_first = f->chain.last_lsn + (f->chain.last_lsn > from->lsn);
	w->generation = f->generation + 1;
	w->prior = last_position(f, from);
	w->based = from->lsn;
	w->last_lsn = f->chain.last_lsn;
	w->synced = f->chain.synced;
	w->next_number = f->folder.next_number;
	r = ahead_end(&f->ahead);
	if (r == 0)
		r = adopt(w, f, &obsolete);
	if (r == 0)
		r = self_test(w);
	if (r == 0)
		r = make_runs(w);
	if (r == 0)
		r = wal_begin_segment(w, true);
	if (r == 0)
		r = remove_anchor(w->dirfd);
	if (r < 0)
		return r;
	remove_all(&obsolete, w->dirfd);
	if (w->config.warm)
		return 0;
	r = wal_prepare(w);
	return r == -ENOSPC ? 0 : r;
}

int wal_open(int dirfd, const struct wal_config *config, const struct wal_position *from,
	     uint64_t catalog_txn, const struct wal_replay *replay, struct wal_report *ret_report,
	     struct wal **ret_w)
{
	_cleanup_(found_done) struct found f = { 0 };
	_cleanup_(wal_closep) struct wal *w = NULL;
	struct wal_position start = *from;
	struct wal_config c;
	uint64_t replayed;
	int r = from->lsn > WAL_NUMBER_MAX ? -EINVAL : config_set(&c, config);

	if (r < 0)
		return r;
	r = look(&f, dirfd, &c, &start, catalog_txn);
	if (r == 0)
		r = chain_deliver(&f.chain, &f.folder, &start, replay, &replayed);
	if (r == 0)
		r = wal_new(dirfd, &c, &w);
	if (r == 0 && !c.read_only)
		r = begin_incarnation(w, &f, &start);
	if (r < 0)
		return r;
	w->last_lsn = f.chain.last_lsn;
	*ret_report = (struct wal_report){
		.replayed = replayed, .last_lsn = f.chain.last_lsn, .clean = f.clean,
		.anchor_damaged = f.anchor_damaged, .cut = f.chain.cut,
		.damaged = f.damaged, .catalog_txn = f.catalog_txn,
	};
	*ret_w = steal_ptr(&w);
	return 0;
}

struct wal *wal_close(struct wal *w)
{
	if (!w)
		return NULL;
	free_all(&w->live);
	free_all(&w->ready);
	if (w->record_run)
		w->config.sealer.run_free(w->record_run);
	if (w->header_run)
		w->config.sealer.run_free(w->header_run);
	(void) ZSTD_freeCCtx(w->zstd);
	free(w->sealed);
	free(w->packed);
	free(w->plain);
	(void) pthread_cond_destroy(&w->sync_done);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}
