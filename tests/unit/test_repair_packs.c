/* SPDX-License-Identifier: MIT */
/* Volumes whose records of packs, or packs, are altered: fsck sees it, repair mends it, a second repair finds nothing, and
 * every file outside the damage is as it was. Usage: test_repair_packs [SEED] */
#include <time.h>

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "catalog/repair.h"
#include "catalog/walk.h"
#include "files_box.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/file_impl.h"
#include "tiers/move/packing.h"
#include "tiers/move/send.h"
#include "tiers/pack/pack_dictionary.h"

#define PACKS 3u
#define A_PACK 24u           /* files */
#define FILES (PACKS * A_PACK)
#define LARGEST (700u << 10)

static struct files_box box;
static struct bucket *bucket;
static struct pack_dictionary *dictionary;
static uint64_t inos[FILES], numbers[PACKS];
static unsigned packed_n;
static uint8_t want[LARGEST], got[LARGEST + 1];
static unsigned problems;
static bool cold;            /* fsck --cold */

/* ---- files */

static size_t size_of(unsigned k)
{
	return k % 8 == 7 ? LARGEST - 1000 * k : 300 + 53 * k;
}

static void fill(unsigned k, uint8_t *ret_bytes, size_t len)
{
	static const char *const words[] = { "pack ", "record ", "frame ", "table ", "lost ", "again ", "made ", "sealed " };
	uint64_t x = k + 1;

	for (size_t n = 0; n < len;) {
		const char *word = words[(x = x * 6364136223846793005u + 1442695040888963407u) >> 61];

		while (*word && n < len)
			ret_bytes[n++] = (uint8_t)*word++;
		if (n < len && k % 8 == 7)
			ret_bytes[n++] = (uint8_t)(x >> 40);
	}
}

static void make_file(unsigned k)
{
	struct tree_request rq = { 0 };

	inos[k] = files_box_new_file(&box);
	fill(k, want, size_of(k));
	CHECK_EQ(file_write(box.f, &rq, inos[k], 0, want, size_of(k), false, false), (int64_t)size_of(k));
}

/* 1: as it was. 0: an error. Anything else is none of both. */
static bool is_whole(unsigned k)
{
	int64_t n = file_read(box.f, inos[k], 0, got, sizeof(got), TIER_WAIT);

	fill(k, want, size_of(k));
	CHECK(n == -EIO || n == (int64_t)size_of(k) || (n > 0 && k % 8 == 7));
	if (n > 0)
		CHECK(memcmp(got, want, (size_t)n) == 0);
	return n == (int64_t)size_of(k);
}

/* How many of a pack are. */
static unsigned count_whole(unsigned pack)
{
	unsigned n = 0;

	for (unsigned k = 0; k < A_PACK; k++)
		n += is_whole(pack * A_PACK + k);
	return n;
}

/* ---- the volume */

static void train(void)
{
	enum { N = 400, LEN = 600 };
	uint8_t *bytes = malloc(N * LEN);
	size_t lens[N];

	for (unsigned k = 0; k < N; k++) {
		lens[k] = LEN;
		fill(1000 * 8 + k * 8, bytes + k * LEN, LEN);
	}
	CHECK_EQ(pack_dictionary_train(&(struct pack_samples){ bytes, lens, N }, 0, &dictionary), 0);
	free(bytes);
}

static int note_number(void *context, const struct pack_record *p)
{
	CHECK(packed_n < PACKS);
	numbers[packed_n++] = p->number;
	return 0;
}

static void make_volume(void)
{
	struct packing_config config = { .dictionary = dictionary, .packed = note_number };
	struct packing *p;

	files_box_make(&box);
	CHECK_EQ(files_box_open(&box), 0);
	config.files = box.f;
	for (unsigned k = 0; k < FILES; k++)
		make_file(k);
	CHECK_EQ(packing_new(&config, &p), 0);
	for (unsigned k = 0; k < FILES; k++) {
		CHECK_EQ(packing_add(p, inos[k]), 0);
		if (k % A_PACK == A_PACK - 1)
			CHECK_EQ(packing_cut(p), 0);
	}
	(void) packing_free(p);
	CHECK_EQ(packed_n, PACKS);
	for (unsigned k = 0; k < PACKS; k++)
		CHECK_EQ(count_whole(k), A_PACK);
	CHECK_EQ(files_box_stop(&box), 0);
	files_box_shell(&box, "cd $V && mkdir good && cp -a wal catalog hot warm good/");
}

static void restore(void)
{
	files_box_shell(&box, "cd $V && rm -rf wal catalog hot warm damaged && cp -a good/. .");
}

