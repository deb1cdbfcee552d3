/* SPDX-License-Identifier: MIT */
/* The FUSE front: requests in, calls to catalog/, tiers/ and index/ out. Owns no state that must
 * survive it: handles are slots of the keeper's table, node ids are inode numbers.
 *
 * What begins with INO_VIRTUAL in an inode number is not a file of the catalog (virtual/virtual.h); a
 * directory's number must therefore fit into 60 bits.
 *
 * Thread-safety: one fs_run() a process. fs_free() only after all that calls fs_is_busy() and
 * fs_invalidate() has ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "catalog/catalog.h"
#include "index/index.h"
#include "tiers/file.h"

struct fs;

#define HANDLE_TABLE_SLOTS (1u << 17)

/* Where the symlinks lead that announce entries: nobody makes one that leads there. */
#define FS_ANNOUNCED ".brainy/announced"
/* What the process is called that announces. */
#define FS_ANNOUNCER "brainy-announce"

struct fs_config {
	struct catalog *catalog;   /* borrowed, all three */
	struct files *files;
	struct index *index;
	int fuse_fd;               /* mounted; borrowed */
	int handles_fd;            /* memfd of the keeper's table of open handles */
	struct id128 mount;        /* mount instance */
	bool resumed;              /* a server before us died: repeat the saved INIT, ask for resends */
	bool crashed;              /* by its own fault: what it was executing may be the cause */
	const char *mount_point;
	uint32_t owner_uid;        /* who mounted */
	bool read_only, noatime;
	/* The text of .brainy/NAME, and the answer to a line written to .brainy/control. */
	int (*describe)(void *context, const char *name, struct buf *ret_text);
	int (*control)(void *context, const char *line, struct buf *ret_answer);
	/* Called before the first quota is set: other programs must know that there are some. 0 or -errno. */
	int (*need_quotas)(void *context);
	/* Does an open by this process not count as a use? NULL: all do. */
	bool (*ignores)(void *context, int pid);
	/* Has an entry of a directory announced that came or went without a request (daemon/announcer.h,
	 * which makes symlinks to FS_ANNOUNCED), from one thread; and who announces, 0: nobody. NULL: nothing
	 * is announced. */
	int (*announce)(void *context, bool came, const char *path);
	int (*announcer)(void *context);
	/* Hands a notification to a process that tells the kernel (daemon/notifier.h), from any thread.
	 * -EAGAIN: it has too many, for a while when it `may_wait`. -errno, or NULL: the server tells the
	 * kernel itself. */
	int (*notify)(void *context, const void *message, size_t len, bool may_wait);
	/* The same, and returns when the kernel has been told, however long that takes: it is the process that
	 * waits for the kernel. -EINTR: serving has ended (see below). */
	int (*notify_and_wait)(void *context, const void *message, size_t len);
	/* Called when INIT is answered. */
	void (*ready)(void *context);
	/* Called when serving has ended, before what still runs is waited for: it is not to wait for anything
	 * distant. Reads that fail from then on are left to the server that follows, if one does. NULL: not
	 * called. */
	void (*ending)(void *context);
	/* Called when a request is answered EIO, ENOSPC or EROFS, from the thread that serves it: must be
	 * quick. NULL: not called. */
	void (*trouble)(void *context);
	void *context;
};

int fs_new(const struct fs_config *config, struct fs **ret_fs);
/* Serves until the mount ends or fs_stop() is called from a signal handler or another thread. */
int fs_run(struct fs *fs);
void fs_stop(struct fs *fs);
struct fs *fs_free(struct fs *fs);

/* How many requests were answered EIO because stored bytes were damaged, and the inode of the last. */
uint64_t fs_damage(struct fs *fs, uint64_t *ret_ino);

/* Of inodes and names nothing is kept here: the kernel's cache is the only one. */
void fs_add_memory(struct fs *fs, struct memory_parts *m);

/* Was this request begun, and not answered yet? */
bool fs_is_running(struct fs *fs, uint64_t unique);
/* For index_config: is the inode open for writing and active within 10 s? */
bool fs_is_busy(struct fs *fs, uint64_t ino);
/* Likewise: does any program have it open? */
bool fs_is_open(struct fs *fs, uint64_t ino);
/* Likewise: notes that what is open now is being used (last_use.h). Any time; nothing before fs_new(). */
void fs_note_uses(struct fs *fs);
/* Likewise: how many requests have come since the mount began; 0 before fs_new(). */
uint64_t fs_requests(struct fs *fs);
/* For the movers: drops the attributes that the kernel caches of an inode. (It keeps no xattrs, so the
 * index need not call this, and file bytes never change behind its back.) Queued to a thread that serves no
 * request; ignored before and after fs_run(). */
void fs_invalidate(struct fs *fs, uint64_t ino);
/* What was committed, in this order; as catalog.h calls it. Any time. */
void fs_changed(struct fs *fs, const struct catalog_event *events, size_t n);
/* A name was removed behind the kernel's back, which is told; `i` is what it was of, which is reclaimed when
 * that was the last one and nobody has it open. Any time. */
void fs_unlinked(struct fs *fs, uint64_t dir, const char *name, const struct inode *i);
