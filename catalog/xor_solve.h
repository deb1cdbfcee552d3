/* SPDX-License-Identifier: MIT */
/* Which members make a set, when only the XOR of their keyed hashes is known: Gaussian elimination over GF(2).
 * Private to catalog/. */
#pragma once

#include <stdbool.h>

#include "base/id.h"

/* Of more, some would fit by chance: with 96 of 128 bits, once in 2^32 times. */
#define XOR_MAX 96u

/* Chooses those whose XOR is `target`. False: none are; what looks like a combination of others is never chosen. */
bool xor_solve(const struct id128 *hashes, unsigned n, struct id128 target, bool ret_chosen[XOR_MAX]);
