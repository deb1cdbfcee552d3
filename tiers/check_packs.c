/* SPDX-License-Identifier: MIT */
/* fsck of the records of packs. A pack says of itself all that its record does, its number too, but for where it lies and
 * when it was last read; so a record that is lost, or not the pack's, is made again from the pack. A dictionary lies in
 * each pack that uses it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/walk.h"
#include "tiers/check_found.h"
#include "tiers/pack/pack_dictionary.h"

struct packs_check {
	struct files *f;
	struct files_check *check;
	struct found_packs found;
	uint64_t *named;             /* owned: numbers of packs that have a record or an extent */
	size_t n_named, cap_named;
	struct id128 *ids;           /* owned: of packs with records */
	size_t n_ids, cap_ids;
};

#define check_say(pc, ...) problem_say((pc)->check->problem, (pc)->check->context, __VA_ARGS__)

/* ---- changing, in the rehearsal */

static int put_record(struct packs_check *pc, const struct pack_record *record)
{
	struct batch *b;
	int r = catalog_begin(pc->f->catalog, true, &b);

	if (r < 0)
		return r;
	pack_record_put(b, record);
	return batch_commit(b, NULL);
}

static int remove_key(struct packs_check *pc, const void *key, size_t len)
{
	struct batch *b;
	int r = catalog_begin(pc->f->catalog, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, key, len);
	return batch_commit(b, NULL);
}

/* ---- numbers */

