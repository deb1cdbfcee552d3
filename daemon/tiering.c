/* SPDX-License-Identifier: MIT */
#include "daemon/tiering.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/tree.h"
#include "daemon/config_policy.h"
#include "daemon/metrics.h"
#include "daemon/verifying.h"

struct telling {
	struct server *s;
	struct buf *text;
	int error;
};

static enum policy_tier tier_from(const struct policy_move *m)
{
	enum policy_tier t = POLICY_COLD;

	while (t > POLICY_HOT && !m->bytes_from[t])
		t--;
	return t;
}

static void tell(void *context, const struct gathered *item, const char *why)
{
	const struct policy_move *m = &item->move;
	struct telling *t = context;
	uint64_t bytes = m->bytes_from[POLICY_HOT] + m->bytes_from[POLICY_WARM] + m->bytes_from[POLICY_COLD];
	int r = buf_addf(t->text, "%s\t%s\t%llu\t%s\t", policy_tier_name(tier_from(m)),
			 m->action == POLICY_REMOVE ? "delete" : policy_tier_name(m->to),
			 (unsigned long long)bytes, why);

	if (r >= 0)
		r = tree_path(t->s->stack.catalog, item->ino, ROOT_INO, 0, t->text);
	if (r == -ENOENT)
		r = 0;
	if (r >= 0)
		r = buf_add_str(t->text, "\n");
	if (r < 0)
		t->error = r;
}

static int describe_report(const struct mover_report *report, struct buf *answer)
{
	return buf_addf(
		answer,
		"%llu to hot, %llu to warm, %llu to cold (%llu, %llu and %llu bytes); %llu deleted; %llu in "
		"use, %llu failed; %llu packs deleted, %llu packed anew%s",
		(unsigned long long)report->files[POLICY_HOT], (unsigned long long)report->files[POLICY_WARM],
		(unsigned long long)report->files[POLICY_COLD], (unsigned long long)report->bytes[POLICY_HOT],
		(unsigned long long)report->bytes[POLICY_WARM],
		(unsigned long long)report->bytes[POLICY_COLD],
		(unsigned long long)report->files[POLICY_AUTO], (unsigned long long)report->busy,
		(unsigned long long)report->failed, (unsigned long long)report->swept.deleted,
		(unsigned long long)report->swept.rewritten, report->more ? "; there is more to do" : "");
}

static int add_failure(const char *what, int error, struct buf *answer)
{
	return buf_addf(answer, "error: %s: %s\n", what, strerrordesc_np(-error));
}

static void add_line(struct telling *t, const char *verb, uint64_t files, uint64_t bytes)
{
	if (t->error >= 0)
		t->error = buf_addf(t->text, "%s\t%llu files\t%llu bytes\n", verb, (unsigned long long)files,
				    (unsigned long long)bytes);
}

/* What stands at the end of a dry run. Figures of the bucket are estimates. */
static int add_summary(struct telling *t, const struct mover_report *report)
{
	static const char *const verbs[POLICY_TIERS] = { "in all: delete", "in all: to hot",
							 "in all: to warm", "in all: to cold" };
	const struct cost_estimate *e = &report->estimate;
	const struct prices prices = config_prices(&t->s->config);
	char price[64], kept[64];

	for (unsigned k = 0; k < POLICY_TIERS; k++)
		add_line(t, verbs[k], e->moves[k], e->bytes[k]);
	cost_text(cost_of(&prices, &report->traffic), t->s->config.prices.currency, price, sizeof(price));
	cost_text(cost_stored(&prices, e->to_bucket_bytes), t->s->config.prices.currency, kept, sizeof(kept));
	if (t->error < 0)
		return t->error;
	return buf_addf(
		t->text,
		"in all: of the bucket\tabout %llu requests\t%llu bytes up, %llu down\tcost %s, and %s a "
		"month\n",
		(unsigned long long)traffic_requests(&report->traffic),
		(unsigned long long)report->traffic.in_bytes, (unsigned long long)report->traffic.out_bytes,
		price, kept);
}

