/* SPDX-License-Identifier: MIT */
/* What .brainy/tiers says to people, and .brainy/metrics to Prometheus (text format 0.0.4). Metrics hold no
 * names. */
#include "daemon/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/config_policy.h"
#include "daemon/problems.h"
#include "daemon/recalling.h"
#include "daemon/tiering.h"
#include "tiers/move/metered.h"

struct facts {
	struct files_tiers tiers;
	struct bucket_stats stats;
	struct metered_state metered;
	struct prices prices;
	const char *currency;
	bool has_bucket;
};

static void collect(struct server *s, struct facts *ret_f)
{
	struct bucket *b = mover_get_bucket(s->stack.mover);

	*ret_f = (struct facts){ .prices = config_prices(&s->config), .currency = s->config.prices.currency,
				 .has_bucket = b != NULL };
	(void) files_get_tiers(s->stack.files, &ret_f->tiers);
	if (!b)
		return;
	bucket_get_stats(b, &ret_f->stats);
	metered_get(b, &ret_f->metered);
}

static struct traffic traffic_of(const struct bucket_usage *u)
{
	return (struct traffic){
		.puts = u->requests[BUCKET_PUT],
		.gets = u->requests[BUCKET_GET] + u->requests[BUCKET_HEAD],
		.lists = u->requests[BUCKET_LIST],
		.removes = u->requests[BUCKET_REMOVE],
		.in_bytes = u->bytes_up,
		.out_bytes = u->bytes_down,
	};
}

static const char *breaker_name(enum bucket_breaker b)
{
	return b == BUCKET_CLOSED ? "answers"
	       : b == BUCKET_OPEN ? "does not answer, and is not asked for a while"
				  : "is asked whether it answers again";
}

/* ---- .brainy/tiers */

static int add_usage(const struct facts *f, const char *when, const struct metered_usage *u, struct buf *out)
{
	int r = 0;

	for (unsigned k = 0; r >= 0 && k < BUCKET_CAUSES; k++) {
		struct traffic t = traffic_of(&u->by[k]);
		char cost[64];

		if (traffic_requests(&t) == 0)
			continue;
		r = buf_addf(out, "%s\t%s\t%llu requests\t%llu bytes up\t%llu bytes down\tcost %s\n", when,
			     bucket_cause_name(k), (unsigned long long)traffic_requests(&t),
			     (unsigned long long)t.in_bytes, (unsigned long long)t.out_bytes,
			     cost_text(cost_of(&f->prices, &t), f->currency, cost, sizeof(cost)));
	}
	return r;
}

static int add_recalls(const struct metered_state *m, struct buf *out)
{
	if (m->recalls == 0)
		return buf_add_str(out, "recalls\tnone\n");
	return buf_addf(out, "recalls\t%u\t%llu bytes\t%llu ms to go\n", m->recalls,
			(unsigned long long)m->recall_bytes, (unsigned long long)m->recall_ms);
}

static int add_limits(const struct metered_state *m, struct buf *out)
{
	if (!m->limits.requests && !m->limits.bytes)
		return buf_add_str(out, "limits\tnone\n");
	return buf_addf(
		out, "limits\t%llu of %llu requests\t%llu of %llu bytes (0: no limit)\t%llu refused today\n",
		(unsigned long long)m->used.requests, (unsigned long long)m->limits.requests,
		(unsigned long long)m->used.bytes, (unsigned long long)m->limits.bytes,
		(unsigned long long)m->refused);
}

static int add_bucket(const struct facts *f, struct buf *out)
{
	char cost[64];
	int r;

	if (!f->has_bucket)
		return 0;
	r = buf_addf(out, "bucket\t%s\t%u requests now, %u waiting\t%llu failed\t%llu repeated\n",
		     breaker_name(f->stats.breaker), f->stats.in_flight, f->stats.waiting,
		     (unsigned long long)f->stats.failed, (unsigned long long)f->stats.retries);
	if (r >= 0)
		r = add_recalls(&f->metered, out);
	if (r >= 0)
		r = add_limits(&f->metered, out);
	if (r >= 0)
		r = add_usage(f, "today", &f->metered.today, out);
	if (r >= 0)
		r = add_usage(f, "in all", &f->metered.all, out);
	if (r >= 0)
		r = buf_addf(out, "stored\t%llu bytes\tcost %s a month\n",
			     (unsigned long long)f->tiers.cold.stored_bytes,
			     cost_text(cost_stored(&f->prices, f->tiers.cold.stored_bytes), f->currency, cost,
				       sizeof(cost)));
	return r;
}

