/* SPDX-License-Identifier: MIT */
#include "daemon/recalling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/reload.h"
#include "tiers/move/metered.h"

/* Counting what is due is a walk over all inodes: so many times as long as it took is waited before the next.
 */
#define COUNT_SHARE 4u
#define STEP_MS 50u
/* Reads that take longer are told. */
#define TOLD_MS 500u

static int add_error(int error, struct buf *answer)
{
	return buf_addf(answer, "error: %s\n", strerrordesc_np(-error));
}

/* ---- recalls */

int recalling_start(struct server *s, const char *arguments, struct buf *ret_answer)
{
	uint64_t id;
	int r = recall_begin(s->stack.recalls, strtoull(arguments, NULL, 10), &id);

	if (r == -EBUSY)
		return buf_addf(ret_answer, "error: %u recalls are under way, which is as many as may be\n",
				RECALLS_MAX);
	return r < 0 ? add_error(r, ret_answer) : buf_addf(ret_answer, "ok %llu\n", (unsigned long long)id);
}

static int add_bucket_text(struct server *s, struct buf *answer)
{
	struct bucket *b = mover_get_bucket(s->stack.mover);
	struct bucket_error why = { 0 };
	struct bucket_stats stats;

	mover_get_trouble(s->stack.mover, &why);
	if (b && !why.text[0]) {
		bucket_get_stats(b, &stats);
		why = stats.last;
	}
	return why.text[0] ? buf_addf(answer, " %s", why.text) : 0;
}

static int add_number(uint64_t v, struct buf *answer)
{
	return buf_addf(answer, " %llu", (unsigned long long)v);
}

int recalling_get(struct server *s, const char *arguments, struct buf *ret_answer)
{
	struct recall_status st;
	int r = recall_get(s->stack.recalls, strtoull(arguments, NULL, 10), &st);

	if (r < 0)
		return buf_add_str(ret_answer, "error: there is no such recall\n");
	r = buf_addf(ret_answer, "ok %s %llu %llu %llu %llu %llu",
		     st.over	  ? "over"
		     : st.looking ? "looking"
				  : "running",
		     (unsigned long long)st.files_done, (unsigned long long)st.files,
		     (unsigned long long)st.bytes_done, (unsigned long long)st.bytes,
		     (unsigned long long)st.elapsed_ms);
	if (r >= 0)
		r = st.has_left ? add_number(st.left_ms, ret_answer) : buf_add_str(ret_answer, " -");
	if (r >= 0)
		r = buf_addf(ret_answer, " %llu %llu %llu %d", (unsigned long long)st.failed,
			     (unsigned long long)st.changed, (unsigned long long)st.missing, -st.error);
	if (r >= 0 && (st.error == -EIO || st.failed))
		r = add_bucket_text(s, ret_answer);
	return r < 0 ? r : buf_add_str(ret_answer, "\n");
}

int recalling_stop(struct server *s, const char *arguments, struct buf *ret_answer)
{
	recall_stop(s->stack.recalls, strtoull(arguments, NULL, 10));
	return buf_add_str(ret_answer, "ok\n");
}

/* ---- waiting */

/* 1: nothing moves and nothing is due. 0: *ret_what says what does. A change of the configuration that is
 * written by now counts: it is read first, and the run that is begun for it knows it. */
static int is_quiet(struct server *s, uint64_t *ret_due, const char **ret_what)
{
	struct recall_status recalls[RECALLS_MAX];
	int r;

	*ret_due = 0;
	*ret_what = "files are brought back, as somebody asked";
	if (recalls_list(s->stack.recalls, recalls) > 0)
		return 0;
	*ret_what = "files are moving between tiers";
	r = mover_count_due(s->stack.mover, (int64_t)(clock_real_ns() / 1000000000u), ret_due);
	if (r == -EBUSY)
		return 0;
	if (r < 0 || *ret_due == 0)
		return r < 0 ? r : 1;
	*ret_what = "they begin to move";
	(void) schedule_hasten(s->stack.schedule, ret_what);
	return 0;
}

