/* SPDX-License-Identifier: MIT */
/* What is wrong with the cold tier, for problems.c. Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

struct server;

#define COLD_TEXT_MAX 512

struct cold_facts {
	bool failing;         /* the bucket answers no requests, and why: */
	bool absent;          /* it cannot be opened, and why: */
	bool foreign;         /* it is another's, and why: */
	char bucket[COLD_TEXT_MAX];
	char refused[COLD_TEXT_MAX]; /* it can be read, but takes nothing; empty: it does */
	char lost[COLD_TEXT_MAX];    /* objects that are gone or altered; empty: none that was noticed */
	bool versions;        /* it keeps what is removed from it */
	bool capped;          /* the day's limits */
	uint64_t suspended_s; /* moves pause so long */
	int64_t skew_s;       /* of the bucket's clock, as far as it had to be corrected for */
};

void cold_facts_collect(struct server *s, struct cold_facts *ret_f);
/* Adds "files": the paths of some that have bytes in what is lost. For the owner's eyes. */
void cold_facts_add_files(struct server *s, json_t *problem);