static void open_for(bool rehearse)
{
	box.catalog.read_only = box.catalog.rehearse = box.catalog.wal.read_only = box.config.read_only = rehearse;
	if (rehearse) {
		CHECK_EQ(files_open(&box.config, &box.f), 0);
		box.catalog.context = &box;
		CHECK_EQ(catalog_open(&box.catalog, &box.report, &box.c, &box.why), 0);
		CHECK_EQ(files_attach(box.f, box.c), 0);
	} else {
		CHECK_EQ(files_box_open(&box), 0);
	}
	packs_set_bucket(box.f->packs, bucket);
}

/* ---- fsck */

static void note_problem(void *context, const char *text)
{
	if (getenv("REPAIR_VERBOSE"))
		fprintf(stderr, "  %s\n", text);
	problems++;
}

static struct files_check checking(void)
{
	return (struct files_check){ .cold = cold, .has_bucket = bucket, .problem = note_problem };
}

static int mend_packs(void *context)
{
	return files_check_packs(box.f, context);
}

/* Leaves it open. Less than 0: not all could be read. */
static int look(void)
{
	struct files_check check = checking();
	struct repair_config config = { .problem = note_problem, .mend_packs = mend_packs, .context = &check };
	int r;

	problems = 0;
	open_for(true);
	r = catalog_repair(box.c, &config);
	if (r >= 0)
		r = (int)MIN(files_verify(box.f, &check), 0);
	return r < 0 ? r : (int)problems;
}

/* Mends, if there is anything to mend, and leaves the volume open. */
static int repair(const char *what)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	int found;

	if (getenv("REPAIR_VERBOSE"))
		fprintf(stderr, "%s\n", what);
	found = look();
	if (found > 0)
		CHECK_EQ(catalog_repair_commit(box.c, &kept), 0);
	files_box_kill(&box);
	if (found > 0) {
		int again = look();

		if (again)
			fprintf(stderr, "%s: %d problems after repair\n", what, again);
		CHECK_EQ(again, 0);
		files_box_kill(&box);
	}
	open_for(false);
	return found;
}

static void end(void)
{
	files_box_verify(&box);
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(look(), 0);
	files_box_kill(&box);
	restore();
}

/* ---- records altered */

static struct batch *begin(void)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(box.c, true, &b), 0);
	return b;
}

