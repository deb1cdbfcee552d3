/* SPDX-License-Identifier: MIT */
/* extract.h without processes, for unit tests of the index: bytes are text, and the file's ending says what
 * shall happen to it. In .md, a line "@link FORM VERB TARGET" is a link, "@field NAME VALUE" a field. */
#include "tests/fakes/plain_extractor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/extract/extract.h"

static atomic_uint runs;

unsigned plain_extractor_runs(void)
{
	return atomic_load(&runs);
}

int extractor_start(const char *path, struct extractor **ret_e)
{
	*ret_e = malloc(1);
	return *ret_e ? 0 : -ENOMEM;
}

struct extractor *extractor_stop(struct extractor *e)
{
	free(e);
	return NULL;
}

void extractor_pace(struct extractor *e, bool background)
{
	(void) e;
	(void) background;
}

void document_done(struct document *d)
{
	buf_done(&d->text);
	buf_done(&d->fields);
	buf_done(&d->links);
	free(d->marks);
	d->marks = NULL;
}

static bool ends_in(const char *name, const char *ending)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ending) == 0;
}

static int without_text(struct document *d, enum extract_status status, const char *why, const char *mime)
{
	d->status = status;
	strcpy(d->why, why);
	strcpy(d->mime, mime);
	return 0;
}

static int add_texts(struct buf *to, const char *a, const char *b)
{
	int r = buf_add(to, a, strlen(a) + 1);

	return r < 0 ? r : buf_add(to, b, strlen(b) + 1);
}

static int find_in_line(struct document *d, const char *line)
{
	char form, name[65], value[256];
	int r;

	if (sscanf(line, "@field %64s %255[^\n]", name, value) == 2)
		return add_texts(&d->fields, name, value);
	if (sscanf(line, "@link %c %64s %255[^\n]", &form, name, value) != 3)
		return 0;
	r = buf_add_u8(&d->links, (uint8_t)form);
	return r < 0 ? r : add_texts(&d->links, name, value);
}

static int find_in_text(struct document *d)
{
	const char *line = buf_cstr(&d->text);
	int r = line ? 0 : -ENOMEM;

	while (line && r >= 0) {
		const char *newline = strchr(line, '\n');

		r = find_in_line(d, line);
		line = newline ? newline + 1 : NULL;
	}
	return r;
}

int extractor_run(struct extractor *e, const char *name, const void *data, size_t len, unsigned cpu_seconds,
		  struct document *ret_d)
{
	int r;

	atomic_fetch_add(&runs, 1);
	memset(ret_d, 0, sizeof(*ret_d));
	if (ends_in(name, ".bin"))
		return without_text(ret_d, EXTRACT_SKIPPED, "binary", "application/octet-stream");
	if (ends_in(name, ".bad"))
		return without_text(ret_d, EXTRACT_FAILED, "damaged", "application/pdf");
	if (ends_in(name, ".slow") && cpu_seconds <= 5)
		return without_text(ret_d, EXTRACT_SLOW, "", "application/pdf");
	if (ends_in(name, ".dead"))
		return -EIO;
	ret_d->status = EXTRACT_INDEXED;
	strcpy(ret_d->mime, ends_in(name, ".md") ? "text/markdown" : "text/plain");
	r = buf_add(&ret_d->text, data, len);
	return r < 0 || !ends_in(name, ".md") ? r : find_in_text(ret_d);
}

int extractor_kind(struct extractor *e, const char *name, const void *data, size_t len, struct document *ret_d)
{
	memset(ret_d, 0, sizeof(*ret_d));
	return ends_in(name, ".bin") ? without_text(ret_d, EXTRACT_SKIPPED, "binary", "application/octet-stream") : 0;
}

int extractor_missing(struct extractor *e)
{
	return 0;
}
