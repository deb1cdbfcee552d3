/* SPDX-License-Identifier: MIT */
/* One running query: which documents are candidates, and what the two sides say of them. Everything is
 * computed from a snapshot of what is alive, taken at the beginning, and in an order that does not
 * depend on how documents lie in segments, so that ranks are stable.
 *
 * Used under segments_lock (index_impl.h), by one thread. */
#pragma once

#include "index/index_impl.h"
#include "index/query/language.h"
#include "index/stored.h"

#define NO_MEANING (-1e9f)

/* What is known of a document's two cosines with the query: the whole's, and its best passage's. Each is off by so
 * much at most, 0 once it was computed, infinite where no list of codes that was looked at has the document
 * (index/codes.h). `whole` is NO_MEANING where there is no vector. */
struct cosines {
	float whole, whole_off, best, best_off;
};

struct search_part {
	struct segment *segment; /* borrowed */
	uint8_t *alive;          /* owned; one for each document; NULL: search_picks() */
	uint8_t *candidate;      /* owned; passes the filters; NULL as well */
	uint32_t n_dead;         /* documents, before `alive` was filled */
	bool all_alive;
	double *words;           /* owned; BM25, 0: no common term; NULL: not asked */
	struct cosines *meaning; /* owned; NULL: not asked */
	struct vector_reader reader;
	float *near;             /* owned; of candidates, search_near(); NULL: no links are asked for */
};

/* The files that pass a filter, where the catalog knows them together. */
struct filter_members {
	struct ino_set files; /* FILTER_TAG, _FIELD, _TITLE, _LANG */
	struct ino_map steps; /* FILTER_RELATED, _LINK: files, and how many links away */
};

/* How the two sides become one score (mix.h). */
struct mix {
	double weight, words_max, low, high;
	bool words, meaning;
};

struct search_choice {
	uint64_t ino;
	double score;
};

struct search {
	struct index *x;
	const struct query *query;
	const struct query_scope *scope;
	struct parsed_query parsed;
	struct search_part *parts;    /* owned */
	unsigned n_parts;
	struct stemmer *stemmer;      /* owned */
	uint8_t languages[LANGUAGES + 1]; /* whose stems the index holds */
	unsigned n_languages;
	uint64_t n_words_docs;        /* documents with words, and of those with a text the mean length */
	double mean_words;
	uint64_t n_text_docs;         /* documents whose text was read */
	uint64_t in;                  /* inode of `in=` */
	bool in_is_file;
	struct filter_members *members; /* owned; for each filter, what was found before documents are looked at */
	int16_t *vector;              /* owned; the query's */
	bool has_vector;              /* it is known without its words */
	struct mix mix;
	struct buf chosen;            /* struct search_choice: hits that links lead to, or files that are asked about */
	uint64_t folder;              /* format.c: whose path is the next; 0: none */
	struct buf folder_path;
	uint64_t n_waiting;           /* files that wait to be indexed */
	struct ino_set waiting;       /* those of them that no segment has */
	struct viewer *viewer;        /* visible.c; NULL: every file is seen, or the scope is settled */
	struct ino_set unsettled;     /* with a viewer: all files that wait */
	struct segment *damaged;      /* with -EBADMSG: the segment that it came from */
	char **ret_why;
};

/* Do links alone say which files are hits? Then documents are not looked at one after the other. */
bool search_picks(const struct search *s);
/* Snapshot and statistics. */
int search_begin(struct search *s);
void search_done(struct search *s);

/* ---- visible.c: for who sees only some files */
/* Who asks, and what waits. */
int search_view(struct search *s);
/* Takes the others out of the snapshot. */
int search_hide(struct search *s);
/* tree_walk() from the folder that is asked, for who asks. */
int search_walk(struct search *s, const char *path, struct inode *ret_i);

/* `error` came from a segment: remembers which when it is damage. Returns `error`. */
int search_failed(struct search *s, struct segment *segment, int error);

/* The terms of a folded word in all languages of the index, each once. Without `stops` those that are stop
 * words are left out. */
unsigned search_terms(struct search *s, const char *word, size_t len, bool stops, struct term *ret_terms);
/* The postings of any of the terms, one a document, counts added up; *ret_p is empty before. */
int search_postings(struct search *s, struct search_part *part, const struct term *terms, unsigned n,
		    struct postings *ret_p);

/* The living document of a file; NULL: it has none. */
struct search_part *search_document(struct search *s, uint64_t ino, uint32_t *ret_doc);

/* ---- filter.c: clears `candidate` of what does not pass */
int search_filter(struct search *s);
/* How near links bring a file to those that `related:` names: the sum of 1/steps. */
double search_near(const struct search *s, uint64_t ino);
/* Does a document pass the filters alone? 1, 0 or -errno. */
int search_filter_document(struct search *s, const struct segment *segment, uint32_t doc);
/* Calls `fails` with the number of each filter that a document does not pass. */
int search_foreach_failed(struct search *s, const struct segment *segment, uint32_t doc,
			  int (*fails)(void *context, size_t filter), void *context);
/* The type of its file, "unknown" where nothing is known. */
const char *search_type(const struct segment *segment, uint32_t doc);
/* Does a file that is in no segment pass the filters? 1, 0 or -errno. */
int search_filter_file(struct search *s, const struct inode *i);