static void drop(struct key key)
{
	struct batch *b = begin();

	CHECK_EQ(catalog_get(box.c, key.bytes, key.len, NULL), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void put(struct key key, const void *value, size_t len)
{
	struct batch *b = begin();

	batch_put(b, key.bytes, key.len, value, len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static struct pack_record record_of(unsigned pack)
{
	struct pack_record p = { 0 };

	CHECK_EQ(pack_record_get(box.c, numbers[pack], &p), 0);
	return p;
}

static void put_record(const struct pack_record *p)
{
	struct batch *b = begin();

	pack_record_put(b, p);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void set_home(unsigned k, uint64_t home)
{
	struct batch *b = begin();
	struct inode i;

	CHECK_EQ(inode_get_in(b, inos[k], &i), 0);
	i.home = home;
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static struct key number_key(char letter, uint64_t number)
{
	return key_u64(key_start(letter), number);
}

static void alter_record(unsigned n)
{
	struct pack_record p = record_of(1), other = record_of(2);

	switch (n) {
	case 0: p.stored += 4096; break;
	case 1: p.plain--; break;
	case 2: p.run = other.run; break;
	case 3: p.run.id.bytes[3] ^= 1; break;
	case 4: p.dictionary = 0; break;
	case 5: p.dictionary ^= 77; break;
	case 6: p.first_day -= 9; break;
	case 7: p.days += 3; break;
	case 8: p.lsn++; break;
	case 9: p = other; p.number = numbers[1]; break;
	default: p.made = 0;
	}
	put_record(&p);
}
#define RECORD_FIELDS 11u

static void alter(unsigned n)
{
	uint64_t id = pack_dictionary_id(dictionary);
	struct key removal = key_id(key_u64(key_u8(key_start('Q'), QUEUE_COLD), 77), record_of(1).run.id);
	char name[PACK_KEY_SIZE];
	struct pack_record p = record_of(1);

	switch (n) {
	case 0: drop(number_key('K', numbers[1])); break;
	case 1: put(number_key('K', numbers[1]), "none", 4); break;
	case 2: drop(number_key('Z', id)); break;
	case 3: put(number_key('Z', id), "none", 4); break;
	case 4: drop(number_key('Z', id)); drop(number_key('K', numbers[0])); break;
	case 5: put(number_key('Z', 0), "none", 4); break;
	case 6: put(number_key('Z', 0), "12345678", 8); break;
	case 7: drop(number_key('S', PACK_ALIVE | numbers[1])); break;
	case 8: put(number_key('S', PACK_ALIVE | numbers[1]), "\x05", 1); break;
	case 9: drop(number_key('S', PACK_FILES | numbers[1])); break;
	case 10: put(number_key('S', PACK_FILES | numbers[1]), "\x05", 1); break;
	case 11: set_home(3, numbers[2]); break;
	case 12: set_home(3, 0); break;
	case 13: put(removal, "packs/none", 10); break;
	case 14: put(removal, pack_key(&p, name), strlen(pack_key(&p, name))); break;
	case 15: put(number_key('S', PACK_ALIVE | 999), "\x05", 1); break;
	case 16: drop(key_u8(key_start('C'), COUNTER_PACK)); break;
	case 17:
		for (unsigned k = 0; k < PACKS; k++)
			drop(number_key('K', numbers[k]));
		break;
	case 18: p.flags = 0; put_record(&p); break;
	case 19: p.flags = PACK_REMOTE; put_record(&p); break;
	default: alter_record(n - 20);
	}
}
#define ALTERED (20u + RECORD_FIELDS)

/* Every record of packs says what packs say, too: nothing is lost. */
static void test_records(void)
{
	for (unsigned n = 0; n < ALTERED; n++) {
		char what[32];

		(void) snprintf(what, sizeof(what), "record %u", n);
		open_for(false);
		alter(n);
		CHECK_EQ(files_box_stop(&box), 0);
		cold = n == 19;
		if (repair(what) <= 0) {
			fprintf(stderr, "%s: not seen\n", what);
			check_failures++;
		}
		for (unsigned k = 0; k < PACKS; k++)
			CHECK_EQ(count_whole(k), A_PACK);
		end();
		cold = false;
	}
}

/* What a dictionary is lost for is read before repair, too. */
static void test_own_dictionary(void)
{
	open_for(false);
	drop(number_key('Z', pack_dictionary_id(dictionary)));
	for (unsigned k = 0; k < PACKS; k++)
		CHECK_EQ(count_whole(k), A_PACK);
	CHECK_EQ(files_box_stop(&box), 0);
	restore();
}

/* ---- packs altered */

static void pack_name(unsigned pack, char ret_name[ID128_TEXT_SIZE])
{
	open_for(false);
	id128_format(record_of(pack).run.id, ret_name);
	files_box_kill(&box);
	restore();
}

static unsigned below(unsigned n)
{
	return (unsigned)random() % n;
}

static void damage_file(unsigned n)
{
	char one[ID128_TEXT_SIZE], two[ID128_TEXT_SIZE], command[400];

	pack_name(1, one);
	pack_name(2, two);
	if (n == 1)
		(void) snprintf(command, sizeof(command), "truncate -s %u $V/warm/%s", 1000 + below(300000), one);
	else if (n == 4)
		(void) snprintf(command, sizeof(command), "cd $V/warm && mv %s x && mv %s %s && mv x %s", one, two, one, two);
	else if (n > 4 || n == 3)
		(void) snprintf(command, sizeof(command), "printf XXXX | dd of=$V/warm/%s bs=1 conv=notrunc status=none seek="
				"$(( $(stat -c %%s $V/warm/%s) * %u / 1000 ))", one, one, n == 3 ? 999 : below(999));
	else
		(void) snprintf(command, sizeof(command), n == 0 ? "rm $V/warm/%s" : "truncate -s 0 $V/warm/%s", one);
	files_box_shell(&box, command);
}

static void test_files(void)
{
	for (unsigned n = 0; n < 16; n++) {
		char what[32];
		int found;

		(void) snprintf(what, sizeof(what), "file %u", n);
		damage_file(n);
		found = repair(what);
		CHECK(found > 0);
		CHECK_EQ(count_whole(0), A_PACK);
		if (n != 4)
			CHECK_EQ(count_whole(2), A_PACK);
		if (n > 4)
			CHECK(count_whole(1) + 3 >= A_PACK || problems > 0);
		end();
	}
}

/* What is damaged because it is not there is whole when it is back. */
static void test_back(void)
{
	char name[ID128_TEXT_SIZE], command[100];

	pack_name(1, name);
	(void) snprintf(command, sizeof(command), "mv $V/warm/%s $V/x", name);
	files_box_shell(&box, command);
	CHECK(repair("away") > 0);
	CHECK_EQ(count_whole(1), 0);
	CHECK_EQ(files_box_stop(&box), 0);
	(void) snprintf(command, sizeof(command), "mv $V/x $V/warm/%s", name);
	files_box_shell(&box, command);
	open_for(false);
	CHECK_EQ(count_whole(1), A_PACK);
	end();
}

/* Without record and without pack: nothing names the pack any more. */
static void test_nowhere(void)
{
	char name[ID128_TEXT_SIZE], command[100];
	uint64_t bytes, files;

	pack_name(1, name);
	(void) snprintf(command, sizeof(command), "rm $V/warm/%s", name);
	open_for(false);
	drop(number_key('K', numbers[1]));
	CHECK_EQ(files_box_stop(&box), 0);
	files_box_shell(&box, command);
	CHECK(repair("nowhere") >= (int)A_PACK);
	CHECK_EQ(count_whole(0), A_PACK);
	CHECK_EQ(count_whole(1), 0);
	CHECK_EQ(count_whole(2), A_PACK);
	CHECK_EQ(pack_get_alive(box.c, numbers[1], &bytes, &files), 0);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(files, 0);
	end();
}

/* ---- the bucket */

static void send_all(void)
{
	struct sending s = { .bucket = bucket };
	struct bucket_error why;

	open_for(false);
	s.files = box.f;
	for (unsigned k = 0; k < PACKS; k++)
		CHECK_EQ(pack_send(&s, numbers[k], &why), 0);
	for (unsigned k = 0; k < PACKS; k++)
		CHECK_EQ(count_whole(k), A_PACK);
	CHECK_EQ(files_box_stop(&box), 0);
	files_box_shell(&box, "cd $V && rm -rf good && mkdir good && cp -a wal catalog hot warm good/");
}

static void test_cold_records(void)
{
	for (unsigned n = 0; n < 12; n++) {
		char what[32];

		(void) snprintf(what, sizeof(what), "cold %u", n);
		open_for(false);
		if (n == 0)
			drop(number_key('K', numbers[1]));
		else if (n == 1)
			drop(number_key('Z', pack_dictionary_id(dictionary)));
		else
			alter_record(n - 2);
		CHECK_EQ(files_box_stop(&box), 0);
		/* What is lost is looked for in any case. */
		cold = n > 1;
		CHECK(repair(what) > 0);
		for (unsigned k = 0; k < PACKS; k++)
			CHECK_EQ(count_whole(k), A_PACK);
		end();
		cold = false;
	}
}

static void test_cold_damage(void)
{
	struct pack_record p;
	char key[PACK_KEY_SIZE];

	open_for(false);
	p = record_of(1);
	files_box_kill(&box);
	restore();
	CHECK_EQ(mem_bucket_damage(bucket, pack_key(&p, key), p.stored / 3), 0);
	CHECK_EQ(look(), 0);
	files_box_kill(&box);
	cold = true;
	CHECK(repair("damaged in the bucket") > 0);
	CHECK_EQ(count_whole(0), A_PACK);
	CHECK(count_whole(1) < A_PACK);
	end();
	CHECK_EQ(bucket_remove(bucket, NULL, (const char *const[]){ key }, 1), 0);
	CHECK(repair("gone from the bucket") > 0);
	CHECK_EQ(count_whole(2), A_PACK);
	end();
	cold = false;
}

/* A bucket that does not answer is no reason to give anything up. */
static void test_unreachable(void)
{
	struct mem_faults away = { .fail_percent = 100, .fault = BUCKET_UNREACHABLE };

	open_for(false);
	drop(number_key('K', numbers[0]));
	CHECK_EQ(files_box_stop(&box), 0);
	mem_bucket_set_faults(bucket, &away);
	CHECK(look() < 0);
	CHECK(problems > 0);
	files_box_kill(&box);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
	CHECK(repair("reachable again") > 0);
	CHECK_EQ(count_whole(0), A_PACK);
	end();
	cold = true;
	mem_bucket_set_faults(bucket, &away);
	CHECK(look() < 0);
	CHECK(problems > 0);
	files_box_kill(&box);
	cold = false;
	CHECK_EQ(look(), 0);
	files_box_kill(&box);
	mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);

	srandom(seed);
	fprintf(stderr, "seed %u\n", seed);
	CHECK_EQ(mem_bucket_new(&bucket), 0);
	train();
	make_volume();
	test_records();
	test_own_dictionary();
	test_files();
	test_back();
	test_nowhere();
	send_all();
	test_cold_records();
	test_unreachable();
	test_cold_damage();
	files_box_free(&box);
	(void) bucket_free(bucket);
	(void) pack_dictionary_free(dictionary);
	return check_result();
}
