/* SPDX-License-Identifier: MIT */
/* Opening all registered segments, and removing files that nobody registered. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "index/segment_memory.h"
#include "index/segments_impl.h"

static int unregister(struct index *x, uint64_t number, uint64_t *ret_lsn)
{
	struct key key = segment_key(number);
	struct batch *b;
	int r = catalog_begin(x->config.catalog, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, key.bytes, key.len);
	return batch_commit(b, ret_lsn);
}

static void forget_file(struct index *x, uint64_t number)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t lsn;

	if (x->config.read_only || unregister(x, number, &lsn) < 0 || catalog_sync(x->config.catalog, lsn) < 0)
		return;
	(void) unlinkat(x->dirfd, segment_file_name(number, name), 0);
}

static int load_one(struct index *x, uint64_t number, const void *value, size_t len, bool *lost)
{
	struct segment_disk_config config = segments_disk_config(x);
	struct segment_record record;
	struct segment *s;
	int r = segment_record_decode(value, len, &record);

	if (r >= 0)
		r = x->n_segments >= SEGMENTS_MAX - 2 ? -EMFILE
						      : segment_disk_open(&config, number, &record, &s);
	if (r >= 0)
		segments_append(x, s);
	if (r >= 0 || !segment_is_lost(r))
		return r;
	log_warn(r, "index segment %llu cannot be used, its files are indexed again", (unsigned long long)number);
	*lost = true;
	return 0;
}

/* Which segments there are is not known: without the newest, older documents would live again. */
static void drop_all(struct index *x, bool *lost)
{
	log_warn(-EBADMSG, "the list of index segments is damaged, all files are indexed again");
	for (unsigned i = 0; i < x->n_segments; i++)
		segment_release(x->segments[i]);
	x->n_segments = 0;
	*lost = true;
}

/* As cursor_next(), and *ret_value NULL for a record that does not open. */
static int next_record(struct cursor *cur, uint64_t *ret_number, const void **ret_value, size_t *ret_len)
{
	const void *key;
	size_t key_len;
	int r = cursor_next(cur, &key, &key_len, ret_value, ret_len);

	if (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0) {
		*ret_value = NULL;
		*ret_len = 0;
		r = 1;
	}
	if (r > 0)
		*ret_number = key_len == 9 ? load_be64((const uint8_t *)key + 1) : 0;
	return r;
}

static int collect_records(struct index *x, struct buf *ret_numbers, bool *lost)
{
	struct cursor *cur;
	const void *value;
	uint64_t number;
	size_t value_len;
	int r = cursor_open(x->config.catalog, "M", 1, &cur);

	if (r < 0)
		return r;
	while (r >= 0 && (r = next_record(cur, &number, &value, &value_len)) > 0) {
		unsigned before = x->n_segments;

		r = load_one(x, number, value, value_len, lost);
		if (r >= 0 && before == x->n_segments)
			r = buf_add(ret_numbers, &number, sizeof(number));
	}
	cursor_close(cur);
	if (r == -EBADMSG) {
		drop_all(x, lost);
		r = 0;
	}
	return r;
}

/* Files that no record names: a seal or merge that did not get to its end. */
static void remove_strays(struct index *x)
{
	int fd = openat(x->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			(void) close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		char *end;
		unsigned long long number = strtoull(e->d_name, &end, 10);
		struct key key = segment_key(number);

		if (end != e->d_name && strcmp(end, ".idx") == 0 &&
		    catalog_get(x->config.catalog, key.bytes, key.len, NULL) == -ENOENT)
			(void) unlinkat(x->dirfd, e->d_name, 0);
	}
	(void) closedir(dir);
}

int segments_load(struct index *x, bool *ret_lost)
{
	_cleanup_buf_ struct buf damaged = BUF_INIT;
	int r = collect_records(x, &damaged, ret_lost);

	if (r < 0)
		return r;
	for (size_t i = 0; i < damaged.len / sizeof(uint64_t); i++)
		forget_file(x, ((const uint64_t *)(const void *)damaged.data)[i]);
	if (!x->config.read_only)
		remove_strays(x);
	r = segment_memory_new(x->stride, &x->memory);
	if (r >= 0)
		segments_append(x, x->memory);
	return r;
}
