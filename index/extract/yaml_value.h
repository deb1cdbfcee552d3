/* SPDX-License-Identifier: MIT */
/* Values of one line or flow list of YAML 1.2, read leniently. */
#pragma once

#include "index/extract/span.h"

/* The value without quotes, their escapes undone in `space`, or without the comment behind it. What `space`
 * cannot hold is cut. */
struct span yaml_scalar(struct span value, char *space, size_t size);
/* Where the flow list that begins at list.at ends, behind its ']'; NULL when it is not closed. */
const char *yaml_list_end(struct span list);
/* Takes the next item of a list without its brackets; it may be empty. False at the end. */
bool yaml_list_next(struct span *rest, struct span *ret_item);
