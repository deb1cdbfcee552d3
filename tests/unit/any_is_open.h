/* SPDX-License-Identifier: MIT */
/* For tree_unlink(): somebody has every file open. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool any_is_open(void *context, uint64_t ino)
{
	return true;
}
