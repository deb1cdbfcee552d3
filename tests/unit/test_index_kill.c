/* SPDX-License-Identifier: MIT */
/* An index over the real catalog, in a process that is killed at each step of sealing and of merging: before and
 * after each sync and each removal of a segment's file, and after each batch. With it goes what was not synced of
 * index/, as in a power cut. What is left must hold, before the next mount mends anything:
 *
 *   each segment that the catalog registers is there, and whole;
 *   each file is in one of them as it is, or is in the queue;
 *   a file is removed only after the batch that no longer registers it is durable. */
#include <signal.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "index/embed/embed.h"
#include "index/index.h"
#include "index/ino_map.h"
#include "index/segment_disk.h"
#include "index/vectors/vectors.h"
#include "tests/unit/catalog_box.h"
#include "tests/unit/index_steps.h"
#include "tests/unit/problems.h"

#define FILES 40u    /* a round */
#define FEW   3u
#define SMALL 4u     /* segments of a like size that are merged */
#define STEPS_MAX 100u

static struct box box;
static struct index *x;
static char *model_dir;
static struct embed_model *model;
static unsigned files, small; /* files so far; small segments, as check_promises() saw them */

/* ---- an index that lives */

/* What is in a file follows from its number. */
static int text_of(uint64_t ino, char text[64])
{
	return snprintf(text, 64, "The number %llu is word%llu.\n", (unsigned long long)ino, (unsigned long long)ino);
}

static ssize_t read_file(void *context, uint64_t ino, uint64_t offset, void *ret_data, size_t len)
{
	char text[64];
	size_t size = (size_t)text_of(ino, text);

	if (offset >= size)
		return 0;
	len = MIN(len, size - offset);
	memcpy(ret_data, text + offset, len);
	return (ssize_t)len;
}

static void committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct index *told = __atomic_load_n(&x, __ATOMIC_ACQUIRE);

	if (told)
		index_notify(told, lsn, events, n);
	step();
}

static void open_all(void)
{
	struct index_config config = { .read_file = read_file, .extract_path = "none", .model_dir = model_dir };
	_cleanup_free_ char *why = NULL;
	struct index *opened = NULL;

	box.config.committed = committed;
	CHECK_EQ(box_open(&box), 0);
	steps_catalog = box.c;
	CHECK_EQ(catalog_start(box.c), 0);
	CHECK_EQ(tree_make_root(box.c, 0, 0, 0755), 0);
	config.catalog = box.c;
	config.keys = box.keys;
	config.volume_dirfd = box.temp.dirfd;
	CHECK_EQ(index_open(&config, &opened, &why), 0);
	__atomic_store_n(&x, opened, __ATOMIC_RELEASE);
	CHECK_EQ(index_start(opened), 0);
}

static void close_all(void)
{
	struct index *closing = x;

	CHECK_EQ(index_stop(closing), 0);
	__atomic_store_n(&x, NULL, __ATOMIC_RELEASE);
	(void) index_close(closing);
	CHECK_EQ(box_stop(&box), 0);
}

static void write_file(unsigned n)
{
	struct tree_make make = { .mode = S_IFREG | 0644 };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };
	struct batch *batch;
	char text[64], name[32];

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	CHECK_EQ(tree_make(box.c, &rq, ROOT_INO, name, &make, &i), 0);
	CHECK_EQ(catalog_begin(box.c, false, &batch), 0);
	CHECK_EQ(inode_get_in(batch, i.ino, &i), 0);
	i.size = (uint64_t)text_of(i.ino, text);
	batch_note(batch, i.ino, EVENT_CONTENT);
	CHECK_EQ(queue_add(batch, &i, EVENT_CONTENT), 0);
	inode_put(batch, &i);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	index_file_closed(x, i.ino);
}

static void write_files(unsigned n)
{
	while (n-- > 0)
		write_file(files++);
	CHECK_EQ(index_wait(x, 60000), 0);
}

static void seal(void)
{
	write_files(FILES);
	steps_arm();
	(void) index_stop(x);
}

static uint64_t segments(void)
{
	struct index_stats stats;

	index_get_stats(x, &stats);
	return stats.segments;
}

/* The sealer does it by itself. */
static void merge(void)
{
	uint64_t before = segments();

	steps_arm();
	while (segments() >= before)
		(void) usleep(1000);
	(void) index_stop(x);
}

