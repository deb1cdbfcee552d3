/* SPDX-License-Identifier: MIT */
/* The memfd holds, after a head of 16 bytes, two places for texts. A text is written into the place that is
 * not in use, then the head: le64 offset, le64 length + 1 (0: there is none). A server killed at any point
 * leaves a whole text. */
#include "daemon/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "daemon/problems.h"
#include "daemon/server.h"
#include "daemon/watch.h"

#define HEAD_SIZE 16u
#define PLACE_SIZE (2ull << 20) /* above what config_read() reads */

struct reload {
	struct server *server; /* borrowed */
	const char *path;      /* borrowed; NULL: brainy.conf in the volume */
	int kept_fd;           /* borrowed */
	struct watch *watch;   /* owned; NULL: changes are not noticed */
	pthread_mutex_t turn;  /* rank 1, held while files are read: guards server->config and text */
	struct buf text;       /* owned: the last one that made sense */
	pthread_mutex_t lock;  /* rank 60: guards all below */
	char *refused;         /* owned: why the file is not in use; NULL: it is */
	char *waiting;         /* owned: keys that wait for the next mount; or NULL */
};

/* ---- the keeper's memfd */

static int kept_head(int fd, uint64_t *ret_offset, uint64_t *ret_len)
{
	uint8_t head[HEAD_SIZE];
	int r = io_pread_exact(fd, head, sizeof(head), 0);

	if (r < 0 || load_le64(head + 8) == 0)
		return -ENOENT;
	*ret_offset = load_le64(head);
	*ret_len = load_le64(head + 8) - 1;
	return *ret_len <= PLACE_SIZE ? 0 : -ENOENT;
}

static int read_kept(int fd, struct buf *ret_text)
{
	uint64_t offset, len;
	uint8_t *place;
	int r = kept_head(fd, &offset, &len);

	if (r >= 0)
		r = buf_extend(ret_text, len, &place);
	return r < 0 ? r : io_pread_exact(fd, place, len, offset);
}

static int keep(int fd, const struct buf *text)
{
	uint64_t offset = 0, len = 0;
	uint8_t head[HEAD_SIZE];
	int r;

	(void) kept_head(fd, &offset, &len);
	offset = offset == HEAD_SIZE ? HEAD_SIZE + PLACE_SIZE : HEAD_SIZE;
	r = io_pwrite(fd, text->data, text->len, offset);
	store_le64(head, offset);
	store_le64(head + 8, text->len + 1);
	return r < 0 ? r : io_pwrite(fd, head, sizeof(head), 0);
}

int reload_first(int kept_fd, int dirfd, const char *path, struct buf *ret_text, struct config *ret_c,
		 char **ret_why)
{
	int r = read_kept(kept_fd, ret_text);

	if (r < 0) {
		buf_reset(ret_text);
		r = config_read(dirfd, path, ret_text, ret_why);
	}
	return r < 0 ? r
		     : config_parse(path ? path : "brainy.conf", ret_text->data, ret_text->len, ret_c,
				    ret_why);
}

/* ---- reading again */

