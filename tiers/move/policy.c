/* SPDX-License-Identifier: MIT */
#include "tiers/move/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "tiers/move/classes.h"
#include "tiers/move/uses.h"

#define HOT_DAYS 7
#define WARM_DAYS 30
#define RETENTION_DAYS 365
#define SETTLE_S 10
#define PROMOTE_USES 4
#define PROMOTE_DAYS 7

/* What holds for a file after its class was asked; ages in seconds, INT64_MAX: never. */
struct terms {
	enum policy_tier tier;
	enum policy_tier coldest; /* when the disk fills */
	int64_t hot_s, warm_s, retention_s;
	bool deletes;
	const char *name; /* owned; NULL: of all */
};

struct policy {
	struct terms terms;      /* of files without a class */
	int64_t settle_s, promote_ms;
	uint64_t promote_uses;
	char *hold_tags;         /* owned, or NULL */
	struct classes *classes; /* owned */
	size_t n_classes;
	struct terms *of_class;  /* owned */
};

/* ---- making one */

static int64_t days_s(uint64_t days, int64_t inherited_s)
{
	if (days == 0)
		return inherited_s;
	return days > (uint64_t)INT64_MAX / DAY_S ? INT64_MAX : (int64_t)days * DAY_S;
}

static enum policy_tier class_coldest(const struct policy_class_config *config)
{
	if (config->tier != POLICY_AUTO)
		return config->tier;
	if (config->hot_days == POLICY_NEVER)
		return POLICY_HOT;
	return config->warm_days == POLICY_NEVER ? POLICY_WARM : POLICY_COLD;
}

static int class_terms(const struct policy_class_config *config, const struct terms *all, struct terms *ret_t)
{
	*ret_t = (struct terms){
		.tier = config->tier,
		.coldest = class_coldest(config),
		.hot_s = days_s(config->hot_days, all->hot_s),
		.warm_s = days_s(config->warm_days, all->warm_s),
		.retention_s = days_s(config->retention_days, all->retention_s),
		.deletes = config->retention == POLICY_INHERIT ? all->deletes : config->retention == POLICY_DELETE,
		.name = strdup(config->name ? config->name : ""),
	};
	return ret_t->name ? 0 : -ENOMEM;
}

static int add_classes(struct policy *p, const struct policy_config *config, char **ret_why)
{
	int r = classes_new(config->classes, config->n_classes, &p->classes, ret_why);

	p->of_class = calloc(config->n_classes + 1, sizeof(p->of_class[0]));
	if (r == 0 && !p->of_class)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < config->n_classes; i++, p->n_classes++)
		r = class_terms(&config->classes[i], &p->terms, &p->of_class[i]);
	return r;
}

int policy_new(const struct policy_config *config, struct policy **ret_p, char **ret_why)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->terms = (struct terms){
		.coldest = POLICY_COLD,
		.hot_s = days_s(config->hot_days, HOT_DAYS * DAY_S),
		.warm_s = days_s(config->warm_days, WARM_DAYS * DAY_S),
		.retention_s = days_s(config->retention_days, RETENTION_DAYS * DAY_S),
		.deletes = config->retention == POLICY_DELETE,
	};
	p->settle_s = config->settle_s ? (int64_t)MIN(config->settle_s, (uint64_t)INT64_MAX) : SETTLE_S;
	p->promote_uses = config->promote_uses ? config->promote_uses : PROMOTE_USES;
	p->promote_ms = MIN(days_s(config->promote_days, PROMOTE_DAYS * DAY_S), INT64_MAX / 1000) * 1000;
	r = add_classes(p, config, ret_why);
	if (r == 0 && config->hold_tags && !(p->hold_tags = strdup(config->hold_tags)))
		r = -ENOMEM;
	if (r < 0)
		p = policy_free(p);
	else
		*ret_p = p;
	return r;
}

struct policy *policy_free(struct policy *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_classes; i++)
		free((char *)(uintptr_t)p->of_class[i].name);
	free(p->of_class);
	p->classes = classes_free(p->classes);
	free(p->hold_tags);
	free(p);
	return NULL;
}

