/* SPDX-License-Identifier: MIT */
/* A bucket over one that carries requests out in the thread that starts them, and that may hang for ever: a folder on a NAS
 * that does not answer (folder.h). No system call waits with a time-out, so the requests are carried out by threads of this
 * one. When the time of a request is over, or bucket_cancel() comes, who asked gets BUCKET_TIMEOUT (of a conditional PUT
 * BUCKET_UNKNOWN) or BUCKET_STOPPED, and the thread is left behind: it has copies of all that it reads and writes, its own
 * descriptors, and a share of the bucket below, which is freed when the last such thread comes back. What it was
 * asked for may still happen then, as after any failure that is not BUCKET_ABSENT.
 *
 * At most IMPATIENT_LEFT_MAX threads are left behind at a time: meanwhile requests fail at once, as
 * BUCKET_UNREACHABLE. When one comes back the bucket is asked again.
 *
 * Thread-safety: as bucket.h. */
#pragma once

#include "tiers/s3/bucket.h"

#define IMPATIENT_LEFT_MAX 16u

struct impatient_config {
	const char *path;              /* for `open`, and for what is said of it; copied */
	/* Opens the bucket below, as folder_open(). Called by a thread that may be left behind, too. */
	int (*open)(const char *path, struct bucket **ret_b, struct bucket_error *ret_why);
	uint32_t open_timeout_ms;      /* 0: 10 000 */
	uint32_t request_timeout_ms;   /* of GET, HEAD, REMOVE; 0: 30 000 */
	uint32_t transfer_timeout_ms;  /* of PUT, and of each MiB beyond 64 a hundredth more; LIST has ten times that; 0: 120 000 */
};

/* Errors of `open`. -ETIMEDOUT. -ENOMEM. */
int impatient_open(const struct impatient_config *config, struct bucket **ret_b, struct bucket_error *ret_why);
