/* SPDX-License-Identifier: MIT */
/* Making a rehearsal true.
 *
 *   keep     second names in damaged/ for what might still be wanted: a copy of the store, links to the
 *            segments whose extents were changed. Nothing counts yet
 *   make     a new log, a folder with nothing but the anchor of a clean stop, which names the store of the next step
 *   write    one durable transaction of the store: all that was rehearsed, and facts counted anew
 *   log      the new log takes the place of wal/, in one step (renameat2(2)); the old one goes to damaged/ when it was
 *            of no use, else away: all of it is in the store
 *
 * Killed before `write`, nothing happened. Killed between `write` and `log`, the log is older than the store, and the
 * new log is the one that belongs to it: the next run reads that, and begins with the rename. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "catalog/batch_record.h"
#include "catalog/catalog_impl.h"
#include "catalog/extent.h"
#include "catalog/records.h"
#include "catalog/repair.h"

#define KEPT "damaged"
#define NEW_STORE "catalog.new"

bool catalog_log_damaged(const struct catalog *c)
{
	return c->log_damaged;
}

bool catalog_repair_interrupted(const struct catalog *c)
{
	return c->interrupted;
}

/* ---- keeping */

struct keeping {
	struct catalog *c;
	int dirfd;  /* of damaged/ */
	struct buf *kept;
};

