/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/file_impl.h"

#define SEGMENT_SIZE (128ull << 20)
#define INLINE_BELOW (64u << 10)
#define CLEAN_BELOW 50u
#define CLEAN_MS 1000u
#define CHECKPOINT_RECORD_BYTES 512u
#define FOLDS_MAX 3u
#define FOLD_AGAIN (1u << 20)

static int open_folder(const struct files *f, const char *name, int *ret_fd)
{
	int dirfd = f->config.volume_dirfd;

	if (!f->config.read_only) {
		if (mkdirat(dirfd, name, 0700) == 0)
			(void) fsync(dirfd);
		else if (errno != EEXIST)
			return -errno;
	}
	*ret_fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? -errno : 0;
}

/* A volume from before there were packs has no folder for them, which a mount that writes nothing does not make. */
static int open_folders(struct files *f)
{
	int r = open_folder(f, "hot", &f->hot_dirfd);

	if (r >= 0)
		r = open_folder(f, "warm", &f->warm_dirfd);
	if (r >= 0)
		r = open_folder(f, "cache", &f->cache_dirfd);
	return r == -ENOENT && f->hot_dirfd >= 0 && f->config.read_only ? 0 : r;
}

static int open_packs(struct files *f)
{
	const struct packs_config config = {
		.keys = f->config.keys, .dirfd = f->warm_dirfd, .cache_dirfd = f->cache_dirfd,
		.cache_max = f->config.cold_cache,
	};

	return packs_new(&config, &f->packs);
}

static uint64_t stored_bytes(const struct files *f)
{
	struct segments_stats stats;

	segments_get_stats(hot_segments(f->hot), &stats);
	return stats.bytes;
}

static int open_space(struct files *f)
{
	const struct space_config config = {
		.volume_dirfd = f->config.volume_dirfd,
		.reserve_bytes = f->config.reserve_bytes,
		.stored_bytes = stored_bytes(f),
		.read_only = f->config.read_only,
	};

	return space_open(&config, &f->space);
}

bool files_refill_reserve(struct files *f)
{
	return space_refill(f->space, stored_bytes(f));
}

static int open_parts(struct files *f)
{
	struct hot_config hot;
	int r;

	r = open_folders(f);
	if (r < 0)
		return r;
	hot = (struct hot_config){
		.keys = f->config.keys,
		.dirfd = f->hot_dirfd,
		.segment_size = f->config.segment_size,
		.read_only = f->config.read_only,
	};
	r = hot_open(&hot, &f->hot);
	if (r >= 0)
		r = open_packs(f);
	if (r >= 0)
		r = open_space(f);
	if (r < 0)
		return r;
	f->fold = fold_new();
	f->cleaner = cleaner_new(f);
	f->used = used_new();
	atomic_store(&f->promote_gap_ms, f->config.promote_gap_ms);
	return f->fold && f->cleaner && f->used ? 0 : -ENOMEM;
}

int files_open(const struct files_config *config, struct files **ret_f)
{
	struct files *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->config = *config;
	f->hot_dirfd = f->warm_dirfd = f->cache_dirfd = -1;
	if (!f->config.segment_size)
		f->config.segment_size = SEGMENT_SIZE;
	if (!f->config.inline_below)
		f->config.inline_below = INLINE_BELOW;
	if (!f->config.clean_below)
		f->config.clean_below = CLEAN_BELOW;
	if (!f->config.clean_ms)
		f->config.clean_ms = CLEAN_MS;
	/* A record holds no more, whatever is configured. */
	f->config.inline_below = MIN(f->config.inline_below, EXTENT_INLINE_MAX);
	r = open_parts(f);
	if (r < 0) {
		(void) files_close(f);
		return r;
	}
	*ret_f = f;
	return 0;
}

int files_attach(struct files *f, struct catalog *catalog)
{
	f->catalog = catalog;
	hot_set_catalog(f->hot, catalog);
	packs_set_catalog(f->packs, catalog);
	verified_done(&f->verified);
	return 0;
}

void files_set_world(struct files *f, const struct files_world *world)
{
	f->world = *world;
}

int files_start(struct files *f)
{
	return f->config.read_only ? 0 : cleaner_start(f->cleaner);
}

void files_stop(struct files *f)
{
	if (!f)
		return;
	cleaner_stop(f->cleaner);
	fold_everything(f->fold);
}

struct files *files_close(struct files *f)
{
	if (!f)
		return NULL;
	f->cleaner = cleaner_free(f->cleaner);
	f->fold = fold_free(f->fold);
	f->used = used_free(f->used);
	f->space = space_close(f->space);
	(void) tier_free(f->hot ? hot_tier(f->hot) : NULL);
	(void) tier_free(f->packs ? packs_tier(f->packs) : NULL);
	closep(&f->hot_dirfd);
	closep(&f->warm_dirfd);
	closep(&f->cache_dirfd);
	verified_done(&f->verified);
	free(f);
	return NULL;
}

int file_sync(struct files *f, uint64_t lsn)
{
	return catalog_sync(f->catalog, lsn);
}

/* ---- callbacks */

int files_sync_data(void *files, uint64_t lsn)
{
	struct files *f = files;

	/* Bytes are written before the batch that names them: what is dirty now is enough for any LSN
	 * that was given out. */
	return f->config.read_only ? 0 : segments_sync(hot_segments(f->hot));
}

