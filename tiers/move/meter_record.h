/* SPDX-License-Identifier: MIT */
/* What was asked of the bucket, in the catalog: 'V' u8 3, value metered_encode(). Thread-safety: safe. */
#pragma once

#include "catalog/catalog.h"
#include "tiers/s3/bucket.h"

/* `b`: what metered_new() made, and nothing was asked of yet. Nothing recorded: 0. -EBADMSG. */
int meter_load(struct catalog *c, struct bucket *b);
/* Writes it when it has changed. */
int meter_save(struct catalog *c, struct bucket *b);
