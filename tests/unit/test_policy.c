/* SPDX-License-Identifier: MIT */
#include "tiers/move/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/policy_rows.h"
#include "tiers/move/capacity.h"
#include "tiers/move/uses.h"

/* 2026-11-22 12:00 UTC. */
#define NOW 1795348800

DEFINE_CLEANUP(struct policy *, policy_free)

/* ---- a row, read */

struct row {
	struct policy_config config;
	struct policy_moment when;
	struct policy_file file;
	struct uses uses;
	int64_t used_ago_s;
	double full; /* percent */
	char words[256];
};

static int64_t days(const char *text)
{
	return (int64_t)(atof(text) * DAY_S + (text[0] == '-' ? -0.5 : 0.5));
}

static uint64_t days_or_never(const char *text)
{
	return strcmp(text, "never") == 0 ? POLICY_NEVER : (uint64_t)atoll(text);
}

static void put_bytes(struct row *r, enum policy_tier t, const char *value)
{
	r->file.bytes[t] = value ? (uint64_t)atoll(value) : 1000;
	r->file.size_bytes += r->file.bytes[t];
}

static void put_tags(struct row *r, const char *value)
{
	r->file.tags = value;
	r->file.tags_len = strlen(value);
}

static void put_age(struct row *r, const char *age)
{
	r->file.last_use_s = r->file.mtime_s = NOW - days(age);
}

static bool put_number(struct row *r, const char *key, const char *value)
{
	if (strcmp(key, "use") == 0)
		r->file.last_use_s = NOW - days(value);
	else if (strcmp(key, "mtime") == 0)
		r->file.mtime_s = NOW - days(value);
	else if (strcmp(key, "closed") == 0)
		r->file.closed_s = NOW - atoll(value);
	else if (strcmp(key, "size") == 0)
		r->file.size_bytes = (uint64_t)atoll(value);
	else if (strcmp(key, "uid") == 0)
		r->file.uid = (uint32_t)atoll(value);
	else if (strcmp(key, "gid") == 0)
		r->file.gid = (uint32_t)atoll(value);
	else if (strcmp(key, "uses") == 0)
		r->uses.n = (uint8_t)atoll(value);
	else if (strcmp(key, "usedago") == 0)
		r->used_ago_s = days(value);
	else if (strcmp(key, "full") == 0)
		r->full = atof(value);
	else
		return false;
	return true;
}

static bool put_text(struct row *r, const char *key, const char *value)
{
	if (strcmp(key, "tier") == 0)
		CHECK_EQ(policy_parse_tier(value, strlen(value), &r->file.tier), 0);
	else if (strcmp(key, "tags") == 0)
		put_tags(r, value);
	else if (strcmp(key, "hold") == 0)
		r->config.hold_tags = value;
	else if (strcmp(key, "path") == 0)
		r->file.path = value;
	else if (strcmp(key, "type") == 0)
		r->file.type = value;
	else if (strcmp(key, "hotdays") == 0)
		r->config.hot_days = days_or_never(value);
	else if (strcmp(key, "warmdays") == 0)
		r->config.warm_days = days_or_never(value);
	else if (strcmp(key, "retention") == 0)
		r->config.retention_days = days_or_never(value);
	else
		return false;
	return true;
}

static bool put_flag(struct row *r, const char *word)
{
	if (strcmp(word, "open") == 0)
		r->file.is_open = true;
	else if (strcmp(word, "pin") == 0)
		r->file.is_pinned = true;
	else if (strcmp(word, "nocold") == 0)
		r->when.cold_attached = false;
	else if (strcmp(word, "delete") == 0)
		r->config.retention = POLICY_DELETE;
	else
		return false;
	return true;
}

static void put_word(struct row *r, char *word)
{
	char *value = strchr(word, '=');
	enum policy_tier t;

	if (value)
		*value++ = '\0';
	if (policy_parse_tier(word, strlen(word), &t) == 0)
		put_bytes(r, t, value);
	else if (!value && (strchr("-0123456789", word[0])))
		put_age(r, word);
	else
		CHECK(value ? put_number(r, word, value) || put_text(r, word, value) : put_flag(r, word));
}

static void read_row(struct row *r, const char *words)
{
	char *rest = r->words, *word;

	*r = (struct row){
		.config = { .classes = row_classes, .n_classes = ARRAY_SIZE(row_classes) },
		.when = { .now_s = NOW, .cold_attached = true },
		.file = { .last_use_s = NOW, .mtime_s = NOW, .path = "some/file", .uses = &r->uses },
		.used_ago_s = 3600,
	};
	(void) snprintf(r->words, sizeof(r->words), "%s", words);
	while ((word = strsep(&rest, " ")) != NULL)
		put_word(r, word);
	r->file.path_len = strlen(r->file.path);
	for (unsigned i = 0; i < r->uses.n; i++)
		r->uses.at_ms[i] = (NOW - r->used_ago_s - 3600 * (int64_t)i) * 1000;
}