/* ---- scope.c: `in=` and the folder that is asked. -EINVAL. */
int search_scope(struct search *s);

/* ---- filter_members.c: those of filters by tags, titles and fields. -EINVAL. */
int search_find_members(struct search *s);
/* Names that a field goes by: calls `each` until it returns something else than 0, and returns that. */
int search_foreach_field(const struct query_filter *f, int (*each)(void *context, const char *name), void *context);
/* Is a value of a field what the filter asks for? 1, 0, -ENOMEM. */
int search_field_matches(const struct query_filter *f, const void *value, size_t len);

/* ---- phrases.c: clears `candidate` of what has excluded words, or has not every phrase */
int search_exclude_words(struct search *s);
int search_filter_phrases(struct search *s);
/* Adds the files of candidates whose titles have the words of the filter, or match its pattern. */
int search_find_titles(struct search *s, const struct query_filter *f, struct ino_set *files);

/* ---- words.c: BM25 into part->words */
int search_words(struct search *s);
/* Of each word that is scored, and each file with a document that has it: how often it has it, and what that adds. Calls `each`
 * until it returns something below 0. */
struct hits;
int search_each_word(struct search *s, const struct hits *h,
		     int (*each)(void *context, size_t hit, const struct query_word *w, uint32_t count, double score), void *context);

/* ---- meaning.c: cosines, as far as they are known, into part->meaning; of `keep` candidates in each part, if there
 * are so many. *ret_said: false when the query has no vector. */
int search_meaning(struct search *s, size_t keep, bool *ret_said);
/* Computes both of a document's cosines. */
int search_meaning_exactly(struct search *s, struct search_part *part, uint32_t doc);
/* A step on the way there that may be enough: the whole's first, from one vector. */
int search_meaning_nearer(struct search *s, struct search_part *part, uint32_t doc);

/* ---- results */
struct hit {
	double score;
	int64_t order;           /* of other sorts: greater comes first */
	uint64_t ino;
	struct segment *segment; /* NULL: not in the index */
	uint32_t doc;
	char *name;              /* sort=name: owned */
};

struct hits {
	struct hit *items; /* owned; best first */
	size_t n;
	uint64_t total;
	uint64_t dropped;  /* documents that are not of their file's present content */
};
void hits_done(struct hits *h);

/* ---- unknown.c: names before a colon that are neither filters nor fields of any file; the owner of the mount is told */
/* A line for each. */
int search_explain_unknown(const struct search *s, const struct hits *h, struct buf *out);
/* "unknown_fields", where there are any. */
int search_json_unknown(const struct search *s, const struct hits *h, json_t *o);

/* ---- rank.c: the best hits, [offset, offset + limit) of all */
int search_rank(struct search *s, struct hits *ret_h);

/* ---- recall.c: where the bytes of a hit lie, and what it would cost to have them here */
struct hit_place {
	const char *tier; /* "hot", "warm", "cold" */
	struct recall_price price;
};
/* What is not known counts as nothing. Reads the catalog only. */
void search_place(struct search *s, uint64_t ino, struct hit_place *ret);

/* ---- similar.c: the document of a path in `to`. -EINVAL with a reason. */
int search_walk_to(struct search *s, const char *path, struct search_part **ret_p, uint32_t *ret_doc);
/* Puts what is characteristic of the files (or the text) that are named in the place of words to search for,
 * and takes the files themselves out of the candidates. -EINVAL. */
int search_likeness(struct search *s);
/* Leaves those candidates whose cosine, as mode=vector has it, is what is asked at least; they keep the scores that they have
 * among all. `meaning`: cosines are known, if only nearly. */
int search_filter_like(struct search *s, bool meaning);

/* ---- count.c: in the place of search_rank() and search_format() */
int search_count(struct search *s, uint64_t *ret_total, struct buf *ret_bytes);

/* ---- explain.c: in the place of search_format(); `took_us` 0: not to be said */
/* explain_hit.c: appends lines that say why it is a result, and why it ranks where it does. `words`: those that it has, as they
 * are shown. */
int search_explain_hit(struct search *s, const struct hit *h, const struct buf *words, struct buf *out);
/* explain_missing.c: why a file is none. */
int search_explain_missing(struct search *s, uint64_t ino, struct buf *out);
int search_explain(struct search *s, const struct hits *h, uint64_t pending, uint64_t took_us, struct buf *ret_bytes);

/* ---- format.c */
/* The scores of others than the owner of the mount are ranks. */
double search_score(const struct search *s, const struct hit *h, uint64_t rank);
int search_format(struct search *s, const struct hits *h, uint64_t pending, uint64_t took_us,
		  struct buf *ret_bytes);

/* Of a hit, as the query wants paths. -ENOENT: the file has gone. */
int search_hit_path(struct search *s, const struct hit *h, struct buf *ret_path);
/* NULL: no memory. */
json_t *search_json_inode(uint64_t ino);
json_t *search_json_base64(const struct buf *b);
/* Tab, newline and backslash as in tsv. */
int search_add_escaped(struct buf *out, const void *data, size_t len);

/* ---- snippet.c */
struct snippet {
	struct buf text;
	char locator[24];
};
/* Where the query's words are densest; without any, the best passage or the beginning. */
int search_snippet(struct search *s, const struct hit *h, const struct stored *stored, struct snippet *ret);
