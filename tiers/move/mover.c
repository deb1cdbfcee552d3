/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/priority.h"
#include "tiers/move/dictionary_record.h"
#include "tiers/move/mover_impl.h"

/* Of one run: bounds what it holds in memory. */
#define ITEMS_MAX 100000u
#define VISIT_US 500u

int mover_new(const struct mover_config *config, struct mover **ret_m)
{
	struct mover *m = calloc(1, sizeof(*m));

	if (!m) {
		(void) policy_free(config->rules.policy);
		return -ENOMEM;
	}
	m->config = *config;
	(void) pthread_mutex_init(&m->turn, NULL);
	(void) pthread_mutex_init(&m->rules_lock, NULL);
	(void) pthread_mutex_init(&m->trouble_lock, NULL);
	*ret_m = m;
	return 0;
}

struct mover *mover_free(struct mover *m)
{
	if (!m)
		return NULL;
	(void) policy_free(m->config.rules.policy);
	(void) policy_free(m->next.policy);
	if (m->cold.bucket)
		packs_set_bucket(m->config.files->packs, NULL);
	(void) pthread_mutex_destroy(&m->turn);
	(void) pthread_mutex_destroy(&m->rules_lock);
	(void) pthread_mutex_destroy(&m->trouble_lock);
	free(m);
	return NULL;
}

void mover_set_rules(struct mover *m, const struct mover_rules *rules)
{
	struct bucket *b = mover_get_bucket(m);
	LOCKED(&m->rules_lock);

	(void) policy_free(m->next.policy);
	m->next = *rules;
	atomic_store(&m->has_next, true);
	atomic_store(&m->rate.bytes_s, rules->move_rate);
	if (b)
		bucket_set_pace(b, &rules->pace);
}

void mover_use_rules(struct mover *m)
{
	const struct mover_rules *rules = &m->config.rules;

	atomic_store(&m->rate.bytes_s, rules->move_rate);
	m->sending.grace_s = rules->grace_s;
	if (m->cold.bucket)
		bucket_set_pace(m->cold.bucket, &rules->pace);
}

/* Called with turn, while nothing uses those before. */
static void take_rules(struct mover *m)
{
	LOCKED(&m->rules_lock);

	if (atomic_exchange(&m->has_next, false)) {
		(void) policy_free(m->config.rules.policy);
		m->config.rules = m->next;
		m->next.policy = NULL;
	}
	mover_use_rules(m);
}

void mover_visit(struct mover *m)
{
	atomic_fetch_add(&m->visitors, 1);
	(void) pthread_mutex_lock(&m->turn);
	atomic_fetch_sub(&m->visitors, 1);
}

/* Called with turn. Mutexes are not fair: who is let in has to be waited for. */
static void let_visitors_in(struct mover *m)
{
	(void) pthread_mutex_unlock(&m->turn);
	while (atomic_load(&m->visitors) > 0)
		(void) usleep(VISIT_US);
	(void) pthread_mutex_lock(&m->turn);
}

void mover_interrupt(struct mover *m)
{
	struct bucket *b = mover_get_bucket(m);

	atomic_store(&m->interrupted, true);
	if (b)
		bucket_cancel(b);
}

uint64_t mover_get_unfit(struct mover *m)
{
	return atomic_load(&m->unfit);
}

bool mover_is_running(struct mover *m)
{
	return atomic_load(&m->running);
}

int mover_check_interrupted(struct mover *m)
{
	if (atomic_load(&m->interrupted))
		return -EINTR;
	return atomic_load(&m->has_next) || atomic_load(&m->visitors) > 0 ? -ERESTART : 0;
}

