/* SPDX-License-Identifier: MIT */
#include "daemon/copy/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/copy/copier.h"
#include "daemon/copy/meter.h"

void report_name(FILE *out, const char *path)
{
	for (const unsigned char *at = (const void *)path; *at; at++)
		if (*at < 0x20 || *at == 0x7f || *at == '\\')
			fprintf(out, "\\%03o", *at);
		else
			putc(*at, out);
}

static int grow(struct report *r)
{
	struct report_line *lines;

	if ((r->n & (r->n - 1)) != 0)
		return 0;
	lines = reallocarray(r->lines, r->n ? r->n * 2 : 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	r->lines = lines;
	return 0;
}

void report_add(struct report *r, const char *path, const char *why)
{
	struct report_line line = { 0 };

	if (r->n < REPORT_MAX && grow(r) == 0) {
		line.path = strdup(path);
		line.why = strdup(why);
	}
	if (line.path && line.why) {
		r->lines[r->n++] = line;
		return;
	}
	free(line.path);
	free(line.why);
	r->cut = true;
}

static void forget(struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->lines[i].path);
		free(r->lines[i].why);
	}
	r->n = 0;
	r->cut = false;
}

void report_print(struct report *r, const char *word)
{
	for (size_t i = 0; i < r->n; i++) {
		fprintf(stderr, "brainy: %s: ", word);
		report_name(stderr, r->lines[i].path);
		fprintf(stderr, ": %s\n", r->lines[i].why);
	}
	if (r->cut)
		fprintf(stderr, "brainy: %s: there were more\n", word);
	forget(r);
}

void report_done(struct report *r)
{
	forget(r);
	free(r->lines);
	r->lines = NULL;
}

/* ---- counts */

#define COUNT(member) { #member, offsetof(struct copy_counts, member) }

static const struct {
	const char *name;
	size_t at;
} members[] = {
	COUNT(files), COUNT(bytes), COUNT(shared), COUNT(shared_bytes), COUNT(links), COUNT(folders),
	COUNT(present), COUNT(present_bytes), COUNT(kept), COUNT(ignored), COUNT(removed), COUNT(failed),
};

static int add_lines(const struct report *r, json_t *list)
{
	for (size_t i = 0; i < r->n; i++) {
		_cleanup_json_ json_t *line = json_object();
		const char *path = r->lines[i].path, *why = r->lines[i].why;

		if (!line || json_object_set_new(line, "path", json_text(path, strlen(path))) < 0 ||
		    json_object_set_new(line, "why", json_text(why, strlen(why))) < 0 ||
		    json_array_append(list, line) < 0)
			return -ENOMEM;
	}
	return 0;
}

json_t *report_json(const struct report *r, const struct copy_counts *counts, const char *stopped)
{
	_cleanup_json_ json_t *all = json_object();
	json_t *list = json_array();
	int bad = !all || !list;

	for (size_t i = 0; !bad && i < ARRAY_SIZE(members); i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)counts + members[i].at);

		bad = json_object_set_new(all, members[i].name, json_integer((json_int_t)value)) < 0;
	}
	if (bad || add_lines(r, list) < 0) {
		json_decref(list);
		return NULL;
	}
	if (json_object_set_new(all, "problems", list) < 0 ||
	    json_object_set_new(all, "stopped", stopped ? json_text(stopped, strlen(stopped)) : json_null()) <
		    0)
		return NULL;
	return steal_ptr(&all);
}

static void add_count(uint64_t n, const char *what)
{
	if (n > 0)
		printf(", %llu %s", (unsigned long long)n, what);
}

void report_counts(const struct copy_counts *counts, bool dry_run, double seconds)
{
	char text[METER_SIZE_TEXT];

	printf("%s%llu files (%s)", dry_run ? "would copy " : "", (unsigned long long)counts->files,
	       meter_size(counts->bytes, text));
	add_count(counts->folders, dry_run ? "new folders" : "folders made");
	add_count(counts->links, "further links");
	add_count(counts->present, "there already");
	if (counts->shared > 0)
		printf(", %llu share the bytes of others (%s)", (unsigned long long)counts->shared,
		       meter_size(counts->shared_bytes, text));
	add_count(counts->kept, "kept as they are there");
	add_count(counts->ignored, "left out");
	add_count(counts->removed, "removed");
	add_count(counts->failed, "failed");
	if (dry_run)
		printf("\n");
	else
		printf("; %.1f s\n", seconds);
}