int metrics_tiers(struct server *s, struct buf *ret_text)
{
	struct facts f;
	int r;

	collect(s, &f);
	r = tiering_describe(s, ret_text);
	if (r >= 0)
		r = recalling_describe(s, ret_text);
	return r < 0 ? r : add_bucket(&f, ret_text);
}

/* ---- .brainy/metrics */

static int add_head(struct buf *out, const char *name, const char *type, const char *help)
{
	return buf_addf(out, "# HELP brainy_%s %s\n# TYPE brainy_%s %s\n", name, help, name, type);
}

static int add_one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	int r = add_head(out, name, type, help);

	return r < 0 ? r : buf_addf(out, "brainy_%s %llu\n", name, (unsigned long long)value);
}

struct metric {
	const char *name, *help;
	uint64_t value;
	bool counter; /* else a gauge */
};

/* Until one without a name. */
static int add_all(struct buf *out, const struct metric *m)
{
	int r = 0;

	for (; r >= 0 && m->name; m++)
		r = add_one(out, m->name, m->counter ? "counter" : "gauge", m->help, m->value);
	return r;
}

static int add_tier(struct buf *out, const char *what, const char *help, const struct files_tiers *t,
		    uint64_t (*get)(const struct files_tier_stats *))
{
	int r = add_head(out, what, "gauge", help);

	return r < 0 ? r
		     : buf_addf(
			       out,
			       "brainy_%s{tier=\"hot\"} %llu\nbrainy_%s{tier=\"warm\"} %llu\nbrainy_%s{tier=\"cold\"} %llu\n",
			       what, (unsigned long long)get(&t->hot), what,
			       (unsigned long long)get(&t->warm), what, (unsigned long long)get(&t->cold));
}

static uint64_t files_of(const struct files_tier_stats *t)
{
	return t->files;
}

static uint64_t bytes_of(const struct files_tier_stats *t)
{
	return t->bytes;
}

static uint64_t stored_of(const struct files_tier_stats *t)
{
	return t->stored_bytes;
}

static int add_requests(struct buf *out, const struct metered_usage *u)
{
	int r = add_head(out, "bucket_requests_total", "counter",
			 "Requests to the bucket since ever, by cause and kind.");

	for (unsigned k = 0; k < BUCKET_CAUSES; k++)
		for (unsigned op = 0; r >= 0 && op < BUCKET_OPS; op++)
			r = buf_addf(out, "brainy_bucket_requests_total{cause=\"%s\",op=\"%s\"} %llu\n",
				     bucket_cause_name(k), bucket_op_name(op),
				     (unsigned long long)u->by[k].requests[op]);
	return r;
}

static int add_bytes(struct buf *out, const struct metered_usage *u)
{
	int r = add_head(out, "bucket_bytes_total", "counter",
			 "Bytes to and from the bucket since ever, by cause.");

	for (unsigned k = 0; r >= 0 && k < BUCKET_CAUSES; k++)
		r = buf_addf(out,
			     "brainy_bucket_bytes_total{cause=\"%s\",way=\"up\"} %llu\n"
			     "brainy_bucket_bytes_total{cause=\"%s\",way=\"down\"} %llu\n",
			     bucket_cause_name(k), (unsigned long long)u->by[k].bytes_up,
			     bucket_cause_name(k), (unsigned long long)u->by[k].bytes_down);
	return r;
}

