/* SPDX-License-Identifier: MIT */
#include "fs/virtual/view_computed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/view_kinds.h"

#define PAGE 1024u
/* To be looked at for one that somebody sees. */
#define SOME 256u

const char *const view_computed_names[COMPUTED_FIELDS] = { "type", "lang", "tier", "concept" };

int view_computed_field(const char *name, struct view *ret_v)
{
	for (unsigned k = 0; k < COMPUTED_FIELDS; k++)
		if (strcmp(name, view_computed_names[k]) == 0) {
			*ret_v = (struct view){ .class = k + 1 < COMPUTED_FIELDS ? VIEW_COMPUTED : VIEW_CONCEPTS, .id = k, .depth = 1 };
			return 1;
		}
	return 0;
}

/* ---- values */

/* Is there a file that the looker sees? */
static int has_some(struct looker *l, const struct index_files *what)
{
	uint64_t from = 0;

	for (;;) {
		_cleanup_buf_ struct buf inos = BUF_INIT;
		const uint64_t *at;
		size_t n;
		int r;

		looker_rest(l);
		r = index_list(l->fs->config.index, what, from, l->caller.all ? 1 : SOME, &inos);
		at = (const void *)inos.data;
		n = inos.len / sizeof(*at);
		for (size_t k = 0; k < n && r >= 0; k++) {
			r = looker_sees(l, at[k]);
			if (r > 0)
				return 1;
		}
		if (r < 0 || n < SOME)
			return r;
		from = at[n - 1] + 1;
	}
}

int view_computed_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	_cleanup_buf_ struct buf value = BUF_INIT, text = BUF_INIT;
	struct view below = { .class = VIEW_COMPUTED_VALUE, .depth = 2 };
	struct index_files what = { .field = view_computed_names[v->id % COMPUTED_FIELDS] };
	int r = name[0] == '.' || !l->fs->config.index ? -ENOENT : view_decode(name, strlen(name), &value);

	what.value = r < 0 ? NULL : buf_cstr(&value);
	if (r < 0 || !what.value)
		return r < 0 ? r : -ENOMEM;
	r = has_some(l, &what);
	if (r == 0 && index_pending(l->fs->config.index)) {
		view_wait(l->fs, VIEW_WAIT_MS);
		r = has_some(l, &what);
	}
	if (r > 0)
		r = buf_addf(&text, "%s=%s", what.field, what.value);
	else
		return r < 0 ? r : -ENOENT;
	if (r < 0 || !buf_cstr(&text))
		return -ENOMEM;
	view_remember(l->fs, &below, buf_cstr(&text));
	*ret_below = below;
	return 1;
}

/* "application/x-tar": "tar". */
static const char *short_type(const char *mime)
{
	const char *slash = strchr(mime, '/'), *half = slash ? slash + 1 : mime;

	return strncmp(half, "x-", 2) == 0 && half[2] ? half + 2 : half;
}

/* From the lines of a count: files, tab, value. */
static int add_values(const struct view *v, char *lines, struct buf *ret_names)
{
	char *rest = NULL;
	int r = 0;

	for (char *line = strtok_r(lines, "\n", &rest); line && r >= 0; line = strtok_r(NULL, "\n", &rest)) {
		const char *value = strchr(line, '\t');

		value = value ? value + 1 : line;
		if (v->id == 0)
			value = short_type(value);
		r = view_encode(value, strlen(value), "", ret_names);
		if (r >= 0)
			r = buf_add_u8(ret_names, 0);
	}
	return r;
}

int view_computed_folders(struct looker *l, const struct view *v, struct buf *ret_names)
{
	const struct query_scope scope = { .top = ROOT_INO, .who = caller_identity(&l->caller) };
	_cleanup_(answer_done) struct answer answer = { 0 };
	_cleanup_free_ char *why = NULL;
	char name[64];
	struct query q;
	int r;

	if (!l->fs->config.index)
		return 0;
	looker_rest(l);
	view_wait(l->fs, VIEW_WAIT_MS);
	(void) snprintf(name, sizeof(name), "count?by=%s", view_computed_names[v->id % COMPUTED_FIELDS]);
	r = query_parse(name, &q, &why);
	if (r < 0)
		return r;
	r = index_query(l->fs->config.index, &q, &scope, &answer, &why);
	query_done(&q);
	if (r < 0 || !answer.bytes.len)
		return r;
	return buf_cstr(&answer.bytes) ? add_values(v, buf_cstr(&answer.bytes), ret_names) : -ENOMEM;
}

/* ---- the files of a value */

/* "type=pdf", which `text` gets, in two. */
static int what_of(struct looker *l, const struct view *v, struct buf *text, struct index_files *ret_what)
{
	int r = view_text(l->fs, v, text);
	char *equals;

	if (r < 0 || !buf_cstr(text))
		return r < 0 ? r : -ENOMEM;
	equals = strchr(buf_cstr(text), '=');
	if (!equals)
		return -ESTALE;
	*equals = 0;
	*ret_what = (struct index_files){ .field = buf_cstr(text), .value = equals + 1 };
	return 0;
}

int view_computed_has(struct looker *l, const struct view *v, uint64_t ino)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct index_files what;
	int r = what_of(l, v, &text, &what);

	looker_rest(l);
	return r < 0 ? r : index_lists(l->fs->config.index, &what, ino);
}

int view_computed_open(struct view_walk *w, uint64_t cookie)
{
	if (!cookie) {
		looker_rest(w->l);
		view_wait(w->l->fs, VIEW_WAIT_MS);
	}
	w->low = cookie + 1;
	return 0;
}

static int next_page(struct view_walk *w)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct index_files what;
	int r = what_of(w->l, w->v, &text, &what);

	buf_reset(&w->page);
	w->at = 0;
	looker_rest(w->l);
	if (r >= 0)
		r = index_list(w->l->fs->config.index, &what, w->low, PAGE, &w->page);
	if (r >= 0 && w->page.len)
		w->low = ((const uint64_t *)(const void *)w->page.data)[w->page.len / sizeof(uint64_t) - 1] + 1;
	return r;
}

int view_computed_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	int r = w->at == w->page.len / sizeof(uint64_t) ? next_page(w) : 0;

	if (r < 0 || !w->page.len)
		return r;
	*ret_ino = *ret_cookie = ((const uint64_t *)(const void *)w->page.data)[w->at++];
	return 1;
}
