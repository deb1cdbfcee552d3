/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

/* Views that this server was asked for, the latest ones. */
#define TABLE_SETS 1024u
#define TABLE_WAYS 4u
/* Folders in which somebody removes files, and for how long that is so. */
#define REMOVALS 16u
#define REMOVAL_MS 60000u

struct slot {
	uint64_t number; /* class and hash */
	struct view v;
	char *text;      /* owned */
};

struct view_table {
	pthread_mutex_t lock;                        /* rank 60; guards all below */
	struct slot *slots[TABLE_SETS][TABLE_WAYS];  /* owned; of each set, the one used last is first */
	struct {
		uint64_t dir, at_ms;
	} removals[REMOVALS];
	unsigned next_removal;
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

static void slot_free(struct slot *s)
{
	if (s)
		free(s->text);
	free(s);
}

struct view_table *view_table_free(struct view_table *t)
{
	if (!t)
		return NULL;
	for (size_t k = 0; k < TABLE_SETS * TABLE_WAYS; k++)
		slot_free(t->slots[k / TABLE_WAYS][k % TABLE_WAYS]);
	(void) pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

/* ---- numbers */

bool view_is(uint64_t ino)
{
	return ino & INO_VIRTUAL && virtual_kind_of(ino) == VIRTUAL_VIEW;
}

static uint64_t number_of(const struct view *v)
{
	return (uint64_t)v->class << VIEW_CLASS_SHIFT | v->id;
}

/* All that makes it another view than others of its class. */
static uint64_t hash_of(const struct view *v, const char *text)
{
	uint64_t hash = hash_bytes(text ? text : "", text ? strlen(text) : 0, v->depth);

	for (unsigned k = 0; k < v->n_terms; k++)
		hash = hash_mix64(hash ^ (v->terms[k].id << 1 | v->terms[k].negate));
	hash = hash_mix64(hash ^ v->file) & VIEW_PAYLOAD_MASK;
	return view_kind_of(v)->path ? hash | (uint64_t)VIEW_DEPTH_ELSEWHERE << VIEW_DEPTH_SHIFT : hash;
}

/* Call with the table's lock. Brings it to the front of its set. NULL: it is not there. */
static struct slot *find_slot(struct view_table *t, uint64_t number)
{
	struct slot **set = t->slots[number % TABLE_SETS];