unsigned policy_needs(const struct policy *p)
{
	bool deletes = p->terms.deletes;

	for (size_t i = 0; i < p->n_classes && !deletes; i++)
		deletes = p->of_class[i].deletes;
	return classes_needs(p->classes) | (p->hold_tags && deletes ? POLICY_NEEDS_TAGS : 0);
}

/* ---- facts of a file */

static int64_t seconds_since(int64_t now_s, int64_t then_s)
{
	int64_t passed;

	if (then_s >= now_s)
		return 0;
	/* Below INT64_MAX, which is never. */
	return __builtin_sub_overflow(now_s, then_s, &passed) ? INT64_MAX - 1 : MIN(passed, INT64_MAX - 1);
}

int64_t policy_age_s(int64_t now_s, int64_t last_use_s, int64_t mtime_s)
{
	return seconds_since(now_s, MAX(last_use_s, mtime_s));
}

static bool just_closed(const struct policy *p, const struct policy_moment *when, const struct policy_file *f)
{
	return f->closed_s != 0 && seconds_since(when->now_s, f->closed_s) < p->settle_s;
}

static bool is_held(const struct policy *p, const struct policy_file *f)
{
	return p->hold_tags && list_meets(p->hold_tags, strlen(p->hold_tags), f->tags, f->tags_len);
}

static unsigned occasions(const struct policy *p, const struct policy_moment *when, const struct policy_file *f)
{
	int64_t now_ms;

	/* To the end of this second: what was noted within it lies behind. */
	if (__builtin_mul_overflow(when->now_s, 1000, &now_ms) || __builtin_add_overflow(now_ms, 999, &now_ms))
		return 0;
	return f->uses ? uses_count(f->uses, now_ms, p->promote_ms) : 0;
}

static enum policy_tier present_tier(const struct policy_file *f)
{
	enum policy_tier most = POLICY_HOT;

	for (enum policy_tier t = POLICY_WARM; t < POLICY_TIERS; t++)
		if (f->bytes[t] > f->bytes[most])
			most = t;
	return most;
}

static bool is_empty(const struct policy_file *f)
{
	return f->bytes[POLICY_HOT] == 0 && f->bytes[POLICY_WARM] == 0 && f->bytes[POLICY_COLD] == 0;
}

/* ---- moves */

/* Where it should lie, and whether what lies colder is to come there too. */
struct goal {
	enum policy_tier to;
	bool both_ways;
	enum policy_reason reason;
	int64_t limit_s;
};

static struct goal goal_by_age(const struct terms *t, int64_t age_s)
{
	if (age_s < t->hot_s)
		return (struct goal){ POLICY_HOT, false, POLICY_UNUSED, 0 };
	if (age_s < t->warm_s)
		return (struct goal){ POLICY_WARM, false, POLICY_UNUSED, t->hot_s };
	return (struct goal){ POLICY_COLD, false, POLICY_UNUSED, MAX(t->hot_s, t->warm_s) };
}

static struct goal choose_goal(const struct policy *p, const struct policy_moment *when, const struct policy_file *f,
			       const struct terms *t, struct policy_move *m)
{
	if (f->is_pinned)
		return (struct goal){ POLICY_HOT, true, POLICY_PINNED, 0 };
	if (f->tier != POLICY_AUTO)
		return (struct goal){ f->tier, true, POLICY_SET, 0 };
	m->class_name = t->name;
	if (t->tier != POLICY_AUTO)
		return (struct goal){ t->tier, true, POLICY_CLASS, 0 };
	m->occasions = occasions(p, when, f);
	if (m->occasions >= p->promote_uses)
		return (struct goal){ POLICY_HOT, true, POLICY_USED, 0 };
	return goal_by_age(t, m->age_s);
}

/* Fills what has to leave which tier. What would have to come from a cold tier that is not attached stays. */
static void plan(const struct policy_file *f, const struct goal *g, bool cold_attached, struct policy_move *m,
		 uint64_t *ret_down, uint64_t *ret_up)
{
	*ret_down = *ret_up = 0;
	for (enum policy_tier t = POLICY_HOT; t < POLICY_TIERS; t++) {
		bool up = t > g->to && g->both_ways && (t != POLICY_COLD || cold_attached);

		m->bytes_from[t] = t < g->to || up ? f->bytes[t] : 0;
		*(up ? ret_up : ret_down) += m->bytes_from[t];
	}
}

