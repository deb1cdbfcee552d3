/* SPDX-License-Identifier: MIT */
/* The keys of [tiers], [class ..], [cold], [limits] and [prices], and what they mean to tiers/move. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_policy.h"
#include "tests/unit/check.h"
#include "tests/unit/config_text.h"

static struct config parse(const char *text)
{
	_cleanup_free_ char *why = NULL;
	struct config c = { 0 };
	int r = config_parse("f", text, strlen(text), &c, &why);

	if (r < 0)
		fprintf(stderr, "said: %s\n", why);
	CHECK_EQ(r, 0);
	return c;
}

static void test_values(void)
{
	struct config c = parse(everything);

	CHECK_EQ(c.tiers.hot_days, 3);
	CHECK(c.tiers.warm_days == CONFIG_NEVER && c.tiers.scrub_days == CONFIG_NEVER);
	CHECK_EQ(c.tiers.retention, CONFIG_DELETE);
	CHECK(strcmp(c.tiers.hold_tags, "legal, on hold, tax") == 0);
	CHECK(strcmp(c.tiers.window, "01:00-06:00, Sat-Sun 00:00-24:00") == 0);
	CHECK_EQ(c.tiers.move_rate, 10 << 20);
	CHECK(strcmp(c.cold.url, "s3://bucket/some/prefix") == 0 && strcmp(c.cold.profile, "work") == 0);
	CHECK_EQ(c.cold.addressing, CONFIG_PATH);
	CHECK_EQ(c.cold.cold_read, CONFIG_FAIL);
	CHECK_EQ(c.cold.cache_size, 1 << 30);
	CHECK(c.cold.dated_keys);
	CHECK_EQ(c.limits.bytes_per_day, 10ll << 30);
	CHECK_EQ(c.prices.get, 400);
	CHECK_EQ(c.prices.out_gb, 90000);
	CHECK_EQ(c.prices.remove, 0);
	config_done(&c);
}

static void test_classes(void)
{
	struct config c = parse(everything);

	CHECK_EQ(c.n_classes, 2);
	CHECK(strcmp(c.classes[0].name, "films") == 0 && strcmp(c.classes[1].name, "mail") == 0);
	CHECK(strcmp(c.classes[0].path, "/Films/**\nMy Films/") == 0);
	CHECK_EQ(c.classes[0].size_min, (1 << 30) + 1);
	CHECK_EQ(c.classes[0].size_max, 0);
	CHECK_EQ(c.classes[1].size_min, 10 << 10);
	CHECK_EQ(c.classes[1].size_max, 1 << 20);
	CHECK_EQ(c.classes[1].tier, CONFIG_WARM);
	CHECK_EQ(c.classes[1].retention, CONFIG_KEEP);
	CHECK(strcmp(c.classes[1].tag, "a, b c") == 0);
	config_done(&c);
	c = parse("[class a]\nsize = <10K\n");
	CHECK_EQ(c.classes[0].size_max, 10239);
	config_done(&c);
	c = parse("[class a]\n[class b]\n");
	CHECK_EQ(c.n_classes, 2);
	config_done(&c);
}

/* What the modules below get of it. */
static void test_meaning(void)
{
	struct config c = parse(everything);
	struct partition_config warm = config_partition(&c, POLICY_WARM), cold = config_partition(&c, POLICY_COLD);
	struct time_windows w;
	int32_t offset;

	CHECK_EQ(warm.pack_bytes, 16 << 20);
	CHECK_EQ(warm.clean_below, 40);
	CHECK_EQ(cold.clean_below, 30);
	CHECK_EQ(cold.merge_below, 10);
	CHECK_EQ(config_capacity(&c).high, 90);
	CHECK_EQ(config_limits(&c).requests, 100000);
	CHECK_EQ(config_prices(&c).stored_gb_month, 23000);
	CHECK_EQ(config_promote_gap_ms(&c), 60000);
	CHECK(!config_windows(&c, &w, &offset));
	CHECK_EQ(w.n, 2);
	CHECK_EQ(offset, 7200);
	config_done(&c);
	CHECK(config_windows(&c, &w, &offset));
	CHECK_EQ(w.n, 0);
	CHECK_EQ(config_promote_gap_ms(&c), 200);
}

static void decide(const struct policy *p, const char *path, uint64_t size, uint32_t uid, int64_t days,
		   struct policy_move *ret_move)
{
	struct policy_moment when = { .now_s = 400 * 86400, .cold_attached = true };
	struct policy_file f = {
		.last_use_s = (400 - days) * 86400, .size_bytes = size, .bytes = { 0, size }, .path = path,
		.path_len = strlen(path), .uid = uid, .gid = 50, .type = "video/mp4", .tags = "b c", .tags_len = 3,
	};

