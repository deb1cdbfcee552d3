/* SPDX-License-Identifier: MIT */
/* What the parts of the copier share. A function here that fails has said by copy_blame() at which side, and
 * what was being done; copy_entry() makes of that a failure or the end. */
#pragma once

#include <limits.h>

#include "base/buf.h"
#include "daemon/copy/copier.h"
#include "daemon/copy/links.h"
#include "daemon/copy/twins.h"

#define COPY_CHUNK (1u << 20)
#define COPY_DEPTH_MAX 1000u
/* Smaller files share nothing: what is stored is a sealed block at least. */
#define COPY_SHARE_MIN 4096
/* The hidden names of what is not complete, with process and number after it. */
#define COPY_PARTIAL ".brainy-partial-"

enum copy_side { COPY_SOURCE, COPY_DESTINATION };

struct copier {
	struct copy_options o;
	int to;                       /* borrowed: the destination; -1: not there */
	struct stat to_st;            /* of it */
	struct copy_counts counts;
	struct links links;
	struct twins twins;
	struct buf path;              /* of the entry at hand */
	uint8_t *bytes, *others;      /* owned; COPY_CHUNK each */
	enum copy_side side;          /* of the last error, and what was done */
	const char *doing;
	char *why;                    /* owned; NULL: it goes on */
	unsigned n_partial;
	bool no_unnamed;              /* the destination has no O_TMPFILE */
};

/* One name to be copied. */
struct entry {
	int from, to;     /* borrowed: folders; `to` -1: it would be made, in a dry run */
	const char *name; /* the same in both */
	const char *from_name; /* NULL: `name` */
	struct stat st;   /* of the source */
	struct stat at;   /* of what is at the destination, when `there` */
	bool there;
	bool fresh;       /* the folder was made by us: nothing is there */
	bool inherits;    /* the folder gives what is made in it an access list */
	unsigned depth;
};

static inline const char *entry_from_name(const struct entry *e)
{
	return e->from_name ? e->from_name : e->name;
}

/* Returns `error`. */
int copy_blame(struct copier *c, enum copy_side side, const char *doing, int error);
/* Makes an error a failure (0), or ends all (the error). */
int copy_fail(struct copier *c, int error);
/* Notes why a file at the destination stays as it is. */
void copy_keep(struct copier *c, const char *why);
void copy_tell(struct copier *c, enum copy_news news, uint64_t bytes);
void copy_step(struct copier *c, uint64_t part);
const char *copy_path(struct copier *c);
/* -ECANCELED, blamed, when it is to stop. */
int copy_check_stop(struct copier *c);

/* ---- entry.c: what has a name; looks at both sides. */
int copy_entry(struct copier *c, struct entry *e);
/* May what is at the destination go? 0: it was noted that not. */
int copy_may_replace(struct copier *c, const struct entry *e);

int copy_folder(struct copier *c, struct entry *e);  /* folder.c */
int copy_file(struct copier *c, struct entry *e);    /* file.c */
int copy_special(struct copier *c, struct entry *e); /* special.c */

/* ---- folder.c: an open folder into an open one (-1: dry run) */
struct folder {
	int from, to; /* borrowed */
	bool fresh;
	unsigned depth;
};
int copy_folder_contents(struct copier *c, const struct folder *f);

/* ---- linking.c: 1: done. 0: it has no known other name. With `take` none is: each is compared by itself. */
int copy_link(struct copier *c, struct entry *e);

/* ---- partial.c */
#define COPY_PARTIAL_SIZE 48
void copy_partial_name(struct copier *c, char ret_name[COPY_PARTIAL_SIZE]);
/* Was it left by a process that is gone? */
bool copy_is_left(const char *name);
bool copy_is_partial(const char *name);

/* ---- prune.c */
/* Removes a name at the destination with all below it that is not ignored. */
int copy_remove(struct copier *c, int dirfd, const char *name);
/* Removes what an earlier process left, and with `prune` what is not among the sorted names. */
int copy_prune(struct copier *c, int dirfd, char **names, size_t n);

/* ---- data.c: the bytes, into an empty file. *ret_shared: they are another file's. */
int copy_data(struct copier *c, int from_fd, int to_fd, const struct stat *st, bool *ret_shared);
/* 1: the same bytes, as many as `size`. */
int copy_data_equal(struct copier *c, int a, int b, uint64_t size);
/* Lets the file at the destination be found as one with these bytes; it was not hashed. */
int copy_data_known(struct copier *c, const struct stat *st);

/* ---- facts.c */
struct facts_side {
	int fd;                   /* -1: by path, which is not followed */
	int dirfd;                /* and by this */
	const char *name;
	char path[NAME_MAX + 48]; /* of it, or of the descriptor */
};
struct facts_side facts_of_fd(int fd);
struct facts_side facts_of_name(int dirfd, const char *name);
/* Owner, attributes, mode, and times at last. `now` is what the destination has; `fresh`: it has no
 * attributes. */
int copy_facts(struct copier *c, const struct facts_side *from, const struct facts_side *to,
	       const struct stat *st, const struct stat *now, bool fresh);

/* ---- names.c */
/* The names in a folder but . and .., sorted; the caller frees by names_free(). */
int names_read(int dirfd, char ***ret_names, size_t *ret_n);
void names_free(char **names, size_t n);
bool names_have(char **names, size_t n, const char *name);
