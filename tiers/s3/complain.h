/* SPDX-License-Identifier: MIT */
/* The sentences that people read when a request failed: what, and which setting mends it. Pure. */
#pragma once

#include "tiers/s3/answer.h"
#include "tiers/s3/s3_impl.h"

/* There was no answer: j->http.failure. */
void complain_failure(const struct job *j, struct bucket_error *ret_e);
/* The server answered with an error; `e` is what it said, perhaps nothing. */
void complain_answer(const struct job *j, enum bucket_fault fault, const struct answer_error *e,
		     struct bucket_error *ret_e);
/* A success that cannot be one. `what` it sent. */
void complain_nonsense(const struct job *j, const char *what, struct bucket_error *ret_e);
/* A conditional PUT of which nobody knows what it did; `what` happened. */
void complain_unknown(const struct job *j, const char *what, struct bucket_error *ret_e);
