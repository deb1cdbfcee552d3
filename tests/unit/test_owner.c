/* SPDX-License-Identifier: MIT */
/* Whose a prefix is: volumes, copies of one volume, requests whose answers are lost, stops in between. And what a bucket is
 * asked before it is attached. */
#include "base/cleanup.h"
#include "catalog_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/move/inventory.h"
#include "tiers/move/owner.h"
#include "tiers/s3/probe.h"

static struct bucket *bucket;
static struct box one, copy; /* two catalogs of one volume */
static struct bucket_error why;
static struct id128 mark;

static const struct id128 volume = { "0123456789abcde" }, stranger = { "an0ther volume." };

static struct owner owner_of(struct box *b, struct id128 id)
{
	return (struct owner){ bucket, b->c, id };
}

static int claim(struct box *b, struct id128 id, unsigned flags)
{
	const struct owner o = owner_of(b, id);
	int r = owner_claim(&o, flags, &mark, &why);

	CHECK(r >= 0 || why.text[0]);
	return r;
}

static int check(struct box *b)
{
	const struct owner o = owner_of(b, volume);

	return owner_check(&o, mark, &why);
}

static int look(struct box *b, unsigned flags)
{
	const struct owner o = owner_of(b, volume);

	return owner_look(&o, flags, &why);
}

static void put(const char *key, const char *text)
{
	const struct bucket_body body = { .data = text, .len = strlen(text) };

	CHECK_EQ(bucket_put(bucket, NULL, key, &body, NULL), 0);
}

static void remove_object(const char *key)
{
	CHECK_EQ(bucket_remove(bucket, NULL, &key, 1), 0);
}

static void test_volumes(void)
{
	CHECK_EQ(look(&one, 0), 0);
	CHECK_EQ(mem_bucket_count(bucket, NULL), 0);
	CHECK_EQ(claim(&one, volume, 0), 0);
	CHECK_EQ(check(&one), 0);
	CHECK_EQ(look(&one, OWNER_EXPECTED), 0);
	CHECK_EQ(claim(&one, volume, OWNER_EXPECTED), 0);
	CHECK_EQ(claim(&one, stranger, OWNER_TAKE_OVER), -EADDRINUSE);
	CHECK(strstr(why.text, "30313233343536373839616263646500"));
	CHECK_EQ(check(&one), 0);
}

/* The copy knows the mark of the time when it was made: whoever comes first goes on. */
static void test_copies(void)
{
	CHECK_EQ(look(&copy, 0), -EEXIST);
	CHECK_EQ(claim(&copy, volume, 0), -EEXIST);
	CHECK(strstr(why.text, "--take-over"));
	CHECK_EQ(claim(&one, volume, 0), 0);
	CHECK_EQ(claim(&copy, volume, OWNER_TAKE_OVER), 0);
	CHECK_EQ(check(&copy), 0);
	CHECK_EQ(claim(&one, volume, 0), -EEXIST);
	CHECK_EQ(claim(&copy, volume, 0), 0);
	CHECK_EQ(claim(&one, volume, OWNER_TAKE_OVER), 0);
}

static void test_gone(void)
{
	remove_object("owner");
	CHECK_EQ(check(&one), -ENOENT);
	CHECK_EQ(look(&one, OWNER_EXPECTED), -ENOENT);
	CHECK_EQ(claim(&one, volume, OWNER_EXPECTED), -ENOENT);
	CHECK_EQ(look(&one, 0), 0);
	CHECK_EQ(claim(&one, volume, OWNER_EXPECTED | OWNER_TAKE_OVER), 0);
	CHECK_EQ(check(&one), 0);
}

/* Of a time without marks; what nobody of us wrote. */
static void test_old(void)
{
	struct box fresh;

	box_make(&fresh);
	CHECK_EQ(box_open(&fresh), 0);
	put("owner", "30313233343536373839616263646500");
	CHECK_EQ(claim(&fresh, volume, OWNER_EXPECTED), 0);
	CHECK_EQ(check(&fresh), 0);
	CHECK_EQ(claim(&one, volume, 0), -EEXIST);
	for (size_t k = 0; k < 4; k++) {
		static const char *const texts[] = { "", "hello", "30313233343536373839616263646500 xyz", "\377\376" };

		put("owner", texts[k]);
		CHECK_EQ(claim(&fresh, volume, OWNER_TAKE_OVER), -EADDRINUSE);
	}
	box_free(&fresh);
	remove_object("owner");
	CHECK_EQ(claim(&one, volume, 0), 0);
}

/* Answers are lost, and requests: a claim that fails changed nothing that the next one does not know. */
static void test_faults(void)
{
	unsigned claimed = 0;

	mem_bucket_set_faults(bucket, &(struct mem_faults){ .seed = 5, .lost_percent = 40, .fail_percent = 20,
							    .fault = BUCKET_TIMEOUT });
	for (unsigned k = 0; k < 60; k++) {
		int r = claim(&one, volume, OWNER_EXPECTED);

		CHECK(r == 0 || r == -ETIMEDOUT || r == BUCKET_EUNKNOWN);
		claimed += r == 0;
		box_close(&one); /* a kill */
		CHECK_EQ(box_open(&one), 0);
	}
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK(claimed > 10 && claimed < 58);
	CHECK_EQ(claim(&one, volume, OWNER_EXPECTED), 0);
}

