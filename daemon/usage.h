/* SPDX-License-Identifier: MIT */
/* What a command line may go on with, read from the usage of its command (struct command), so that there is
 * one list of options and choices. Not the reading of options: each command does that.
 *
 * A usage is one or more forms, apart by " | " outside of brackets. A form is made of `--option`, `--option
 * VALUE`, words that are typed as they are (`add|rm`, in lower case) and others (`FILE`). Brackets may stand
 * around any of them, `..` after what may come several times. Thread-safety: safe. */
#pragma once

#include <stddef.h>

enum usage_kind {
	USAGE_WORD,   /* typed as it is */
	USAGE_OPTION, /* with its dashes */
	USAGE_VALUE,  /* the name of what is wanted, as FILE or MNT */
};

/* Calls `each` with all that may come after these words, which follow the command's name; text as it stands
 * in `usage`. Ends with the first result that is not 0, and returns it. */
int usage_foreach_next(const char *usage, char *const words[], size_t n_words,
		       int (*each)(void *context, enum usage_kind kind, const char *text, size_t len),
		       void *context);
