/* SPDX-License-Identifier: MIT */
/* Opening. The store is opened first (vetting.c says how far it is checked by then); its facts say where in the log
 * replay begins; the log says whether it belongs to that store. An old copy of either is refused:
 *
 *   store older than the log's start   the log does not reach back to it
 *   log older than the store           it ends before what the store says is covered
 *   either, after a clean stop         the anchor names another checkpoint
 *
 * A new volume gets its first, empty checkpoint before the log is made: from then on a folder without
 * a store is damage and not a new volume. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/batch_record.h"
#include "catalog/catalog_impl.h"

DEFINE_CLEANUP(struct catalog *, catalog_close)

__attribute__((format(printf, 3, 4)))
static int refuse(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	free(*ret_why);
	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

/* ---- folders */

static int open_folder(int dirfd, const char *name, bool make, int *ret_fd)
{
	int fd;

	if (make && mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int open_folders(struct catalog *c, char **ret_why)
{
	bool make = !c->config.read_only;
	int r = open_folder(c->config.volume_dirfd, "catalog", make, &c->catalog_dirfd);

	if (r >= 0)
		r = open_folder(c->config.volume_dirfd, "wal", make, &c->wal_dirfd);
	if (r == -ENOENT)
		return refuse(ret_why, -EBADMSG, "the folders catalog and wal are not both there");
	return r;
}

/* ---- the store */

static int make_store_durable(struct catalog *c)
{
	if (fsync(c->catalog_dirfd) < 0 || fsync(c->config.volume_dirfd) < 0)
		return -errno;
	return 0;
}

static int folder_is_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int saved = errno;

	if (!dir) {
		(void) closep(&fd);
		return -saved;
	}
	while ((e = readdir(dir)) && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0))
		;
	(void) closedir(dir);
	return e == NULL;
}

/* 1: nothing was ever stored. The log's folder is empty as long as there is no first checkpoint. */
static int check_new(struct catalog *c, char **ret_why)
{
	int there = store_exists(c->catalog_dirfd);
	int empty = folder_is_empty(c->wal_dirfd);

	if (there < 0 || empty < 0)
		return there < 0 ? there : empty;
	if (!there && !empty && c->config.rehearse)
		return 0;
	if (!there && (!empty || c->config.read_only))
		return refuse(ret_why, -EBADMSG, "catalog/" STORE_FILE " is missing");
	return empty && !c->config.read_only;
}

/* 0: there are none, and nothing else. */
static int load_facts(struct catalog *c, struct store_scan *scan, char **ret_why)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT, value = BUF_INIT;
	int r = store_scan_get(scan, FACTS_KEY, FACTS_KEY_LEN, &sealed);

	if (r == -ENOENT && store_scan_seek(scan, "", 1, false) == 0)
		return 0;
	if (r >= 0)
		r = value_open(c->opener, FACTS_KEY, FACTS_KEY_LEN, sealed.data, sealed.len, &value);
	if (r >= 0)
		r = facts_decode(value.data, value.len, &c->facts);
	if (r == -ENOENT || r == -EBADMSG)
		return refuse(ret_why, -EBADMSG, "the catalog's last checkpoint is damaged");
	return r < 0 ? r : 1;
}

static int load_reply(struct catalog *c, struct store_scan *scan, struct buf *sealed, struct buf *value)
{
	size_t key_len;
	const void *key = store_scan_key(scan, &key_len);
	int r;

	buf_reset(sealed);
	buf_reset(value);
	r = store_scan_value(scan, sealed);
	if (r >= 0)
		r = value_open(c->opener, key, key_len, sealed->data, sealed->len, value);
	return r < 0 ? r : replies_load(c->replies, key, key_len, value->data, value->len);
}

/* A reply that cannot be read is only missed by a request that is sent again: not by a new mount. */
static int load_replies(struct catalog *c, struct store_scan *scan)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT, value = BUF_INIT;
	size_t key_len;
	int r = store_scan_seek(scan, "R", 1, false);

	while (r == 1 && *(const char *)store_scan_key(scan, &key_len) == 'R') {
		r = load_reply(c, scan, &sealed, &value);
		if (r < 0 && (c->config.warm || r != -EBADMSG))
			return r;
		r = store_scan_next(scan);
	}
	return r < 0 ? r : 0;
}

/* 0: an empty store. */
static int load_store(struct catalog *c, char **ret_why)
{
	struct store_scan *scan;
	int r = store_scan_begin(c->store, &scan), loaded = 0;

	if (r < 0)
		return r;
	loaded = load_facts(c, scan, ret_why);
	if (loaded > 0)
		r = load_replies(c, scan);
	store_scan_end(scan);
	return r < 0 ? r : loaded;
}

static int make_store(struct catalog *c)
{
	int r = checkpoint_first(c);

	return r < 0 ? r : make_store_durable(c);
}

