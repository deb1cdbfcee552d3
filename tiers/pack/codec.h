/* SPDX-License-Identifier: MIT */
/* zstd as packs use it: this folder's only door to the library. Frames of it here have no magic, content size,
 * dictionary id or checksum (pack_format.h). Contexts are kept and used again.
 *
 * Thread-safety: a packer belongs to one thread at a time; an unpacker may be used by several. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct pack_dictionary;

#define PACK_LEVEL 3

/* Makes a dictionary ready for use; `id` and `bytes` are the caller's (pack_dictionary.c). */
struct dictionary_code;
/* -EBADMSG: not a dictionary. -ENOMEM. Borrows `bytes`. */
int dictionary_code_new(const void *bytes, size_t len, struct dictionary_code **ret_c);
struct dictionary_code *dictionary_code_free(struct dictionary_code *c);
size_t dictionary_code_memory(const struct dictionary_code *c);

struct packer;

/* `dictionary`: borrowed, may be NULL; frames that use it are packed at `small_level`. 0: PACK_LEVEL. -ENOMEM. */
int packer_new(const struct pack_dictionary *dictionary, int level, int small_level, struct packer **ret_p);
struct packer *packer_free(struct packer *p);
/* Writes method byte and content of a frame to `ret_packed` (len + 1 bytes of room), the shortest way; returns
 * how many. -ENOMEM. */
ssize_t packer_pack(struct packer *p, const void *plain, size_t len, uint8_t *ret_packed);
/* Appends a zstd frame of `plain`, shorter or not. -ENOMEM. */
int packer_append(struct packer *p, const void *plain, size_t len, int level, struct buf *ret_packed);
/* What packer_append() appends at most. */
size_t packer_bound(size_t len);

struct unpacker;

int unpacker_new(struct unpacker **ret_u);
struct unpacker *unpacker_free(struct unpacker *u);
void unpacker_memory(struct unpacker *u, uint64_t *ret_bytes, uint64_t *ret_bound);
/* What packer_pack() wrote, which must make `plain_len` bytes. -EBADMSG. -ENOMEM: no context. */
int unpacker_unpack(struct unpacker *u, const uint8_t *packed, size_t len,
		    const struct pack_dictionary *dictionary, void *ret_plain, size_t plain_len);
/* What packer_append() appended. */
int unpacker_expand(struct unpacker *u, const void *packed, size_t len, void *ret_plain, size_t plain_len);
