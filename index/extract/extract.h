/* SPDX-License-Identifier: MIT */
/* Text from documents, by brainy-extract: a program of its own in a sandbox, met only over a pipe.
 *
 * A warmed zygote forks once for each document. It has no network, may read and execute /usr and /lib
 * and write nothing, runs under seccomp and limits of memory and CPU time, and gets the document's
 * bytes through a sealed memfd.
 *
 * Thread-safety: one extractor may be used by several threads; each call has its own worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct extractor;

/* Starts PATH (brainy-extract), and again whenever it dies. -errno: it cannot be run. */
int extractor_start(const char *path, struct extractor **ret_e);
/* Ends it and all its workers. No call may be under way. */
struct extractor *extractor_stop(struct extractor *e);

/* Walls of the sandbox that this machine's kernel does not have. */
enum extractor_missing {
	EXTRACTOR_NO_LANDLOCK = 1,  /* a worker could read files that user nobody (or ours) may read */
	EXTRACTOR_NO_SECCOMP = 2,   /* a worker could open sockets, unless in its own network namespace */
	EXTRACTOR_NO_NAMESPACE = 4, /* seccomp alone denies the network */
};
/* A set of them, once the program has answered; waits for that. -errno: it could not build its walls. */
int extractor_missing(struct extractor *e);

#define EXTRACT_EMPTY_MIME "application/x-empty"

enum extract_status {
	EXTRACT_INDEXED, /* text is there (perhaps none: an empty file) */
	EXTRACT_PARTIAL, /* some of it; why */
	EXTRACT_SKIPPED, /* this kind is not read; why */
	EXTRACT_FAILED,  /* damaged or hostile; why */
	EXTRACT_SLOW,    /* over the time limit */
};

/* How the target of a link is written; resolving it is not done here. */
enum link_form {
	LINK_WIKI = 'w', /* a name as it stands between [[ and ]], without alias, heading and block: it may
			  * hold folders ("Folder/Note") and an ending */
	LINK_PATH = 'p', /* a path relative to the document's folder, or from the root of the mount ("/..") */
	LINK_MESSAGE = 'm', /* the Message-ID of a mail, without < and > */
};
#define LINK_VERB_MAX   64   /* bytes of [A-Za-z0-9_-], at least 1 */
#define LINK_TARGET_MAX 1024 /* bytes of UTF-8 without control characters, at least 1 */

struct document {
	enum extract_status status;
	char why[64]; /* one word or two: "binary", "encrypted", "timeout" */
	char mime[96];
	char title[512]; /* UTF-8, may be empty */
	char lang[16];   /* of front matter or the document itself; may be empty */
	struct buf text; /* UTF-8, white space as extracted, at most 64 MiB */
	/* Pieces of the text with a place that people understand, ascending. */
	struct document_mark {
		uint32_t offset; /* byte in text */
		uint32_t number; /* page, line, row, paragraph */
		uint8_t kind;    /* 'p' page, 'l' line, 'h' heading, 's' slide, 'r' row */
	} * marks;
	size_t n_marks;
	/* Pairs name NUL value NUL; names in lower case, repeated for lists: author, date, keywords, tags,
	 * description, language, created .., and whatever else front matter holds. Each "tags" is one tag,
	 * without '#', and stands there once. */
	struct buf fields;
	/* Links to other files, each: byte of enum link_form, verb NUL, target NUL; each of them once, as
	 * they first appear. The verb says how: "links", "embeds", "replies", "references", what HTML says in
	 * rel=.., or the name of the field whose value the link is. URLs with a scheme or host and links to
	 * places within the document are none. Too many: the document is partial, "links". */
	struct buf links;
};
void document_done(struct document *d);

/* In the background all else that wants to run goes first, as far as the kernel can do that. */
void extractor_pace(struct extractor *e, bool background);

/* Extracts the text of a file whose `len` bytes `data` holds; `name` (its last component) helps with
 * formats that have no signature. Plain text is decoded in a shared worker. -ETIMEDOUT never: that is
 * EXTRACT_SLOW. -errno: the extractor itself could not run. */
int extractor_run(struct extractor *e, const char *name, const void *data, size_t len, unsigned cpu_seconds,
		  struct document *ret_d);

#define EXTRACT_KIND_BYTES (256u << 10) /* that tell a document's kind */
/* Only tells the kind of a file that begins with `data`, by no more than EXTRACT_KIND_BYTES of it: *ret_d is
 * as extractor_run() would give it when files of this kind are not read (EXTRACT_SKIPPED; pictures have
 * fields all the same), else it has no text. -errno: it could not be told. */
int extractor_kind(struct extractor *e, const char *name, const void *data, size_t len, struct document *ret_d);