static int open_store(struct catalog *c, char **ret_why)
{
	int fresh = check_new(c, ret_why), r;

	if (fresh < 0)
		return fresh;
	r = c->config.rehearse && !store_exists(c->catalog_dirfd) ? -EBADMSG : vetting_open_store(c, load_store, ret_why);
	if (r == 0 && c->config.rehearse)
		r = -EBADMSG;
	if (r == -EBADMSG && c->config.rehearse && salvage_store(c) >= 0) {
		free(steal_ptr(ret_why));
		return 0;
	}
	if (r == 0)
		return fresh ? make_store(c) : refuse(ret_why, -EBADMSG, "catalog/" STORE_FILE " is empty");
	return r;
}

/* ---- the log */

/* The log is told of one function for its life; the one behind it may be set later. */
static int sync_data(void *context, uint64_t lsn)
{
	struct catalog *c = context;

	return c->config.wal.sync_data ? c->config.wal.sync_data(c->config.wal.sync_data_context, lsn) : 0;
}

/* A record that may not have reached the disk counts only if what it refers to did. */
static int record_data_present(struct catalog *c, const void *data, size_t len)
{
	struct reader in;
	struct record_op op;
	int r = 1;

	if (!c->config.data_present || record_start(data, len, &in) < 0)
		return 1;
	while (r > 0 && record_next(&in, &op) == 1)
		if (op.kind == RECORD_PUT && op.key[0] == 'E')
			r = c->config.data_present(c->config.context, op.key, op.key_len, op.value, op.value_len);
	return r;
}

static int replay(void *context, uint64_t lsn, bool synced, const void *data, size_t len)
{
	struct catalog *c = context;
	int r = synced || c->config.warm ? 1 : record_data_present(c, data, len);

	if (r <= 0)
		return r < 0 ? r : 1;
	return batch_apply_record(c, lsn, data, len);
}

#define LSN_LEAP (1ull << 32) /* more than a damaged log can have held */

/* Numbers that lost records had are not given again: the index may know them. */
static void adopt_log(struct catalog *c, const struct wal_report *report)
{
	if (report->catalog_txn) {
		c->facts.number = report->catalog_txn;
		c->facts.lsn = report->last_lsn;
	}
	c->log_damaged = report->damaged;
	atomic_store(&c->visible_lsn, report->last_lsn + (report->damaged ? LSN_LEAP : 0));
}

/* The one that an interrupted repair has made. */
static int take_new_log(struct catalog *c)
{
	int fd = -1, r = open_folder(c->config.volume_dirfd, NEW_LOG, false, &fd);

	if (r < 0)
		return r;
	(void) close(c->wal_dirfd);
	c->wal_dirfd = fd;
	return 0;
}

static int open_wal(struct catalog *c, struct wal_report *ret_report, char **ret_why)
{
	struct wal_position from = { .incarnation = c->facts.incarnation, .lsn = c->facts.lsn };
	struct wal_replay callbacks = { .context = c, .record = replay };
	struct wal_config config = c->config.wal;
	int r;

	config.read_only = c->config.read_only;
	config.salvage = c->config.rehearse;
	config.from_unsure = c->facts_unsure;
	config.sync_data = sync_data;
	config.sync_data_context = c;

	atomic_store(&c->visible_lsn, from.lsn);
	r = wal_open(c->wal_dirfd, &config, &from, c->facts.number, &callbacks, ret_report, &c->wal);
	if (r == -ESTALE && c->config.rehearse && take_new_log(c) >= 0) {
		r = wal_open(c->wal_dirfd, &config, &from, c->facts.number, &callbacks, ret_report, &c->wal);
		c->interrupted = r >= 0;
	}
	if (r >= 0 && c->config.rehearse)
		adopt_log(c, ret_report);
	if (r == -ESTALE)
		return refuse(ret_why, r, "the catalog and the log are not of the same time: "
					  "one of them was put back from an older copy");
	if (r == -EBADMSG)
		return refuse(ret_why, r, "the log is damaged, or does not reach back to the catalog's "
					  "last checkpoint");
	if (r == -ENOSPC)
		return refuse(ret_why, r, "there is no room for the log");
	return r;
}

int catalog_open(const struct catalog_config *config, struct wal_report *ret_report, struct catalog **ret_c,
		 char **ret_why)
{
	_cleanup_(catalog_closep) struct catalog *c = NULL;
	struct wal_report report = { 0 };
	int r;

	*ret_why = NULL;
	r = catalog_new(config, &c);
	if (r >= 0)
		r = open_folders(c, ret_why);
	if (r >= 0)
		r = open_store(c, ret_why);
	if (r >= 0) {
		uint64_t start_ms = clock_mono_ms();

		r = open_wal(c, &report, ret_why);
		c->replay_ms = clock_mono_ms() - start_ms;
	}
	if (r >= 0)
		r = counters_load(c);
	if (r < 0)
		return *ret_why ? r : refuse(ret_why, r, "the catalog cannot be opened: %s", strerror(-r));
	c->replayed = report.replayed;
	c->rehearsed_from = atomic_load(&c->visible_lsn);
	if (report.replayed > 0 && !c->config.rehearse)
		checkpoint_notice(c);
	if (ret_report)
		*ret_report = report;
	*ret_c = steal_ptr(&c);
	return 0;
}
