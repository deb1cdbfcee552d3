/* SPDX-License-Identifier: MIT */
/* A sealed segment: documents and the first terms of dictionary chunks are resident, the rest comes
 * through the block cache. -EBADMSG from any operation: the file is damaged. */
#pragma once

#include "index/segment.h"
#include "index/segment_file.h"

struct segment_disk_config {
	struct keyring *keys;      /* borrowed */
	int dirfd;                 /* borrowed */
	struct block_cache *cache; /* borrowed */
	size_t stride;             /* that vectors must have, and the model they must be of */
	const char *checksum;
};
/* -EBADMSG. -ENOENT. -EMEDIUMTYPE: its vectors are another model's. */
int segment_disk_open(const struct segment_disk_config *config, uint64_t number,
		      const struct segment_record *record, struct segment **ret_s);
