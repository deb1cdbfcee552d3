/* SPDX-License-Identifier: MIT */
/* What outlives the server: a memfd of the keeper that each server maps in turn. The kernel's view of
 * the mount (INIT, open handles, requests under way) goes on when a server dies; here is ours of it.
 *
 * Layout, native byte order (it never leaves the machine's memory):
 *
 *         0  struct shared_header
 *      4096  the INIT request, as it was read
 *      8192  running[RUNNING_SLOTS]
 *     40960  slots[HANDLE_TABLE_SLOTS]
 *            users
 *            announcements
 *            recent
 *
 * A later program adds at the end: what an earlier one left grows when it is mapped, by zeros.
 *
 * A store to one aligned word is the unit that a killed server can leave behind: each record has one
 * word that says whether it counts, and that is written last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs.h"

#define SHARED_MAGIC 0x3173667979617262ull
#define SHARED_INIT_MAX 4096u
#define RUNNING_SLOTS 1024u

struct shared_header {
	uint64_t magic;
	uint32_t servers;    /* started so far, this one included */
	uint32_t slots_used; /* no slot at or above it was ever taken */
	uint32_t init_len;   /* 0: no INIT yet */
	uint32_t max_write;  /* agreed on with the kernel, as are the flags below */
	/* Counted since the mount began; the keeper sees from them that a server works. */
	uint64_t received, answered;
	uint64_t resent;     /* came again after a server's end */
	uint64_t replayed;   /* of those: had been executed, and were answered from memory */
	uint64_t granted; /* INIT flags that we agreed on with the kernel: they bind a later program, too */
};

/* A request that a server has begun to execute. */
struct running_slot {
	uint64_t unique;  /* without the resend bit; 0: free */
	uint32_t opcode;
	uint16_t crashes; /* servers that died while they executed it */
	uint16_t active;  /* executed now, not parked */
	uint32_t server;  /* shared_header.servers when it was begun last */
	uint32_t reserved32;
	uint64_t reserved;
};

struct handle_slot {
	uint64_t ino;     /* 0: free */
	uint64_t unique;  /* of the request that opened it */
	uint32_t generation;
	uint32_t flags;   /* HANDLE_* */
	uint32_t kind;    /* enum handle_kind */
	uint32_t wrote_s; /* CLOCK_MONOTONIC, of the last write */
};

/* A user of the mount as it was last heard of (virtual/users.h). */
#define SHARED_USERS 64u
#define SHARED_USER_GROUPS 256u
struct shared_user {
	uint32_t uid, gid;
	uint32_t groups[SHARED_USER_GROUPS]; /* ascending */
	uint32_t n_groups; /* 0: free; the word that says whether it counts */
};

/* Records of what inotify is to be told (virtual/announcements.h). */
#define SHARED_ANNOUNCEMENTS (16u << 20)
struct shared_announcements {
	uint64_t first, end; /* bytes within `records`; none when first is not below end */
	uint64_t last_told;  /* the request that told of the one that was removed last */
	uint8_t pad[4096 - 3 * sizeof(uint64_t)];
	uint8_t records[SHARED_ANNOUNCEMENTS]; /* whole pages */
};

/* What was changed and not looked at by saved searches yet, in the order in which it was committed (virtual/recent.h). */
#define SHARED_RECENT 16384u
struct shared_recent {
	uint64_t seen, end; /* of all there ever were: those before `seen` are done with; they lie at their number % SHARED_RECENT */
	uint64_t look_ms;   /* what the last look took, of a processor */
	struct {
		uint64_t ino;
		uint64_t what; /* EVENT_* */
	} changes[SHARED_RECENT];
};

struct shared {
	struct shared_header header;
	uint8_t pad[4096 - sizeof(struct shared_header)];
	uint8_t init[SHARED_INIT_MAX];
	struct running_slot running[RUNNING_SLOTS];
	struct handle_slot slots[HANDLE_TABLE_SLOTS];
	struct shared_user users[SHARED_USERS];
	_Alignas(4096) struct shared_announcements announcements;
	struct shared_recent recent;
};

/* Maps the table; `resumed`: it must be one that a server before us left, otherwise it is emptied.
 * -EBADMSG: it is not. */
int shared_map(int fd, bool resumed, struct shared **ret_shared);
/* Only to look into it, up to the slots: an earlier program may have left no more. NULL: there is none. */
const struct shared *shared_view(int fd);
struct shared *shared_unmap(struct shared *shared);

/* ---- requests under way, so that one that kills servers is not executed for ever */

/* Called by a server that resumes. `crashed`: the last one died by its own fault, and what was active then
 * has one crash more. What the last one had begun stays, because it will come again; what it had not has been
 * given up. */
void running_recover(struct shared *shared, bool crashed);
/* Notes that `unique` is executed from now on; returns in how many crashes it was seen. When the table
 * is full it is not noted. */
unsigned running_begin(struct shared *shared, uint64_t unique, uint32_t opcode);
/* While it is parked it cannot be what kills the server. */
void running_set_active(struct shared *shared, uint64_t unique, bool active);
void running_end(struct shared *shared, uint64_t unique);
/* Was it begun, by whatever server, and not answered yet? Reads only, and needs no lock. */
bool running_has(const struct shared *shared, uint64_t unique);
/* How many are executed now. */
unsigned running_count(const struct shared *shared);
