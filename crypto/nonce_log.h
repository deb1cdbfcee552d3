/* SPDX-License-Identifier: MIT */
/* Proof by bookkeeping that no (subkey, nonce) pair is used twice: built with -Dnonce_log=true, and
 * with BRAINY_NONCE_LOG=FILE in the environment, every seal appends 32 bytes to FILE: 16 bytes hash of
 * the subkey, le64 nonce, 8 zero bytes. tests/nonce_check.py looks for repetitions. Otherwise this is nothing. */
#pragma once

#include <stdint.h>

#include "base/id.h"

#ifdef BRAINY_NONCE_LOG
struct id128 nonce_log_name(const uint8_t subkey[32]);
void nonce_log_add(struct id128 name, uint64_t nonce);
#else
static inline struct id128 nonce_log_name(const uint8_t subkey[32])
{
	(void) subkey;
	return (struct id128){ 0 };
}
static inline void nonce_log_add(struct id128 name, uint64_t nonce)
{
	(void) name;
	(void) nonce;
}
#endif
