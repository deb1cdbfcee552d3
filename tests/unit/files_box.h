/* SPDX-License-Identifier: MIT */
/* A volume in a temporary folder: catalog, log and files, for the tests of tiers/. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/tree.h"
#include "crypto/keyring.h"
#include "tests/unit/check.h"
#include "tests/unit/problems.h"
#include "tests/unit/temp_folder.h"
#include "tiers/file.h"

struct files_box {
	struct temp_folder temp;
	struct keyring *keys;
	struct catalog_config catalog;
	struct files_config config;
	struct catalog *c;
	struct files *f;
	struct wal_report report;
	char *why;
	unsigned made; /* names of files */
};

static inline int box_sync_data(void *context, uint64_t lsn)
{
	struct files_box *b = context;

	return files_sync_data(b->f, lsn);
}

static inline int box_before_freeze(void *context)
{
	struct files_box *b = context;

	return files_before_freeze(b->f);
}

static inline int box_data_present(void *context, const void *key, size_t key_len, const void *value,
				   size_t value_len)
{
	struct files_box *b = context;

	return files_data_present(b->f, key, key_len, value, value_len);
}

/* In `parent`. */
static inline void files_box_make_in(struct files_box *b, const char *parent, enum cipher cipher)
{
	static const uint8_t key[KEYRING_KEY_SIZE] = "thirty-two bytes of a volume key";

	*b = (struct files_box){ 0 };
	temp_folder_make_in(&b->temp, parent);
	if (keyring_start() < 0 ||
	    keyring_new((struct id128){ "one volume of it" }, cipher, key, 1, &b->keys) < 0) {
		perror("box");
		exit(1);
	}
	b->catalog = (struct catalog_config){
		.keys = b->keys,
		.volume_dirfd = b->temp.dirfd,
		.wal = { .sealer = catalog_wal_sealer(b->keys), .segment_size = 4 << 20, .segments_max = 16 },
		.checkpoint_ms = 3600000,
		.data_present = box_data_present,
		.before_freeze = box_before_freeze,
	};
	b->config = (struct files_config){
		.keys = b->keys, .volume_dirfd = b->temp.dirfd, .segment_size = 4 << 20, .reserve_bytes = 1 << 20,
	};
}

static inline void files_box_make(struct files_box *b)
{
	files_box_make_in(b, temp_parent(), CIPHER_AES256GCM);
}

static inline int files_box_open(struct files_box *b)
{
	int r = files_open(&b->config, &b->f);

	free(b->why);
	b->why = NULL;
	b->catalog.context = b;
	b->catalog.wal.sync_data = box_sync_data;
	b->catalog.wal.sync_data_context = b;
	if (r >= 0)
		r = catalog_open(&b->catalog, &b->report, &b->c, &b->why);
	if (r >= 0)
		r = files_attach(b->f, b->c);
	if (r >= 0)
		r = tree_make_root(b->c, 0, 0, 0755);
	if (r < 0)
		fprintf(stderr, "open: %s: %s\n", strerror(-r), b->why ? b->why : "");
	return r;
}

/* As if the process had been killed. */
static inline void files_box_kill(struct files_box *b)
{
	files_stop(b->f);
	b->c = catalog_close(b->c);
	b->f = files_close(b->f);
}

static inline int files_box_stop(struct files_box *b)
{
	int r;

	files_stop(b->f);
	r = catalog_stop_clean(b->c);
	files_box_kill(b);
	return r;
}

static inline void files_box_shell(const struct files_box *b, const char *command)
{
	temp_folder_shell(&b->temp, command);
}

static inline void files_box_free(struct files_box *b)
{
	files_box_kill(b);
	keyring_free(b->keys);
	free(b->why);
	temp_folder_remove(&b->temp);
}

static inline uint64_t files_box_new_file(struct files_box *b)
{
	struct tree_make make = { .mode = S_IFREG | 0644 };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };
	char name[32];

	(void) snprintf(name, sizeof(name), "file%u", b->made++);
	CHECK_EQ(tree_make(b->c, &rq, ROOT_INO, name, &make, &i), 0);
	return i.ino;
}

/* Everything on disk is sound and the accounts agree. */
static inline void files_box_verify(struct files_box *b)
{
	CHECK(files_verify(b->f, &(struct files_check){ .problem = problem_fails }) >= 0);
}
