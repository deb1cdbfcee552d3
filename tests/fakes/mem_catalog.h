/* SPDX-License-Identifier: MIT */
/* catalog.h in memory: for unit tests of what lies above the store. Nothing is durable, nothing is
 * sealed; a batch is applied whole. Link mem_catalog instead of catalog. */
#pragma once

#include "catalog/catalog.h"

/* An empty store over a keyring of its own. Release it with catalog_close(). NULL without memory. */
struct catalog *mem_catalog_new(void);
/* The next catalog_begin() and those after it fail with this error, 0: no more. */
void mem_catalog_fail(struct catalog *c, int error);
/* Forgets which sets were checked, as a new mount does. */
void mem_catalog_remount(struct catalog *c);
size_t mem_catalog_count(struct catalog *c);
