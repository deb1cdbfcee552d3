/* SPDX-License-Identifier: MIT */
/* What tests of the index share: a catalog in memory, files in memory, a folder for segments, and short
 * hands for writing and asking. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "check.h"
#include "catalog/derive.h"
#include "index/embed/embed.h"
#include "index/index.h"
#include "temp_folder.h"
#include "tests/fakes/mem_catalog.h"

#define BOX_FILES 20000

struct box {
	struct temp_folder temp;
	struct catalog *catalog;
	struct index *index;
	struct index_config config;
	char *model; /* owned */
	struct {
		uint64_t ino;
		char *data;
		size_t len;
	} files[BOX_FILES];
	size_t n_files;
	pthread_mutex_t lock;
	uint64_t busy_ino;
	_Atomic uint64_t requests, requests_step; /* made so far; and between two questions for it */
};

static ssize_t box_read(void *context, uint64_t ino, uint64_t offset, void *ret_data, size_t len)
{
	struct box *b = context;
	LOCKED(&b->lock);

	for (size_t i = 0; i < b->n_files; i++) {
		if (b->files[i].ino != ino)
			continue;
		if (offset >= b->files[i].len)
			return 0;
		len = MIN(len, b->files[i].len - offset);
		memcpy(ret_data, b->files[i].data + offset, len);
		return (ssize_t)len;
	}
	return 0;
}

static bool box_is_busy(void *context, uint64_t ino)
{
	return __atomic_load_n(&((struct box *)context)->busy_ino, __ATOMIC_RELAXED) == ino;
}

static uint64_t box_requests(void *context)
{
	struct box *b = context;

	return atomic_fetch_add(&b->requests, atomic_load(&b->requests_step));
}

static void box_committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct box *b = context;
	struct index *x = __atomic_load_n(&b->index, __ATOMIC_ACQUIRE);

	if (x)
		index_notify(x, lsn, events, n);
}

static void box_open_index_unstarted(struct box *b)
{
	struct index *x = NULL;
	char *why = NULL;
	int r = index_open(&b->config, &x, &why);

	if (r < 0)
		fprintf(stderr, "index_open: %s: %s\n", strerror(-r), why ? why : "");
	CHECK_EQ(r, 0);
	free(why);
	if (r < 0)
		exit(1);
	__atomic_store_n(&b->index, x, __ATOMIC_RELEASE);
}

static void box_open_index(struct box *b)
{
	box_open_index_unstarted(b);
	CHECK_EQ(index_start(b->index), 0);
}

/* Opens what was loaded at once later the next time. */
static inline void box_wait_loaded(struct box *b)
{
	while (index_is_loading(b->index))
		(void) usleep(200);
	b->config.load_later = !b->config.load_later;
}

/* `clean`: stopping must succeed. */
static void box_close_index(struct box *b, bool clean)
{
	struct index *x = b->index;

	if (clean)
		CHECK_EQ(index_stop(x), 0);
	__atomic_store_n(&b->index, NULL, __ATOMIC_RELEASE);
	index_close(x);
}

static inline void box_remount(struct box *b)
{
	box_close_index(b, true);
	box_open_index(b);
	box_wait_loaded(b);
}

static struct box *box_new(void)
{
	struct box *b = calloc(1, sizeof(*b));
	struct catalog_config callbacks = { .committed = box_committed };

	temp_folder_make(&b->temp);
	(void) pthread_mutex_init(&b->lock, NULL);
	b->catalog = mem_catalog_new();
	callbacks.context = b;
	catalog_set_callbacks(b->catalog, &callbacks);
	CHECK_EQ(tree_make_root(b->catalog, 0, 0, 0755), 0);
	CHECK_EQ(derive_run(b->catalog), 0);
	CHECK_EQ(embed_find(&b->model), 0);
	b->config = (struct index_config){ .catalog = b->catalog, .keys = catalog_keys(b->catalog),
					   .volume_dirfd = b->temp.dirfd, .extract_path = "none",
					   .model_dir = b->model, .read_file = box_read, .is_busy = box_is_busy,
					   .requests = box_requests,
					   .waiting_window = 3, /* the rest is backlog */ .context = b };
	return b;
}

static void box_free(struct box *b)
{
	if (b->index)
		box_close_index(b, true);
	catalog_close(b->catalog);
	temp_folder_remove(&b->temp);
	for (size_t i = 0; i < b->n_files; i++)
		free(b->files[i].data);
	free(b->model);
	free(b);
}

/* ---- the tree */

static inline uint64_t box_folder(struct box *b, uint64_t dir, const char *name)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFDIR | 0755 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(b->catalog, &rq, dir, name, &m, &i), 0);
	return i.ino;
}

