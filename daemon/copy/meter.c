/* SPDX-License-Identifier: MIT */
#include "daemon/copy/meter.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "daemon/copy/census.h"
#include "daemon/copy/copier.h"

#define TELL_MS 200u

char *meter_size(uint64_t bytes, char ret_text[METER_SIZE_TEXT])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double v = (double)bytes;
	unsigned u = 0;

	while (v >= 1000 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	(void) snprintf(ret_text, METER_SIZE_TEXT, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return ret_text;
}

void meter_start(struct meter *m, const struct census *census)
{
	*m = (struct meter){ .census = census, .shows = isatty(STDERR_FILENO), .start_ms = clock_mono_ms() };
}

/* Bytes and files both cost: what is left is estimated by the one that is less far. What was there already
 * counts as done, but not for the rate. */
static void draw_rest(const struct meter *m, const struct copy_counts *counts, uint64_t part, double seconds)
{
	uint64_t files = 0, bytes = 0, done = counts->files + counts->links + counts->failed + counts->kept;
	double work, share;
	char text[METER_SIZE_TEXT];

	if (!m->census || !census_get(m->census, &files, &bytes) || files == 0)
		return;
	files -= MIN(files, counts->present);
	bytes -= MIN(bytes, counts->present_bytes);
	work = files ? (double)done / (double)files : 1;
	share = bytes ? (double)(counts->bytes + part) / (double)bytes : 1;
	work = MIN(work, share);
	fprintf(stderr, ", of %llu and %s", (unsigned long long)(files + counts->present),
		meter_size(bytes + counts->present_bytes, text));
	if (work > 0.001 && work <= 1) {
		uint64_t left = (uint64_t)(seconds / work - seconds);

		fprintf(stderr, ", %llu:%02llu left", (unsigned long long)(left / 60),
			(unsigned long long)(left % 60));
	}
}

void meter_step(struct meter *m, const struct copy_counts *counts, uint64_t part)
{
	uint64_t now, done = counts->files + counts->links + counts->present + counts->failed + counts->kept;
	char size[METER_SIZE_TEXT], rate[METER_SIZE_TEXT];
	double seconds;

	if (!m->shows)
		return;
	now = clock_mono_ms();
	if (now - m->told_ms < TELL_MS)
		return;
	m->told_ms = now;
	m->drawn = true;
	seconds = (double)(now - m->start_ms + 1) / 1000;
	fprintf(stderr, "\r%llu files, %s, %s/s, %.0f files/s", (unsigned long long)done,
		meter_size(counts->bytes + counts->present_bytes + part, size),
		meter_size((uint64_t)((double)(counts->bytes + part) / seconds), rate),
		(double)counts->files / seconds);
	draw_rest(m, counts, part, seconds);
	fprintf(stderr, "\033[K");
}

void meter_end(struct meter *m)
{
	if (m->drawn)
		fprintf(stderr, "\r\033[K");
	m->drawn = false;
}
