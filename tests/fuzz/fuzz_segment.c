/* SPDX-License-Identifier: MIT */
/* The plain bytes of a sealed index segment (index/segment_format.h): any bytes are refused, or read, asked and
 * merged without harm. The input is sealed as it is with a throw-away key, so that it comes in by the front door;
 * whatever model its footer names is taken for ours. Inodes 2 to 9 are files with content LSNs that documents can
 * name, so that queries have hits to show. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "index/codes.h"
#include "index/index_impl.h"
#include "index/segment_format.h"
#include "index/stored.h"
#include "index/vectors/vectors.h"
#include "tests/fakes/mem_catalog.h"
#include "tests/unit/temp_folder.h"

#define NUMBER 1u /* of the segment, and of what is merged from it */
#define MERGED 2u
#define FILES  8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct temp_folder temp;
static struct index *x;

/* ---- an index without threads, once */

static void make_file(struct catalog *c, unsigned n)
{
	struct tree_make make = { .mode = S_IFREG | 0644 };
	struct tree_request rq = { 0 };
	struct batch *batch;
	struct inode i;
	char name[16];

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	assert(tree_make(c, &rq, ROOT_INO, name, &make, &i) == 0);
	assert(catalog_begin(c, false, &batch) == 0);
	assert(inode_get_in(batch, i.ino, &i) == 0);
	i.content_lsn = 100 + n;
	inode_put(batch, &i);
	assert(batch_commit(batch, NULL) == 0);
}

static void finish(void)
{
	struct catalog *c = x->config.catalog;

	x = index_close(x);
	(void) catalog_close(c);
	temp_folder_remove(&temp);
}

static void begin(void)
{
	struct index_config config = { .catalog = mem_catalog_new(), .extract_path = "none" };
	char *model = NULL, *why = NULL;

	temp_folder_make(&temp);
	assert(tree_make_root(config.catalog, 0, 0, 0755) == 0);
	for (unsigned n = 0; n < FILES; n++)
		make_file(config.catalog, n);
	assert(embed_find(&model) == 0);
	config.keys = catalog_keys(config.catalog);
	config.volume_dirfd = temp.dirfd;
	config.model_dir = model;
	assert(index_open(&config, &x, &why) == 0);
	free(model);
	(void) atexit(finish);
}

/* ---- opening */

static struct segment_disk_config config_for(const uint8_t *data, size_t len, char ret_checksum[CHECKSUM_SIZE + 1])
{
	struct segment_disk_config config = { .keys = x->config.keys, .dirfd = x->dirfd, .cache = x->cache,
					      .stride = x->stride, .checksum = ret_checksum };
	bool old = len < FOOTER_SIZE || memcmp(data + len - FOOTER_SIZE, FOOTER_MAGIC, 8) != 0;
	size_t size = FOOTER_SIZE_OF(old ? SECTIONS_OF_VERSION_2 : SECTIONS);

	ret_checksum[0] = ret_checksum[CHECKSUM_SIZE] = '\0';
	if (len < size)
		return config;
	memcpy(ret_checksum, data + len - CHECKSUM_SIZE, CHECKSUM_SIZE);
	if (load_le32(data + len - size + 8 + 4 * 4) == vector_stride(1))
		config.stride = vector_stride(1);
	return config;
}

static int seal_and_open(const struct segment_disk_config *config, const uint8_t *data, size_t len,
			 struct segment **ret_s)
{
	struct segment_record record;
	struct segment_sink *sink;

	assert(segment_sink_new(x->config.keys, x->dirfd, NUMBER, &sink) == 0);
	assert(segment_sink_write(sink, data, len) == 0);
	assert(segment_sink_finish(sink, &record) == 0);
	segment_sink_free(sink);
	return segment_disk_open(config, NUMBER, &record, ret_s);
}

/* ---- reading */

static void check_postings(const struct segment *s, const struct postings *p)
{
	for (size_t i = 0; i < p->n; i++)
		assert(p->items[i].doc < s->n_docs && p->items[i].count > 0);
}

/* A term that a walk gives may also be asked for; only a dictionary out of order says otherwise. */
static void check_term(struct segment *s, const void *term, size_t len)
{
	struct postings p = { 0 };
	uint32_t n;

	if (s->ops->postings(s, term, len, &p) >= 0)
		check_postings(s, &p);
	(void) s->ops->frequency(s, term, len, &n);
	postings_done(&p);
}

static void check_terms(struct segment *s)
{
	struct postings p = { 0 };
	struct term_walk *w;
	const void *term;
	size_t len;

	assert(s->ops->walk(s, &w) == 0);
	while (s->ops->walk_next(w, &term, &len, &p) > 0) {
		assert(len <= TERM_MAX);
		check_postings(s, &p);
		check_term(s, term, len);
		p.n = 0;
	}
	s->ops->walk_free(w);
	postings_done(&p);
	check_term(s, "", 0);
	check_term(s, "orchard", 7);
}

static void check_stored(struct segment *s, uint32_t doc)
{
	_cleanup_buf_ struct buf record = BUF_INIT, text = BUF_INIT;
	struct stored d;
	uint32_t number;
	char kind;

	if (s->ops->stored(s, doc, &record) < 0 || stored_decode(record.data, record.len, &d) < 0)
		return;
	(void) stored_mark(&d, UINT64_MAX, &kind, &number);
	assert(stored_passage(&d, 1) <= d.text_len);
	if (stored_text(&d, &text) == 0)
		assert(text.len == d.text_len);
}