/* ---- what becomes of it */

static const char *const reason_names[] = {
	"in-place", "open", "just-closed", "pinned", "set", "class", "used", "unused", "no-cold", "retention", "held",
	"empty", "capacity",
};

/* The disk holds a hundred files like this one; packing saves half. */
static void fill_disk(const struct policy *p, const struct row *r, struct policy_move *m)
{
	enum policy_tier coldest = policy_coldest(p, &r->when, &r->file);
	struct capacity_candidate c = {
		.age_s = m->age_s,
		.hot_bytes = r->file.bytes[POLICY_HOT], .packed_bytes = r->file.bytes[POLICY_HOT] / 2,
		.warm_bytes = r->file.bytes[POLICY_WARM], .not_cold = coldest == POLICY_WARM,
	};
	struct capacity_disk disk = { (uint64_t)(r->full * 80), 8000, false };
	struct capacity_result result;

	if (m->action != POLICY_STAY || coldest == POLICY_HOT)
		return;
	capacity_choose(&(struct capacity_config){ 0 }, &disk, r->when.cold_attached, &c, 1, &result);
	if (result.chosen == 1)
		capacity_move(&c, m);
}

static void describe(const struct policy_move *m, char *ret_text, size_t size)
{
	const char *what = m->action == POLICY_STAY ? "stay" :
			   m->action == POLICY_REMOVE ? "delete" : policy_tier_name(m->to);

	(void) snprintf(ret_text, size, "%s %s", what, m->reason < ARRAY_SIZE(reason_names) ? reason_names[m->reason] : "?");
}

/* What must hold of any answer. */
static void check_move(const struct policy_file *f, const struct policy_move *m)
{
	uint64_t moved = 0;

	for (enum policy_tier t = POLICY_HOT; t < POLICY_TIERS; t++) {
		CHECK(m->bytes_from[t] <= f->bytes[t]);
		moved += m->bytes_from[t];
	}
	CHECK_EQ(m->bytes_from[POLICY_AUTO], 0);
	CHECK(m->action == POLICY_REMOVE || m->bytes_from[m->to] == 0);
	CHECK(m->action == POLICY_REMOVE || (moved > 0) == (m->action != POLICY_STAY));
	CHECK(m->age_s >= 0);
}

static void decide(const char *words, struct policy_move *ret_move)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *why = NULL;
	struct row r;

	read_row(&r, words);
	CHECK_EQ(policy_new(&r.config, &p, &why), 0);
	policy_decide(p, &r.when, &r.file, ret_move);
	if (r.full > 0)
		fill_disk(p, &r, ret_move);
	check_move(&r.file, ret_move);
	ret_move->class_name = NULL; /* the policy's */
}

static void check_row(const char *file, const char *want)
{
	struct policy_move m;
	char got[64];

	decide(file, &m);
	describe(&m, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fprintf(stderr, "%s: %s, not %s\n", file, got, want);
	CHECK(strcmp(got, want) == 0);
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_rows); i++)
		check_row(policy_rows[i].file, policy_rows[i].want);
	CHECK(ARRAY_SIZE(policy_rows) >= 120);
}

/* Which bytes move, and which way. */
static void test_parts(void)
{
	struct policy_move m;

	decide("hot=10 warm=20 cold=30 8d", &m);
	CHECK(m.action == POLICY_DEMOTE && m.bytes_from[POLICY_HOT] == 10 && m.bytes_from[POLICY_COLD] == 0);
	decide("hot=10 warm=20 cold=30 40d", &m);
	CHECK(m.bytes_from[POLICY_HOT] == 10 && m.bytes_from[POLICY_WARM] == 20);
	decide("hot=10 warm=20 cold=30 pin", &m);
	CHECK(m.action == POLICY_PROMOTE && m.bytes_from[POLICY_WARM] == 20 && m.bytes_from[POLICY_COLD] == 30);
	decide("hot=10 warm=20 cold=30 tier=warm", &m);
	CHECK(m.action == POLICY_PROMOTE && m.bytes_from[POLICY_HOT] == 10 && m.bytes_from[POLICY_COLD] == 30);
	decide("hot=40 warm=20 cold=30 tier=warm", &m);
	CHECK(m.action == POLICY_DEMOTE);
	decide("hot=40 warm=20 cold=30 tier=warm closed=1", &m);
	CHECK(m.action == POLICY_PROMOTE && m.bytes_from[POLICY_HOT] == 0 && m.bytes_from[POLICY_COLD] == 30);
	decide("hot=40 warm=20 cold=30 pin nocold", &m);
	CHECK(m.bytes_from[POLICY_WARM] == 20 && m.bytes_from[POLICY_COLD] == 0);
	decide("hot=1 warm=2 cold=3 366d delete", &m);
	CHECK(m.to == POLICY_AUTO && m.bytes_from[POLICY_HOT] == 1 && m.bytes_from[POLICY_COLD] == 3);
	decide("hot=1 warm=2 cold=1", &m);
	CHECK(m.to == POLICY_WARM && m.action == POLICY_STAY);
}

