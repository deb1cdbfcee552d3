/* SPDX-License-Identifier: MIT */
/* Groups of duplicates as bytes. tsv: number of the group, "same" or "near", resemblance, bytes, path. paths and paths0:
 * groups are apart by an empty one, as fdupes writes them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "index/query/duplicates.h"
#include "index/query/why.h"

static const char *kind_of(bool same)
{
	return same ? "same" : "near";
}

static const struct duplicate *files_of(const struct duplicates *d, const struct duplicate_group *g)
{
	return (const struct duplicate *)(const void *)d->files.data + g->first;
}

/* ---- lines */

static int add_line(struct duplicates *d, uint64_t number, const struct duplicate *f, const struct buf *path, struct buf *out)
{
	int r = 0;

	if (d->s->query->format == FORMAT_PATHS0) {
		r = buf_add(out, path->data, path->len);
		return r < 0 ? r : buf_add_u8(out, 0);
	}
	if (d->s->query->format == FORMAT_TSV)
		r = buf_addf(out, "%llu\t%s\t%.3f\t%llu\t", (unsigned long long)number, kind_of(f->same), f->hit.score,
			     (unsigned long long)f->size);
	if (r >= 0)
		r = search_add_escaped(out, path->data, path->len);
	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int add_lines(struct duplicates *d, uint64_t number, const struct duplicate_group *g, struct buf *out)
{
	enum query_format format = d->s->query->format;
	const struct duplicate *f = files_of(d, g);
	int r = 0;

	if (format != FORMAT_TSV && out->len)
		r = buf_add_u8(out, format == FORMAT_PATHS ? '\n' : 0);
	for (size_t k = 0; k < g->n && r >= 0; k++) {
		_cleanup_buf_ struct buf path = BUF_INIT;

		r = search_hit_path(d->s, &f[k].hit, &path);
		if (r >= 0)
			r = add_line(d, number, &f[k], &path, out);
		if (r == -ENOENT) /* it went away meanwhile */
			r = 0;
	}
	return r;
}

/* ---- JSON */

/* 0: it went away meanwhile. */
static int add_json_file(struct duplicates *d, const struct duplicate *f, json_t *files)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	json_t *o;
	int r = search_hit_path(d->s, &f->hit, &path);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	o = json_pack("{s:o, s:o, s:s, s:f, s:I}", "path", json_text(path.data, path.len), "inode", search_json_inode(f->hit.ino),
		      "kind", kind_of(f->same), "resemblance", round(f->hit.score * 1000) / 1000, "size", (json_int_t)f->size);
	if (o && !utf8_valid(path.data, path.len) && json_object_set_new(o, "path_base64", search_json_base64(&path)) < 0)
		r = -ENOMEM;
	return json_array_append_new(files, o) < 0 || r < 0 ? -ENOMEM : 1;
}

static const char *named(const struct duplicates *d, uint32_t number)
{
	const char *at = d->s->query->to;

	while (number--)
		at += strlen(at) + 1;
	return at;
}

static int add_json_group(struct duplicates *d, const struct duplicate_group *g, struct buf *out)
{
	const struct duplicate *f = files_of(d, g);
	_cleanup_json_ json_t *files = json_array();
	_cleanup_json_ json_t *o = NULL;
	int r = files ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < g->n; k++)
		r = add_json_file(d, &f[k], files);
	if (r < 0)
		return r;
	o = json_pack("{s:s, s:I, s:O}", "kind", kind_of(g->same), "saves", (json_int_t)g->saves, "files", files);
	if (o && d->s->query->to && json_object_set_new(o, "to", json_text(named(d, g->named), strlen(named(d, g->named)))) < 0)
		return -ENOMEM;
	return o ? json_add_to(out, o) : -ENOMEM;
}

static int add_json_line(struct duplicates *d, uint64_t number, const struct duplicate_group *g, struct buf *out)
{
	int r = add_json_group(d, g, out);

	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int add_json_element(struct duplicates *d, uint64_t number, const struct duplicate_group *g, struct buf *out)
{
	int r = number > d->s->query->offset + 1u ? buf_add_u8(out, ',') : 0;

	return r < 0 ? r : add_json_group(d, g, out);
}

static int json_head(struct duplicates *d, uint64_t total, struct buf *out)
{
	return buf_addf(out, "{\"total\":%llu,\"pending\":%llu,\"uncompared\":%llu,\"groups\":[", (unsigned long long)total,
			(unsigned long long)d->s->n_waiting, (unsigned long long)d->n_uncompared);
}

/* ---- all */

static int write_groups(struct duplicates *d, uint64_t total, struct buf *out)
{
	const struct duplicate_group *g = (const void *)d->groups.data;
	const struct query *q = d->s->query;
	bool json = q->format == FORMAT_JSON;
	int r = json ? json_head(d, total, out) : 0;

	for (uint64_t k = q->offset; k < total && k - q->offset < q->limit && r >= 0; k++)
		r = json ? add_json_element(d, k + 1, &g[k], out) :
		    q->format == FORMAT_JSONL ? add_json_line(d, k + 1, &g[k], out) : add_lines(d, k + 1, &g[k], out);
	return r < 0 || !json ? r : buf_add_str(out, "]}\n");
}

int search_duplicates(struct search *s, uint64_t *ret_total, struct buf *ret_bytes)
{
	_cleanup_(duplicates_done) struct duplicates d;
	int r = duplicates_find(s, &d);

	if (r < 0)
		return r;
	*ret_total = d.groups.len / sizeof(struct duplicate_group);
	return write_groups(&d, *ret_total, ret_bytes);
}
