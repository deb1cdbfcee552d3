/* SPDX-License-Identifier: MIT */
/* Checksum of public data, as models are: BLAKE2b-128 without a key. Thread-safe. */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

/* Of the concatenation of `n` pieces, in hex. */
void checksum_128(const struct iovec *pieces, size_t n, char ret_hex[33]);
