/* SPDX-License-Identifier: MIT */
/* An upgrade in place, the server's part: may this program take over, and the offer of it to the keeper. */
#pragma once

/* Checks `program` (an absolute path) and offers it to the keeper over `link`. Negative with *ret_why, which
 * the caller frees: no program, not ours, or of a build that takes over differently. */
int upgrade_offer(int link, const char *program, char **ret_why);
/* Prints what upgrade_offer() looks for. Returns an exit status. */
int upgrade_say_version(void);