/* A name that is free, with the number of this checkpoint. */
static void kept_name(const struct keeping *k, const char *what, char *ret_name, size_t size)
{
	(void) snprintf(ret_name, size, "%s-%llu", what, (unsigned long long)k->c->facts.number);
	for (unsigned n = 1; faccessat(k->dirfd, ret_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && n < 1000; n++)
		(void) snprintf(ret_name, size, "%s-%llu.%u", what, (unsigned long long)k->c->facts.number, n);
}

static int copy_all(int from, int to)
{
	uint8_t block[65536];
	uint64_t at = 0;
	ssize_t n;

	while ((n = pread(from, block, sizeof(block), (off_t)at)) > 0) {
		int r = io_pwrite(to, block, (size_t)n, at);

		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	return n < 0 || fsync(to) < 0 ? -errno : 0;
}

static int keep_store(struct keeping *k)
{
	_cleanup_close_ int from = openat(k->c->catalog_dirfd, STORE_FILE, O_RDONLY | O_CLOEXEC), to = -1;
	char name[64];
	int r;

	if (from < 0)
		return -errno;
	kept_name(k, "data.mdb", name, sizeof(name));
	to = openat(k->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = copy_all(from, to);
	if (r < 0) {
		(void) unlinkat(k->dirfd, name, 0);
		return r;
	}
	return buf_addf(k->kept, KEPT "/%s: the catalog as it was\n", name);
}

/* Where there are no hard links the segment keeps its one name, and cleaning may take it. */
static int keep_segment(struct keeping *k, uint64_t number)
{
	char path[48], name[48];

	(void) snprintf(path, sizeof(path), "hot/%08llx.seg", (unsigned long long)number);
	(void) snprintf(name, sizeof(name), "%08llx.seg", (unsigned long long)number);
	if (linkat(k->c->config.volume_dirfd, path, k->dirfd, name, 0) < 0)
		return errno == EEXIST || errno == ENOENT || errno == EPERM || errno == EOPNOTSUPP ? 0 : -errno;
	return buf_addf(k->kept, KEPT "/%s: a data segment with bytes that are damaged or lost\n", name);
}

static int keep_file(struct keeping *k, const char *name)
{
	char path[8 + ID128_TEXT_SIZE];

	(void) snprintf(path, sizeof(path), "warm/%s", name);
	if (linkat(k->c->config.volume_dirfd, path, k->dirfd, name, 0) < 0)
		return errno == EEXIST || errno == ENOENT || errno == EPERM || errno == EOPNOTSUPP ? 0 : -errno;
	return buf_addf(k->kept, KEPT "/%s: a pack with bytes that are damaged or lost\n", name);
}

static int keep_pack(struct keeping *k, const struct pack_record *record)
{
	char name[ID128_TEXT_SIZE];

	return record->flags & PACK_LOCAL ? keep_file(k, id128_format(record->run.id, name)) : 0;
}

static int keep_pack_of(struct keeping *k, uint64_t number, bool damaged)
{
	struct pack_record record;

	if (pack_record_get(k->c, number, &record) < 0 || !(damaged || record.flags & PACK_DAMAGED))
		return 0;
	return keep_pack(k, &record);
}

static int keep_segment_of(struct keeping *k, const uint8_t *key, size_t key_len, const struct overlay_value *v)
{
	struct extent e;

	if (*key == 'S' && key_len == 9 && !(load_be64(key + 1) & (PACK_ALIVE | PACK_FILES)))
		return keep_segment(k, load_be64(key + 1));
	if (*key == 'K' && key_len == 9)
		return keep_pack_of(k, load_be64(key + 1), false);
	if (*key != 'E' || v->len == OVERLAY_REMOVED || extent_decode(key, key_len, v->data, v->len, &e) < 0)
		return 0;
	if (!(e.flags & EXTENT_DAMAGED))
		return 0;
	return e.kind == EXTENT_PACK ? keep_pack_of(k, e.segment, true) : e.kind == EXTENT_HOT ? keep_segment(k, e.segment) : 0;
}

static int keep_segments(struct keeping *k)
{
	const struct overlay_node *n = overlay_seek(k->c->active, "", 0, false);
	int r = 0;

	for (; n && r >= 0; n = overlay_next(n)) {
		size_t key_len;
		const uint8_t *key = overlay_key(n, &key_len);
		const struct overlay_value *v = overlay_value_at(n, UINT64_MAX);

		if (v->lsn > k->c->rehearsed_from)
			r = keep_segment_of(k, key, key_len, v);
	}
	return r;
}

/* Segments that the catalog does not know (any more) would be taken for left-overs at the next mount. */
static int keep_unknown_segments(struct keeping *k)
{
	int fd = openat(k->c->config.volume_dirfd, "hot", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (e = readdir(dir))) {
		uint64_t number;
		struct key key;
		char end;

		if (sscanf(e->d_name, "%16" SCNx64 ".se%c", &number, &end) != 2 || end != 'g')
			continue;
		key = key_u64(key_start('S'), number);
		if (catalog_get(k->c, key.bytes, key.len, NULL) < 0)
			r = keep_segment(k, number);
	}
	(void) closedir(dir);
	return r;
}

static int note_pack(void *context, const struct pack_record *record)
{
	return buf_add(context, &record->run.id, sizeof(record->run.id));
}

static bool is_known(const struct buf *ids, struct id128 id)
{
	for (size_t at = 0; at < ids->len; at += sizeof(id))
		if (memcmp(ids->data + at, &id, sizeof(id)) == 0)
			return true;
	return false;
}

/* So with packs that no record speaks of. */
static int keep_unknown_packs(struct keeping *k)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	int fd = openat(k->c->config.volume_dirfd, "warm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct id128 id;
	int r;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	r = pack_record_foreach(k->c, note_pack, &ids);
	while (r >= 0 && (e = readdir(dir)))
		if (id128_parse(e->d_name, &id) >= 0 && !is_known(&ids, id))
			r = keep_file(k, e->d_name);
	(void) closedir(dir);
	return r;
}

static int open_kept(struct catalog *c, int *ret_fd)
{
	int dirfd = c->config.volume_dirfd, fd;

	if (mkdirat(dirfd, KEPT, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, KEPT, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* A folder of plain files. */
static int remove_folder(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir)))
		(void) unlinkat(fd, e->d_name, 0);
	(void) closedir(dir);
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* ---- the store */

struct counting {
	struct catalog *c;
	struct facts found;
};

static void recount_start(void *context)
{
	((struct counting *)context)->found = (struct facts){ 0 };
}

static void recount(void *context, const void *key, size_t key_len, const void *value, size_t len)
{
	struct counting *n = context;

	if (*(const uint8_t *)key != *FACTS_KEY)
		facts_add(&n->found, &n->c->facts_key, key, key_len, value, len);
}

static int make_folder(int dirfd, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(dirfd, name, 0700) < 0)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* A whole new store takes the place of the damaged one, which is kept. */
static int replace_store(struct keeping *k)
{
	_cleanup_close_ int fd = -1;
	struct catalog *c = k->c;
	int dirfd = c->config.volume_dirfd, r = remove_folder(dirfd, NEW_STORE);
	struct store_config config = { .map_size = c->config.map_size };
	_cleanup_free_ char *why = NULL;
	char name[64];

	if (r >= 0)
		r = make_folder(dirfd, NEW_STORE, &fd);
	if (r < 0)
		return r;
	config.dirfd = fd;
	c->store = store_close(c->store);
	r = store_open(&config, &c->store, &why);
	memset(c->facts.letters, 0, sizeof(c->facts.letters));
	if (r >= 0)
		r = checkpoint_rehearsed(c);
	if (r < 0)
		return r;
	c->store = store_close(c->store);
	if (fsync(fd) < 0 || renameat2(dirfd, NEW_STORE, dirfd, "catalog", RENAME_EXCHANGE) < 0)
		return -errno;
	kept_name(k, "catalog", name, sizeof(name));
	if (renameat(dirfd, NEW_STORE, k->dirfd, name) < 0)
		return -errno;
	return buf_addf(k->kept, KEPT "/%s: the catalog as it was\n", name);
}

static int write_store(struct catalog *c)
{
	struct counting counting = { .c = c };
	_cleanup_free_ char *why = NULL;
	struct store_config config = {
		.dirfd = c->catalog_dirfd,
		.map_size = c->config.map_size,
		.start = recount_start,
		.record = recount,
		.context = &counting,
	};
	int r;

	c->store = store_close(c->store);
	r = store_open(&config, &c->store, &why);
	if (r < 0)
		return r;
	memcpy(c->facts.letters, counting.found.letters, sizeof(c->facts.letters));
	return checkpoint_rehearsed(c);
}

/* ---- the log */

/* For the store as checkpoint_rehearsed() will leave it. */
static int make_log(struct catalog *c)
{
	_cleanup_close_ int fd = -1;
	int dirfd = c->config.volume_dirfd, r = remove_folder(dirfd, NEW_LOG);

	if (r >= 0)
		r = make_folder(dirfd, NEW_LOG, &fd);
	if (r < 0)
		return r;
	r = wal_write_anchor(fd, &c->config.wal.sealer, c->facts.number + 1,
			     atomic_load(&c->visible_lsn));
	return r < 0 ? r : fsync(dirfd) < 0 ? -errno : 0;
}

static int exchange_log(struct keeping *k)
{
	int dirfd = k->c->config.volume_dirfd;
	char name[64];

	if (renameat2(dirfd, NEW_LOG, dirfd, "wal", RENAME_EXCHANGE) < 0)
		return -errno;
	if (!k->c->log_damaged && !k->c->interrupted)
		return remove_folder(dirfd, NEW_LOG);
	kept_name(k, "wal", name, sizeof(name));
	if (renameat(dirfd, NEW_LOG, k->dirfd, name) < 0)
		return -errno;
	return buf_addf(k->kept, KEPT "/%s: the damaged log\n", name);
}

int catalog_repair_commit(struct catalog *c, struct buf *ret_kept)
{
	_cleanup_close_ int dirfd = -1;
	struct keeping k = { .c = c, .kept = ret_kept };
	int r = open_kept(c, &dirfd);

	k.dirfd = dirfd;
	if (r >= 0 && c->interrupted)
		r = exchange_log(&k);
	if (r >= 0 && !c->salvaged)
		r = keep_store(&k);
	if (r >= 0)
		r = keep_segments(&k);
	if (r >= 0 && (c->salvaged || catalog_kind_suspect(c, 'S') || catalog_kind_suspect(c, 'E')))
		r = keep_unknown_segments(&k);
	if (r >= 0 && (c->salvaged || catalog_kind_suspect(c, 'K') || catalog_kind_suspect(c, 'E')))
		r = keep_unknown_packs(&k);
	if (r >= 0 && fsync(dirfd) < 0)
		r = -errno;
	if (r >= 0)
		r = make_log(c);
	if (r >= 0)
		r = c->salvaged ? replace_store(&k) : write_store(c);
	c->interrupted = false;
	if (r >= 0)
		r = exchange_log(&k);
	if (r >= 0 && (fsync(dirfd) < 0 || fsync(c->config.volume_dirfd) < 0))
		r = -errno;
	return r;
}
