/* SPDX-License-Identifier: MIT */
/* The protocol of .brainy/control: one line in, an answer out whose first line is `ok ...` or
 * `error: WHY`. The commands that act on a mounted volume go through here, so there is no second one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/attach.h"
#include "daemon/audit.h"
#include "daemon/recalling.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/tiering.h"
#include "daemon/upgrade.h"
#include "daemon/verifying.h"


/* "wait index MS": an answer within MS; `brainy wait` asks again until its own time is over. */
static int wait_index(struct server *s, const char *arguments, struct buf *answer)
{
	unsigned timeout_ms = (unsigned)strtoul(arguments, NULL, 10);
	int r = s->stack.index ? index_wait(s->stack.index, timeout_ms) : 0;

	if (r == 0)
		return buf_add_str(answer, "ok\n");
	return buf_addf(answer, "error: %llu files are still to be indexed\n",
			(unsigned long long)index_pending(s->stack.index));
}

static int wait_durable(struct server *s, const char *arguments, struct buf *answer)
{
	int r = catalog_sync(s->stack.catalog, catalog_last_lsn(s->stack.catalog));

	return r == 0 ? buf_add_str(answer, "ok\n") : buf_addf(answer, "error: %s\n", strerrordesc_np(-r));
}

static int checkpoint(struct server *s, const char *arguments, struct buf *answer)
{
	int r = catalog_checkpoint(s->stack.catalog);

	return r == 0 ? buf_add_str(answer, "ok\n") : buf_addf(answer, "error: %s\n", strerrordesc_np(-r));
}

/* Where inotify does not tell of changes, and for scripts that want to know what became of theirs. */
static int reload_config(struct server *s, const char *arguments, struct buf *answer)
{
	_cleanup_free_ char *why = NULL;
	int r = s->reload ? reload_now(s->reload, &why) : -ESHUTDOWN;

	return r == 0 ? buf_add_str(answer, "ok\n")
		      : buf_addf(answer, "error: %s\n", why ? why : strerrordesc_np(-r));
}

/* "name INODE": the path of an inode that a log line or a report names. */
static int name_inode(struct server *s, const char *arguments, struct buf *answer)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	uint64_t ino = strtoull(arguments, NULL, 10);
	int r = tree_path(s->stack.catalog, ino, ROOT_INO, 0, &path);

	if (r < 0)
		return buf_addf(answer, "error: inode %llu: %s\n", (unsigned long long)ino,
				strerrordesc_np(-r));
	r = buf_add_str(answer, "ok\n");
	if (r == 0)
		r = buf_add(answer, path.data, path.len);
	return r < 0 ? r : buf_add_str(answer, "\n");
}

/* "upgrade PROGRAM": what became of it stands in status.json, whoever answers then. */
static int upgrade(struct server *s, const char *arguments, struct buf *answer)
{
	_cleanup_free_ char *why = NULL;
	int r = upgrade_offer(s->link, arguments, &why);

	return r == 0 ? buf_add_str(answer, "ok\n")
		      : buf_addf(answer, "error: %s\n", why ? why : strerrordesc_np(-r));
}

static const struct {
	const char *name;
	int (*run)(struct server *s, const char *arguments, struct buf *answer);
	bool changes; /* something that somebody may ask about later */
} words[] = {
	{ "wait index", wait_index }, { "wait durable", wait_durable }, { "wait tiers", recalling_wait },
	{ "checkpoint", checkpoint }, { "reload", reload_config, true }, { "name", name_inode },
	{ "upgrade", upgrade, true }, { "tier run", tiering_run, true }, { "tier status", tiering_status },
	{ "compact", tiering_compact, true }, { "cold attach", attach_bucket, true },
	{ "cold detach", detach_bucket, true }, { "recall start", recalling_start, true },
	{ "recall get", recalling_get }, { "recall stop", recalling_stop }, { "scrub", verifying_run, true },
};

int server_control(struct server *s, const char *line, struct buf *ret_answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i].name);

		if (strncmp(line, words[i].name, len) != 0 || (line[len] != ' ' && line[len] != '\0'))
			continue;
		if (words[i].changes && !s->read_only)
			audit_note(s->stack.catalog, "command", words[i].name);
		return words[i].run(s, line[len] ? line + len + 1 : "", ret_answer);
	}
	(void) buf_add_str(ret_answer, "error: unknown command; known are");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		(void) buf_addf(ret_answer, "%s '%s'", i ? "," : "", words[i].name);
	return buf_add_str(ret_answer, "\n");
}
