/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"

/* What a word sets and clears among the kernel's flags. */
static const struct {
	const char *word;
	unsigned long set, clear;
} flag_words[] = {
	{ "rw", 0, MS_RDONLY },       { "ro", MS_RDONLY, 0 },
	{ "suid", 0, MS_NOSUID },     { "nosuid", MS_NOSUID, 0 },
	{ "dev", 0, MS_NODEV },       { "nodev", MS_NODEV, 0 },
	{ "exec", 0, MS_NOEXEC },     { "noexec", MS_NOEXEC, 0 },
	{ "atime", 0, MS_NOATIME },   { "noatime", MS_NOATIME, 0 },
	{ "relatime", MS_RELATIME, MS_NOATIME },
	{ "diratime", 0, MS_NODIRATIME }, { "nodiratime", MS_NODIRATIME, 0 },
	{ "sync", MS_SYNCHRONOUS, 0 }, { "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
};

/* For mount(8) and systemd, not for us. */
static const char *const ignored[] = { "defaults",
				       "auto",
				       "noauto",
				       "user",
				       "nouser",
				       "users",
				       "owner",
				       "group",
				       "nofail",
				       "_netdev",
				       "x-*",
				       "comment=*",
				       "default_permissions",
				       "user_id=*",
				       "group_id=*" /* which it reads from the table of mounts */ };

static const char *const contexts[] = { "context=*", "fscontext=*", "defcontext=*", "rootcontext=*" };

void mount_options_init(struct mount_options *o)
{
	*o = (struct mount_options){ .flags = MS_NOSUID | MS_NODEV };
}

static bool matches(const char *word, const char *const *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(patterns[i], word, 0) == 0)
			return true;
	return false;
}

static int add_context(struct mount_options *o, const char *word)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", o->context ? o->context : "", o->context ? "," : "", word) < 0)
		return -ENOMEM;
	free(o->context);
	o->context = joined;
	return 0;
}

static int add_word(struct mount_options *o, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_words); i++) {
		if (strcmp(word, flag_words[i].word) == 0) {
			o->flags = (o->flags & ~flag_words[i].clear) | flag_words[i].set;
			o->read_only = o->flags & MS_RDONLY;
			o->noatime = o->flags & MS_NOATIME;
			return 0;
		}
	}
	if (strcmp(word, "allow_other") == 0) {
		o->allow_other = true;
		return 0;
	}
	if (strcmp(word, "remount") == 0) {
		o->remount = true;
		return 0;
	}
	if (strncmp(word, "fsname=", 7) == 0) {
		free(o->fsname);
		o->fsname = strdup(word + 7);
		return o->fsname ? 0 : -ENOMEM;
	}
	if (matches(word, contexts, ARRAY_SIZE(contexts)))
		return add_context(o, word);
	return matches(word, ignored, ARRAY_SIZE(ignored)) || *word == '\0' ? 0 : -EINVAL;
}

int mount_options_add(struct mount_options *o, const char *list, char **ret_unknown)
{
	_cleanup_free_ char *copy = strdup(list);
	char *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (word = strsep(&rest, ",")) != NULL) {
		r = add_word(o, word);
		if (r == -EINVAL)
			*ret_unknown = strdup(word);
	}
	return r;
}

void mount_options_done(struct mount_options *o)
{
	free(o->fsname);
	free(o->context);
	*o = (struct mount_options){ 0 };
}
