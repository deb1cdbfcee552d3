/* SPDX-License-Identifier: MIT */
/* Makes a segment's lists and codes (codes.h). All vectors are shown twice, in the order in which they are
 * stored: the first time the centres are found, the second time codes are written. Not thread-safe. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "index/arrange.h"
#include "index/segment_file.h"

struct code_writer;
/* `sink` and `a` are borrowed. -EINVAL: stride is too large. */
int code_writer_new(struct segment_sink *sink, size_t stride, const struct arrangement *a,
		    struct code_writer **ret_w);
struct code_writer *code_writer_free(struct code_writer *w);

void code_writer_first(struct code_writer *w, uint32_t list, const int16_t *v);
int code_writer_second(struct code_writer *w, uint32_t list, const int16_t *v);
/* After each document's last vector the second time. */
void code_writer_document(struct code_writer *w, uint32_t list);
/* Writes what is left; appends the section of lists. *ret_probes: how many of them a query must look at. */
int code_writer_finish(struct code_writer *w, struct buf *ret_lists, uint32_t *ret_probes);
