/* SPDX-License-Identifier: MIT */
#pragma once

#include "index/extract/found.h"

/* Takes a value of front matter that is a link, or links, as they are; `key` is its verb. -ENOMEM. */
int frontmatter_links(struct found *f, struct span key, struct span value);
