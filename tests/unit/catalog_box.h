/* SPDX-License-Identifier: MIT */
/* A volume's catalog in a temporary folder, for the tests of the store. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/records.h"
#include "crypto/keyring.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"

struct box {
	struct temp_folder temp;
	struct keyring *keys;
	struct catalog_config config;
	struct catalog *c;
	struct wal_report report;
	char *why;
};

static inline void box_make(struct box *b)
{
	static const uint8_t key[KEYRING_KEY_SIZE] = "thirty-two bytes of a volume key";

	*b = (struct box){ 0 };
	temp_folder_make(&b->temp);
	if (keyring_start() < 0 ||
	    keyring_new((struct id128){ "one volume of it" }, CIPHER_XCHACHA20, key, 1, &b->keys) < 0) {
		perror("box");
		exit(1);
	}
	b->config = (struct catalog_config){
		.keys = b->keys,
		.volume_dirfd = b->temp.dirfd,
		.wal = { .sealer = catalog_wal_sealer(b->keys), .segment_size = 256 << 10, .segments_max = 8 },
		.checkpoint_ms = 20,
	};
}

static inline int box_open(struct box *b)
{
	free(b->why);
	return catalog_open(&b->config, &b->report, &b->c, &b->why);
}

/* As if the process had been killed. */
static inline void box_close(struct box *b)
{
	b->c = catalog_close(b->c);
}

static inline int box_reopen(struct box *b)
{
	box_close(b);
	return box_open(b);
}

static inline int box_stop(struct box *b)
{
	int r = catalog_stop_clean(b->c);

	box_close(b);
	return r;
}

/* Runs a shell command with the volume's path in $V. */
static inline void box_shell(const struct box *b, const char *command)
{
	temp_folder_shell(&b->temp, command);
}

static inline void box_free(struct box *b)
{
	box_close(b);
	keyring_free(b->keys);
	free(b->why);
	temp_folder_remove(&b->temp);
}

static inline struct key box_key(char letter, uint64_t n)
{
	return key_u64(key_start(letter), n);
}

/* One record in one batch. */
static inline int box_put(struct box *b, struct key key, const char *value)
{
	struct batch *batch;
	int r = catalog_begin(b->c, false, &batch);

	if (r < 0)
		return r;
	batch_put(batch, key.bytes, key.len, value, strlen(value));
	return batch_commit(batch, NULL);
}

static inline int box_remove(struct box *b, struct key key)
{
	struct batch *batch;
	int r = catalog_begin(b->c, false, &batch);

	if (r < 0)
		return r;
	batch_remove(batch, key.bytes, key.len);
	return batch_commit(batch, NULL);
}

/* True when the key has this value; NULL: when it is not there. */
static inline bool box_has(struct box *b, struct key key, const char *value)
{
	struct buf got = BUF_INIT;
	int r = catalog_get(b->c, key.bytes, key.len, &got);
	bool same = value ? r == 0 && got.len == strlen(value) && memcmp(got.data, value, got.len) == 0
			  : r == -ENOENT;

	buf_done(&got);
	return same;
}

/* How many records have this prefix. */
static inline unsigned box_count(struct box *b, const void *prefix, size_t prefix_len)
{
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len;
	unsigned n = 0;

	CHECK_EQ(cursor_open(b->c, prefix, prefix_len, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &value_len) == 1)
		n++;
	cursor_close(cur);
	return n;
}
