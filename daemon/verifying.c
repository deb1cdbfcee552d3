/* SPDX-License-Identifier: MIT */
#include "daemon/verifying.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/tree.h"

/* Files that a problem names; .brainy/tiers names more. */
#define FILES_MAX 20u
#define LINES_MAX 1000u

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- runs */

static int add_counts(const struct scrub_counts *n, struct buf *out)
{
	int r = buf_addf(out, "%llu bytes verified, %llu damaged, %llu packs mended",
			 (unsigned long long)n->bytes, (unsigned long long)n->found,
			 (unsigned long long)n->mended);

	if (r >= 0 && n->unread)
		r = buf_addf(out, ", %llu in the bucket not read", (unsigned long long)n->unread);
	return r;
}

static int add_failure(int error, struct buf *answer)
{
	return buf_addf(answer, "error: verifying: %s\n", strerrordesc_np(-error));
}

int verifying_run(struct server *s, const char *arguments, struct buf *ret_answer)
{
	const struct scrub_run run = { .now_s = (int64_t)(clock_real_ns() / 1000000000u), .whole = true };
	struct scrub_report rep;
	uint64_t damaged;
	int r = scrub_run(s->stack.scrub, &run, &rep);

	if (r < 0)
		return add_failure(r, ret_answer);
	if (rep.did.unread)
		return buf_addf(ret_answer, "error: packs in the bucket could not be read: %s\n",
				rep.bucket_error.error ? rep.bucket_error.text
						       : "it cannot be used; see 'brainy status'");
	damaged = scrub_count_damage(s->stack.scrub);
	if (damaged)
		return buf_addf(ret_answer, "error: %llu file%s damaged; 'brainy tier status' lists them\n",
				(unsigned long long)damaged, damaged == 1 ? " is" : "s are");
	r = buf_add_str(ret_answer, "ok ");
	if (r >= 0)
		r = add_counts(&rep.did, ret_answer);
	return r < 0 ? r : buf_add_str(ret_answer, "\n");
}

int verifying_share(struct server *s, int64_t now_s, struct buf *line)
{
	const struct scrub_run run = { .now_s = now_s };
	struct scrub_report rep;
	int r = scrub_run(s->stack.scrub, &run, &rep);

	if (r < 0 || (!rep.objects && !rep.bucket_error.error))
		return r;
	r = buf_add_str(line, "; ");
	if (r >= 0)
		r = add_counts(&rep.did, line);
	if (r >= 0 && rep.bucket_error.error)
		r = buf_addf(line, ", the rest of the bucket later: %s", rep.bucket_error.text);
	return r;
}

/* ---- status */

static const char *date_of(int64_t s, char ret_text[32])
{
	time_t t = (time_t)s;
	struct tm utc;

	(void) strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
	return ret_text;
}

static int add_rounds(const struct scrub_status *st, struct buf *out)
{
	const struct scrub_progress *p = &st->progress;
	char text[32];
	int r;

	if (p->ended_s == 0)
		r = buf_add_str(out, "verified\tlast round: none yet\n");
	else
		r = buf_addf(out, "verified\tlast round ended %s\t", date_of(p->ended_s, text));
	if (r >= 0 && p->ended_s)
		r = add_counts(&p->last, out);
	if (r >= 0 && p->ended_s)
		r = buf_add_str(out, "\n");
	if (r < 0 || p->round == 0)
		return r;
	r = buf_addf(out, "verifying\tthis round began %s%s\t%llu of about %llu bytes\t",
		     date_of(p->began_s, text), st->running ? ", now" : "", (unsigned long long)p->now.bytes,
		     (unsigned long long)MAX(st->total, p->now.bytes));
	if (r >= 0)
		r = add_counts(&p->now, out);
	if (r < 0)
		return r;
	return st->days == SCRUB_NEVER ? buf_add_str(out, "\tby 'brainy scrub' only\n")
				       : buf_addf(out, "\tevery %llu day%s\n", (unsigned long long)st->days,
						  plural(st->days));
}

struct listing {
	struct server *s;
	struct buf *out;
	uint64_t n, max;
	json_t *files; /* owned by who lists */
};

/* A file without a name is somebody's open one. */
static int add_path(struct listing *l, uint64_t ino)
{
	int r = tree_path(l->s->stack.catalog, ino, ROOT_INO, 0, l->out);

	return r == -ENOENT ? buf_addf(l->out, "inode %llu", (unsigned long long)ino) : r;
}

static int add_place(const struct scrub_damage *d, struct buf *out)
{
	if (d->kind != EXTENT_PACK)
		return buf_addf(out, "segment %llx", (unsigned long long)d->segment);
	return buf_addf(out, "pack %llu %s", (unsigned long long)d->segment,
			d->cold ? "in the bucket" : "in warm/");
}

static int add_line(void *context, const struct scrub_damage *d)
{
	struct listing *l = context;
	int r = 0;

	if (l->n++ >= l->max)
		return 0;
	r = buf_add_str(l->out, "damaged\t");
	if (r >= 0)
		r = add_place(d, l->out);
	if (r >= 0 && d->ino & SCRUB_OF_PACK)
		return buf_add_str(l->out, "\twhat it says of itself; its files can be read\n");
	if (r >= 0)
		r = buf_addf(l->out, "\tbytes %llu to %llu of\t", (unsigned long long)d->offset,
			     (unsigned long long)d->end);
	if (r >= 0)
		r = add_path(l, d->ino);
	return r < 0 ? r : buf_add_str(l->out, "\n");
}

int verifying_describe(struct server *s, struct buf *text)
{
	struct listing l = { .s = s, .out = text, .max = LINES_MAX };
	struct scrub_status st;
	int r = scrub_get_status(s->stack.scrub, &st);

	if (r >= 0)
		r = add_rounds(&st, text);
	if (r >= 0)
		r = scrub_foreach_damage(s->stack.scrub, add_line, &l);
	if (r < 0 || l.n <= l.max)
		return MIN(r, 0);
	return buf_addf(text, "damaged\t%llu more\n", (unsigned long long)(l.n - l.max));
}

/* ---- problems */

static int add_file(void *context, const struct scrub_damage *d)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct listing *l = context;
	struct listing one = { .s = l->s, .out = &path };
	int r;

	if (l->n++ >= l->max)
		return 1;
	r = d->ino & SCRUB_OF_PACK
		    ? buf_addf(&path, "what pack %llu says of itself", (unsigned long long)d->segment)
		    : add_path(&one, d->ino);
	if (r >= 0 && json_array_append_new(l->files, json_text((const char *)path.data, path.len)) < 0)
		r = -ENOMEM;
	return r;
}

void verifying_add_files(struct server *s, json_t *problem)
{
	struct listing l = { .s = s, .max = FILES_MAX, .files = json_array() };

	if (!l.files)
		return;
	(void) scrub_foreach_damage(s->stack.scrub, add_file, &l);
	(void) json_object_set_new(problem, "files", l.files);
}