/* False: it got through without coming to that step. */
static bool is_killed_at(unsigned number, void (*work)(void))
{
	int status;
	pid_t child;

	steps_begin(number);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		open_all();
		work();
		_exit(check_failures != 0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
	steps_cut_power(box.temp.dirfd);
	CHECK_EQ(steps->early, 0);
	return WIFSIGNALED(status);
}

/* ---- what must be left */

/* Notes the content that each of its documents was made from. */
static void check_segment(uint64_t number, const struct segment_record *record, struct block_cache *cache,
			  struct ino_map *indexed)
{
	_cleanup_close_ int dirfd = openat(box.temp.dirfd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct segment_disk_config config = { .keys = box.keys, .dirfd = dirfd, .cache = cache,
					      .stride = vector_stride(embed_dimensions(model)),
					      .checksum = embed_checksum(model) };
	struct segment *s = NULL;

	CHECK_EQ(segment_disk_open(&config, number, record, &s), 0);
	for (uint32_t d = 0; s && d < s->n_docs; d++) {
		const struct ino_entry *e = ino_map_find(indexed, s->docs[d].ino);

		if (!e || e->number < s->docs[d].lsn)
			CHECK_EQ(ino_map_set(indexed, s->docs[d].ino, NULL, (uint32_t)s->docs[d].lsn), 0);
	}
	small += s && s->n_docs <= 64;
	segment_release(s);
}

static void check_segments(struct ino_map *indexed)
{
	struct block_cache *cache;
	const void *key, *value;
	size_t key_len, len;
	struct cursor *cur;

	small = 0;
	CHECK_EQ(block_cache_new(1 << 20, &cache), 0);
	CHECK_EQ(cursor_open(box.c, "M", 1, &cur), 0);
	while (cursor_next(cur, &key, &key_len, &value, &len) > 0) {
		struct segment_record record;

		CHECK_EQ(segment_record_decode(value, len, &record), 0);
		check_segment(load_be64((const uint8_t *)key + 1), &record, cache, indexed);
	}
	cursor_close(cur);
	block_cache_free(cache);
}

static bool is_kept(unsigned n, const struct ino_map *indexed)
{
	const struct ino_entry *e;
	struct queue_entry entry;
	char name[32];
	struct inode i;

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	CHECK_EQ(tree_lookup(box.c, ROOT_INO, name, &i), 0);
	e = ino_map_find(indexed, i.ino);
	return queue_get(box.c, i.ino, &entry) == 0 || (e && e->number == i.content_lsn);
}

static void check_promises(void)
{
	struct ino_map indexed = { 0 };
	unsigned lost = 0;

	CHECK_EQ(box_open(&box), 0);
	check_segments(&indexed);
	for (unsigned n = 0; n < files; n++)
		lost += !is_kept(n, &indexed);
	CHECK_EQ(lost, 0);
	ino_map_done(&indexed);
	box_close(&box);
}

/* ---- and what the next mount makes of it */

static bool is_found(unsigned n)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	char name[32], question[64];
	struct answer answer = { 0 };
	_cleanup_free_ char *why = NULL;
	struct query q;
	struct inode i;
	bool found;

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	CHECK_EQ(tree_lookup(box.c, ROOT_INO, name, &i), 0);
	(void) snprintf(question, sizeof(question), "q=word%llu&mode=text&format=paths", (unsigned long long)i.ino);
	CHECK_EQ(query_parse_name(question, &q, &why), 0);
	CHECK_EQ(index_query(x, &q, &scope, &answer, &why), 0);
	found = answer.bytes.len == strlen(name) + 1 && memcmp(answer.bytes.data, name, strlen(name)) == 0;
	answer_done(&answer);
	query_done(&q);
	return found;
}

static int count_entry(void *context, const struct queue_entry *e)
{
	++*(unsigned *)context;
	return 0;
}

static void check_all(void)
{
	unsigned missing = 0, queued = 0;

	open_all();
	CHECK_EQ(index_wait(x, 60000), 0);
	for (unsigned n = 0; n < files; n++)
		missing += !is_found(n);
	CHECK_EQ(missing, 0);
	CHECK(index_verify(x, problem_fails, NULL) >= 0);
	CHECK_EQ(index_stop(x), 0);
	CHECK_EQ(queue_foreach(box.c, count_entry, &queued), 0);
	CHECK_EQ(queued, 0);
	close_all();
}

static void make_segment(void)
{
	open_all();
	write_files(FEW);
	close_all();
	small++;
}

int main(void)
{
	_cleanup_free_ char *why = NULL;
	unsigned seals = 1, merges = 1;

	steps_share();
	CHECK_EQ(embed_find(&model_dir), 0);
	CHECK_EQ(embed_open(model_dir, &model, &why), 0);
	box_make(&box);
	for (bool killed = true; killed && !check_failures && seals < STEPS_MAX; seals++) {
		killed = is_killed_at(seals, seal);
		files += FILES;
		check_promises();
	}
	CHECK(check_failures || seals > 5);
	for (bool killed = true; killed && !check_failures && merges < STEPS_MAX; merges++) {
		while (small < SMALL)
			make_segment();
		killed = is_killed_at(merges, merge);
		check_promises();
	}
	CHECK(check_failures || merges > 10);
	if (!check_failures)
		check_all();
	box_free(&box);
	(void) embed_close(model);
	free(model_dir);
	return check_result();
}
