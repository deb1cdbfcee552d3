/* SPDX-License-Identifier: MIT */
#pragma once

#include "tiers/pack/pack_dictionary.h"

struct dictionary_code;

struct pack_dictionary {
	uint64_t id;
	size_t len;
	uint8_t *bytes;               /* owned */
	struct dictionary_code *code; /* owned; borrows bytes */
};