static void check_fingerprint(struct segment *s, uint32_t doc)
{
	struct fingerprint f;

	if (s->ops->fingerprint(s, doc, &f) >= 0)
		assert(sketch_resemblance(f.sketch, f.sketch) >= 1);
}

static void check_document(struct segment *s, uint32_t doc)
{
	check_stored(s, doc);
	check_fingerprint(s, doc);
}

static void check_vectors(struct segment *s)
{
	struct vector_reader reader = { .first = 0 };
	const int16_t *v;
	int64_t sum = 0;

	for (uint32_t i = 0; i < s->n_vectors && segment_vector(s, &reader, i, &v) >= 0; i++)
		for (size_t e = 0; e < s->stride; e++)
			sum += v[e]; /* every element must be there */
	vector_reader_done(&reader);
	assert(segment_vector(s, &reader, s->n_vectors, &v) == -EBADMSG && sum < INT64_MAX);
}

static void check_codes(struct segment *s)
{
	_cleanup_free_ int16_t *query = calloc(s->stride, sizeof(*query));
	struct code_scan *scan;
	const float *cosines, *errors;

	query[1] = 32767;
	assert(code_scan_new(s->codes, query, &scan) == 0);
	for (uint32_t l = 0; l < s->codes->n_lists; l++) {
		const struct code_list *list = &s->codes->lists[l];

		code_scan_list(scan, l);
		for (uint32_t v = 0; v < list->n_vectors;)
			v += code_scan_run(scan, list->first_vector + v, &cosines, &errors);
	}
	code_scan_free(scan);
}

/* ---- merging: what becomes of segments that opened is one that opens */

static void check_merge(const struct segment_disk_config *config, struct segment *s, uint32_t flat)
{
	struct segment_write how = { .dimensions = (unsigned)s->stride, .checksum = config->checksum, .flat = flat };
	struct segment_part parts[2] = { { .segment = s }, { .segment = s } };
	struct segment_record record;
	struct segment *merged;
	struct segment_sink *sink;
	int64_t n;

	assert(segment_sink_new(x->config.keys, x->dirfd, MERGED, &sink) == 0);
	n = segment_write(sink, &how, parts, 2);
	if (n > 0) {
		assert(segment_sink_finish(sink, &record) == 0);
		assert(segment_disk_open(config, MERGED, &record, &merged) == 0);
		assert(merged->n_docs == n && n == 2 * (int64_t)(s->n_docs - s->n_dead));
		segment_release(merged);
	}
	segment_sink_free(sink);
	segment_part_done(&parts[0]);
	segment_part_done(&parts[1]);
}

/* ---- asking */

/* As a mount does with a segment that it loads. */
static void place(struct segment *s)
{
	s->slot = x->n_segments;
	x->segments[x->n_segments++] = s;
	for (uint32_t d = 0; d < s->n_docs; d++) {
		struct inode i;

		if (inode_get(x->config.catalog, s->docs[d].ino, &i) < 0 || i.content_lsn != s->docs[d].lsn)
			segment_kill(s, d);
		else
			assert(index_place_document(x, s, d) == 0);
	}
}

static void take_out(void)
{
	x->n_segments--;
	ino_map_done(&x->places);
	work_done(&x->work);
	x->places = (struct ino_map){ 0 };
	x->work = (struct work_set){ 0 };
}

static void ask(const char *name)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	_cleanup_free_ char *why = NULL;
	struct answer answer = { 0 };
	struct query q;

	assert(query_parse(name, &q, &why) == 0);
	(void) index_query(x, &q, &scope, &answer, &why);
	answer_done(&answer);
	query_done(&q);
}

static void ask_everything(void)
{
	static const char *const attributes[] = { "state", "mime", "title", "lang", "passages", "model", "indexed-at" };

	ask("duplicates?kind=all");
	ask("find?q=apple+orchard&mode=text");
	ask("find?q=apple+orchard&mode=vector&limit=2");
	ask("find?q=apple+the+orchard&format=json");
	ask("find?q=%22apple+orchard%22&format=md");
	ask("find?q=type:text&sort=name&format=jsonl");
	for (uint64_t ino = 2; ino < 2 + FILES; ino++)
		for (size_t a = 0; a < ARRAY_SIZE(attributes); a++) {
			_cleanup_buf_ struct buf value = BUF_INIT;

			(void) index_get_attribute(x, ino, attributes[a], &value);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char checksum[CHECKSUM_SIZE + 1];
	struct segment_disk_config config;
	struct segment *s = NULL;

	if (!x)
		begin();
	config = config_for(data, len, checksum);
	if (seal_and_open(&config, data, len, &s) < 0)
		return 0;
	check_terms(s);
	for (uint32_t d = 0; d < s->n_docs; d++)
		check_document(s, d);
	check_vectors(s);
	check_codes(s);
	check_merge(&config, s, 0);
	check_merge(&config, s, 1);
	if (s->stride == x->stride) {
		place(s);
		ask_everything();
		take_out();
	}
	segment_release(s);
	return 0;
}
