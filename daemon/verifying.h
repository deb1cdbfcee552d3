/* SPDX-License-Identifier: MIT */
/* What `brainy scrub`, `brainy tier` and status.json say of verifying (tiers/scrub/scrub.h). */
#pragma once

#include "base/json.h"
#include "daemon/server.h"

/* "scrub": reads all that is stored, now. An error when something is damaged. */
int verifying_run(struct server *s, const char *arguments, struct buf *ret_answer);
/* What is due at that time (since 1970); adds to a line what that found, if it was anything. */
int verifying_share(struct server *s, int64_t now_s, struct buf *line);
/* Lines of .brainy/tiers: rounds, and the damaged files. */
int verifying_describe(struct server *s, struct buf *text);
/* Adds "files": the paths of some that are damaged. For the owner's eyes. */
void verifying_add_files(struct server *s, json_t *problem);
