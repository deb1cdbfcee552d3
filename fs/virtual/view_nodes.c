/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "fs/virtual/view_find.h"

/* Sets of tags that this server was asked for, the latest ones. */
#define TABLE_SLOTS 1024u

struct slot {
	uint64_t number; /* class and hash; 0: empty */
	struct view_term terms[VIEW_TERMS_MAX];
	unsigned n;
	char *words;     /* owned */
};

struct view_table {
	pthread_mutex_t lock;             /* rank 60; guards all below */
	struct slot *slots[TABLE_SLOTS];  /* owned */
};

int view_table_new(struct view_table **ret_t)
{
	struct view_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	(void) pthread_mutex_init(&t->lock, NULL);
	*ret_t = t;
	return 0;
}

struct view_table *view_table_free(struct view_table *t)
{
	if (!t)
		return NULL;
	for (size_t k = 0; k < TABLE_SLOTS; k++) {
		if (t->slots[k])
			free(t->slots[k]->words);
		free(t->slots[k]);
	}
	(void) pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

/* ---- lookers */

int looker_begin_as(struct fs *fs, struct caller *caller, struct looker *ret_l)
{
	struct looker l = { .fs = fs, .caller = *caller };
	int r = 0;

	if (!l.caller.all)
		r = fs->config.index ? viewers_get(index_viewers(fs->config.index), caller_identity(&l.caller), &l.viewer)
				     : -EACCES;
	if (r < 0) {
		caller_done(&l.caller);
		return r;
	}
	*ret_l = l;
	return 0;
}

int looker_begin(fuse_req_t req, struct looker *ret_l)
{
	struct caller caller;
	int r = caller_of(req, &caller);

	return r < 0 ? r : looker_begin_as(fuse_req_userdata(req), &caller, ret_l);
}

void looker_done(struct looker *l)
{
	l->viewer = viewer_put(l->viewer);
	caller_done(&l->caller);
}

int looker_sees(struct looker *l, uint64_t ino)
{
	return l->viewer ? viewer_sees(l->viewer, ino) : 1;
}

/* ---- numbers */

bool view_is(uint64_t ino)
{
	return ino & INO_VIRTUAL && virtual_kind_of(ino) == VIRTUAL_VIEW;
}

static uint64_t number_of_terms(const struct view *v)
{
	uint64_t hash = 0;

	for (unsigned k = 0; k < v->n_terms; k++)
		hash = hash_mix64(hash ^ (v->terms[k].id << 1 | v->terms[k].negate));
	hash &= VIEW_PAYLOAD_MASK;
	return hash ? hash : 1;
}

/* Sets and words have numbers that do not meet. */
static uint64_t table_number(enum view_class class, uint64_t hash)
{
	return (uint64_t)class << VIEW_CLASS_SHIFT | hash;
}

/* Whoever asks for what was not remembered is sent to look it up again. */
static void remember(struct view_table *t, uint64_t number, const struct view *v, const char *words)
{
	LOCKED(&t->lock);
	struct slot **place = &t->slots[number % TABLE_SLOTS];
	char *copy = words ? strdup(words) : NULL;

	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (!*place || (words && !copy)) {
		free(copy);
		return;
	}
	free((*place)->words);
	**place = (struct slot){ .number = number, .n = v->n_terms, .words = copy };
	memcpy((*place)->terms, v->terms, sizeof(v->terms));
}

static int recall(struct view_table *t, uint64_t number, struct view *v)
{
	LOCKED(&t->lock);
	const struct slot *s = t->slots[number % TABLE_SLOTS];

	if (!s || s->number != number)
		return -ESTALE;
	v->n_terms = s->n;
	memcpy(v->terms, s->terms, sizeof(v->terms));
	v->depth = 1;
	return 0;
}

struct view view_of_words(struct fs *fs, const char *words)
{
	struct view v = { .class = VIEW_RESULTS, .depth = 1,
			  .id = hash_bytes(words, strlen(words), 0) & VIEW_PAYLOAD_MASK };