static int add_due(uint64_t due, const char *what, struct buf *answer)
{
	return due ? buf_addf(answer, "error: %llu files are still to move between tiers: %s\n",
			      (unsigned long long)due, what ? what : "they begin to move")
		   : buf_addf(answer, "error: %s\n", what);
}

int recalling_wait(struct server *s, const char *arguments, struct buf *ret_answer)
{
	uint64_t until_ms = clock_mono_ms() + strtoull(arguments, NULL, 10);
	char *why = NULL;

	/* Nothing moves on a mount that is only read. An error of the file is told by problems. */
	if (!s->stack.schedule)
		return buf_add_str(ret_answer, "ok\n");
	if (s->reload)
		(void) reload_now(s->reload, &why);
	free(why);
	for (;;) {
		uint64_t began_ms = clock_mono_ms(), now_ms, due;
		const char *what;
		int r = is_quiet(s, &due, &what);

		if (r != 0)
			return r < 0 ? add_error(r, ret_answer) : buf_add_str(ret_answer, "ok\n");
		now_ms = clock_mono_ms();
		if (now_ms >= until_ms)
			return add_due(due, what, ret_answer);
		(void) usleep(
			(useconds_t)(MIN(STEP_MS + (now_ms - began_ms) * COUNT_SHARE, until_ms - now_ms) *
				     1000));
	}
}

/* ---- .brainy/tiers */

static int add_left(bool known, uint64_t left_ms, struct buf *text)
{
	return known ? buf_addf(text, "\t%.1f s to go\n", (double)left_ms / 1000)
		     : buf_add_str(text, "\ttime to go not known\n");
}

static int add_recall(const struct recall_status *st, struct buf *text)
{
	int r = buf_addf(text, "recall\tinode %llu", (unsigned long long)st->ino);

	if (r >= 0)
		r = st->looking ? buf_add_str(text, "\tlooking for files")
				: buf_addf(text, "\t%llu of %llu files\t%llu of %llu bytes",
					   (unsigned long long)st->files_done, (unsigned long long)st->files,
					   (unsigned long long)st->bytes_done, (unsigned long long)st->bytes);
	if (r >= 0)
		r = buf_addf(text, "\t%.1f s so far", (double)st->elapsed_ms / 1000);
	return r < 0 ? r : add_left(st->has_left, st->left_ms, text);
}

/* What a read of so many bytes takes, as those before did; while the bucket does not answer nobody knows. */
static int add_reading(struct server *s, const struct files_reading *rd, struct buf *text)
{
	struct bucket *b = mover_get_bucket(s->stack.mover);
	uint64_t expected_ms = 0;
	bool known = b && b == s->stack.bucket && metered_expect(b, rd->bytes, &expected_ms) &&
		     rd->elapsed_ms < expected_ms;
	int r = buf_addf(text, "reading\tinode %llu\t%llu bytes\t%.1f s so far", (unsigned long long)rd->ino,
			 (unsigned long long)rd->bytes, (double)rd->elapsed_ms / 1000);

	return r < 0 ? r : add_left(known, expected_ms - rd->elapsed_ms, text);
}

int recalling_describe(struct server *s, struct buf *ret_text)
{
	struct recall_status recalls[RECALLS_MAX];
	struct files_reading reads[FILES_READINGS_MAX];
	unsigned n = recalls_list(s->stack.recalls, recalls);
	int r = 0;

	for (unsigned k = 0; r >= 0 && k < n; k++)
		r = add_recall(&recalls[k], ret_text);
	n = files_list_readings(s->stack.files, TOLD_MS, reads);
	for (unsigned k = 0; r >= 0 && k < n; k++)
		r = add_reading(s, &reads[k], ret_text);
	return r;
}
