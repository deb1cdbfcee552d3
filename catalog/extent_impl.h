/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what the files about extents share. */
#pragma once

#include <stdbool.h>

#include "catalog/extent.h"

/* Keep the back reference of an extent, if it has an object. */
int extent_add_user(struct batch *b, uint64_t ino, const struct extent *e);
/* 1: it was the object's last. */
int extent_remove_user(struct batch *b, uint64_t ino, const struct extent *e);
