/* SPDX-License-Identifier: MIT */
/* Fingerprints of bytes (BLAKE2b, RFC 7693, 128 bits), to find what may be the same. They have no key, so
 * they tell who reads them what was hashed: they stay in memory, and are neither stored nor shown.
 * Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

/* A fingerprint that grows; its contents are libsodium's. */
struct fingerprint {
	uint64_t state[48] __attribute__((aligned(64)));
};

void fingerprint_init(struct fingerprint *f);
void fingerprint_add(struct fingerprint *f, const void *data, size_t len);
/* Ends it; `f` is then to be initialised again. */
struct id128 fingerprint_end(struct fingerprint *f);

/* The three in one call. */
struct id128 fingerprint_of(const void *data, size_t len);
