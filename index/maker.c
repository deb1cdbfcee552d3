/* SPDX-License-Identifier: MIT */
#include "index/maker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/priority.h"
#include "catalog/pack_record.h"
#include "index/findings.h"
#include "index/rules.h"
#include "index/stored.h"

#define HURRIED_MS 1000u
#define CPU_SECONDS 5u
#define CPU_SECONDS_SLOW 60u
/* Beginnings of larger files are read first, to tell their kinds. */
#define LARGE (4 * EXTRACT_KIND_BYTES)
#define NAMES_MAX 16u

/* ---- names */

/* Collects the names of all links, and the path of the first. -ENOENT: it has none. */
static int collect_names(struct maker *m, uint64_t ino, uint32_t nlink)
{
	struct catalog *c = m->x->config.catalog;

	buf_reset(&m->names);
	buf_reset(&m->path);
	for (unsigned i = 0; i < MIN(nlink, NAMES_MAX); i++) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		const char *text, *slash;
		int r = tree_path(c, ino, ROOT_INO, i, &path);

		if (r == -ENOENT && i > 0)
			break;
		text = r < 0 ? NULL : buf_cstr(&path);
		if (!text)
			return r < 0 ? r : -ENOMEM;
		slash = strrchr(text, '/');
		slash = slash ? slash + 1 : text;
		r = buf_add(&m->names, slash, strlen(slash) + 1);
		if (r >= 0 && i == 0)
			r = buf_add(&m->path, text, path.len);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- priority: low while nobody waits. Our own only while words and vectors are made and no locks are held */

/* Who has just asked may ask again. */
static void pace_extractor(struct index *x)
{
	LOCKED(&x->table_lock);

	extractor_pace(x->extractor, x->waiting == 0 && clock_mono_ms() - x->hurried_ms > HURRIED_MS);
}

static bool lower_priority(struct index *x)
{
	LOCKED(&x->table_lock);

	if (!x->may_lower_priority || x->waiting > 0)
		return false;
	priority_lower(0);
	return true;
}

/* ---- one document */

static int read_bytes(struct index *x, const struct inode *i, uint64_t max, struct buf *ret_bytes)
{
	uint64_t want = MIN(i->size, max);
	uint8_t *place;
	int r = buf_extend(ret_bytes, want, &place);

	ret_bytes->len = 0;
	while (r >= 0 && ret_bytes->len < want) {
		ssize_t n = x->config.read_file(x->config.context, i->ino, ret_bytes->len, place + ret_bytes->len,
						want - ret_bytes->len);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		ret_bytes->len += (size_t)n;
	}
	return r;
}

/* Less than a whole piece only at the end of the file. */
static ssize_t read_piece(struct index *x, const struct inode *i, uint64_t at, uint8_t *ret_piece)
{
	size_t want = (size_t)MIN(i->size - at, (uint64_t)CONTENT_PIECE), got = 0;

	while (got < want) {
		ssize_t n = x->config.read_file(x->config.context, i->ino, at + got, ret_piece + got, want - got);

		if (n <= 0)
			return n;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static void set_status(struct document *d, enum extract_status status, const char *why)
{
	d->status = status;
	memccpy(d->why, why, 0, sizeof(d->why) - 1);
}

/* The whole of a file that is read for nothing else, unless that costs something. What cannot be read has no hash. */
static int hash_large(struct maker *m, const struct inode *i)
{
	_cleanup_free_ uint8_t *piece = malloc(CONTENT_PIECE);
	struct content_hash hash;
	ssize_t n = 1;

	if (!piece)
		return -ENOMEM;
	if (i->size > m->x->rules->max_file || strcmp(inode_tier(m->x->config.catalog, i), "cold") == 0)
		return 0;
	content_hash_begin(&hash, m->x->config.keys);
	for (uint64_t at = 0; at < i->size && n > 0; at += (uint64_t)n) {
		n = read_piece(m->x, i, at, piece);
		if (n > 0)
			content_hash_add(&hash, piece, (size_t)n);
	}
	if (n > 0)
		m->content = content_hash_end(&hash);
	return n == -ENOMEM ? -ENOMEM : 0;
}

/* Most large files are of no kind that has text, and their beginning tells: it saves reading them whole. What
 * goes wrong here is left to the whole file to say. */
static bool is_skipped_at_sight(struct maker *m, const struct inode *i, struct document *ret_d)
{
	_cleanup_(document_done) struct document kind = { 0 };
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct index *x = m->x;

	if (i->size < LARGE || read_bytes(x, i, EXTRACT_KIND_BYTES, &bytes) < 0 ||
	    extractor_kind(x->extractor, (const char *)m->names.data, bytes.data, bytes.len, &kind) < 0 ||
	    kind.status != EXTRACT_SKIPPED)
		return false;
	*ret_d = kind;
	kind = (struct document){ 0 };
	return true;
}

static void hash_bytes_read(struct maker *m, const struct inode *i, const struct buf *bytes)
{
	struct content_hash hash;

	if (bytes->len != i->size)
		return;
	content_hash_begin(&hash, m->x->config.keys);
	content_hash_add(&hash, bytes->data, bytes->len);
	m->content = content_hash_end(&hash);
}

static int extract(struct maker *m, const struct inode *i, const struct making *how, struct document *d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct index *x = m->x;
	int r;

	pace_extractor(x);
	if (is_skipped_at_sight(m, i, d))
		return hash_large(m, i);
	r = read_bytes(x, i, x->rules->max_file, &bytes);
	if (r == -EIO || r == -EBADMSG) {
		set_status(d, EXTRACT_FAILED, "unreadable");
		return 0;
	}
	if (r < 0)
		return r;
	hash_bytes_read(m, i, &bytes);
	r = extractor_run(x->extractor, (const char *)m->names.data, bytes.data, bytes.len,
			  how->slow ? CPU_SECONDS_SLOW : CPU_SECONDS, d);
	if (r < 0 && how->tries + 1 < MAKER_TRIES)
		return r;
	if (r < 0)
		set_status(d, EXTRACT_FAILED, "extractor");
	if (i->size > x->rules->max_file && d->status == EXTRACT_INDEXED)
		set_status(d, EXTRACT_PARTIAL, "size");
	return 0;
}

static enum document_state state_of(const struct document *d)
{
	switch (d->status) {
	case EXTRACT_INDEXED:
		return STATE_INDEXED;
	case EXTRACT_PARTIAL:
		return STATE_PARTIAL;
	case EXTRACT_SKIPPED:
		return STATE_SKIPPED;
	case EXTRACT_SLOW:
		return STATE_DEFERRED;
	case EXTRACT_FAILED:
		break;
	}
	return STATE_FAILED;
}

static int prepare_document(struct maker *m, const struct document *d, bool hidden)
{
	struct prepare_input in = {
		.document = d, .state = state_of(d), .why = d->status == EXTRACT_SLOW ? "slow" : d->why,
		.names = (const char *)m->names.data, .names_len = m->names.len, .hidden = hidden,
		.seconds = clock_real_ns() / 1000000000u, .content = m->content,
	};
	bool lowered = lower_priority(m->x);
	int r = prepare(m->preparer, &in, &m->prepared);

	if (lowered)
		priority_raise(0);
	return r;
}

/* ---- a file that only has another name keeps its text */

static const char *ending_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

/* Appends the stored record of the file's living document if it was made from this content. */
static int find_stored(struct index *x, const struct inode *i, struct buf *ret_record, struct fingerprint *ret_print,
		       uint8_t *ret_state, uint8_t *ret_language)
{
	const struct segment_doc *d;
	struct ino_entry *e, found;
	int r;

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, i->ino);
	found = e ? *e : (struct ino_entry){ 0 };
	(void) pthread_mutex_unlock(&x->table_lock);
	d = found.value ? &((struct segment *)found.value)->docs[found.number] : NULL;
	r = d && d->lsn == i->content_lsn ? 0 : -ENOENT;
	if (r == 0) {
		*ret_state = d->state;
		*ret_language = d->language;
		r = ((struct segment *)found.value)->ops->stored(found.value, found.number, ret_record);
		if (r >= 0)
			r = ((struct segment *)found.value)->ops->fingerprint(found.value, found.number, ret_print);
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return r;
}

static int copy_mark(void *context, const struct document_mark *mark)
{
	struct document *d = context;

	d->marks[d->n_marks++] = *mark;
	return 0;
}

static int document_again(const struct stored *s, uint8_t state, uint8_t language, struct document *ret_d)
{
	static const enum extract_status statuses[] = {
		[STATE_INDEXED] = EXTRACT_INDEXED, [STATE_PARTIAL] = EXTRACT_PARTIAL,
		[STATE_SKIPPED] = EXTRACT_SKIPPED, [STATE_FAILED] = EXTRACT_FAILED,
		[STATE_DEFERRED] = EXTRACT_SLOW,
	};

	ret_d->status = statuses[state];
	memcpy(ret_d->why, s->why, MIN(s->why_len, sizeof(ret_d->why) - 1));
	memcpy(ret_d->mime, s->mime, MIN(s->mime_len, sizeof(ret_d->mime) - 1));
	memcpy(ret_d->title, s->title, MIN(s->title_len, sizeof(ret_d->title) - 1));
	memccpy(ret_d->lang, language_code(language), 0, sizeof(ret_d->lang) - 1);
	ret_d->marks = calloc(s->n_marks + 1, sizeof(*ret_d->marks));
	if (!ret_d->marks)
		return -ENOMEM;
	(void) stored_foreach_mark(s, copy_mark, ret_d);
	return stored_text(s, &ret_d->text);
}

/* 1: *ret_d is the document as it was. 2: nothing has changed at all. 0: it must be extracted. */
static int try_stored(struct maker *m, const struct inode *i, bool excluded, struct document *ret_d)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct fingerprint print;
	uint8_t state, language;
	struct stored s;
	const char *old;

	if (find_stored(m->x, i, &record, &print, &state, &language) < 0 ||
	    stored_decode(record.data, record.len, &s) < 0 || state < STATE_INDEXED || state > STATE_DEFERRED)
		return 0;
	old = s.names_len ? s.names : "";
	if (excluded != (s.why_len == 8 && memcmp(s.why, "excluded", 8) == 0) ||
	    strcmp(ending_of(old), ending_of((const char *)m->names.data)) != 0)
		return 0;
	if (s.names_len == m->names.len && memcmp(s.names, m->names.data, m->names.len) == 0)
		return 2;
	m->content = print.content;
	return document_again(&s, state, language, ret_d) < 0 ? 0 : 1;
}

/* ---- all of it */

int maker_make(struct maker *m, const struct inode *i, const struct making *how)
{
	struct document d = { 0 };
	bool excluded;
	int r = collect_names(m, i->ino, i->nlink), known;

	if (r < 0)
		return r;
	m->content = (struct id128){ 0 };
	excluded = rules_exclude(m->x->rules, (const char *)m->path.data, m->path.len);
	r = known = how->again || how->slow ? 0 : try_stored(m, i, excluded, &d);
	if (known == 2) {
		document_done(&d);
		return 0;
	}
	if (!known && excluded)
		set_status(&d, EXTRACT_SKIPPED, "excluded");
	else if (!known)
		r = extract(m, i, how, &d);
	if (r >= 0 && !known)
		r = findings_keep(m->x->config.catalog, i, &d);
	if (r >= 0)
		r = prepare_document(m, &d, excluded);
	document_done(&d);
	return r < 0 ? r : 1;
}

int maker_init(struct maker *m, struct index *x)
{
	*m = (struct maker){ .x = x };
	return preparer_new(x->model, x->rules->languages, &m->preparer);
}

void maker_done(struct maker *m)
{
	preparer_free(m->preparer);
	prepared_done(&m->prepared);
	buf_done(&m->names);
	buf_done(&m->path);
}
