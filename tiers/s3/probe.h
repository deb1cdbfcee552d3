/* SPDX-License-Identifier: MIT */
/* Tries out what we want of a bucket, with an object of its own that it takes away again: permissions, and whether a
 * conditional PUT holds. */
#pragma once

#include "tiers/s3/bucket.h"

enum probe_step { PROBE_LIST, PROBE_PUT, PROBE_HEAD, PROBE_GET, PROBE_CONDITION, PROBE_REMOVE, PROBE_STEPS };

struct probe_result {
	bool tried;                  /* false: a step before it failed, on which it depends */
	struct bucket_error error;   /* .error 0: it does */
};

/* Each for itself, so that one run tells all that is to be mended. Returns the error of the first that failed and that we
 * cannot do without: all but PROBE_CONDITION, without which two mounts that claim a prefix in the same moment may not
 * notice each other. */
int bucket_probe(struct bucket *b, struct probe_result ret_results[PROBE_STEPS]);
/* "list", "write", .. */
const char *probe_step_name(enum probe_step step);
