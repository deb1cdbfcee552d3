/* SPDX-License-Identifier: MIT */
/* What the files of embed/ share. Not for other folders: they include embed.h. */
#pragma once

#include "index/embed/embed.h"
#include "index/embed/wordpiece.h"

#define EMBED_DIMENSIONS_MAX 4096

struct embed_model {
	struct wordpiece *pieces; /* owned */
	void *file;               /* owned: the mapped safetensors file */
	size_t file_len;
	const int8_t *rows; /* borrowed, in file: vocabulary x dimensions */
	unsigned dimensions;
	unsigned vocabulary;
	char name[64];
	char checksum[33];
};

/* Adds `n` (at most EMBED_BLOCK) rows to int32 sums. `dimensions` of any number. */
#define EMBED_BLOCK 256 /* 256 x 128 fits the int16 sums inside */
typedef void embed_sum(const int8_t *rows, unsigned dimensions, const uint32_t *ids, size_t n, int32_t *sums);
embed_sum embed_sum_plain; /* the definition */
#if defined(__x86_64__)
embed_sum embed_sum_avx2; /* needs AVX2 and dimensions divisible by 128 */
#endif