static int add_number(struct packs_check *pc, uint64_t number)
{
	if (pc->n_named > 0 && pc->named[pc->n_named - 1] == number)
		return 0;
	if (pc->n_named == pc->cap_named) {
		size_t cap = pc->cap_named ? pc->cap_named * 2 : 256;
		uint64_t *more = realloc(pc->named, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		pc->named = more;
		pc->cap_named = cap;
	}
	pc->named[pc->n_named++] = number;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_numbers(struct packs_check *pc)
{
	size_t n = 0;

	if (pc->n_named > 0)
		qsort(pc->named, pc->n_named, sizeof(*pc->named), by_number);
	for (size_t k = 0; k < pc->n_named; k++)
		if (k == 0 || pc->named[k] != pc->named[n - 1])
			pc->named[n++] = pc->named[k];
	pc->n_named = n;
}

static int note_record(void *context, const struct record *record)
{
	struct packs_check *pc = context;
	struct pack_record p;

	if (record->key_len != 9)
		return 0;
	if (pack_record_get(pc->f->catalog, load_be64(record->key + 1), &p) >= 0)
		pc->found.expected |= p.flags & (PACK_REMOTE | PACK_SENDING);
	return add_number(pc, load_be64(record->key + 1));
}

static int note_extent(void *context, const struct record *record)
{
	struct extent e;
	int r = extent_decode(record->key, record->key_len, record->value, record->value_len, &e);

	if (r < 0 || e.kind != EXTENT_PACK)
		return r == -ENOMEM ? r : 0;
	return add_number(context, e.segment);
}

/* ---- a record and its pack */

static bool same_run(const struct seal_run_header *a, const struct seal_run_header *b)
{
	uint8_t x[SEAL_RUN_HEADER_SIZE], y[SEAL_RUN_HEADER_SIZE];

	seal_run_header_store(a, x);
	seal_run_header_store(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

/* Does the record say what the pack does? What the pack does not know is taken over. */
static bool agrees(const struct pack_record *record, struct pack_record *own)
{
	own->flags = record->flags;
	own->checked = record->checked;
	return record->number == own->number && same_run(&record->run, &own->run) &&
	       record->stored == own->stored && record->plain == own->plain && record->dictionary == own->dictionary &&
	       record->first_day == own->first_day && record->days == own->days && record->made == own->made &&
	       record->lsn == own->lsn;
}

/* 1: *ret_own is what the pack at that place says. 0: there is none that can be read. */
static int read_own(struct packs_check *pc, const struct pack_record *record, bool cold, struct pack_record *ret_own)
{
	struct pack_place at;
	struct pack_summary s;
	struct pack *pack;
	int r = pack_place_open(pc->f, record, cold, &at);

	if (r < 0)
		return r == -ENOENT ? 0 : pack_place_failed(&at, pc->check, r) || r == -ENOMEM ? r : 0;
	r = pack_open(pc->f->config.keys, &at.source, NULL, &pack);
	if (r >= 0) {
		pack_get_summary(pack, &s);
		(void) pack_close(pack);
		*ret_own = packs_record_of(&s);
		r = ret_own->number == record->number && id128_equal(s.run.id, record->run.id);
	} else if (!pack_place_failed(&at, pc->check, r) && r != -ENOMEM && r != -EOPNOTSUPP) {
		r = 0;
	}
	pack_place_done(&at);
	return r;
}

static int compare(struct packs_check *pc, const struct pack_record *record, struct pack_record *own)
{
	if (agrees(record, own))
		return 0;
	check_say(pc, "pack %llu: its record is not what the pack says", (unsigned long long)record->number);
	return put_record(pc, own);
}

/* Where its record says that it lies there is nothing, or something else. */
static int find_elsewhere(struct packs_check *pc, const struct pack_record *record)
{
	bool cold = pack_record_is_cold(record), ask = pc->check->cold && record->flags & (PACK_SENDING | PACK_REMOTE);
	struct pack_record own;
	int r = cold || ask ? read_own(pc, record, !cold, &own) : 0;

	if (r > 0) {
		own.flags = (record->flags & PACK_DATED) | (cold ? PACK_LOCAL | PACK_SENDING : PACK_REMOTE);
		own.checked = record->checked;
	} else if (r == 0) {
		/* Its record may name another. */
		r = found_packs_get(&pc->found, record->number, &own);
		if (r == -ENOENT || (r >= 0 && id128_equal(own.run.id, record->run.id)))
			return 0; /* files_verify() tells */
	}
	if (r < 0)
		return r;
	check_say(pc, "pack %llu: it is not where its record says, and was found in %s", (unsigned long long)record->number,
		  pack_record_is_cold(&own) ? "the bucket" : "warm/");
	return put_record(pc, &own);
}

/* Found damaged before, with nothing found in its place. */
static bool is_settled(const struct packs_check *pc, const struct pack_record *record)
{
	return record->flags & PACK_DAMAGED && !pc->check->cold;
}

static int check_record(struct packs_check *pc, const struct pack_record *record)
{
	bool cold = pack_record_is_cold(record);
	bool somewhere = record->flags & (PACK_LOCAL | PACK_REMOTE);
	struct pack_record own;
	int r;

	if (cold && somewhere && !pc->check->cold)
		return 0;
	r = somewhere ? read_own(pc, record, cold, &own) : 0;
	if (r > 0)
		return compare(pc, record, &own);
	return r < 0 || is_settled(pc, record) ? r : find_elsewhere(pc, record);
}

static int find_lost(struct packs_check *pc, uint64_t number)
{
	struct pack_record own;
	int r = found_packs_get(&pc->found, number, &own);

	if (r == -ENOENT)
		return 0; /* files_verify() tells */
	if (r < 0)
		return r;
	check_say(pc, "pack %llu: its record is lost, and was made again from the pack in %s", (unsigned long long)number,
		  pack_record_is_cold(&own) ? "the bucket" : "warm/");
	return put_record(pc, &own);
}

static int check_number(struct packs_check *pc, uint64_t number)
{
	struct key key = key_u64(key_start('K'), number);
	struct pack_record record;
	int r = pack_record_get(pc->f->catalog, number, &record);

	if (r == -EBADMSG) {
		r = remove_key(pc, key.bytes, key.len);
		check_say(pc, "pack %llu: its record is none", (unsigned long long)number);
		if (r >= 0)
			r = -ENOENT;
	}
	if (r == -ENOENT)
		return find_lost(pc, number);
	return r < 0 ? r : check_record(pc, &record);
}

/* ---- dictionaries */

static bool has_dictionary(struct packs_check *pc, uint64_t id)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct pack_dictionary *d;

	if (dictionary_get(pc->f->catalog, id, &bytes) < 0 || pack_dictionary_load(id, bytes.data, bytes.len, &d) < 0)
		return false;
	(void) pack_dictionary_free(d);
	return true;
}

static int put_dictionary(struct packs_check *pc, struct pack *pack)
{
	const struct pack_dictionary *d;
	struct batch *b;
	const void *bytes;
	size_t len;
	int r = pack_get_dictionary(pack, &d);

	if (r < 0 || !d)
		return r;
	bytes = pack_dictionary_bytes(d, &len);
	check_say(pc, "dictionary %llx: its record is lost, and was made again from a pack",
		  (unsigned long long)pack_dictionary_id(d));
	r = catalog_begin(pc->f->catalog, true, &b);
	if (r < 0)
		return r;
	dictionary_put(b, pack_dictionary_id(d), bytes, len);
	return batch_commit(b, NULL);
}

/* Without one that can be read, small files are read with the pack's own, which costs a request where the pack is cold. */
static int check_dictionary(void *context, const struct pack_record *record)
{
	struct packs_check *pc = context;
	bool cold = pack_record_is_cold(record);
	struct pack_place at;
	struct pack *pack;
	int r;

	if (!record->dictionary || has_dictionary(pc, record->dictionary) ||
	    (cold && !pc->check->cold && !packs_get_bucket(pc->f->packs)))
		return 0;
	r = pack_place_open(pc->f, record, cold, &at);
	if (r < 0)
		return pack_place_failed(&at, pc->check, r) ? r : 0;
	r = pack_open(pc->f->config.keys, &at.source, &record->run, &pack);
	if (r >= 0) {
		r = put_dictionary(pc, pack);
		(void) pack_close(pack);
	}
	if (r < 0 && r != -ENOMEM && !pack_place_failed(&at, pc->check, r))
		r = 0;
	pack_place_done(&at);
	return r;
}

static int check_current(struct packs_check *pc)
{
	struct key key = key_u64(key_start('Z'), 0);
	uint64_t id;
	int r = dictionary_get_current(pc->f->catalog, &id);

	if (r >= 0 && (!id || has_dictionary(pc, id)))
		return 0;
	if (r < 0 && r != -EBADMSG)
		return r;
	check_say(pc, "the dictionary for new packs is lost; another is made when one pays");
	return remove_key(pc, key.bytes, key.len);
}

/* ---- removals from the bucket */

static int note_place(void *context, const struct pack_record *record)
{
	struct packs_check *pc = context;

	if (pc->n_ids == pc->cap_ids) {
		size_t cap = pc->cap_ids ? pc->cap_ids * 2 : 64;
		struct id128 *more = realloc(pc->ids, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		pc->ids = more;
		pc->cap_ids = cap;
	}
	pc->ids[pc->n_ids++] = record->run.id;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id128));
}

static bool has_record(const struct packs_check *pc, struct id128 id)
{
	return pc->n_ids > 0 && bsearch(&id, pc->ids, pc->n_ids, sizeof(*pc->ids), by_id);
}

/* "packs/..ID", with the id that the key has. */
static bool is_removal(const struct record *record)
{
	const size_t id_len = ID128_TEXT_SIZE - 1, prefix = strlen("packs/");
	char text[PACK_KEY_SIZE];
	struct id128 id;

	if (record->key_len != 26 || record->value_len >= PACK_KEY_SIZE || record->value_len < prefix + id_len ||
	    memcmp(record->value, "packs/", prefix) != 0)
		return false;
	memcpy(text, record->value, record->value_len);
	text[record->value_len] = '\0';
	return id128_parse(text + record->value_len - id_len, &id) >= 0 &&
	       memcmp(id.bytes, record->key + 10, sizeof(id.bytes)) == 0;
}

static int check_removal(void *context, const struct record *record)
{
	struct packs_check *pc = context;
	struct id128 id;

	if (!is_removal(record)) {
		check_say(pc, "an entry of the queue of removals from the bucket is none");
		return remove_key(pc, record->key, record->key_len);
	}
	memcpy(id.bytes, record->key + 10, sizeof(id.bytes));
	if (!has_record(pc, id))
		return 0;
	check_say(pc, "a pack that is in use is to be removed from the bucket");
	return remove_key(pc, record->key, record->key_len);
}

static int check_removals(struct packs_check *pc)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_COLD);

	return records_foreach(pc->f->catalog, &prefix, check_removal, pc);
}

