/* SPDX-License-Identifier: MIT */
/* The classes of a policy, ready to be matched, and lists in text. Pure. */
#pragma once

#include <sys/types.h>

#include "tiers/move/policy.h"

struct classes;

/* As policy_new(). */
int classes_new(const struct policy_class_config *configs, size_t n, struct classes **ret_c, char **ret_why);
struct classes *classes_free(struct classes *c);
/* The place of the first class that matches, or -1. */
ssize_t classes_match(const struct classes *c, const struct policy_file *f);

/* POLICY_NEEDS_*: what any of them looks at. */
unsigned classes_needs(const struct classes *c);

/* For the configuration: says what is wrong with such a list in *ret_why, which the caller frees. -EINVAL. */
int classes_check_paths(const char *globs, char **ret_why);
int classes_check_types(const char *globs, char **ret_why);
int classes_check_numbers(const char *numbers, char **ret_why);

/* The next item of a list, without blanks around it; moves *at. Items that are empty are left out. False: there is none. */
struct list_item {
	const char *text; /* borrowed */
	size_t len;
};
bool list_next(const char **at, const char *end, char separator, struct list_item *ret_item);
/* Does one item stand in both lists? Either may be NULL. */
bool list_meets(const char *a, size_t a_len, const char *b, size_t b_len);
