/* SPDX-License-Identifier: MIT */
/* A document on its way from a worker to the daemon. The decoder trusts nothing it reads. */
#pragma once

#include "index/extract/extract.h"

#define RESULT_TEXT_MAX   (64u << 20)
#define RESULT_MARKS_MAX  (1u << 20)
#define RESULT_FIELDS_MAX (256u << 10)
#define RESULT_LINKS_MAX  (512u << 10)
/* Upper bound of an encoded document. */
#define RESULT_MAX (RESULT_TEXT_MAX + RESULT_FIELDS_MAX + RESULT_LINKS_MAX + RESULT_MARKS_MAX * 11 + 4096)

/* Appends le32 length of the rest, then `d`. -ENOMEM. */
int result_encode(const struct document *d, struct buf *out);
/* Decodes what result_encode() wrote, without the length. Strings are made valid UTF-8 without control
 * characters, marks must ascend within the text, links must be as extract.h says, but for that a hostile one
 * may say some twice. -EBADMSG, -ENOMEM. */
int result_decode(const void *data, size_t len, struct document *ret_d);
/* Would the decoder take such a link? */
bool result_is_link(char form, const char *verb, const char *target);