static bool same_text(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void set_text(struct reload *r, char **place, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	LOCKED(&r->lock);

	free(*place);
	*place = copy;
}

/* Says what is to be said of the file from now on. */
static void tell(struct reload *r, char **place, const char *text)
{
	set_text(r, place, text);
	problems_notice(r->server->problems);
}

/* Applies what can change now. On failure nothing has changed. */
static int apply(struct reload *r, struct config *fresh, char **ret_why)
{
	_cleanup_buf_ struct buf changed = BUF_INIT, waiting = BUF_INIT;
	struct server *s = r->server;
	int error = stack_set(&s->stack, fresh, ret_why);

	if (error == 0)
		error = config_adopt(&s->config, fresh, &changed, &waiting);
	if (error < 0)
		return error;
	tell(r, &r->waiting, waiting.len ? buf_cstr(&waiting) : NULL);
	if (changed.len && buf_cstr(&changed))
		log_info("the configuration was read again, in use from now on: %s", (char *)changed.data);
	return 0;
}

static int read_again(struct reload *r, struct buf *text, char **ret_why)
{
	struct config fresh = { 0 };
	int error = config_read(r->server->volume_dirfd, r->path, text, ret_why);

	if (error < 0 || same_text(text, &r->text))
		return error;
	error = config_parse(r->path ? r->path : "brainy.conf", text->data, text->len, &fresh, ret_why);
	if (error == 0)
		error = apply(r, &fresh, ret_why);
	config_done(&fresh);
	if (error < 0)
		return error;
	if (keep(r->kept_fd, text) < 0)
		log_warn(0, "the configuration cannot be kept for a server after this one");
	buf_done(&r->text);
	r->text = *text;
	*text = BUF_INIT;
	return 0;
}

int reload_now(struct reload *r, char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	LOCKED(&r->turn);
	int error;

	*ret_why = NULL;
	error = read_again(r, &text, ret_why);
	tell(r, &r->refused, error == 0 ? NULL : *ret_why ? *ret_why : strerrordesc_np(-error));
	return error;
}

static void changed(void *context)
{
	_cleanup_free_ char *why = NULL;

	(void) reload_now(context, &why);
}

/* ---- writing the file */

int reload_get_text(struct reload *r, struct buf *ret_text, char **ret_why)
{
	*ret_why = NULL;
	return config_read(r->server->volume_dirfd, r->path, ret_text, ret_why);
}

/* The folder of the file, and its name there: where it is, if the path is a link. */
static int find_file(struct reload *r, int *ret_dirfd, char **ret_name)
{
	_cleanup_free_ char *path = NULL, *real = NULL;
	char *slash;

	if (asprintf(&path, "/proc/self/fd/%d/brainy.conf", r->server->volume_dirfd) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	real = realpath(r->path ? r->path : path, NULL);
	if (!real && errno != ENOENT)
		return -errno;
	if (!real)
		real = strdup(r->path ? r->path : path);
	slash = real ? strrchr(real, '/') : NULL;
	if (!slash || !(*ret_name = strdup(slash + 1)))
		return real && !slash ? -EINVAL : -ENOMEM;
	*slash = '\0';
	*ret_dirfd = open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_dirfd < 0 ? -errno : 0;
}

/* Mode and owner stay. */
static int write_file(struct reload *r, const struct buf *text)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_free_ char *name = NULL;
	struct stat st;
	bool old;
	int error = find_file(r, &dirfd, &name);

	if (error < 0)
		return error;
	old = fstatat(dirfd, name, &st, 0) == 0;
	error = io_replace_file_at(dirfd, name, text->data, text->len, old ? st.st_mode & 0777 : 0600);
	if (error == 0 && old && fchownat(dirfd, name, st.st_uid, st.st_gid, 0) < 0)
		log_debug("the owner of the configuration cannot be kept");
	return error;
}

static int check_unchanged(struct reload *r, const struct buf *before, char **ret_why)
{
	_cleanup_buf_ struct buf now = BUF_INIT;
	int error = reload_get_text(r, &now, ret_why);

	return error < 0 ? error : same_text(&now, before) ? 0 : -ESTALE;
}

int reload_replace(struct reload *r, const struct buf *before, const struct buf *text, char **ret_why)
{
	_cleanup_free_ char *lost = NULL;
	int error = check_unchanged(r, before, ret_why);

	if (error == 0)
		error = write_file(r, text);
	if (error < 0)
		return error;
	error = reload_now(r, ret_why);
	if (error < 0 && write_file(r, before) == 0)
		(void) reload_now(r, &lost);
	return error;
}

/* ---- start, stop, figures */

static int watch_file(struct reload *r)
{
	const char *slash = r->path ? strrchr(r->path, '/') : NULL;
	_cleanup_free_ char *folder = NULL;
	int n = slash ? asprintf(&folder, "%.*s", (int)(slash - r->path), r->path) :
			asprintf(&folder, "/proc/self/fd/%d", r->server->volume_dirfd);

	if (n < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	return watch_start(folder, slash ? slash + 1 : "brainy.conf", changed, r, &r->watch);
}

int reload_new(struct server *s, const char *path, int kept_fd, struct buf *text, struct reload **ret_r)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->server = s;
	r->path = path;
	r->kept_fd = kept_fd;
	r->text = *text;
	*text = BUF_INIT;
	(void) pthread_mutex_init(&r->turn, NULL);
	(void) pthread_mutex_init(&r->lock, NULL);
	*ret_r = r;
	return 0;
}

int reload_start(struct reload *r)
{
	int error = keep(r->kept_fd, &r->text);

	return error < 0 ? error : watch_file(r);
}

void reload_stop(struct reload *r)
{
	if (r)
		r->watch = watch_stop(r->watch);
}

struct reload *reload_free(struct reload *r)
{
	if (!r)
		return NULL;
	reload_stop(r);
	(void) pthread_mutex_destroy(&r->turn);
	(void) pthread_mutex_destroy(&r->lock);
	buf_done(&r->text);
	free(r->refused);
	free(r->waiting);
	free(r);
	return NULL;
}

void reload_describe(struct reload *r, char *ret_refused, char *ret_waiting, size_t size)
{
	LOCKED(&r->lock);

	(void) snprintf(ret_refused, size, "%s", r->refused ? r->refused : "");
	(void) snprintf(ret_waiting, size, "%s", r->waiting ? r->waiting : "");
}