int tiering_run(struct server *s, const char *arguments, struct buf *ret_answer)
{
	struct telling telling = { .s = s, .text = ret_answer };
	struct mover_run run = { .now_s = (int64_t)(clock_real_ns() / 1000000000u), .context = &telling };
	struct mover_report report;
	char *end;
	int r;

	if (*arguments && *arguments != 'd') {
		run.now_s = strtoll(arguments, &end, 10);
		arguments = end + strspn(end, " ");
	}
	run.dry_run = strcmp(arguments, "dry") == 0;
	if (*arguments && !run.dry_run)
		return buf_add_str(ret_answer, "error: 'tier run [SECONDS] [dry]' is wanted\n");
	if (run.dry_run) {
		run.tell = tell;
		(void) buf_add_str(ret_answer, "ok\n");
	}
	r = mover_run(s->stack.mover, &run, &report);
	if (r >= 0)
		r = telling.error;
	if (run.dry_run)
		return r < 0 ? r : add_summary(&telling, &report);
	if (r < 0)
		return add_failure("moving files", r, ret_answer);
	if (report.failed || report.limited)
		return buf_addf(ret_answer, "error: moves failed (%llu files wanted to move): %s\n",
				(unsigned long long)report.planned,
				report.bucket_error.text[0] ? report.bucket_error.text
							    : strerrordesc_np(-report.error));
	r = buf_add_str(ret_answer, "ok ");
	if (r >= 0)
		r = describe_report(&report, ret_answer);
	if (r >= 0)
		r = verifying_share(s, run.now_s, ret_answer);
	return r < 0 ? r : buf_add_str(ret_answer, "\n");
}

/* ---- status */

struct months {
	struct server *s;
	struct month {
		bool cold;
		int64_t first_day; /* of the month */
		uint64_t packs, stored, alive, files;
	} *items; /* owned */
	size_t n, cap;
	uint64_t plain;
};

static int64_t month_of(int64_t day)
{
	time_t t = (time_t)(day * DAY_S);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return day;
	return day - (tm.tm_mday - 1);
}

static struct month *month_at(struct months *m, bool cold, int64_t first_day)
{
	for (size_t k = 0; k < m->n; k++)
		if (m->items[k].cold == cold && m->items[k].first_day == first_day)
			return &m->items[k];
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 32;
		struct month *more = realloc(m->items, cap * sizeof(*more));

		if (!more)
			return NULL;
		m->items = more;
		m->cap = cap;
	}
	m->items[m->n] = (struct month){ .cold = cold, .first_day = first_day };
	return &m->items[m->n++];
}

static int count_pack(void *context, const struct pack_record *p)
{
	struct months *m = context;
	struct month *at = month_at(m, pack_record_is_cold(p), month_of(p->first_day));
	uint64_t bytes, files;
	int r = at ? pack_get_alive(m->s->stack.catalog, p->number, &bytes, &files) : -ENOMEM;

	if (r < 0)
		return r;
	at->packs++;
	at->stored += p->stored;
	at->alive += p->plain ? (uint64_t)((double)p->stored * (double)bytes / (double)p->plain) : 0;
	at->files += files;
	return 0;
}

static int compare_months(const void *a, const void *b)
{
	const struct month *x = a, *y = b;

	if (x->cold != y->cold)
		return x->cold ? 1 : -1;
	return x->first_day < y->first_day ? -1 : x->first_day > y->first_day;
}

static int add_tier(const char *name, const struct files_tier_stats *t, struct buf *answer)
{
	return buf_addf(answer, "%s\t%llu files\t%llu bytes\t%llu stored\n", name,
			(unsigned long long)t->files, (unsigned long long)t->bytes,
			(unsigned long long)t->stored_bytes);
}

static int add_months(const struct months *m, struct buf *answer)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < m->n; k++) {
		const struct month *at = &m->items[k];
		time_t t = (time_t)(at->first_day * DAY_S);
		char text[16] = "?";
		struct tm tm;

		if (gmtime_r(&t, &tm))
			(void) strftime(text, sizeof(text), "%Y-%m", &tm);
		r = buf_addf(answer,
			     "%s from %s\t%llu files\t%llu packs\t%llu stored\t%llu %% of it in use\n",
			     at->cold ? "cold" : "warm", text, (unsigned long long)at->files,
			     (unsigned long long)at->packs, (unsigned long long)at->stored,
			     at->stored ? (unsigned long long)(at->alive * 100 / at->stored) : 0);
	}
	return r;
}

/* What of the bucket is not as one would want it. */
static int add_troubles(struct server *s, struct buf *answer)
{
	struct bucket_error why;
	int r = 0;

	mover_get_trouble(s->stack.mover, &why);
	if (why.error < 0)
		r = buf_addf(answer, "bucket\tis not changed\t%s\n", why.text);
	if (r >= 0 && mover_get_versions(s->stack.mover) == MOVER_VERSIONS_KEPT)
		r = buf_add_str(
			answer,
			"old versions\tare kept by the bucket: what is deleted or replaced stays there and "
			"costs on, with delete markers, until a lifecycle rule of the bucket removes it\n");
	return r;
}

