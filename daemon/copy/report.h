/* SPDX-License-Identifier: MIT */
/* What a command that copies says at its end: counts, and what failed with its reason. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"

struct copy_counts;

/* So many are listed; further ones are counted. */
#define REPORT_MAX 10000u

struct report {
	struct report_line {
		char *path, *why; /* owned */
	} *lines;                 /* owned */
	size_t n;
	bool cut;                 /* there were more, or no memory for them */
};

/* Control characters and backslashes as \ooo: one line, and nothing for the terminal to obey. */
void report_name(FILE *out, const char *path);

void report_add(struct report *r, const char *path, const char *why);
/* On stderr, as "brainy: WORD: PATH: WHY"; forgets them. */
void report_print(struct report *r, const char *word);
/* Counts and lines; "stopped" is why it ended, or null. NULL without memory. */
json_t *report_json(const struct report *r, const struct copy_counts *counts, const char *stopped);
/* Counts in a sentence, on stdout. */
void report_counts(const struct copy_counts *counts, bool dry_run, double seconds);
void report_done(struct report *r);