/* The mark of a claim that came to no end. */
static struct id128 unfinished(struct box *b)
{
	static const uint8_t key[] = { 'V', 4 };
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct id128 next = { 0 };

	CHECK_EQ(catalog_get(b->c, key, sizeof(key), &value), 0);
	CHECK(value.len > 33);
	memcpy(&next, value.data + 17, sizeof(next));
	CHECK(!id128_is_zero(next));
	return next;
}

/* A claim whose request is carried out when another one has followed it long since. */
static void test_late(void)
{
	char id[ID128_TEXT_SIZE], own[ID128_TEXT_SIZE], text[80];
	struct id128 late;

	CHECK_EQ(claim(&one, volume, 0), 0);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_after = 2, .fault = BUCKET_TIMEOUT });
	CHECK_EQ(claim(&one, volume, 0), -ETIMEDOUT);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	late = unfinished(&one);
	CHECK_EQ(claim(&one, volume, 0), 0);
	CHECK_EQ(claim(&one, volume, 0), 0);
	(void) snprintf(text, sizeof(text), "%s %s\n", id128_format(volume, id), id128_format(late, own));
	put("owner", text);
	CHECK_EQ(check(&one), 0);
	CHECK_EQ(claim(&one, volume, 0), 0);
	CHECK_EQ(check(&one), 0);
}

static void test_release(void)
{
	const struct owner o = owner_of(&one, volume);

	CHECK_EQ(owner_release(&o, &why), 0);
	CHECK_EQ(mem_bucket_count(bucket, NULL), 0);
	CHECK_EQ(claim(&copy, stranger, 0), 0);
	CHECK_EQ(claim(&one, volume, 0), -EADDRINUSE);
	remove_object("owner");
}

/* ---- what is asked of a bucket */

static void test_probe(void)
{
	struct probe_result results[PROBE_STEPS];

	CHECK_EQ(bucket_probe(bucket, results), 0);
	for (unsigned k = 0; k < PROBE_STEPS; k++)
		CHECK(results[k].tried && results[k].error.error == 0);
	CHECK_EQ(mem_bucket_count(bucket, NULL), 0);

	mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_percent = 100, .fault = BUCKET_DENIED });
	CHECK_EQ(bucket_probe(bucket, results), -EACCES);
	CHECK(results[PROBE_LIST].error.error == -EACCES && results[PROBE_PUT].error.text[0]);
	CHECK(!results[PROBE_HEAD].tried && !results[PROBE_REMOVE].tried);

	mem_bucket_set_faults(bucket, &(struct mem_faults){ .corrupt_percent = 100 });
	CHECK_EQ(bucket_probe(bucket, results), -EREMOTEIO);
	CHECK(results[PROBE_GET].error.error == -EREMOTEIO && results[PROBE_REMOVE].error.error == 0);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK_EQ(mem_bucket_count(bucket, NULL), 0);
}

static void add_pack(uint64_t number, uint32_t flags, uint64_t stored)
{
	struct pack_record p = { .number = number, .run.cipher = CIPHER_XCHACHA20, .flags = flags, .stored = stored };
	struct batch *b;

	memcpy(p.run.id.bytes, &number, sizeof(number));
	CHECK_EQ(catalog_begin(one.c, true, &b), 0);
	pack_record_put(b, &p);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void add_object(uint64_t number, const char *text)
{
	struct pack_record p = { .number = number };
	char key[PACK_KEY_SIZE];

	memcpy(p.run.id.bytes, &number, sizeof(number));
	put(pack_key(&p, key), text);
}

static void test_inventory(void)
{
	struct inventory i;

	CHECK_EQ(inventory_take(one.c, bucket, &i, &why), 0);
	CHECK_EQ(i.packs + i.missing + i.altered, 0);
	for (uint64_t n = 1; n <= 600; n++) {
		add_pack(n, n % 3 ? PACK_REMOTE : PACK_LOCAL, 5);
		if (n % 3 && n != 7)
			add_object(n, n == 8 ? "four" : "fifth");
	}
	put("packs/something-else", "x");
	CHECK_EQ(inventory_take(one.c, bucket, &i, &why), 0);
	CHECK_EQ(i.packs, 400);
	CHECK_EQ(i.bytes, 2000);
	CHECK_EQ(i.missing, 1);
	CHECK_EQ(i.altered, 1);
	CHECK(strncmp(i.first_key, "packs/0", 7) == 0);
	CHECK_EQ(inventory_count(one.c, &i), 0);
	CHECK_EQ(i.packs, 400);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_percent = 100, .fault = BUCKET_DENIED });
	CHECK_EQ(inventory_take(one.c, bucket, &i, &why), -EACCES);
}

int main(void)
{
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	box_make(&one);
	box_make(&copy);
	CHECK_EQ(box_open(&one), 0);
	CHECK_EQ(box_open(&copy), 0);
	test_volumes();
	test_copies();
	test_gone();
	test_old();
	test_faults();
	test_late();
	test_release();
	test_probe();
	test_inventory();
	box_free(&copy);
	box_free(&one);
	(void) bucket_free(bucket);
	return check_result();
}