/* Times that no clock should show. */
static void test_times(void)
{
	CHECK_EQ(policy_age_s(NOW, INT64_MIN, INT64_MIN), INT64_MAX - 1);
	CHECK_EQ(policy_age_s(INT64_MIN, 0, INT64_MAX), 0);
	CHECK_EQ(policy_age_s(INT64_MAX, INT64_MIN, 0), INT64_MAX - 1);
	CHECK_EQ(policy_age_s(100, 90, 80), 10);
	CHECK_EQ(policy_age_s(100, 80, 90), 10);
}

/* ---- words */

static void expect_words(const char *words, const char *want)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *why = NULL;
	struct policy_move m;
	struct row r;
	char text[128], cut[8];

	read_row(&r, words);
	CHECK_EQ(policy_new(&r.config, &p, &why), 0);
	policy_decide(p, &r.when, &r.file, &m);
	if (r.full > 0)
		fill_disk(p, &r, &m);
	if (strcmp(policy_explain(&m, text, sizeof(text)), want) != 0)
		fprintf(stderr, "%s: '%s', not '%s'\n", words, text, want);
	CHECK(strcmp(text, want) == 0);
	CHECK(strncmp(policy_explain(&m, cut, sizeof(cut)), want, sizeof(cut) - 1) == 0);
}

static void test_words(void)
{
	expect_words("hot 12d", "unused for 12 days: warm after 7");
	expect_words("hot 40.9d", "unused for 40 days: cold after 30");
	expect_words("hot 40d nocold", "unused for 40 days: cold after 30, but no cold tier is attached");
	expect_words("cold 400d delete", "unused for 400 days: deleted after 365");
	expect_words("cold 400d delete hold=a tags=a", "unused for 400 days: held by a tag, else deleted after 365");
	expect_words("hot 0.05d", "used 1 hour ago");
	expect_words("hot 0d", "used 0 seconds ago");
	expect_words("hot 3d", "used 3 days ago");
	expect_words("hot open", "open");
	expect_words("hot 40d closed=2", "closed a moment ago");
	expect_words("cold pin", "pinned: hot");
	expect_words("hot tier=cold", "user.brainy.tier: cold");
	expect_words("cold uses=5", "used on 5 occasions: hot");
	expect_words("size=0", "empty");
	expect_words("hot 0d path=a.log", "its class: cold (class logs)");
	expect_words("hot 3.5d type=video/mp4", "unused for 3 days: cold after 3 (class films)");
	expect_words("hot 31d path=tmp/a", "unused for 31 days: deleted after 30 (class scratch)");
	expect_words("hot 1d full=86", "the disk fills, unused for 1 day");
	expect_words("cold pin nocold", "no cold tier is attached");
}

static void test_names(void)
{
	enum policy_tier t = POLICY_COLD;

	CHECK_EQ(policy_parse_tier("lukewarm", 8, &t), -EINVAL);
	CHECK_EQ(policy_parse_tier("hot2", 3, &t), 0);
	CHECK_EQ(t, POLICY_HOT);
	CHECK_EQ(policy_parse_tier("", 0, &t), -EINVAL);
	CHECK(strcmp(policy_tier_name(POLICY_WARM), "warm") == 0);
}

/* ---- bad classes, other settings */

static void expect_bad(const struct policy_class_config *class, const char *part)
{
	struct policy_config config = { .classes = class, .n_classes = 1 };
	_cleanup_free_ char *why = NULL;
	struct policy *p = NULL;

	CHECK_EQ(policy_new(&config, &p, &why), -EINVAL);
	CHECK(!p && why && strstr(why, part));
}

static void test_bad_classes(void)
{
	expect_bad(&(struct policy_class_config){ .name = "a", .path = "ok\n[a-" }, "[a-");
	expect_bad(&(struct policy_class_config){ .name = "a", .type = "text/*, x\\" }, "x\\");
	expect_bad(&(struct policy_class_config){ .name = "a", .owner = "0,alice" }, "alice");
	expect_bad(&(struct policy_class_config){ .name = "a", .group = "4294967296" }, "4294967296");
}

