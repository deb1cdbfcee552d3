/* SPDX-License-Identifier: MIT */
#include "daemon/server_calls.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "crypto/volume.h"
#include "daemon/announcer.h"
#include "daemon/notifier.h"
#include "daemon/problems.h"
#include "fs/shared.h"

#define TASK_COMM_MAX 15u

/* ---- of the stack */

static bool busy(void *context, uint64_t ino)
{
	return fs_is_busy(((struct server *)context)->fs, ino);
}

static bool is_open(void *context, uint64_t ino)
{
	return fs_is_open(((struct server *)context)->fs, ino);
}

static int need_packs(void *context)
{
	struct server *s = context;

	return volume_need_feature(s->volume_dirfd, s->keys, VOLUME_PACKS);
}

static int need_labels(void *context)
{
	struct server *s = context;

	return volume_need_feature(s->volume_dirfd, s->keys, VOLUME_LABELS);
}

static void changed(void *context, const struct catalog_event *events, size_t n)
{
	fs_changed(((struct server *)context)->fs, events, n);
}

static void unlinked(void *context, uint64_t dir, const char *name, const struct inode *i)
{
	fs_unlinked(((struct server *)context)->fs, dir, name, i);
}

static void note_uses(void *context)
{
	fs_note_uses(((struct server *)context)->fs);
}

static uint64_t requests(void *context)
{
	return fs_requests(((struct server *)context)->fs);
}

/* While the log is replayed, what the server before has left. */
static bool in_flight(void *context, uint64_t unique)
{
	struct server *s = context;

	if (s->fs)
		return fs_is_running(s->fs, unique);
	return s->left && running_has(s->left, unique);
}

/* By the thread that has looked. */
static void found_whole(void *context)
{
	(void) link_send_text(((struct server *)context)->link, LINK_WHOLE, "");
}

void server_calls_of_stack(struct server *s)
{
	s->stack.is_busy = busy;
	s->stack.is_open = is_open;
	s->stack.need_packs = need_packs;
	s->stack.need_labels = need_labels;
	s->stack.requests = requests;
	s->stack.note_uses = note_uses;
	s->stack.unlinked = unlinked;
	s->stack.changed = changed;
	s->stack.in_flight = in_flight;
	s->stack.found_whole = found_whole;
	s->stack.context = s;
}

/* ---- of fs */

static int describe(void *context, const char *name, struct buf *ret_text)
{
	return server_describe(context, name, ret_text);
}

static int control(void *context, const char *line, struct buf *ret_answer)
{
	return server_control(context, line, ret_answer);
}

static void ready(void *context)
{
	struct server *s = context;

	(void) link_send_text(s->link, LINK_READY, "");
	if (s->resumed)
		log_info("another server serves after %u ms: files %u, catalog %u with %llu records of the log, "
			 "index %u",
			 (unsigned)(clock_mono_ms() - s->started_ms), s->stack.files_ms, s->stack.catalog_ms,
			 (unsigned long long)s->stack.replay.replayed, s->stack.index_ms);
}

static void trouble(void *server)
{
	problems_notice(((struct server *)server)->problems);
}

static bool has_name(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ",")) {
		at += strspn(at, ", ");
		/* The kernel cuts the names of programs. */
		if (len > 0 && strncmp(at, name, len) == 0 && (len == TASK_COMM_MAX || strchr(", ", at[len])))
			return true;
	}
	return false;
}

/* [tiers] ignore; it does not change under a mount. */
static bool ignores(void *server, int pid)
{
	const char *list = ((struct server *)server)->config.tiers.ignore;
	_cleanup_buf_ struct buf name = BUF_INIT;

	return list && io_read_process_name(pid, &name) >= 0 && has_name(list, buf_cstr(&name));
}

static void ending(void *server)
{
	struct server *s = server;

	stack_interrupt(&s->stack);
	notifier_interrupt(s->notifier);
}

static int announce(void *server, bool came, const char *path)
{
	return announcer_tell(((struct server *)server)->announcer, came, path);
}

static int announcer(void *server)
{
	return (int)announcer_pid(((struct server *)server)->announcer);
}

static int notify(void *server, const void *message, size_t len, bool may_wait)
{
	return notifier_tell(((struct server *)server)->notifier, message, len, may_wait);
}

static int notify_and_wait(void *server, const void *message, size_t len)
{
	return notifier_tell_and_wait(((struct server *)server)->notifier, message, len);
}

static int need_quotas(void *server)
{
	struct server *s = server;

	return volume_need_feature(s->volume_dirfd, s->keys, VOLUME_QUOTAS);
}

struct fs_config server_fs_config(struct server *s, const struct link_message *hello, int handles_fd,
				     int fuse_fd)
{
	return (struct fs_config){
		.catalog = s->stack.catalog,
		.files = s->stack.files,
		.index = s->stack.index,
		.fuse_fd = fuse_fd,
		.handles_fd = handles_fd,
		.mount = hello->mount,
		.resumed = hello->resumed,
		.crashed = hello->crashed,
		.mount_point = s->mount_point,
		.owner_uid = geteuid(),
		.read_only = s->read_only,
		.noatime = s->noatime,
		.describe = describe,
		.control = control,
		.need_quotas = need_quotas,
		.ready = ready,
		.ending = ending,
		.ignores = ignores,
		.trouble = trouble,
		.announce = s->announcer ? announce : NULL,
		.announcer = announcer,
		.notify = notify,
		.notify_and_wait = notify_and_wait,
		.context = s,
	};
}