static void box_store(struct box *b, uint64_t ino, const char *data, size_t len)
{
	LOCKED(&b->lock);
	size_t i = 0;

	while (i < b->n_files && b->files[i].ino != ino)
		i++;
	if (i == BOX_FILES)
		abort();
	if (i == b->n_files)
		b->n_files++;
	free(b->files[i].data);
	b->files[i].ino = ino;
	b->files[i].data = malloc(len + 1);
	memcpy(b->files[i].data, data, len);
	b->files[i].len = len;
}

/* As a write does: bytes first, then a batch with the change and its place in the queue. */
static void box_write(struct box *b, uint64_t ino, const char *data, size_t len)
{
	struct batch *batch;
	struct inode i;

	box_store(b, ino, data, len);
	CHECK_EQ(catalog_begin(b->catalog, false, &batch), 0);
	CHECK_EQ(inode_get_in(batch, ino, &i), 0);
	i.size = len;
	batch_note(batch, ino, EVENT_CONTENT);
	CHECK_EQ(queue_add(batch, &i, EVENT_CONTENT), 0);
	inode_put(batch, &i);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	if (b->index)
		index_file_closed(b->index, ino);
}

static uint64_t box_file_len(struct box *b, uint64_t dir, const char *name, const char *data, size_t len)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(b->catalog, &rq, dir, name, &m, &i), 0);
	box_write(b, i.ino, data, len);
	return i.ino;
}

static inline uint64_t box_file(struct box *b, uint64_t dir, const char *name, const char *text)
{
	return box_file_len(b, dir, name, text, strlen(text));
}

static inline void box_rename(struct box *b, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;

	CHECK_EQ(tree_rename(b->catalog, &rq, dir, name, new_dir, new_name, 0, NULL, NULL, &renamed), 0);
}

static inline void box_unlink(struct box *b, uint64_t dir, const char *name)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_unlink(b->catalog, &rq, dir, name, NULL, NULL, &i), 0);
}

static inline void box_xattr(struct box *b, uint64_t ino, const char *name, const char *value)
{
	struct tree_request rq = { 0 };

	CHECK_EQ(tree_setxattr(b->catalog, &rq, ino, name, value, strlen(value), 0), 0);
}

static inline void box_mtime(struct box *b, uint64_t ino, int64_t seconds)
{
	struct tree_request rq = { 0 };
	struct stat st = { .st_mtim = { .tv_sec = seconds } };
	struct inode i;

	CHECK_EQ(tree_setattr(b->catalog, &rq, ino, &st, TREE_SET_MTIME, &i), 0);
}

/* ---- asking */

static inline void box_wait(struct box *b)
{
	CHECK_EQ(index_wait(b->index, 60000), 0);
}

/* The answer's bytes as a string that the caller frees, or "error: WHY". */
static inline char *box_ask_in(struct box *b, uint64_t top, const char *name)
{
	struct query_scope scope = { .top = top, .mount_point = "/mnt" };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL, *text = NULL;
	int r = query_parse_name(name, &q, &why);

	if (r >= 0) {
		r = index_query(b->index, &q, &scope, &answer, &why);
		query_done(&q);
	}
	if (r < 0) {
		if (asprintf(&text, "error: %s", why ? why : strerror(-r)) < 0)
			abort();
	} else {
		text = strdup(buf_cstr(&answer.bytes));
	}
	answer_done(&answer);
	free(why);
	return text;
}

/* Paths of the answer, one blank between; compares. */
#define CHECK_ASK_IN(b, top, name, want)                                                            \
	do {                                                                                        \
		char *_got = box_ask_in(b, top, "format=paths&" name);                              \
		for (char *_p = _got; *_p; _p++)                                                    \
			if (*_p == '\n')                                                            \
				*_p = _p[1] ? ' ' : 0;                                              \
		if (strcmp(_got, want) != 0) {                                                      \
			fprintf(stderr, "%s:%d: %s gives '%s', not '%s'\n", __FILE__, __LINE__, name, _got, want); \
			check_failures++;                                                           \
		}                                                                                   \
		free(_got);                                                                         \
	} while (0)
#define CHECK_ASK(b, name, want) CHECK_ASK_IN(b, ROOT_INO, name, want)

static inline char *box_attribute(struct box *b, uint64_t ino, const char *name)
{
	struct buf value = BUF_INIT;
	int r = index_get_attribute(b->index, ino, name, &value);
	char *text = strdup(r < 0 ? strerror(-r) : buf_cstr(&value));

	buf_done(&value);
	return text;
}

#define CHECK_ATTRIBUTE(b, ino, name, want)                                                         \
	do {                                                                                        \
		char *_got = box_attribute(b, ino, name);                                           \
		if (strcmp(_got, want) != 0) {                                                      \
			fprintf(stderr, "%s:%d: %s is '%s', not '%s'\n", __FILE__, __LINE__, name, _got, want); \
			check_failures++;                                                           \
		}                                                                                   \
		free(_got);                                                                         \
	} while (0)