	remember(fs->virtual->views, table_number(VIEW_RESULTS, v.id), &v, words);
	return v;
}

int view_words(struct fs *fs, const struct view *v, struct buf *ret_words)
{
	struct view_table *t = fs->virtual->views;
	uint64_t number = table_number(VIEW_RESULTS, v->id);
	LOCKED(&t->lock);
	const struct slot *s = t->slots[number % TABLE_SLOTS];

	return s && s->number == number && s->words ? buf_add_str(ret_words, s->words) : -ESTALE;
}

uint64_t view_ino(struct fs *fs, const struct view *v)
{
	uint64_t payload = v->id;

	if (v->class == VIEW_TAG || v->class == VIEW_SAVED || v->class == VIEW_CONTROL)
		payload |= (uint64_t)v->depth << VIEW_DEPTH_SHIFT;
	if (v->class == VIEW_DATE)
		payload = (uint64_t)v->year << 9 | (uint64_t)v->month << 5 | (uint64_t)v->day;
	if (v->class == VIEW_TAG_SET) {
		payload = number_of_terms(v);
		remember(fs->virtual->views, table_number(v->class, payload), v, NULL);
	}
	return virtual_ino(VIRTUAL_VIEW, (uint64_t)v->class << VIEW_CLASS_SHIFT | payload);
}

int view_of(struct fs *fs, uint64_t ino, struct view *ret_v)
{
	uint64_t number = virtual_number_of(ino), payload = number & VIEW_PAYLOAD_MASK;
	struct view v = { .class = (enum view_class)(number >> VIEW_CLASS_SHIFT) };
	int r = 0;

	switch (v.class) {
	case VIEW_TAGS:
	case VIEW_DATES:
	case VIEW_BY:
	case VIEW_FIND:
		break;
	case VIEW_SAVED_ROOT:
		v.depth = 1;
		break;
	case VIEW_TAG:
	case VIEW_SAVED:
	case VIEW_CONTROL:
		v.depth = (unsigned)(payload >> VIEW_DEPTH_SHIFT);
		v.id = payload & ((1ull << VIEW_DEPTH_SHIFT) - 1);
		if (v.class == VIEW_TAG)
			v.terms[v.n_terms++] = (struct view_term){ .id = v.id };
		break;
	case VIEW_TAG_SET:
		r = recall(fs->virtual->views, table_number(v.class, payload), &v);
		break;
	case VIEW_RESULTS:
		v.id = payload;
		v.depth = 1;
		break;
	case VIEW_DATE:
		v.year = (int)(payload >> 9);
		v.month = (int)(payload >> 5 & 15);
		v.day = (int)(payload & 31);
		break;
	case VIEW_FIELD:
	case VIEW_VALUE:
		v.id = payload;
		v.depth = v.class == VIEW_FIELD ? 1 : 2;
		break;
	default:
		r = -ESTALE;
	}
	if (r == 0)
		*ret_v = v;
	return r;
}

/* ---- attributes */

static uint64_t count_files(struct looker *l, const struct view *v)
{
	struct label label = { 0 };
	uint64_t files = 0;

	if (l->viewer || (v->class != VIEW_TAG && v->class != VIEW_VALUE))
		return 0;
	if (v->class == VIEW_TAG)
		(void) tag_count_files(l->fs->config.catalog, v->id, &files);
	else if (label_get(l->fs->config.catalog, v->id, &label) == 0)
		files = label.files;
	label_done(&label);
	return files;
}

/* A file manager that looks whether a folder has changed sees that it may have. */
static struct timespec changed(struct fs *fs)
{
	uint64_t lsn = catalog_last_lsn(fs->config.catalog);
	struct timespec t = fs->virtual->born;

	t.tv_sec += (time_t)(lsn / 1000000);
	t.tv_nsec = (long)(lsn % 1000000) * 1000;
	return t;
}

/* The size of a tag is how many files it has, for who may know. */
void view_stat(struct looker *l, const struct view *v, struct stat *ret_st)
{
	bool tags = v->class == VIEW_TAGS || v->class == VIEW_TAG || v->class == VIEW_TAG_SET ||
		    v->class == VIEW_SAVED_ROOT || v->class == VIEW_SAVED;
	struct timespec t = changed(l->fs);

	*ret_st = (struct stat){
		.st_ino = view_ino(l->fs, v),
		.st_mode = S_IFDIR | (tags ? 0777 : 0555),
		.st_nlink = 2,
		.st_uid = l->fs->config.owner_uid,
		.st_gid = l->fs->virtual->gid,
		.st_size = (off_t)count_files(l, v),
		.st_blksize = 4096,
		.st_atim = t,
		.st_mtim = t,
		.st_ctim = l->fs->virtual->born, /* tar(1) looks at it to see whether what it reads is the same */
	};
	if (v->class == VIEW_CONTROL)
		(void) view_control_stat(l->fs, v, ret_st);
}

/* ---- names */

static bool is_plain(unsigned char ch, const char *special)
{
	return ch >= ' ' && ch != 0x7f && ch != '%' && ch != '/' && !(*special && strchr(special, ch));
}

int view_encode(const char *text, size_t len, const char *special, struct buf *ret_name)
{
	bool dots = len > 0 && len <= 2 && memcmp(text, "..", len) == 0;
	int r = 0;

	for (size_t k = 0; k < len && r >= 0; k++) {
		unsigned char ch = (unsigned char)text[k];

		if (is_plain(ch, special) && !dots && !(k == 0 && ch == '-'))
			r = buf_add_u8(ret_name, ch);
		else
			r = buf_addf(ret_name, "%%%02X", ch);
	}
	return r;
}

static int hex(char ch)
{
	return ch >= '0' && ch <= '9' ? ch - '0' : isxdigit((unsigned char)ch) ? (ch | 32) - 'a' + 10 : -1;
}

/* An invalid `%` stands for itself. */
int view_decode(const char *name, size_t len, struct buf *ret_text)
{
	int r = 0;

	for (size_t k = 0; k < len && r >= 0; k++) {
		int high = name[k] == '%' && k + 2 < len ? hex(name[k + 1]) : -1;
		int low = high >= 0 ? hex(name[k + 2]) : -1;

		if (low >= 0)
			k += 2;
		r = buf_add_u8(ret_text, low >= 0 ? (uint8_t)(high << 4 | low) : (uint8_t)name[k]);
	}
	return r;
}