/* ---- files in warm/ that no record speaks of: no damage, the next mount removes them */

static int count_left_over(struct packs_check *pc)
{
	int fd = openat(pc->f->warm_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	struct id128 id;

	pc->check->left_over = 0;
	if (!dir) {
		closep(&fd);
		return pc->f->warm_dirfd < 0 ? 0 : -errno;
	}
	while ((d = readdir(dir)))
		pc->check->left_over += d->d_name[0] != '.' && (id128_parse(d->d_name, &id) < 0 || !has_record(pc, id));
	(void) closedir(dir);
	return 0;
}

/* ---- all */

static int check_records(struct packs_check *pc)
{
	struct key records = key_start('K'), extents = key_start('E');
	int r = records_foreach(pc->f->catalog, &records, note_record, pc);

	if (r >= 0)
		r = records_foreach(pc->f->catalog, &extents, note_extent, pc);
	sort_numbers(pc);
	for (size_t k = 0; r >= 0 && k < pc->n_named; k++)
		r = check_number(pc, pc->named[k]);
	return r;
}

int files_check_packs(struct files *f, struct files_check *check)
{
	struct packs_check pc = { .f = f, .check = check, .found = { .f = f, .check = check, .expected = check->has_bucket } };
	int r = check_records(&pc);

	if (r >= 0)
		r = pack_record_foreach(f->catalog, check_dictionary, &pc);
	if (r >= 0)
		r = check_current(&pc);
	if (r >= 0)
		r = pack_record_foreach(f->catalog, note_place, &pc);
	if (r >= 0 && pc.n_ids > 0)
		qsort(pc.ids, pc.n_ids, sizeof(*pc.ids), by_id);
	if (r >= 0)
		r = check_removals(&pc);
	if (r >= 0)
		r = count_left_over(&pc);
	found_packs_done(&pc.found);
	free(pc.named);
	free(pc.ids);
	return r;
}
