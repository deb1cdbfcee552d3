/* SPDX-License-Identifier: MIT */
/* A line on the terminal that says how far a copy is. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct census;
struct copy_counts;

struct meter {
	const struct census *census; /* borrowed; NULL: how much it will be is not known */
	bool shows;                  /* stderr is a terminal */
	bool drawn;                  /* there is a line */
	uint64_t start_ms, told_ms;
};

void meter_start(struct meter *m, const struct census *census);
/* `part`: bytes of the file at hand. Draws five times a second. */
void meter_step(struct meter *m, const struct copy_counts *counts, uint64_t part);
/* Takes the line away. */
void meter_end(struct meter *m);

/* "1.5 GB" */
#define METER_SIZE_TEXT 24
char *meter_size(uint64_t bytes, char ret_text[METER_SIZE_TEXT]);