int gathered_compare(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;

	if (x->move.to != y->move.to)
		return x->move.to < y->move.to ? -1 : 1;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void tell_all(struct running *rn)
{
	char why[160];

	for (size_t k = 0; rn->run->tell && k < rn->g.n; k++)
		rn->run->tell(rn->run->context, &rn->g.items[k],
			      policy_explain(&rn->g.items[k].move, why, sizeof(why)));
}

void running_note_failure(struct running *rn, int error)
{
	rn->report->failed++;
	if (!rn->report->error)
		rn->report->error = error;
}

void running_fail_cold(struct running *rn, int error, const struct bucket_error *why)
{
	if (!rn->report->error)
		rn->report->bucket_error = *why;
	mover_set_refusal(rn->m, why);
	rn->cold_failed = true;
	if (why->fault == BUCKET_LIMITED)
		rn->report->limited = true;
	else
		running_note_failure(rn, error);
}

static int sweep(struct running *rn)
{
	const struct mover_config *config = &rn->m->config;
	const struct sweep s = {
		.files = config->files, .warm = config->rules.warm, .cold = config->rules.cold, .now_s = rn->run->now_s,
		.sending = running_has_cold(rn) ? &rn->m->sending : NULL, .rate = &rn->m->rate,
	};
	struct bucket_error why = { 0 };
	uint64_t dropped;
	int r = running_has_cold(rn) ? packs_look_for_lost(config->files->packs, &rn->m->interrupted) : 0;

	if (r >= 0)
		r = sweep_dead(&s, &rn->report->swept);
	if (r >= 0)
		r = sweep_run(&s, &rn->report->swept, &why);
	if (r >= 0)
		r = dictionaries_drop_unused(config->files->catalog, &dropped);
	if (r >= 0 && s.sending)
		r = pack_remove_due(s.sending, rn->run->now_s, &rn->report->removed, &why);
	if (r < 0 && why.error) {
		running_fail_cold(rn, r, &why);
		return 0;
	}
	if (r >= 0 && running_has_cold(rn))
		mover_set_refusal(rn->m, &why);
	return r;
}

static int clean_up(struct mover *m)
{
	int r = m->clean ? 0 : packing_remove_unfinished(m->config.files);

	m->clean = r >= 0;
	return r;
}

/* What packs take is known from those that there are. */
static int estimate(struct running *rn)
{
	struct cost_facts facts = { .pack_bytes = rn->m->config.rules.cold.pack_bytes };
	struct files_tiers t;
	uint64_t plain, stored;
	int r = files_get_tiers(rn->m->config.files, &t);

	if (r < 0)
		return r;
	plain = t.warm.bytes + t.cold.bytes;
	stored = t.warm.stored_bytes + t.cold.stored_bytes;
	if (plain >= 1 << 20 && stored > plain / 1000)
		facts.warm_ratio = (uint32_t)MIN(stored * 1000 / plain, (uint64_t)1000);
	for (size_t k = 0; k < rn->g.n; k++)
		cost_add(&rn->report->estimate, &facts, &rn->g.items[k].move);
	cost_traffic(&rn->report->estimate, &facts, &rn->report->traffic);
	return 0;
}

/* Of bytes that move; how many, the rules say. */
static void set_rate(struct mover *m, const struct mover_run *run)
{
	m->rate.background = run->background;
	m->rate.requests = m->config.requests;
	m->rate.context = m->config.context;
	m->rate.interrupted = &m->interrupted;
}

static int run_all(struct running *rn)
{
	int r;

	if (!rn->run->dry_run && rn->m->config.note_uses)
		rn->m->config.note_uses(rn->m->config.context);
	if (!rn->run->dry_run)
		running_need_cold(rn);
	rn->g.when.cold_attached = rn->m->cold.bucket && !rn->m->held;
	rn->m->relief.config = rn->m->config.rules.capacity;
	rn->g.wants_candidates = relief_look(&rn->m->relief, rn->m->config.files, rn->run->dry_run);
	r = gather_all(&rn->g);
	if (r >= 0 && rn->g.wants_candidates)
		r = relief_add(&rn->m->relief, &rn->g);
	if (r < 0)
		return r;
	r = estimate(rn);
	if (r < 0)
		return r;
	rn->report->planned = rn->g.n;
	rn->report->more = rn->g.more;
	rn->report->unfit = rn->g.unfit;
	atomic_store(&rn->m->unfit, rn->g.unfit);
	if (rn->g.n > 1)
		qsort(rn->g.items, rn->g.n, sizeof(*rn->g.items), gathered_compare);
	tell_all(rn);
	if (rn->run->dry_run)
		return 0;
	r = clean_up(rn->m);
	if (r >= 0)
		r = running_move_all(rn);
	atomic_store(&rn->m->unfit, rn->report->unfit);
	return r < 0 ? r : sweep(rn);
}

static void tell_unfit(void *context, const struct gathered *item)
{
	const struct running *rn = context;
	char why[160];

	rn->run->tell(rn->run->context, item, policy_explain(&item->move, why, sizeof(why)));
}

/* By the rules as they are now. */
static int run_once(struct running *rn)
{
	struct mover *m = rn->m;
	int r;

	take_rules(m);
	free(rn->g.items);
	free(rn->g.candidates);
	rn->g = (struct gathering){
		.files = m->config.files, .policy = m->config.rules.policy, .when = { .now_s = rn->run->now_s },
		.get_type = m->config.get_type, .context = m->config.context, .max = ITEMS_MAX,
		.tell_unfit = rn->run->dry_run && rn->run->tell ? tell_unfit : NULL, .telling = rn,
	};
	rn->cold_failed = false;
	rn->report->estimate = (struct cost_estimate){ 0 };
	r = mover_check_interrupted(m);
	return r < 0 ? r : run_all(rn);
}

/* Called with turn. */
static int run_in_turn(struct mover *m, const struct mover_run *run, struct mover_report *ret)
{
	struct running rn = { .m = m, .run = run, .report = ret };
	int r;

	*ret = (struct mover_report){ 0 };
	atomic_store(&m->running, !run->dry_run);
	set_rate(m, run);
	while ((r = run_once(&rn)) == -ERESTART)
		let_visitors_in(m);
	if (!run->dry_run)
		(void) mover_save_meter(m);
	atomic_store(&m->running, false);
	free(rn.g.items);
	free(rn.g.candidates);
	return r == -EINTR ? -ECANCELED : r;
}

int mover_run(struct mover *m, const struct mover_run *run, struct mover_report *ret)
{
	LOCKED(&m->turn);
	bool quiet = !run->dry_run && priority_background_begin();
	int r = run_in_turn(m, run, ret);

	if (quiet)
		priority_background_end();
	return r;
}

int mover_count_due(struct mover *m, int64_t now_s, uint64_t *ret_due)
{
	const struct mover_run run = { .now_s = now_s, .dry_run = true };
	struct mover_report report;
	int r;

	if (pthread_mutex_trylock(&m->turn) != 0)
		return -EBUSY;
	r = run_in_turn(m, &run, &report);
	(void) pthread_mutex_unlock(&m->turn);
	*ret_due = report.planned;
	return r;
}

static int sweep_once(struct running *rn)
{
	int r;

	take_rules(rn->m);
	rn->cold_failed = false;
	r = clean_up(rn->m);
	running_need_cold(rn);
	return r < 0 ? r : sweep(rn);
}

int mover_sweep(struct mover *m, int64_t now_s, struct mover_report *ret)
{
	const struct mover_run run = { .now_s = now_s };
	struct running rn = { .m = m, .run = &run, .report = ret };
	LOCKED(&m->turn);
	int r;

	*ret = (struct mover_report){ 0 };
	set_rate(m, &run);
	m->tidy = false;
	while ((r = sweep_once(&rn)) == -ERESTART)
		let_visitors_in(m);
	return r;
}
