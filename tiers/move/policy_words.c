/* SPDX-License-Identifier: MIT */
/* What a policy decided, in words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "tiers/move/policy.h"

static const char *const tier_names[] = { "auto", "hot", "warm", "cold" };

const char *policy_tier_name(enum policy_tier t)
{
	return t < ARRAY_SIZE(tier_names) ? tier_names[t] : "?";
}

int policy_parse_tier(const char *text, size_t len, enum policy_tier *ret_t)
{
	for (size_t i = 0; i < ARRAY_SIZE(tier_names); i++)
		if (strlen(tier_names[i]) == len && memcmp(tier_names[i], text, len) == 0) {
			*ret_t = (enum policy_tier)i;
			return 0;
		}
	return -EINVAL;
}

/* "12 days", rounded down so that no limit seems to be reached before it is. */
static const char *duration(int64_t seconds, char *ret_text, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { DAY_S, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;
	int64_t n;

	while (i < ARRAY_SIZE(units) - 1 && seconds < units[i].seconds)
		i++;
	n = seconds / units[i].seconds;
	(void) snprintf(ret_text, size, "%lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
	return ret_text;
}

struct words {
	char *text; /* borrowed */
	size_t size, used;
};

static void say(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = w->used < w->size ? vsnprintf(w->text + w->used, w->size - w->used, format, args) : 0;
	va_end(args);
	w->used = MIN(w->used + (n > 0 ? (size_t)n : 0), w->size);
}

static void say_unused(struct words *w, const struct policy_move *m, const char *where)
{
	char age[40];

	say(w, "unused for %s: %s after %lld", duration(m->age_s, age, sizeof(age)), where,
	    (long long)(m->limit_s / DAY_S));
}

static void say_no_cold(struct words *w, const struct policy_move *m)
{
	if (m->limit_s > 0) {
		say_unused(w, m, "cold");
		say(w, ", but no cold tier is attached");
	} else {
		say(w, "no cold tier is attached");
	}
}

static void say_age(struct words *w, const struct policy_move *m, const char *before, const char *after)
{
	char age[40];

	say(w, "%s%s%s", before, duration(m->age_s, age, sizeof(age)), after);
}

/* Those that are always the same. */
static const char *const fixed[POLICY_REASONS] = {
	[POLICY_OPEN] = "open",
	[POLICY_JUST_CLOSED] = "closed a moment ago",
	[POLICY_PINNED] = "pinned: hot",
	[POLICY_EMPTY] = "empty",
	[POLICY_UNFIT] = "its names and xattrs take more than the 15 MiB that a pack has room for: it stays",
};

static void say_reason(struct words *w, const struct policy_move *m)
{
	if (m->reason < POLICY_REASONS && fixed[m->reason])
		say(w, "%s", fixed[m->reason]);
	else if (m->reason == POLICY_IN_PLACE)
		say_age(w, m, "used ", " ago");
	else if (m->reason == POLICY_SET)
		say(w, "user.brainy.tier: %s", policy_tier_name(m->to));
	else if (m->reason == POLICY_CLASS)
		say(w, "its class: %s", policy_tier_name(m->to));
	else if (m->reason == POLICY_USED)
		say(w, "used on %u occasions: hot", m->occasions);
	else if (m->reason == POLICY_UNUSED)
		say_unused(w, m, policy_tier_name(m->to));
	else if (m->reason == POLICY_NO_COLD)
		say_no_cold(w, m);
	else if (m->reason == POLICY_RETENTION || m->reason == POLICY_HELD)
		say_unused(w, m, m->reason == POLICY_HELD ? "held by a tag, else deleted" : "deleted");
	else if (m->reason == POLICY_CAPACITY)
		say_age(w, m, "the disk fills, unused for ", "");
}

char *policy_explain(const struct policy_move *m, char *ret_text, size_t size)
{
	struct words w = { .text = ret_text, .size = size };

	if (size > 0)
		ret_text[0] = '\0';
	say_reason(&w, m);
	if (m->class_name && (m->reason == POLICY_CLASS || m->limit_s > 0))
		say(&w, " (class %s)", m->class_name);
	return ret_text;
}
