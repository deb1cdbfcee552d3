/* SPDX-License-Identifier: MIT */
/* All packs of a volume, without its catalog: the files of a folder and the objects of a bucket. Opened ones stay open as
 * long as there is room; of those in the bucket only what is read is fetched.
 *
 * Thread-safety: one thread at a time. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/id.h"
#include "tiers/pack/pack_reader.h"
#include "tiers/s3/bucket.h"

struct shelf_pack {
	char *name;       /* owned: of the file, or the object's key */
	struct id128 id;
	bool cold;
	uint64_t size;
	uint64_t lsn;     /* once it was opened */
	int error;        /* of the last opening; 0 before */
	/* Of the open one: */
	struct shelf *shelf; /* borrowed */
	struct pack *pack;   /* owned; NULL: it is not open */
	int fd;              /* owned; of a file */
	struct buf window;   /* owned; bytes of an object, from window_from on */
	uint64_t window_from;
	uint64_t used;
};

struct shelf {
	struct keyring *keys;  /* borrowed, as the two below */
	int warm_dirfd;        /* -1: none */
	struct bucket *bucket; /* NULL: none */
	struct shelf_pack *packs; /* owned, n of them */
	size_t n, cap;
	size_t pinned;         /* stays open; SIZE_MAX: none does */
	uint64_t tick;
};

/* Adds the packs of the folder, by what its files are called. -errno of reading it. */
int shelf_add_folder(struct shelf *s);
/* Adds the bucket's. Errors of the bucket, with *ret_why. */
int shelf_add_bucket(struct shelf *s, struct bucket_error *ret_why);
void shelf_done(struct shelf *s);

/* After all were added. *ret_p is borrowed until others are opened. Errors of pack_open(), or of the bucket. */
int shelf_open(struct shelf *s, size_t number, struct pack **ret_p);