	policy_decide(p, &when, &f, ret_move);
}

static void test_policy(void)
{
	struct config c = parse(everything);
	_cleanup_free_ char *why = NULL;
	struct policy *p = NULL;
	struct policy_move m;

	CHECK_EQ(config_new_policy(&c, &p, &why), 0);
	config_done(&c);
	decide(p, "My Films/a", 2ull << 30, 0, 2, &m);
	CHECK(m.to == POLICY_WARM && strcmp(m.class_name, "films") == 0);
	decide(p, "x", 20000, 1001, 0, &m);
	CHECK(m.to == POLICY_WARM && m.reason == POLICY_CLASS && strcmp(m.class_name, "mail") == 0);
	decide(p, "x", 20000, 1002, 2, &m);
	CHECK(m.action == POLICY_STAY);
	decide(p, "x", 20000, 1002, 3, &m);
	CHECK(m.to == POLICY_WARM && m.reason == POLICY_UNUSED);
	decide(p, "x", 20000, 1002, 400, &m);
	CHECK(m.action == POLICY_REMOVE);
	(void) policy_free(p);
}

/* ---- errors */

static const struct {
	const char *text, *where, *what;
} bad[] = {
	{ "[tiers]\nhot_days = 0\n", "f:2: ", "hot_days is '0'; allowed is a number from 1 to 36500, or never" },
	{ "[tiers]\nhot_days = soon\n", "f:2: ", "or never" },
	{ "[tiers]\nhot_days = 3\nhot_days = 4\n", "f:3: ", "a second time" },
	{ "[tiers]\nretention = shred\n", "f:2: ", "retention is 'shred'; allowed are keep and delete" },
	{ "[tiers]\nsettle_s = never\n", "f:2: ", "a number from 1 to 86400" },
	{ "[tiers]\npromote_uses = 9\n", "f:2: ", "from 1 to 8, or never" },
	{ "[tiers]\ncapacity_high = 100\n", "f:2: ", "from 10 to 99" },
	{ "[tiers]\ncapacity_high = 70\n", "f:2: ", "capacity_low is 80; allowed is less than capacity_high, 70" },
	{ "[tiers]\n\ncapacity_low = 85\n[wal]\n", "f:3: ", "less than capacity_high, 85" },
	{ "[tiers]\nwindow = 1-6\n", "f:2: ", "01:00-06:00, Sat-Sun 00:00-24:00" },
	{ "[tiers]\nwindow =\n", "f:2: ", "window" },
	{ "[tiers]\nwindow_timezone = Mars\n", "f:2: ", "local, UTC, +02:00" },
	{ "[tiers]\nhold_tags = ,\n", "f:2: ", "separated by commas" },
	{ "[tiers]\npack_size = 64M\n", "f:2: ", "from 1048576 to 33554432 (K, M, G, T" },
	{ "[tiers]\nhotdays = 3\n", "f:2: ", "hot_days, warm_days, retention" },
	{ "[cold]\nurl = http://bucket\n", "f:2: ", "s3://bucket/prefix" },
	{ "[cold]\nurl = s3://Bucket/x\n", "f:2: ", "s3://bucket/prefix" },
	{ "[cold]\nurl = s3://ab/x\n", "f:2: ", "3 to 63" },
	{ "[cold]\nurl = s3://a b/x\n", "f:2: ", "s3://bucket/prefix" },
	{ "[cold]\nurl = s3://bucket/a b\n", "f:2: ", "s3://bucket/prefix" },
	{ "[cold]\nurl = file:///\n", "f:2: ", "file:///folder" },
	{ "[cold]\nurl = s3://AKIA:geheim@bucket\n", "f:2: ", "AWS_SECRET_ACCESS_KEY" },
	{ "[cold]\nendpoint = https://AKIA:geheim@host\nurl = s3://bucket\n", "f:2: ", "AWS profile file" },
	{ "[cold]\nendpoint = host:9000\nurl = s3://bucket\n", "f:2: ", "http:// or https://" },
	{ "[cold]\nendpoint = https://host/path\nurl = s3://bucket\n", "f:2: ", "http:// or https://" },
	{ "[cold]\nendpoint = https://host\n", "f:2: ", "url = s3://bucket/prefix" },
	{ "[cold]\nproxy = http://me:geheim@proxy\n", "f:2: ", "no sign @" },
	{ "[cold]\nregion = eu central\n", "f:2: ", "eu-central-1" },
	{ "[cold]\naddressing = host\n", "f:2: ", "allowed are path and virtual" },
	{ "[cold]\nca_file = ca.pem\n", "f:2: ", "a path from / on" },
	{ "[cold]\nconnections_min = 65\n", "f:2: ", "at most connections_max, 64" },
	{ "[cold]\nconnections_min = 4\nconnections_max = 3\n", "f:3: ", "at most connections_max, 3" },
	{ "[cold]\ncold_read = hope\n", "f:2: ", "allowed are wait and fail" },
	{ "[cold]\ncache_size = 1M\n", "f:2: ", "from 4194304" },
	{ "[cold]\nsecret = geheim\n", "f:2: ", "'secret' does not belong here" },
	{ "[cold]\naws_secret_access_key = geheim\n", "f:2: ", "AWS_ACCESS_KEY_ID" },
	{ "[cold]\nAccess_Key = geheim\n", "f:2: ", "AWS profile file" },
	{ "[cold]\nsession_token = geheim\n", "f:2: ", "no credential" },
	{ "[cold]\nkey = geheim\n", "f:2: ", "no credential" },
	{ "[attic]\nsecret = x\n", "f:1: ", "mount, wal, index, tiers, cold, limits, prices, class NAME" },
	{ "[limits]\nrequests_per_day = 0\n", "f:2: ", "requests_per_day" },
	{ "[limits]\nrequests = 0\n", "f:2: ", "requests_per_day, bytes_per_day" },
	{ "[prices]\nput = 0,005\n", "f:2: ", "six digits after the point" },
	{ "[prices]\nput = 0.0000001\n", "f:2: ", "six digits" },
	{ "[prices]\nput = 1.\n", "f:2: ", "six digits" },
	{ "[prices]\nput = .5\n", "f:2: ", "six digits" },
	{ "[prices]\nput = 1000001\n", "f:2: ", "up to 1000000" },
	{ "[prices]\ncurrency = muschelgeld\n", "f:2: ", "USD" },
	{ "[class]\n", "f:1: ", "class NAME" },
	{ "[class ]\n", "f:1: ", "is no name of a class" },
	{ "[class a b]\n", "f:1: ", "'a b' is no name of a class" },
	{ "[class a]\n[class b]\n[class a]\n", "f:3: ", "[class a] stands here a second time" },
	{ "[class a]\nfoo = 1\n", "f:2: ", "path, type, tag, owner, group, size, tier, hot_days" },
	{ "[class a]\npath = a\npath = [x\n", "f:3: ", "path: '[x' is no pattern" },
	{ "[class a]\ntype = text/*, [x\n", "f:2: ", "type: '[x' is no pattern" },
	{ "[class a]\nowner = alice\n", "f:2: ", "owner: 'alice' is no number of a user" },
	{ "[class a]\npath =\n", "f:2: ", "path: nothing stands there" },
	{ "[class a]\ntype = , ,\n", "f:2: ", "type: nothing stands there" },
	{ "[class a]\ntag = ,\n", "f:2: ", "tags are wanted" },
	{ "[class a]\ngroup =\n", "f:2: ", "group: nothing stands there" },
	{ "[cold]\nAWS_SECRET_ACCESS_KEY: geheim\n", "f:2: ", "is not 'key = value'" },
	{ "[class a]\nsize = 1K\n", "f:2: ", "10K..1M, >1M or <1M" },
	{ "[class a]\nsize = 2K..1K\n", "f:2: ", "10K..1M" },
	{ "[class a]\nsize = 0..0\n", "f:2: ", "10K..1M" },
	{ "[class a]\nsize = <1\n", "f:2: ", "10K..1M" },
	{ "[class a]\nsize = >99999999999999999999\n", "f:2: ", "10K..1M" },
	{ "[class a]\nsize = >1\nsize = >2\n", "f:3: ", "a second time" },
	{ "[class a]\ntier = auto\n", "f:2: ", "hot, warm and cold" },
	{ "[class a]\nretention_days = 0\n", "f:2: ", "or never" },
};