static int add_bucket(struct server *s, struct buf *answer)
{
	struct bucket *bucket = mover_get_bucket(s->stack.mover);
	struct bucket_stats stats;
	int r;

	if (!s->config.cold.url)
		return buf_add_str(answer, "bucket\tnone: see [cold] in brainy.conf\n");
	if (!bucket)
		return buf_addf(answer, "bucket\t%s\tcannot be used\n", s->config.cold.url);
	bucket_get_stats(bucket, &stats);
	r = buf_addf(answer, "bucket\t%s%s%s\n", s->config.cold.url,
		     stats.last.text[0] ? "\tlast error: " : "", stats.last.text);
	return r < 0 ? r : add_troubles(s, answer);
}

int tiering_describe(struct server *s, struct buf *ret_answer)
{
	struct months m = { .s = s };
	uint64_t unfit = mover_get_unfit(s->stack.mover);
	struct files_tiers t;
	int r = files_get_tiers(s->stack.files, &t);

	if (r >= 0)
		r = pack_record_foreach(s->stack.catalog, count_pack, &m);
	if (r < 0) {
		free(m.items);
		return r;
	}
	qsort(m.items, m.n, sizeof(*m.items), compare_months);
	r = add_tier("hot", &t.hot, ret_answer);
	if (r >= 0)
		r = add_tier("warm", &t.warm, ret_answer);
	if (r >= 0)
		r = add_tier("cold", &t.cold, ret_answer);
	if (r >= 0)
		r = add_months(&m, ret_answer);
	if (r >= 0 && unfit)
		r = buf_addf(
			ret_answer,
			"fit no pack\t%llu files\tstay hot: their names and xattrs take more than 15 MiB\n",
			(unsigned long long)unfit);
	if (r >= 0)
		r = add_bucket(s, ret_answer);
	if (r >= 0)
		r = verifying_describe(s, ret_answer);
	free(m.items);
	return r;
}

int tiering_status(struct server *s, const char *arguments, struct buf *ret_answer)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = metrics_tiers(s, &text);

	if (r < 0)
		return add_failure("looking at packs", r, ret_answer);
	r = buf_add_str(ret_answer, "ok\n");
	return r < 0 ? r : buf_add(ret_answer, text.data, text.len);
}

/* ---- compact */

static int add_catalog_failure(int error, const struct catalog_compaction *catalog, struct buf *answer)
{
	if (error == -ENOSPC)
		return buf_addf(
			answer,
			"error: compacting the catalog: the disk is too full for a second one: %llu MiB must "
			"be free for that; it stays as it is\n",
			(unsigned long long)(catalog->needed >> 20) + 1);
	if (error == -EBADMSG)
		return buf_add_str(
			answer,
			"error: compacting the catalog: it is damaged and stays as it is; see brainy fsck\n");
	return add_failure("compacting the catalog", error, answer);
}

int tiering_compact(struct server *s, const char *arguments, struct buf *ret_answer)
{
	struct catalog_compaction catalog;
	struct mover_report report;
	int r = mover_sweep(s->stack.mover, (int64_t)(clock_real_ns() / 1000000000u), &report);

	if (r >= 0)
		r = files_clean_all(s->stack.files);
	if (r >= 0)
		r = catalog_checkpoint(s->stack.catalog);
	if (r < 0)
		return add_failure("compacting", r, ret_answer);
	r = catalog_compact(s->stack.catalog, &catalog);
	if (r < 0)
		return add_catalog_failure(r, &catalog, ret_answer);
	if (report.failed || report.limited)
		return buf_addf(ret_answer, "error: %s\n",
				report.bucket_error.text[0] ? report.bucket_error.text
							    : strerrordesc_np(-report.error));
	return buf_addf(ret_answer,
			"ok %llu packs deleted, %llu packed anew, %llu objects removed from the bucket; "
			"the catalog has %llu KiB, and had %llu\n",
			(unsigned long long)report.swept.deleted, (unsigned long long)report.swept.rewritten,
			(unsigned long long)report.removed, (unsigned long long)catalog.after >> 10,
			(unsigned long long)catalog.before >> 10);
}