/* Without a move: why not? */
static enum policy_reason staying(const struct policy_file *f, const struct goal *g, bool no_cold)
{
	if (is_empty(f))
		return POLICY_EMPTY;
	if (no_cold)
		return POLICY_NO_COLD;
	return g->reason == POLICY_UNUSED || g->reason == POLICY_USED ? POLICY_IN_PLACE : g->reason;
}

static void move_to(const struct policy_file *f, struct goal g, bool cold_attached, bool closed_now,
		    struct policy_move *m)
{
	bool wants_cold = g.to == POLICY_COLD && !cold_attached;
	bool lacks_cold = wants_cold ? f->bytes[POLICY_WARM] > 0 :
				       g.both_ways && !cold_attached && f->bytes[POLICY_COLD] > 0;
	uint64_t down, up;

	if (wants_cold)
		g.to = POLICY_WARM;
	plan(f, &g, cold_attached, m, &down, &up);
	m->limit_s = g.limit_s;
	if (down == 0 && up == 0) {
		m->reason = staying(f, &g, lacks_cold);
		return;
	}
	for (enum policy_tier t = POLICY_HOT; closed_now && t < g.to; t++)
		m->bytes_from[t] = 0;
	if (closed_now && up == 0) {
		m->reason = POLICY_JUST_CLOSED;
		return;
	}
	m->action = up > 0 && (up >= down || closed_now) ? POLICY_PROMOTE : POLICY_DEMOTE;
	m->to = g.to;
	m->reason = wants_cold ? POLICY_NO_COLD : g.reason;
}

static void remove_it(const struct policy_file *f, const struct terms *t, struct policy_move *m)
{
	m->action = POLICY_REMOVE;
	m->to = POLICY_AUTO;
	m->reason = POLICY_RETENTION;
	m->limit_s = t->retention_s;
	m->class_name = t->name;
	memcpy(m->bytes_from, f->bytes, sizeof(m->bytes_from));
	m->bytes_from[POLICY_AUTO] = 0;
}

static bool retention_is_due(const struct policy_file *f, const struct terms *t, int64_t age_s)
{
	return t->deletes && age_s >= t->retention_s && !f->is_pinned && f->tier == POLICY_AUTO;
}

static void tell_held(const struct terms *t, struct policy_move *m)
{
	m->reason = POLICY_HELD;
	m->limit_s = t->retention_s;
	m->class_name = t->name;
}

static const struct terms *terms_of(const struct policy *p, const struct policy_file *f)
{
	ssize_t class = classes_match(p->classes, f);

	return class < 0 ? &p->terms : &p->of_class[class];
}

enum policy_tier policy_coldest(const struct policy *p, const struct policy_moment *when, const struct policy_file *f)
{
	if (f->is_open || f->is_pinned || just_closed(p, when, f))
		return POLICY_HOT;
	return f->tier != POLICY_AUTO ? f->tier : terms_of(p, f)->coldest;
}

void policy_decide(const struct policy *p, const struct policy_moment *when, const struct policy_file *f,
		   struct policy_move *ret_move)
{
	const struct terms *t = terms_of(p, f);
	struct policy_move m = { .to = present_tier(f), .age_s = policy_age_s(when->now_s, f->last_use_s, f->mtime_s) };
	bool due = retention_is_due(f, t, m.age_s), held = due && is_held(p, f), closed_now = just_closed(p, when, f);

	if (f->is_open) {
		m.reason = POLICY_OPEN;
	} else if (due && !held) {
		m.reason = POLICY_JUST_CLOSED;
		if (!closed_now)
			remove_it(f, t, &m);
	} else {
		move_to(f, choose_goal(p, when, f, t, &m), when->cold_attached, closed_now, &m);
		if (held && m.action == POLICY_STAY)
			tell_held(t, &m);
	}
	*ret_move = m;
}