	for (unsigned k = 0; k < TABLE_WAYS && set[k]; k++) {
		struct slot *s = set[k];

		if (s->number != number)
			continue;
		memmove(set + 1, set, k * sizeof(*set));
		return set[0] = s;
	}
	return NULL;
}

/* Whoever asks for what was not remembered is sent to look it up again. */
void view_remember(struct fs *fs, struct view *v, const char *text)
{
	struct view_table *t = fs->virtual->views;
	LOCKED(&t->lock);
	struct slot *s, **set;

	v->id = hash_of(v, text);
	set = t->slots[number_of(v) % TABLE_SETS];
	if (find_slot(t, number_of(v)))
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	*s = (struct slot){ number_of(v), *v, text ? strdup(text) : NULL };
	if (text && !s->text) {
		free(s);
		return;
	}
	slot_free(set[TABLE_WAYS - 1]);
	memmove(set + 1, set, (TABLE_WAYS - 1) * sizeof(*set));
	set[0] = s;
}

void view_place(struct fs *fs, struct view *v)
{
	if (v->depth >= VIEW_DEPTH_ELSEWHERE || v->file >> VIEW_DEPTH_SHIFT)
		view_remember(fs, v, NULL);
	else
		v->id = (uint64_t)v->depth << VIEW_DEPTH_SHIFT | v->file;
}

static int recall(struct view_table *t, uint64_t number, struct view *ret_v)
{
	LOCKED(&t->lock);
	const struct slot *s = find_slot(t, number);

	if (s)
		*ret_v = s->v;
	return s ? 0 : -ESTALE;
}

int view_text(struct fs *fs, const struct view *v, struct buf *ret_text)
{
	struct view_table *t = fs->virtual->views;
	LOCKED(&t->lock);
	const struct slot *s = find_slot(t, number_of(v));

	return s && s->text ? buf_add_str(ret_text, s->text) : -ESTALE;
}

void view_note_removal(struct fs *fs, uint64_t dir)
{
	struct view_table *t = fs->virtual->views;
	uint64_t now_ms = clock_mono_ms();
	LOCKED(&t->lock);

	for (unsigned k = 0; k < REMOVALS; k++)
		if (t->removals[k].dir == dir) {
			t->removals[k].at_ms = now_ms;
			return;
		}
	t->removals[t->next_removal].dir = dir;
	t->removals[t->next_removal].at_ms = now_ms;
	t->next_removal = (t->next_removal + 1) % REMOVALS;
}

bool view_has_removals(struct fs *fs, uint64_t dir)
{
	struct view_table *t = fs->virtual->views;
	uint64_t now_ms = clock_mono_ms();
	LOCKED(&t->lock);

	for (unsigned k = 0; k < REMOVALS; k++)
		if (t->removals[k].dir == dir)
			return now_ms - t->removals[k].at_ms < REMOVAL_MS;
	return false;
}

uint64_t view_ino(struct fs *fs, const struct view *v)
{
	uint64_t payload = v->id;

	if (v->class == VIEW_TAG || v->class == VIEW_SAVED || v->class == VIEW_CONTROL)
		payload |= (uint64_t)v->depth << VIEW_DEPTH_SHIFT;
	if (v->class == VIEW_DATE)
		payload = (uint64_t)v->year << 9 | (uint64_t)v->month << 5 | (uint64_t)v->day;
	return virtual_ino(VIRTUAL_VIEW, (uint64_t)v->class << VIEW_CLASS_SHIFT | payload);
}

/* What a number says that was not remembered. */
static void decode(struct view *v, uint64_t payload)
{
	v->id = payload;
	v->file = ROOT_INO;
	switch (v->class) {
	case VIEW_TAG:
	case VIEW_SAVED:
	case VIEW_CONTROL:
		v->depth = (unsigned)(payload >> VIEW_DEPTH_SHIFT);
		v->id = payload & ((1ull << VIEW_DEPTH_SHIFT) - 1);
		break;
	case VIEW_DATE:
		v->year = (int)(payload >> 9);
		v->month = (int)(payload >> 5 & 15);
		v->day = (int)(payload & 31);
		break;
	case VIEW_VALUE:
		v->depth = 2;
		break;
	default:
		v->depth = !view_kind_of(v)->root;
	}
	if (view_kind_of(v)->path) {
		v->depth = (unsigned)(payload >> VIEW_DEPTH_SHIFT);
		v->file = payload & ((1ull << VIEW_DEPTH_SHIFT) - 1);
	}
	if (v->class == VIEW_TAG)
		v->terms[v->n_terms++] = (struct view_term){ .id = v->id };
}

static bool is_remembered(const struct view *v, uint64_t payload)
{
	const struct view_kind *kind = view_kind_of(v);

	return kind->remembered || (kind->path && payload >> VIEW_DEPTH_SHIFT == VIEW_DEPTH_ELSEWHERE);
}

int view_of(struct fs *fs, uint64_t ino, struct view *ret_v)
{
	uint64_t number = virtual_number_of(ino);
	struct view v = { .class = (enum view_class)(number >> VIEW_CLASS_SHIFT) };

	if (v.class >= VIEW_CLASSES)
		return -ESTALE;
	if (is_remembered(&v, number & VIEW_PAYLOAD_MASK))
		return recall(fs->virtual->views, number, ret_v);
	decode(&v, number & VIEW_PAYLOAD_MASK);
	*ret_v = v;
	return 0;
}

/* ---- attributes */

static uint64_t count_files(struct looker *l, const struct view *v)
{
	struct label label = { 0 };
	uint64_t files = 0;

	if (!l->caller.all || (v->class != VIEW_TAG && v->class != VIEW_VALUE))
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

/* Who does not see every file is not to count changes: it may have changed this second. */
static struct timespec changed_for(const struct looker *l)
{
	return l->caller.all ? changed(l->fs) : (struct timespec){ .tv_sec = time(NULL) };
}

/* The size of a tag is how many files it has, for who may know. */
void view_stat(struct looker *l, const struct view *v, struct stat *ret_st)
{
	struct timespec t = changed_for(l);

	*ret_st = (struct stat){
		.st_ino = view_ino(l->fs, v),
		.st_mode = S_IFDIR | (view_kind_of(v)->takes ? 0777 : 0555),
		.st_nlink = view_kind_of(v)->below ? 1 : 2, /* 1: who knows how many folders it has */
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
