/* SPDX-License-Identifier: MIT */
/* Names that are reachable but never listed: .query in every directory, .brainy at the root. Their
 * nodes have INO_VIRTUAL numbers:
 *
 *   63 INO_VIRTUAL   62..60 kind   59..0 what it belongs to
 *
 *   kind 0  an answer: a counter that no other server of this mount starts from
 *   kind 1  .query      of the directory with this number (shard and counter in 60 bits)
 *   kind 2  .query/ask  of that directory
 *   kind 3  .brainy (0), .brainy/control (1) and .brainy/events (2)
 *   kind 4  views: .tags and all below it, and others (view.h)
 *
 * so that all but answers mean the same to every server.
 *
 * .query is for everybody whom the kernel lets into the directory; what one learns there is what one may see
 * (caller.h, index/viewers.h). .brainy is for the user who mounted: EACCES to everybody else. */
#pragma once

#include "fs/fs_impl.h"
#include "fs/virtual/answers.h"
#include "fs/virtual/caller.h"
#include "fs/virtual/errors.h"

struct streams;
struct patience;
struct view_table;
struct results_cache;
struct live;
struct announcing;
struct users;

struct virtual {
	struct fs *fs;             /* borrowed */
	struct answers *answers;   /* owned, as all below */
	struct errors *errors;
	struct streams *streams;
	struct patience *patience;
	struct view_table *views;
	struct results_cache *results;
	struct users *users;
	struct announcing *announcing;
	struct live *live;       /* NULL: nothing is followed */
	atomic_uint_fast64_t behind_ms; /* clock_mono_ms() when somebody last waited in vain for the index; 0: never */
	struct timespec born;
	uint32_t gid;              /* of the server: what virtual directories show */
};

enum virtual_kind { VIRTUAL_ANSWER, VIRTUAL_QUERY, VIRTUAL_ASK, VIRTUAL_FIXED, VIRTUAL_VIEW };
enum { FIXED_BRAINY, FIXED_CONTROL, FIXED_EVENTS };

#define VIRTUAL_KIND_SHIFT 60
#define VIRTUAL_NUMBER_MASK ((1ull << VIRTUAL_KIND_SHIFT) - 1)

static inline uint64_t virtual_ino(enum virtual_kind kind, uint64_t number)
{
	return INO_VIRTUAL | (uint64_t)kind << VIRTUAL_KIND_SHIFT | number;
}
static inline enum virtual_kind virtual_kind_of(uint64_t ino)
{
	return (enum virtual_kind)(ino >> VIRTUAL_KIND_SHIFT & 7);
}
static inline uint64_t virtual_number_of(uint64_t ino)
{
	return ino & VIRTUAL_NUMBER_MASK;
}

int virtual_new(struct fs *fs, struct virtual **ret_v);
int virtual_start(struct virtual *v);
/* Waits for commands under way. */
void virtual_stop(struct virtual *v);
struct virtual *virtual_free(struct virtual *v);
void virtual_add_memory(struct virtual *v, struct memory_parts *m);

/* ---- nodes.c, node_files.c: operations on virtual inodes, one reply each */

/* May this user do anything with it? The kernel has checked its mode; it did so with what it remembers. */
int virtual_check_user(fuse_req_t req, uint64_t ino);
/* ask or control: a line in, an answer out. */
bool virtual_is_stream(uint64_t ino);
/* .brainy/events */
bool virtual_is_events(uint64_t ino);

/* Is this one of the reserved names that exist? */
bool virtual_has_root(const char *name);
/* `dir`: virtual, or a real one for the names above. */
void virtual_lookup(fuse_req_t req, uint64_t dir, const char *name);
void virtual_getattr(fuse_req_t req, uint64_t ino);
void virtual_readlink(fuse_req_t req, uint64_t ino);
int virtual_stat(struct fs *fs, uint64_t ino, struct stat *ret_st); /* of no view */
/* What a request that libfuse has not seen is shown of its node, and for how long the kernel may keep that.
 */
int virtual_stat_for(struct fs *fs, const struct fuse_in_header *in, struct stat *ret_st,
		     double *ret_valid_s);
/* `fi` NULL: by its path. */
void virtual_setattr(fuse_req_t req, uint64_t ino, const struct stat *st, int what,
		     const struct fuse_file_info *fi);
void virtual_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi);
void virtual_release(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi);
void virtual_read(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset, struct fuse_file_info *fi);
void virtual_write(fuse_req_t req, uint64_t ino, const char *data, size_t size, struct fuse_file_info *fi);
void virtual_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus);
int virtual_getxattr(struct fs *fs, uint64_t ino, const char *name, struct buf *ret_value);
/* The reply to a lookup that ended in an answer. */
void virtual_reply_answer(fuse_req_t req, const struct answer_node *node);
/* The same of a symlink; also to a request that was to make one, after which the kernel wants one to be there: what
 * the name stands for is looked up next. Copies `target`; NULL: there was no memory for it. */
void virtual_reply_link(fuse_req_t req, uint64_t dir, const char *name, const char *target);

/* ---- ask.c: a query, from its name to its answer */

/* "find?.." or another verb. */
bool ask_is_query(const char *name);
/* LOOKUP of such a `name` below .query of `dir`. */
void ask_lookup(fuse_req_t req, uint64_t dir, const char *name);
/* A line written to .query/ask of `dir`; the answer, for whoever of opener and writer sees less, goes to
 * stream `fh`, the reply is `written`. */
void ask_line(fuse_req_t req, uint64_t dir, const char *line, uint64_t fh, size_t written);

/* ---- patience.c: waiting for the index without a thread for each query */
int patience_start(struct virtual *v, struct patience **ret_p);
struct patience *patience_stop(struct patience *p);
/* A ticket for everything that is closed by now; to be given back. */
uint64_t patience_begin(struct patience *p);
void patience_end(struct patience *p);
/* Is everything indexed that was closed when the ticket was drawn? */
bool patience_over(struct patience *p, uint64_t ticket);

/* ---- texts.c: the files of .brainy, and commands */
void texts_lookup(fuse_req_t req, const char *name);
extern const char *const texts_names[];
/* A line written to .brainy/control. */
void texts_command(fuse_req_t req, const char *line, uint64_t fh, size_t written);
/* Waits until no command is under way. */
void texts_drain(struct virtual *v);

/* ---- streams.c: handles of ask and control: a line in, an answer out, own cursor */
int streams_new(struct streams **ret_s);
struct streams *streams_free(struct streams *s);
/* Takes `opener` over, also on error: a stream remembers who opened it, whoever writes to it. */
int streams_open(struct streams *s, uint64_t fh, struct caller *opener);
/* Copies it. -ESTALE. */
int streams_opener(struct streams *s, uint64_t fh, struct caller *ret_c);
void streams_close(struct streams *s, uint64_t fh);
/* Collects a line. 1: it is complete, *ret_line is the caller's to free, and the stream is busy until
 * streams_answer(). 0: not yet. -EFBIG. -EBUSY. -ESTALE: opened at an earlier server. */
int streams_write(struct streams *s, uint64_t fh, const char *data, size_t size, char **ret_line);
/* The line is answered (takes `answer` over), or failed (`answer` NULL). */
void streams_answer(struct streams *s, uint64_t fh, struct buf *answer);
/* Copies from the cursor on. -EINVAL: nothing was asked, or it failed. */
ssize_t streams_read(struct streams *s, uint64_t fh, void *ret_data, size_t size);
