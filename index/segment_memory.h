/* SPDX-License-Identifier: MIT */
/* The segment that grows: documents are searchable as soon as they are added. Sealed to disk by
 * segment_write.h. Thread-safety: adding excludes everything else (segment.h). */
#pragma once

#include "index/prepare.h"
#include "index/segment.h"

/* `stride`: elements of a vector. */
int segment_memory_new(size_t stride, struct segment **ret_s);
/* *ret_doc is its number. On error the segment is as it was. -ENOMEM. */
int segment_memory_add(struct segment *s, const struct prepared *p, uint32_t *ret_doc);
