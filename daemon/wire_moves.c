/* SPDX-License-Identifier: MIT */
/* What moves files between tiers, and the bucket: opened, set and closed with the layers that it stands on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/cold.h"
#include "daemon/config_policy.h"
#include "daemon/wire_impl.h"
#include "tiers/move/meter_record.h"
#include "tiers/move/metered.h"

static void get_type(void *context, uint64_t ino, struct buf *ret_type)
{
	struct stack *s = context;

	if (s->index && index_get_attribute(s->index, ino, "mime", ret_type) < 0)
		buf_reset(ret_type);
}

uint64_t wire_requests(void *context)
{
	struct stack *s = context;

	return s->requests ? s->requests(s->context) : 0;
}

/* ---- what it would cost to have a file here */

static void set_prices(struct stack *s, const struct config *config)
{
	const struct prices prices = config_prices(config);
	const char *currency = config->prices.currency;
	LOCKED(&s->prices_lock);

	s->prices = prices;
	(void) snprintf(s->currency, sizeof(s->currency), "%s", currency ? currency : "");
}

int wire_price(void *context, const struct inode *i, bool all, struct recall_price *ret)
{
	struct stack *s = context;
	struct bucket *bucket = s->mover ? mover_get_bucket(s->mover) : NULL;
	struct files_recall recall;
	struct traffic t = { 0 };
	int r = files_get_recall(s->files, i, all, &recall);

	if (r < 0)
		return r;
	*ret = (struct recall_price){ .bytes = recall.bytes, .requests = recall.requests };
	t.gets = recall.requests;
	t.out_bytes = recall.bytes;
	ret->is_timed = recall.requests == 0 ||
			(bucket && bucket == s->bucket && metered_expect(bucket, recall.bytes, &ret->ms));
	LOCKED(&s->prices_lock);
	ret->cost = cost_of(&s->prices, &t);
	memcpy(ret->currency, s->currency, sizeof(ret->currency));
	return 0;
}

/* A record of what was asked before that cannot be read is begun anew: what it is worth is a day's limit. */
static int open_metered(struct stack *s, struct bucket_error *ret_why)
{
	const struct limits limits = config_limits(&s->cold);
	struct bucket *inner;
	int r = cold_open(&s->cold, &inner, ret_why);

	if (r < 0 || !inner)
		return r;
	r = metered_new(inner, &limits, &s->bucket);
	if (r < 0) {
		*ret_why =
			(struct bucket_error){ .error = r, .fault = BUCKET_LOCAL, .text = "out of memory" };
		return r;
	}
	if (meter_load(s->catalog, s->bucket) < 0)
		(void) log_warn(
			0,
			"what was asked of the bucket before is not known: the record of it does not open");
	return 0;
}

static void note_uses(void *context)
{
	struct stack *s = context;

	if (s->note_uses)
		s->note_uses(s->context);
}

static int open_bucket(void *context, struct mover_bucket *ret_b, struct bucket_error *ret_why)
{
	struct stack *s = context;

	*ret_b = (struct mover_bucket){ .volume = keyring_volume_id(s->keys),
					.dated_keys = s->cold.cold.dated_keys };
	ret_b->metered = true;
	if (!s->bucket) {
		int r = open_metered(s, ret_why);

		if (r < 0)
			return r;
	}
	ret_b->bucket = s->bucket;
	return 0;
}

/* Without the policy itself. */
static struct mover_rules mover_rules(const struct config *config)
{
	return (struct mover_rules){ .warm = config_partition(config, POLICY_WARM),
				     .cold = config_partition(config, POLICY_COLD),
				     .capacity = config_capacity(config),
				     .move_rate = config->tiers.move_rate,
				     .pace = config_pace(config),
				     .grace_s = config_grace_s(config) };
}

static struct scrub_rules scrub_rules(const struct config *config)
{
	return (struct scrub_rules){ .days = config->tiers.scrub_days, .cold_days = config->cold.scrub_days,
				     .bytes_s = config->tiers.move_rate };
}

static int open_scrub(struct stack *s, const struct config *config)
{
	const struct scrub_config scrub = {
		.files = s->files, .rules = scrub_rules(config), .requests = wire_requests, .context = s
	};

	return scrub_new(&scrub, &s->scrub);
}

static void set_files(struct stack *s, const struct config *config)
{
	files_set_promote_gap(s->files, config_promote_gap_ms(config));
	files_set_patience(s->files, config->cold.cold_read == CONFIG_FAIL, config->cold.cold_read_timeout_s);
}