/* Room for the folds and for what the checkpoint adds to the store; on a full disk the reserve gives
 * it. The store rewrites pages of 4 KiB: small records count for more than their bytes. */
static void make_room(struct files *f)
{
	struct catalog_stats stats;

	catalog_get_stats(f->catalog, &stats);
	space_release(f->space, space_floor(f->space) / 2 + stats.overlay_bytes * 2 +
					stats.overlay_records * CHECKPOINT_RECORD_BYTES);
}

void files_release_space(struct files *f, uint64_t bytes)
{
	space_release(f->space, bytes);
}

/* Writers go on meanwhile; what they add during one fold is left to a second and a third, so that
 * little of it goes to the store and then once more to a segment. */
int files_before_freeze(void *files)
{
	struct files *f = files;
	int r = 0;

	if (!f->catalog || f->config.read_only)
		return 0;
	make_room(f);
	for (unsigned n = 0; r >= 0 && n < FOLDS_MAX && (n == 0 || fold_pending(f->fold) > FOLD_AGAIN); n++)
		r = fold_run(f);
	return r;
}

int files_take_space(struct files *f, uint64_t bytes, bool probe)
{
	/* Inline bytes may be written twice: by a checkpoint that was faster than the fold. */
	uint64_t pending = fold_pending(f->fold);
	int r = space_take(f->space, bytes, pending * 2, probe);

	if (r != -ENOSPC || pending == 0)
		return r;
	r = catalog_checkpoint(f->catalog);
	return r < 0 ? r : space_take(f->space, bytes, fold_pending(f->fold) * 2, probe);
}

/* What is missing, torn or unreadable did not reach the disk. Any other error, for want of memory say, tells nothing
 * of the disk. */
int files_data_present(void *files, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct files *f = files;
	struct extent e;
	int r;

	if (extent_decode(key, key_len, value, value_len, &e) < 0)
		return 0;
	if (e.kind != EXTENT_HOT || verified_has(&f->verified, &e))
		return 1;
	r = tier_verify(hot_tier(f->hot), &e);
	if (r < 0)
		return r == -EBADMSG || r == -ENOENT || r == -EIO ? 0 : r;
	verified_add(&f->verified, &e);
	return 1;
}

void files_add_memory(struct files *f, struct memory_parts *m)
{
	hot_add_memory(f->hot, m);
	packs_add_memory(f->packs, m);
	used_add_memory(f->used, m);
}

void file_note_use(struct files *f, const struct inode *i)
{
	if (i->packed)
		used_note(f->used, i->ino, (int64_t)(clock_real_ns() / 1000000u), atomic_load(&f->promote_gap_ms));
}

void files_set_promote_gap(struct files *f, int64_t gap_ms)
{
	atomic_store(&f->promote_gap_ms, gap_ms);
}

void files_set_patience(struct files *f, bool fail, uint64_t timeout_s)
{
	packs_set_patience(f->packs, fail, timeout_s);
}

struct lost *files_get_lost(struct files *f)
{
	return packs_get_lost(f->packs);
}

int files_clean_all(struct files *f)
{
	return f->config.read_only ? -EROFS : cleaner_run_all(f->cleaner);
}

int files_get_waiting(struct files *f, uint64_t *ret_bytes)
{
	return clean_get_waiting(f, ret_bytes);
}

struct counting {
	struct files *f;
	struct files_tiers *t;
};

static int count_pack(void *context, const struct pack_record *p)
{
	struct counting *c = context;
	struct files_tier_stats *tier = pack_record_is_cold(p) ? &c->t->cold : &c->t->warm;
	uint64_t bytes, files;
	int r = pack_get_alive(c->f->catalog, p->number, &bytes, &files);

	tier->files += files;
	tier->bytes += bytes;
	tier->stored_bytes += p->stored;
	c->t->packs++;
	return r;
}

int files_get_tiers(struct files *f, struct files_tiers *ret_t)
{
	struct segments_stats segments;
	struct counting c = { f, ret_t };
	struct tree_stats tree;
	uint64_t files, bytes;
	int r;

	*ret_t = (struct files_tiers){ 0 };
	r = pack_record_foreach(f->catalog, count_pack, &c);
	segments_get_stats(hot_segments(f->hot), &segments);
	(void) tree_get_stats(f->catalog, &tree);
	files = ret_t->warm.files + ret_t->cold.files;
	bytes = ret_t->warm.bytes + ret_t->cold.bytes;
	ret_t->segments = segments.count;
	ret_t->hot = (struct files_tier_stats){ tree.files - MIN(tree.files, files), tree.bytes - MIN(tree.bytes, bytes),
						segments.bytes };
	return r;
}

void files_get_stats(struct files *f, struct files_stats *ret_stats)
{
	struct segments_stats segments;
	struct space_stats space;
	uint64_t pending = fold_pending(f->fold);

	segments_get_stats(hot_segments(f->hot), &segments);
	space_get_stats(f->space, &space);
	*ret_stats = (struct files_stats){
		.hot_stored_bytes = segments.bytes,
		.segments = segments.count,
		.reserve_bytes = space.reserve_bytes,
		.total_bytes = space.total_bytes,
		.withheld_bytes = space.withheld_bytes,
		.free_bytes = space.free_bytes - MIN(space.free_bytes, pending),
	};
	ret_stats->full = space.refused || ret_stats->free_bytes == 0;
}
