/* SPDX-License-Identifier: MIT */
/* Private to fs/: the parts of a served mount, and the request that a thread is working on. */
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "fs/fs.h"
#include "fs/handles.h"
#include "fs/shared.h"

/* Since protocol 7.40; older headers lack them. */
#define FUSE_UNIQUE_RESEND_BIT (1ull << 63)
#define FUSE_HAS_RESEND_FLAG (1ull << 39)
#define FUSE_NOTIFY_RESEND_CODE 7
/* Since 7.39. */
#define FUSE_STATX_CODE 52
#define FUSE_DIRECT_IO_ALLOW_MMAP_FLAG (1ull << 36)

#define FS_MAX_WRITE (1u << 20)
#define FS_BUFFER_SIZE (FS_MAX_WRITE + 8192u)
/* Whatever changes a file behind the kernel's back says so, so it may keep what it knows. */
#define FS_TIMEOUT_S 3600.0

struct workers;
struct parking;
struct syncs;
struct invalidator;
struct reclaimer;
struct virtual;
struct departed;
struct fetched;
struct pushed;

struct fs {
	struct fs_config config;        /* what it points to is borrowed */
	struct fuse_session *session;   /* owned, as all below */
	struct shared *shared;
	struct handles *handles;
	struct workers *io;             /* reads and writes that wait for the disk */
	struct workers *recall;         /* reads that wait for the bucket */
	struct workers *late;           /* late_replies.h */
	struct workers *ask;            /* queries, and the texts of .brainy */
	struct parking *parking;
	struct syncs *syncs;
	struct invalidator *invalidator;
	struct reclaimer *reclaimer;
	struct virtual *virtual;
	struct departed *departed;
	struct fetched *fetched;
	struct pushed *pushed;
	uint64_t init_flags;            /* what the kernel offered in INIT */
	uint32_t init_len;              /* of the INIT request, until its answer is sent */
	_Atomic uint64_t emptying;      /* the file that an open is about to empty; 0: none */
	atomic_bool running;            /* INIT is answered */
	atomic_bool stopping;
	atomic_bool ending;             /* see fs_config.ending */
	pthread_mutex_t serving_lock;   /* rank 40 */
	bool serving;                   /* guarded by it: the parts above are there for those outside */
	_Atomic uint64_t damage, damaged_ino; /* see fs_damage() */
	atomic_bool has_stop_timer;
	timer_t stop_timer;
};

/* What libfuse does not pass on: the header of the request that this thread hands to it, and space
 * for its answer. Valid while fuse_session_process_buf() runs. */
struct request {
	const struct fuse_in_header *header;
	bool tmpfile; /* FUSE_TMPFILE, which libfuse is shown as FUSE_CREATE */
	bool may_wait; /* on a worker: reads may wait for the disk */
	bool kill_sgid; /* SETXATTR of an ACL takes setgid away: the caller is not in the file's group */
	void *space;  /* FS_MAX_WRITE bytes, once asked for */
};
extern __thread struct request current_request;

/* FS_MAX_WRITE bytes that last until the thread's next request; NULL without memory. */
void *request_space(void);
/* Called by each thread that serves requests before it ends. */
void request_thread_done(void);
/* The fixed part of the arguments, after the header. */
static inline const void *request_arguments(void)
{
	return current_request.header + 1;
}
static inline bool request_is_resent(void)
{
	return current_request.header->unique & FUSE_UNIQUE_RESEND_BIT;
}
static inline uint64_t request_unique(void)
{
	return current_request.header->unique & ~FUSE_UNIQUE_RESEND_BIT;
}

/* ---- session.c: libfuse's session over the keeper's descriptor */
int session_new(struct fs *fs);
void session_free(struct fs *fs);
/* Executes INIT and keeps it for a server to come. */
void session_begin(struct fs *fs, void *request, size_t len);
/* Repeats the INIT that a server before us has answered, and asks the kernel to send again what was
 * under way. -EOPNOTSUPP: this kernel cannot. -EPROTO: the server before us has granted the kernel what we
 * cannot. */
int session_resume(struct fs *fs);
/* Executes one request, as it was read, on this thread. */
void session_process(struct fs *fs, void *request, size_t len, bool may_wait);
/* The reply to a request that libfuse never saw; `error`: 0 or -errno. */
void session_reply(struct fs *fs, const struct fuse_in_header *in, int error, const void *data, size_t len);

/* ---- loop.c: the dispatcher */
int loop_run(struct fs *fs);
/* True when another request waits to be read. */
bool loop_more(struct fs *fs);
