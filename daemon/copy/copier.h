/* SPDX-License-Identifier: MIT */
/* Copies trees into a folder, usually one of a mount, by system calls alone: bytes with their holes, hard
 * links, owners, modes, attributes, access lists and times, folders, symbolic links, fifos, sockets and
 * devices.
 *
 * A file gets its name when it is complete: it is written without one (O_TMPFILE) and linked; where a
 * filesystem cannot do that, or something has the name already, under a hidden one and renamed. Such a name
 * that a killed process left is removed by the next one that comes to the folder. So no state is kept: what
 * the destination has with the type, size and mtime of the source (a symbolic link: its target) is complete,
 * and is not copied again. Its owner, mode and attributes are put right; one that the source has lost goes
 * when the source was changed after it was copied, or with `thorough`.
 *
 * A regular file of at least a block whose bytes another one has that this copier has seen at the destination
 * is made of that one by copy_file_range(), so that they share their place where the filesystem can do that.
 * Fingerprints find the other one (twins.h); bytes are compared before they are shared.
 *
 * What cannot be copied is a failure, is noted, and the rest goes on. What would fail for all others, too,
 * ends the copying: a destination that is full, read-only, damaged or gone, and *stop.
 *
 * Paths are relative to the destination, without slashes around them; "" is the destination itself. Links at
 * either side are never followed. Sets the process's umask to 0. Not thread-safe. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct globs;
struct copier;

/* What to do about a file that the destination has already, and that is another: */
enum copy_replace {
	COPY_REPLACE_OLDER, /* it is replaced, unless it is newer than the source (mtime); then kept, and
			       noted */
	COPY_REPLACE_ALL,
	COPY_REPLACE_NONE, /* it is kept, which is noted */
};

enum copy_news {
	COPY_NEWS_COPY, COPY_NEWS_SHARE, COPY_NEWS_LINK, COPY_NEWS_FOLDER, COPY_NEWS_KEEP, COPY_NEWS_REMOVE
};

/* What was done; in a dry run, what would be. */
struct copy_counts {
	uint64_t files;   /* copied: all but folders and further hard links */
	uint64_t bytes;   /* of them, as stat(2) says; also of those that share */
	uint64_t shared;  /* files among them whose bytes another one had */
	uint64_t shared_bytes;
	uint64_t links;   /* further names of files */
	uint64_t folders; /* made */
	uint64_t present; /* was there already, complete: all but folders */
	uint64_t present_bytes;
	uint64_t kept;    /* another file, left as it is */
	uint64_t ignored; /* names that a pattern leaves out */
	uint64_t removed; /* `prune`, `take` */
	uint64_t failed;
};

struct copy_options {
	enum copy_replace replace;
	bool dry_run;                      /* changes nothing */
	bool share;                        /* looks for files with the same bytes */
	bool prune;                        /* removes what the source does not have, unless it is ignored */
	unsigned quiet_ms; /* with `busy`: a file that was written to since then is busy, too */
	bool thorough;                     /* asks each file that is there for its attributes */
	bool take;                         /* removes a file from the source when its copy is durable */
	const struct globs *ignored;       /* borrowed; may be NULL */
	const volatile sig_atomic_t *stop; /* borrowed; may be NULL: ends the copying when it is not 0 */
	/* The rest may be NULL. */
	void (*tell)(void *context, enum copy_news news, const char *path, uint64_t bytes);
	void (*fail)(void *context, const char *path,
		     const char *why); /* a failure, or why something is kept */
	/* `part`: bytes of the file at hand. */
	void (*step)(void *context, const struct copy_counts *counts, uint64_t part);
	/* A folder of the source will be listed now. -errno is its failure. */
	int (*entering)(void *context, int fd, const char *path);
	/* A file that somebody writes to is not copied, and no failure: the caller comes again, after that
	 * time or when it was closed. */
	void (*busy)(void *context, const char *path, unsigned wait_ms);
	/* A file with several names was copied: names that were copied before may be names of the old one. */
	void (*several)(void *context, const char *path);
	void *context; /* of them all; borrowed */
};

/* `to_dirfd` is borrowed and outlives the copier; -1 in a dry run: it does not exist. Copies the options. */
int copier_new(int to_dirfd, const struct copy_options *o, struct copier **ret_c);
struct copier *copier_free(struct copier *c);

/* These return 0 also after failures. -errno: it has ended, copier_why() says why. */
/* Copies `name` of `from_dirfd` as `path`, whose folder exists. */
int copier_copy(struct copier *c, int from_dirfd, const char *name, const char *path);
/* Copies what is in the folder `from_dirfd` into the destination, and the folder's own attributes. */
int copier_contents(struct copier *c, int from_dirfd);
/* Makes `path` below the destination what `path` below `from_dirfd` is. When that is nothing, removes it
 * (`prune`), or does nothing. -ENOENT: the destination lacks the folder for it. */
int copier_sync(struct copier *c, int from_dirfd, const char *path);
/* The same of a folder's own attributes only, when both are there. */
int copier_sync_folder(struct copier *c, int from_dirfd, const char *path);
/* Notes a failure of who uses the copier. */
void copier_give_up(struct copier *c, const char *path, const char *why);
/* Renames at the destination. -errno of rename(2): nothing was done; never the end. */
int copier_move(struct copier *c, const char *from, const char *to);
/* Makes all of it durable. */
int copier_flush(struct copier *c);

const struct copy_counts *copier_counts(const struct copier *c);
/* Why it ended, for people, and what to do; borrowed. NULL: it has not. */
const char *copier_why(const struct copier *c);
/* Forgets the names of files with several ones, for a tree that is copied anew. */
void copier_forget_links(struct copier *c);
