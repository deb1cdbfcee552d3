/* SPDX-License-Identifier: MIT */
#include "daemon/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

int cli_fail(const char *format, ...)
{
	va_list args;

	fputs("brainy: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_FAILED;
}

int cli_fail_errno(int error, const char *format, ...)
{
	va_list args;

	fputs("brainy: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerrordesc_np(error < 0 ? -error : error));
	return CLI_FAILED;
}

int cli_usage(const struct command *c, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "brainy: %s: ", c->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nusage: brainy %s %s\n", c->name, c->usage);
	return CLI_USAGE;
}

static int load_document(const char *path, int dirfd, const char *document, struct volume **ret_v)
{
	bool copy = strcmp(document, VOLUME_COPY) == 0;
	_cleanup_free_ char *why = NULL;
	int r = copy ? volume_load_copy(dirfd, ret_v, &why) : volume_load(dirfd, ret_v, &why);

	if (r == -ENOENT && faccessat(dirfd, VOLUME_COPY, F_OK, 0) < 0)
		return cli_fail("cannot open %s: not a volume (it has no " VOLUME_FILE
				"); 'brainy init %s' makes one",
				path, path);
	return r < 0 ? cli_fail("cannot open %s: %s: %s", path, document, why ? why : strerrordesc_np(-r))
		     : 0;
}

static const char *name_of_secret(const struct secret *s)
{
	return s->value.kind == KEYSLOT_PASSPHRASE  ? "passphrase"
	       : s->value.kind == KEYSLOT_RECOVERY ? "recovery key"
						    : "key file";
}

int cli_unlock_volume(const char *path, int dirfd, const char *document, const struct secret_options *o,
		      struct secret *secret, struct volume **ret_v, struct keyring **ret_k,
		      bool *ret_read_only)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	int r = load_document(path, dirfd, document, &v);

	if (r != 0)
		return r;
	r = volume_check_features(v, &why);
	if (r < 0)
		return cli_fail("cannot open %s: %s", path, why);
	*ret_read_only = r > 0;
	if (r > 0)
		fprintf(stderr, "brainy: %s: %s: opened read-only\n", path, why);
	r = secret->value.data ? 0 : secret_find(o, path, v, secret);
	if (r != 0)
		return r;
	r = volume_unlock(v, &secret->value, ret_k);
	if (r == -EACCES)
		return cli_fail("cannot open %s: no keyslot accepts this %s", path, name_of_secret(secret));
	if (r == -EBADMSG)
		return cli_fail("cannot open %s: %s was altered: its MAC does not agree with the key", path,
				document);
	if (r < 0)
		return cli_fail_errno(r, "cannot open %s", path);
	*ret_v = steal_ptr(&v);
	return 0;
}

int cli_open_volume(const char *path, const struct secret_options *o, int *ret_dirfd, struct volume **ret_v,
		    struct keyring **ret_k, bool *ret_read_only)
{
	_cleanup_close_ int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(secret_done) struct secret secret = { 0 };
	int r;

	if (dirfd < 0)
		return cli_fail_errno(errno, "cannot open %s", path);
	r = cli_unlock_volume(path, dirfd, VOLUME_FILE, o, &secret, ret_v, ret_k, ret_read_only);
	if (r == 0)
		*ret_dirfd = steal_fd(&dirfd);
	return r;
}

/* ---- mounts */

static int foreach_mount(int (*each)(const struct mntent *m, void *context), void *context)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent m;
	char text[3 * PATH_MAX];
	int r = 0;

	if (!f)
		return -errno;
	while (r == 0 && getmntent_r(f, &m, text, sizeof(text)))
		r = each(&m, context);
	(void) endmntent(f);
	return r;
}

struct mount_search {
	const char *path;
	char *found; /* owned */
	bool ours;
};

/* The last mount that covers the path wins: later ones lie on top. */
static int keep_if_covers(const struct mntent *m, void *context)
{
	struct mount_search *s = context;
	size_t len = strlen(m->mnt_dir);

	if (strncmp(m->mnt_dir, s->path, len) != 0 ||
	    (len > 1 && s->path[len] != '/' && s->path[len] != '\0'))
		return 0;
	if (s->found && strlen(s->found) > len)
		return 0;
	free(s->found);
	s->found = strdup(m->mnt_dir);
	s->ours = strcmp(m->mnt_type, "fuse.brainy") == 0;
	return s->found ? 0 : -ENOMEM;
}

int mount_find(const char *path, char **ret_mount_point)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct mount_search s = { .path = real };
	int r;

	if (!real)
		return -errno;
	r = foreach_mount(keep_if_covers, &s);
	if (r < 0 || !s.found || !s.ours) {
		free(s.found);
		return r < 0 ? r : -ENOTCONN;
	}
	*ret_mount_point = s.found;
	return 0;
}

struct mount_visit {
	int (*each)(const char *mount_point, void *context);
	void *context;
};

static int visit(const struct mntent *m, void *context)
{
	const struct mount_visit *v = context;

	return strcmp(m->mnt_type, "fuse.brainy") == 0 ? v->each(m->mnt_dir, v->context) : 0;
}

int mount_foreach(int (*each)(const char *mount_point, void *context), void *context)
{
	struct mount_visit v = { each, context };

	return foreach_mount(visit, &v);
}

static int is_exactly(const struct mntent *m, void *context)
{
	struct mount_search *s = context;

	if (strcmp(m->mnt_dir, s->path) == 0)
		s->ours = strcmp(m->mnt_type, "fuse.brainy") == 0;
	return 0;
}

bool mount_is_ours(const char *mount_point)
{
	struct mount_search s = { .path = mount_point };

	return foreach_mount(is_exactly, &s) == 0 && s.ours;
}

int status_read(const char *mount_point, json_t **ret_status)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (asprintf(&path, "%s/.brainy/status.json", mount_point) < 0)
		return -ENOMEM;
	r = io_read_file_at(AT_FDCWD, path, 16u << 20, &text);
	if (r < 0)
		return r;
	*ret_status = json_loadb((const char *)text.data, text.len, 0, NULL);
	return *ret_status ? 0 : -EPROTO;
}

int control_ask(const char *mount_point, const char *line, struct buf *ret_answer)
{
	_cleanup_free_ char *path = NULL, *with_newline = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/.brainy/control", mount_point) < 0 ||
	    asprintf(&with_newline, "%s\n", line) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = io_write(fd, with_newline, strlen(with_newline));
	return r < 0 ? r : io_read_all(fd, 64u << 20, ret_answer);
}

int make_parents(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}
