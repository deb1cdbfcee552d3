/* SPDX-License-Identifier: MIT */
/* The setting comes first, so that the policy does not take away again what was brought back; when there is
 * no room, or the user breaks it off, it is put back as it was. The server goes on without us; we look at it
 * now and then. A server that dies meanwhile has a successor that knows of no recall: it is begun again, and
 * what is here by then is not brought twice. */
#include "daemon/come_back.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/cli.h"

#define TIER_XATTR "user.brainy.tier"
#define LOOK_US 100000u
/* Several servers in a row may die. */
#define TRIES 10u

struct coming {
	const char *path;   /* borrowed */
	char *mount_point;  /* owned */
	uint64_t ino, id;
	char before[16];    /* of the setting; empty: there was none */
	bool shows;         /* progress, on a terminal */
};

struct progress {
	char state[16], why[256];
	unsigned long long files_done, files, bytes_done, bytes, elapsed_ms, failed, changed, missing;
	char left[24];
	int error;
};

static volatile sig_atomic_t broken_off;

static void on_signal(int number)
{
	broken_off = 1;
}

/* Without SA_RESTART: a wait ends. */
static void heed_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	(void) sigaction(SIGINT, &action, NULL);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGHUP, &action, NULL);
}

/* ---- the setting */

static int set_hot(struct coming *c)
{
	ssize_t n = getxattr(c->path, TIER_XATTR, c->before, sizeof(c->before) - 1);

	if (n < 0 && errno != ENODATA)
		return -errno;
	c->before[n > 0 ? n : 0] = '\0';
	return setxattr(c->path, TIER_XATTR, "hot", 3, 0) < 0 ? -errno : 0;
}

static void put_back(const struct coming *c)
{
	if (c->before[0])
		(void) setxattr(c->path, TIER_XATTR, c->before, strlen(c->before), 0);
	else
		(void) removexattr(c->path, TIER_XATTR);
}

/* ---- the server */

/* 0: it said ok, and `answer` is what follows. 1: it said why not. */
static int ask(const struct coming *c, const char *verb, uint64_t number, struct buf *answer)
{
	char line[64];
	int r;

	buf_reset(answer);
	(void) snprintf(line, sizeof(line), "recall %s %llu", verb, (unsigned long long)number);
	r = control_ask(c->mount_point, line, answer);
	if (r < 0 || !buf_cstr(answer))
		return r < 0 ? r : -ENOMEM;
	((char *)answer->data)[strcspn((char *)answer->data, "\n")] = '\0';
	return strncmp((char *)answer->data, "ok", 2) == 0 ? 0 : 1;
}

static int begin(struct coming *c, struct buf *answer)
{
	int r = ask(c, "start", c->ino, answer);

	for (unsigned n = 0; n < TRIES && r == -ESTALE && !broken_off; n++)
		r = ask(c, "start", c->ino, answer);
	if (r == 0)
		c->id = strtoull((char *)answer->data + 3, NULL, 10);
	return r;
}

static void stop(struct coming *c)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	(void) ask(c, "stop", c->ino, &answer);
}

static int parse(const char *text, struct progress *ret)
{
	int used = 0,
	    n = sscanf(text, "ok %15s %llu %llu %llu %llu %llu %23s %llu %llu %llu %d%n", ret->state,
		       &ret->files_done, &ret->files, &ret->bytes_done, &ret->bytes, &ret->elapsed_ms,
		       ret->left, &ret->failed, &ret->changed, &ret->missing, &ret->error, &used);

	if (n != 11)
		return -EBADMSG;
	(void) snprintf(ret->why, sizeof(ret->why), "%s", text[used] ? text + used + 1 : "");
	return 0;
}

/* ---- looking on */

static void show(const struct coming *c, const struct progress *p)
{
	if (!c->shows)
		return;
	if (strcmp(p->state, "looking") == 0) {
		fprintf(stderr, "\rlooking for files ..");
		return;
	}
	fprintf(stderr, "\r\033[K%llu of %llu files, %.1f of %.1f MB", p->files_done, p->files,
		(double)p->bytes_done / 1e6, (double)p->bytes / 1e6);
	if (p->left[0] != '-')
		fprintf(stderr, ", %.0f s to go", strtod(p->left, NULL) / 1000);
}

/* Until it is over. 1: broken off. */
static int look_on(struct coming *c, struct progress *ret)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	unsigned lost = 0;

	for (;;) {
		int r = broken_off ? 1 : ask(c, "get", c->id, &answer);

		if (broken_off)
			return 1;
		if ((r == 1 || r == -ESTALE) && ++lost <= TRIES)
			r = begin(c, &answer);
		else if (r == 0)
			r = parse((char *)answer.data, ret);
		if (r != 0)
			return r < 0 ? r : -EIO;
		show(c, ret);
		if (strcmp(ret->state, "over") == 0)
			return 0;
		(void) usleep(LOOK_US);
	}
}

static int fail_by(const struct coming *c, const struct progress *p)
{
	if (p->error == ENOSPC) {
		if (p->files_done == 0)
			put_back(c);
		return cli_fail(
			"%s: there is no room: %llu bytes are missing for %llu bytes to come back without "
			"passing capacity_high of [tiers]",
			c->path, p->missing, p->bytes - p->bytes_done);
	}
	if (p->error == ECANCELED)
		return cli_fail("%s: it was stopped: %llu of %llu files are back", c->path, p->files_done,
				p->files);
	if (p->error)
		return cli_fail(
			"%s: %llu of %llu files are back; the others come with the next run of the policy: "
			"%s",
			c->path, p->files_done, p->files, p->why[0] ? p->why : strerrordesc_np(p->error));
	if (p->failed)
		return cli_fail("%s: %llu files cannot be brought back: %s", c->path, p->failed,
				p->why[0] ? p->why : "see problems of status.json");
	return CLI_OK;
}

static int end(struct coming *c, int r, const struct progress *p)
{
	if (c->shows)
		fprintf(stderr, "\r\033[K");
	if (r == 1) {
		stop(c);
		put_back(c);
		return cli_fail("%s: broken off: what is back stays, and the setting is as it was", c->path);
	}
	return r < 0 ? cli_fail_errno(r, "%s", c->path) : fail_by(c, p);
}

/* Who may not write to .brainy/control has the setting, which the policy heeds. */
static int come(struct coming *c)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	struct progress p = { 0 };
	int r = set_hot(c);

	if (r < 0)
		return cli_fail_errno(r, "%s", c->path);
	r = begin(c, &answer);
	if (r == -EACCES || r == -EPERM)
		return CLI_OK;
	if (r == 1)
		return cli_fail("%s: %s", c->path, (char *)answer.data + strlen("error: "));
	if (r == 0)
		r = look_on(c, &p);
	else if (broken_off)
		r = 1;
	return end(c, r, &p);
}

static int find(struct coming *c)
{
	struct stat st;
	int r = stat(c->path, &st) < 0 ? -errno : mount_find(c->path, &c->mount_point);

	c->ino = r < 0 ? 0 : st.st_ino;
	return r;
}

int come_back(const char *path)
{
	struct coming c = { .path = path, .shows = isatty(STDERR_FILENO) };
	int r = find(&c);

	heed_signals();
	if (r < 0)
		r = r == -ENOTCONN ? cli_fail("%s: no brainyfs is mounted there", path)
				   : cli_fail_errno(r, "%s", path);
	else
		r = come(&c);
	free(c.mount_point);
	return r;
}

void stay_away(const char *path)
{
	struct coming c = { .path = path };

	if (find(&c) >= 0)
		stop(&c);
	free(c.mount_point);
}
