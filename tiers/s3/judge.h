/* SPDX-License-Identifier: MIT */
/* What an attempt came to, and what is to be done: from status, headers and XML of an answer, or the lack of
 * one. The table of error codes follows "Error responses" in the Amazon S3 API Reference, and what other
 * servers add to it. Pure. */
#pragma once

#include "tiers/s3/s3_impl.h"

enum verdict_action {
	VERDICT_DONE,    /* as asked */
	VERDICT_AGAIN,   /* may go better another time */
	VERDICT_EXPLAIN, /* a HEAD whose refusal has no reason: ask as GET */
	VERDICT_CLOCK,   /* repeat with the clock corrected */
	VERDICT_REFRESH, /* repeat with credentials loaded again */
	VERDICT_FAIL
};

struct verdict {
	enum verdict_action action;
	struct bucket_error why; /* unless DONE */
	struct bucket_result result;
	int alive;         /* what it says of the server: 1 it answers, -1 it does not, 0 nothing */
	bool throttled;    /* asks for less */
	uint32_t pause_ms; /* AGAIN: at least so long; Retry-After */
};

/* Judges the transfer of `j` that has just ended. */
void judge(const struct job *j, struct verdict *ret_v);
