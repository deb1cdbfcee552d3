/* SPDX-License-Identifier: MIT */
/* Names that differ in upper and lower case only, or in how their letters are composed, become the same: NFC after
 * full case folding (Unicode Standard Annex 15; chapter 3.13). Thread-safe. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

/* Appends the folded text, everything that is no letter kept. What is not UTF-8 is taken over as it is. -ENOMEM. */
int fold_text(const void *text, size_t len, struct buf *ret_folded);