int wire_open_moves(struct stack *s, const struct config *config, char **ret_why)
{
	struct mover_config mover = { .files = s->files,
				      .rules = mover_rules(config),
				      .get_type = get_type,
				      .open_bucket = open_bucket,
				      .requests = wire_requests,
				      .note_uses = note_uses,
				      .context = s };
	struct bucket_error why;
	int r = config_new_policy(config, &mover.rules.policy, ret_why);

	set_files(s, config);
	set_prices(s, config);
	if (r == 0)
		r = mover_new(&mover, &s->mover);
	if (r == 0)
		r = recalls_new(s->files, &s->recalls);
	if (r == 0)
		recalls_set(s->recalls, &mover.rules.capacity, mover.rules.move_rate);
	if (r == 0)
		r = config_copy_cold(config, &s->cold);
	if (r == 0)
		r = open_scrub(s, config);
	if (r < 0)
		return wire_fail(ret_why, r, "cannot move files between tiers");
	/* What is wrong with the bucket keeps nobody from what is here. */
	if (mover_attach(s->mover, &why) < 0)
		(void) log_warn(0, "the cold tier cannot be used: %s", why.text);
	return 0;
}

static struct schedule_config schedule_config(struct stack *s, const struct config *config)
{
	struct schedule_config c = { .mover = s->mover,
				     .scrub = s->scrub,
				     .every_s = config->tiers.run_every_s };

	c.local_time = config_windows(config, &c.windows, &c.utc_offset_s);
	return c;
}

/* ---- another bucket, while it runs */

/* Called by the mover, between two runs. */
static void change_bucket(void *context)
{
	struct stack *s = context;

	if (s->bucket) {
		s->next_retired->bucket = steal_ptr(&s->bucket);
		s->next_retired->next = atomic_load(&s->retired);
		atomic_store(&s->retired, steal_ptr(&s->next_retired));
	}
	config_done(&s->cold);
	s->cold = s->next_cold;
	s->next_cold = (struct config){ 0 };
}

/* What it says of the bucket from now on stands in `problems`. */
static int set_cold(struct stack *s, const struct config *config)
{
	struct bucket_error why;
	int r;

	if (config_same_cold(&s->cold, config)) {
		s->cold.limits = config->limits;
		return 0;
	}
	if (!s->next_retired && !(s->next_retired = calloc(1, sizeof(*s->next_retired))))
		return -ENOMEM;
	r = config_copy_cold(config, &s->next_cold);
	if (r < 0)
		return r;
	if (mover_exchange_bucket(s->mover, change_bucket, &why) < 0)
		(void) log_warn(0, "the cold tier cannot be used: %s", why.text);
	return 0;
}

/* The policy from now on. */
int wire_set_moves(struct stack *s, const struct config *config, char **ret_why)
{
	struct schedule_config schedule = schedule_config(s, config);
	struct mover_rules rules = mover_rules(config);
	const struct scrub_rules scrub = scrub_rules(config);
	const struct limits limits = config_limits(config);
	struct bucket *bucket;
	int r = config_new_policy(config, &rules.policy, ret_why);

	if (r < 0)
		return r;
	recalls_set(s->recalls, &rules.capacity, rules.move_rate);
	mover_set_rules(s->mover, &rules);
	r = set_cold(s, config);
	if (r < 0)
		return r;
	scrub_set_rules(s->scrub, &scrub);
	set_files(s, config);
	set_prices(s, config);
	bucket = mover_get_bucket(s->mover);
	if (bucket)
		metered_set_limits(bucket, &limits);
	if (s->schedule)
		schedule_set(s->schedule, &schedule);
	return 0;
}

int stack_start_moves(struct stack *s, const struct config *config)
{
	const struct schedule_config c = schedule_config(s, config);

	return schedule_new(&c, &s->schedule);
}

void stack_interrupt(struct stack *s)
{
	recalls_interrupt(s->recalls);
	scrub_interrupt(s->scrub);
	mover_interrupt(s->mover);
	for (const struct retired *r = atomic_load(&s->retired); r; r = r->next)
		bucket_cancel(r->bucket);
}

static void free_retired(struct stack *s)
{
	struct retired *r = atomic_exchange(&s->retired, NULL);

	while (r) {
		struct retired *next = r->next;

		(void) bucket_free(r->bucket);
		free(r);
		r = next;
	}
	free(steal_ptr(&s->next_retired));
}

void wire_close_moves(struct stack *s)
{
	s->schedule = schedule_free(s->schedule);
	s->recalls = recalls_free(s->recalls);
	s->mover = mover_free(s->mover);
	s->scrub = scrub_free(s->scrub);
	s->bucket = bucket_free(s->bucket);
	free_retired(s);
	config_done(&s->cold);
}