static void test_settings(void)
{
	struct policy_config config = { .settle_s = 100, .promote_uses = 2, .promote_days = 1 };
	struct uses uses = { .n = 2, .at_ms = { NOW * 1000ll, (NOW - 80000) * 1000ll } };
	struct policy_file f = { .last_use_s = NOW, .bytes = { 0, 0, 0, 9 }, .path = "a", .path_len = 1, .uses = &uses };
	struct policy_moment when = { NOW, true };
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *why = NULL;
	struct policy_move m;

	CHECK_EQ(policy_new(&config, &p, &why), 0);
	policy_decide(p, &when, &f, &m);
	CHECK(m.action == POLICY_PROMOTE && m.occasions == 2);
	when.now_s += 7000;
	policy_decide(p, &when, &f, &m);
	CHECK(m.action == POLICY_STAY);
	f = (struct policy_file){ .bytes = { 0, 9 }, .closed_s = when.now_s - 99, .path = "a", .path_len = 1 };
	policy_decide(p, &when, &f, &m);
	CHECK(m.reason == POLICY_JUST_CLOSED);
	f.closed_s--;
	policy_decide(p, &when, &f, &m);
	CHECK(m.reason == POLICY_UNUSED);
}

static void expect_needs(struct policy_config config, const struct policy_class_config *class, unsigned want)
{
	_cleanup_free_ char *why = NULL;
	struct policy *p = NULL;

	config.classes = class;
	config.n_classes = class ? 1 : 0;
	CHECK_EQ(policy_new(&config, &p, &why), 0);
	CHECK_EQ(policy_needs(p), want);
	(void) policy_free(p);
}

static void test_needs(void)
{
	struct policy_config keeps = { .hold_tags = "a" }, deletes = { .hold_tags = "a", .retention = POLICY_DELETE };

	expect_needs(keeps, NULL, 0);
	expect_needs(deletes, NULL, POLICY_NEEDS_TAGS);
	expect_needs(keeps, &(struct policy_class_config){ .owner = "1" }, 0);
	expect_needs(keeps, &(struct policy_class_config){ .retention = POLICY_DELETE }, POLICY_NEEDS_TAGS);
	expect_needs(keeps, &(struct policy_class_config){ .path = "a" }, POLICY_NEEDS_PATH);
	expect_needs(keeps, &(struct policy_class_config){ .type = "a", .tag = "b" }, POLICY_NEEDS_TYPE | POLICY_NEEDS_TAGS);
}

/* ---- occasions */

static void test_uses(void)
{
	struct uses u = { 0 };

	CHECK_EQ(uses_count(&u, 1000, 1000), 0);
	CHECK(uses_note(&u, 1000, 200));
	CHECK(!uses_note(&u, 1199, 200));
	CHECK(uses_note(&u, 1200, 200));
	CHECK(!uses_note(&u, 500, 200));
	CHECK_EQ(uses_count(&u, 1300, 1000), 2);
	CHECK_EQ(uses_count(&u, 2000, 1000), 1);
	CHECK_EQ(uses_count(&u, 2200, 1000), 0);
	for (int64_t t = 2000; t < 12000; t += 200)
		CHECK(uses_note(&u, t, 200));
	CHECK_EQ(u.n, USES_MAX);
	CHECK_EQ(u.at_ms[0], 11800);
	CHECK_EQ(u.at_ms[USES_MAX - 1], 11800 - 7 * 200);
	CHECK_EQ(uses_count(&u, INT64_MIN, INT64_MAX), 8);
	CHECK(!uses_note(&u, INT64_MAX, INT64_MAX));
}

static void test_uses_stored(void)
{
	struct uses u = { .n = 3, .at_ms = { 5000, -7, INT64_MIN } }, again = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct reader in;

	CHECK_EQ(uses_encode(&u, &value), 0);
	in = reader_over(value.data, value.len);
	CHECK_EQ(uses_decode(&in, &again), 0);
	CHECK_EQ(reader_left(&in), 0);
	CHECK_MEM(&again, sizeof(again), &u, sizeof(u));
	for (size_t len = 0; len < value.len; len++) {
		in = reader_over(value.data, len);
		CHECK_EQ(uses_decode(&in, &again), -EBADMSG);
	}
	in = reader_over("\x09", 1);
	CHECK_EQ(uses_decode(&in, &again), -EBADMSG);
	in = reader_over("\x02\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
	CHECK_EQ(uses_decode(&in, &again), -EBADMSG);
}

int main(void)
{
	test_rows();
	test_parts();
	test_times();
	test_words();
	test_names();
	test_bad_classes();
	test_settings();
	test_needs();
	test_uses();
	test_uses_stored();
	return check_result();
}