static void test_errors(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *why = NULL;
		struct config c;

		CHECK_EQ(config_parse("f", bad[i].text, strlen(bad[i].text), &c, &why), -EINVAL);
		if (!why || strncmp(why, bad[i].where, strlen(bad[i].where)) != 0 || !strstr(why, bad[i].what)) {
			fprintf(stderr, "%s-> %s\n", bad[i].text, why ? why : "nothing");
			CHECK(false);
		}
		/* A credential in the wrong place does not get into a log. */
		CHECK(!why || !strstr(why, "geheim"));
	}
}

static void add_lines(char *text, size_t size, const char *before, const char *after, unsigned n)
{
	size_t len = strlen(text);

	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%02u%s\n", before, i, after);
}

static void test_too_many(void)
{
	_cleanup_free_ char *why = NULL, *windows = NULL;
	char classes[4000] = "", many[1000] = "[tiers]\n";
	struct config c;

	add_lines(classes, sizeof(classes), "[class c", "]\nhot_days = 1", CONFIG_CLASSES_MAX);
	c = parse(classes);
	CHECK_EQ(c.n_classes, CONFIG_CLASSES_MAX);
	config_done(&c);
	add_lines(classes, sizeof(classes), "[class d", "]", 1);
	CHECK_EQ(config_parse("f", classes, strlen(classes), &c, &why), -EINVAL);
	CHECK(why && strncmp(why, "f:201: ", 7) == 0 && strstr(why, "allowed are 100"));
	add_lines(many, sizeof(many), "window = 01:00-02:", "", 33);
	CHECK_EQ(config_parse("f", many, strlen(many), &c, &windows), -EINVAL);
	CHECK(windows && strncmp(windows, "f:34: window", 12) == 0 && strstr(windows, "allowed are 32"));
}

