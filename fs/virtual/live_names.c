/* SPDX-License-Identifier: MIT */
/* What a file that enters or leaves a saved search is called there. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "catalog/journal.h"
#include "fs/virtual/live_impl.h"
#include "fs/virtual/view_names.h"

struct shown *live_shown(struct live *l, uint64_t id)
{
	for (size_t n = 0; n < l->n_shown; n++)
		if (l->shown[n].id == id)
			return &l->shown[n];
	return NULL;
}

static const char *name_in(const struct results *r, uint64_t ino)
{
	for (size_t n = 0; r && n < r->n; n++)
		if (r->items[n].ino == ino && *r->items[n].name)
			return r->items[n].name;
	return NULL;
}

/* ---- what another server has shown, of a file that is gone: by the event that told of it */

/* The last line before `end`, without its newline. */
static const char *line_before(const struct buf *text, const char *end)
{
	const char *begin = (const char *)text->data, *newline;

	if (end <= begin + 1)
		return NULL;
	newline = memrchr(begin, '\n', (size_t)(end - 1 - begin));
	return newline ? newline + 1 : begin;
}

static int add_name_told(const char *line, size_t len, uint64_t ino, struct buf *name)
{
	_cleanup_json_ json_t *event = json_loadb(line, len, 0, NULL);
	const char *told = json_string_value(json_object_get(event, "name"));

	if (!told || (uint64_t)json_integer_value(json_object_get(event, "inode")) != ino)
		return -ENOENT;
	return buf_add_str(name, told);
}

static int find_told(const struct buf *events, uint64_t ino, struct buf *name)
{
	const char *end = (const char *)events->data + events->len, *line;
	_cleanup_buf_ struct buf mark = BUF_INIT;
	int r = buf_addf(&mark, "\"inode\":%llu,", (unsigned long long)ino);

	if (r < 0)
		return r;
	for (r = -ENOENT; r == -ENOENT && (line = line_before(events, end)); end = line)
		if (memmem(line, (size_t)(end - line), mark.data, mark.len))
			r = add_name_told(line, (size_t)(end - line), ino, name);
	return r;
}

static int add_name_from_events(struct live *l, uint64_t ino, struct buf *name)
{
	struct journal_state s;
	uint64_t first;
	int r = 0;

	if (!l->events.len) {
		r = journal_get_state(l->fs->config.catalog, JOURNAL_EVENTS, &s);
		if (r >= 0)
			r = journal_since(l->fs->config.catalog, JOURNAL_EVENTS, s.first - 1, &l->events, &first);
	}
	return r < 0 ? r : find_told(&l->events, ino, name);
}

/* Others are not told what a file is called now that they do not see. */
int live_add_name(struct live *l, const struct look *k, uint64_t ino, bool enters, struct buf *name)
{
	const struct shown *before = live_shown(l, k->id);
	const char *known = name_in(enters ? k->results : before ? before->results : NULL, ino);
	struct inode i;
	int r;

	if (known || !k->as.all)
		return known ? buf_add_str(name, known) : -ENOENT;
	r = inode_get(l->fs->config.catalog, ino, &i);
	if (r >= 0)
		r = view_base_name(l->fs->config.catalog, &i, name);
	return r == -ENOENT ? add_name_from_events(l, ino, name) : r;
}
