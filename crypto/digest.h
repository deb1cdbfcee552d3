/* SPDX-License-Identifier: MIT */
/* Keyed hashes (BLAKE2b, RFC 7693) under keys derived from the volume key: without it they cannot
 * be computed, so stored ones betray no names. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/id.h"

struct keyring;

enum digest_purpose {
	DIGEST_DENTRY = 1, /* (directory, name) -> 56 bits of a catalog key */
	DIGEST_XATTR = 2,  /* (inode, name) */
	DIGEST_SET = 3,    /* one member of an inode's set of entries, xattrs or extents */
	DIGEST_TAG = 4,    /* (label above, name) */
	DIGEST_VOLUME = 5, /* MAC over volume.json */
	DIGEST_TERM = 6,   /* terms of the index */
	DIGEST_STEM = 7,   /* folded stem of a file's name -> 32 bits of a catalog key */
	DIGEST_LINK = 8,   /* form, verb and target of a link */
	DIGEST_CONTENT = 9, /* bytes of a file, for the index */
	DIGEST_LAST = DIGEST_CONTENT,
};

/* 128 bits over the concatenation of `n` pieces. */
struct id128 digest_128(const struct keyring *k, enum digest_purpose purpose, const struct iovec *pieces,
			size_t n);
/* 256 bits; for MACs. */
void digest_256(const struct keyring *k, enum digest_purpose purpose, const struct iovec *pieces, size_t n,
		uint8_t ret_digest[32]);
