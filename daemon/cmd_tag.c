/* SPDX-License-Identifier: MIT */
/* `brainy tag`: the xattr user.xdg.tags (comma separated), for people. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"

#define TAGS_XATTR "user.xdg.tags"
#define FOUND_XATTR "user.brainy.found-tags"
#define TAGS_MAX 65536

static int read_tags(const char *path, const char *name, char ret_tags[TAGS_MAX])
{
	ssize_t n = getxattr(path, name, ret_tags, TAGS_MAX - 1);

	if (n < 0 && errno != ENODATA)
		return -errno;
	ret_tags[n > 0 ? n : 0] = '\0';
	return 0;
}

/* The list without `tag`; returns whether it was there. */
static bool remove_tag(struct buf *list, const char *tag)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	bool found = false;
	char *rest = buf_cstr(list), *word;

	while ((word = strsep(&rest, ",")) != NULL) {
		word += strspn(word, " ");
		word[strcspn(word, "\n")] = 0;
		while (*word && word[strlen(word) - 1] == ' ')
			word[strlen(word) - 1] = 0;
		if (!*word)
			continue;
		if (strcmp(word, tag) == 0)
			found = true;
		else
			(void) buf_addf(&kept, "%s%s", kept.len ? "," : "", word);
	}
	buf_reset(list);
	(void) buf_add(list, kept.data, kept.len);
	return found;
}

static int complain_of_missing(const char *path, const char *tag)
{
	_cleanup_buf_ struct buf found = BUF_INIT;
	static char tags[TAGS_MAX];

	if (read_tags(path, FOUND_XATTR, tags) == 0 && buf_add_str(&found, tags) == 0 &&
	    remove_tag(&found, tag))
		return cli_fail("%s: its content says '%s'; a tag that was found goes with the text", path,
				tag);
	return cli_fail("%s: has no tag '%s'", path, tag);
}

static int change_tag(const char *path, const char *tag, bool add)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	static char tags[TAGS_MAX];
	int r = read_tags(path, TAGS_XATTR, tags);

	if (r == 0)
		r = buf_add_str(&list, tags);
	if (r < 0)
		return cli_fail_errno(r, "%s", path);
	if (!remove_tag(&list, tag) && !add)
		return complain_of_missing(path, tag);
	if (add)
		r = buf_addf(&list, "%s%s", list.len ? "," : "", tag);
	if (r == 0 && list.len == 0)
		r = removexattr(path, TAGS_XATTR) < 0 ? -errno : 0;
	else if (r == 0)
		r = setxattr(path, TAGS_XATTR, list.data, list.len, 0) < 0 ? -errno : 0;
	return r < 0 ? cli_fail_errno(r, "%s", path) : CLI_OK;
}

static void print_tags(const char *path, char *tags, const char *mark)
{
	char *rest = tags, *word;

	while ((word = strsep(&rest, ",")) != NULL) {
		word += strspn(word, " ");
		if (*word)
			printf("%s%s%s%s\n", path ? path : "", path ? "\t" : "", word, mark);
	}
}

/* Those that were found in the file's content, and follow it, are told apart. */
static int list_tags(const char *path, bool show_name)
{
	static char tags[TAGS_MAX];
	int r = read_tags(path, TAGS_XATTR, tags);

	if (r < 0)
		return cli_fail_errno(r, "%s", path);
	print_tags(show_name ? path : NULL, tags, "");
	if (read_tags(path, FOUND_XATTR, tags) == 0)
		print_tags(show_name ? path : NULL, tags, "\tfound");
	return CLI_OK;
}

/* All tags that files of this mount have, with how many have each. */
static int list_all(void)
{
	_cleanup_free_ char *mount_point = NULL, *path = NULL;
	_cleanup_buf_ struct buf counts = BUF_INIT;
	int r = mount_find(".", &mount_point);

	if (r < 0)
		return cli_fail("this folder is not in a mounted volume; name a FILE");
	if (asprintf(&path, "%s/.query/count?by=tag&limit=10000", mount_point) < 0)
		return cli_fail_errno(-ENOMEM, "tag");
	r = io_read_file_at(AT_FDCWD, path, 1u << 30, &counts);
	if (r < 0)
		return cli_fail_errno(r, "%s", mount_point);
	return fwrite(counts.data, 1, counts.len, stdout) == counts.len && fflush(stdout) == 0 ? CLI_OK
											       : CLI_FAILED;
}

static int tag_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool ls = strcmp(verb, "ls") == 0, add = strcmp(verb, "add") == 0;
	int status = CLI_OK, first = ls ? 2 : 3;

	if (!ls && !add && strcmp(verb, "rm") != 0)
		return cli_usage(&command_tag, "add, rm or ls is wanted");
	if (ls && argc == 2)
		return list_all();
	if (argc <= first)
		return cli_usage(&command_tag, "a TAG and a FILE are wanted");
	if (!ls && (strchr(argv[2], ',') || !*argv[2]))
		return cli_usage(&command_tag, "a tag is not empty and has no comma");
	for (int i = first; i < argc; i++) {
		int r = ls ? list_tags(argv[i], argc - first > 1) : change_tag(argv[i], argv[2], add);

		if (r != CLI_OK)
			status = r;
	}
	return status;
}

const struct command command_tag = {
	"tag", tag_main, "add|rm TAG FILE.. | ls [FILE..]", "tag files, untag, list tags",
	"ls marks tags that were found in a file's content: they come and go with it. Without FILE it\n"
	"counts the files of each tag.",
};
