/* SPDX-License-Identifier: MIT */
/* What commands that copy do before: may this be copied there? */
#pragma once

/* NULL: neither path lies in the other, as far as they exist. Otherwise which, for people; constant text. */
const char *place_overlap(const char *from, const char *to);
/* As many descriptors as the process may have: each level of folders takes two. */
void place_allow_depth(void);