static uint64_t cost_of_all(const struct facts *f, const struct metered_usage *u)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < BUCKET_CAUSES; k++) {
		struct traffic t = traffic_of(&u->by[k]);

		sum += cost_of(&f->prices, &t);
	}
	return sum;
}

static int add_bucket_metrics(struct buf *out, const struct facts *f)
{
	const struct metered_state *m = &f->metered;
	int r = add_requests(out, &m->all);

	if (r >= 0)
		r = add_bytes(out, &m->all);
	return r < 0 ? r
		     : add_all(out,
			       (struct metric[]){
				       { "bucket_up", "0 while the bucket does not answer.",
					 f->stats.breaker != BUCKET_OPEN },
				       { "bucket_failed_total", "Requests given up since the mount.",
					 f->stats.failed, .counter = true },
				       { "recalls", "Recalls under way.", m->recalls },
				       { "recall_bytes", "Bytes of recalls under way.", m->recall_bytes },
				       { "bucket_day_requests",
					 "Requests of today (UTC) that count for [limits].",
					 m->used.requests },
				       { "bucket_day_bytes", "Bytes of today (UTC) that count for [limits].",
					 m->used.bytes },
				       { "bucket_refused", "Requests refused today by [limits].",
					 m->refused },
				       { "bucket_cost_millionths_total",
					 "Price of all requests by [prices], in millionths of its currency.",
					 cost_of_all(f, &m->all), .counter = true },
				       { 0 },
			       });
}

static int add_server_metrics(struct server *s, struct buf *out)
{
	struct catalog_stats c = { 0 };
	struct index_stats x = { 0 };
	struct tree_stats t = { 0 };

	(void) tree_get_stats(s->stack.catalog, &t);
	catalog_get_stats(s->stack.catalog, &c);
	if (s->stack.index)
		index_get_stats(s->stack.index, &x);
	return add_all(out, (struct metric[]){
		{ "uptime_seconds", "Since this server began.", (clock_mono_ms() - s->started_ms) / 1000 },
		{ "files", "Files with a name.", t.files },
		{ "directories", "Directories.", t.directories },
		{ "bytes", "Bytes of files that are not holes.", t.bytes },
		{ "index_pending", "Files that wait to be indexed.", x.pending },
		{ "index_indexed", "Files that are indexed.", x.indexed },
		{ "index_failed", "Files that could not be indexed.", x.failed },
		{ "wal_segments", "Segments of the log.", c.wal_segments },
		{ "wal_last_sync_microseconds", "What the last sync took.", c.last_sync_us },
		{ "problems", "Entries of problems in status.json.", problems_count(s->problems) },
		{ 0 },
	});
}

static int add_scrub_metrics(struct server *s, struct buf *out)
{
	struct scrub_status st;
	int r = scrub_get_status(s->stack.scrub, &st);

	return r < 0 ? r : add_all(out, (struct metric[]){
		{ "scrub_damaged", "Files and packs that verifying found damaged.", st.damaged },
		{ "scrub_round_bytes", "Bytes verified in this round.", st.progress.now.bytes },
		{ "scrub_stored_bytes", "Bytes that a round verifies.", st.total },
		{ "scrub_last_round_seconds", "When the last round ended, since 1970; 0: none has.",
		  (uint64_t)MAX(st.progress.ended_s, (int64_t)0) },
		{ 0 },
	});
}

int metrics_describe(struct server *s, struct buf *ret_text)
{
	struct facts f;
	int r;

	collect(s, &f);
	r = add_server_metrics(s, ret_text);
	if (r >= 0)
		r = add_tier(ret_text, "tier_files", "Files by tier.", &f.tiers, files_of);
	if (r >= 0)
		r = add_tier(ret_text, "tier_bytes", "Plain bytes by tier.", &f.tiers, bytes_of);
	if (r >= 0)
		r = add_tier(ret_text, "tier_stored_bytes", "Stored bytes by tier.", &f.tiers, stored_of);
	if (r >= 0)
		r = add_scrub_metrics(s, ret_text);
	return r < 0 || !f.has_bucket ? r : add_bucket_metrics(ret_text, &f);
}