/* ---- changes */

static void expect_change(const char *before, const char *after, const char *changed, const char *waiting)
{
	struct config running = parse(before), fresh = parse(after);
	_cleanup_buf_ struct buf now = BUF_INIT, later = BUF_INIT;

	CHECK_EQ(config_adopt(&running, &fresh, &now, &later), 0);
	CHECK(strcmp(buf_cstr(&now), changed) == 0);
	CHECK(strcmp(buf_cstr(&later), waiting) == 0);
	buf_reset(&now);
	config_done(&fresh);
	fresh = parse(after);
	CHECK_EQ(config_adopt(&running, &fresh, &now, &later), 0);
	CHECK_EQ(now.len, 0);
	config_done(&running);
	config_done(&fresh);
}

static void test_changes(void)
{
	expect_change("[tiers]\nhot_days = 3\n", "[tiers]\nhot_days = 4\nwindow = 01:00-02:00\n",
		      "[tiers] hot_days, [tiers] window", "");
	expect_change("[cold]\nurl = s3://bucket\ncold_read = wait\n", "[cold]\nurl = s3://other\ncold_read = fail\n",
		      "[cold] url, [cold] cold_read", "");
	expect_change("[class a]\nhot_days = 3\n", "[class a]\nhot_days = 4\n", "[class]", "");
	expect_change("[class a]\npath = x\n", "[class b]\npath = x\n", "[class]", "");
	expect_change("[class a]\nsize = 1..2\n", "[class a]\nsize = 1..3\n", "[class]", "");
	expect_change("[class a]\n[class b]\n", "[class b]\n[class a]\n", "[class]", "");
	expect_change("[class a]\npath = x\n", "[class a]\npath = x\n", "", "");
	expect_change("[class a]\npath = x\n", "", "[class]", "");
	expect_change("", everything, "[tiers] hot_days, [tiers] warm_days, [tiers] retention, [tiers] retention_days, "
		      "[tiers] hold_tags, [tiers] settle_s, [tiers] promote_uses, [tiers] promote_gap_ms, [tiers] "
		      "promote_days, [tiers] capacity_high, [tiers] capacity_low, [tiers] capacity_idle_s, [tiers] window, "
		      "[tiers] window_timezone, [tiers] run_every_s, [tiers] move_rate, [tiers] scrub_days, [tiers] "
		      "pack_size, [tiers] pack_clean_below, [tiers] pack_merge_below, [cold] url, [cold] endpoint, [cold] region, "
		      "[cold] addressing, [cold] profile, [cold] ca_file, [cold] proxy, [cold] connections_min, [cold] "
		      "connections_max, [cold] idle_timeout_s, [cold] connect_timeout_ms, [cold] request_timeout_ms, [cold] "
		      "total_timeout_ms, [cold] upload_rate, [cold] download_rate, [cold] request_rate, [cold] cold_read, [cold] cold_read_timeout_s, "
		      "[cold] grace_hours, [cold] clean_below, [cold] scrub_days, [cold] dated_keys, [limits] requests_per_day, [limits] "
		      "bytes_per_day, [prices] put, [prices] get, [prices] list, [prices] out_gb, [prices] stored_gb_month, "
		      "[prices] currency, [class]", "[cold] cache_size");
}

int main(void)
{
	test_values();
	test_classes();
	test_meaning();
	test_policy();
	test_errors();
	test_too_many();
	test_changes();
	return check_result();
}
