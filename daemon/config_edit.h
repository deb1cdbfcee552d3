/* SPDX-License-Identifier: MIT */
/* Changes single keys in the text of brainy.conf, as a person would: everything else stays as it is, byte for
 * byte, with its comments, blank lines and order. Does not know which keys there are: config_parse() judges
 * what came out.
 * */
#pragma once

#include "base/buf.h"

struct config_change {
	const char *key, *value; /* value NULL: its line goes */
};

/* A key that is there gets the value where it stands; one that is not gets a line behind the section's last
 * one, or the section a place at the end. Appends the new text. -EINVAL: a value that cannot stand in a line.
 * -ENOMEM. */
int config_edit(const void *text, size_t len, const char *section, const struct config_change *changes,
		size_t n, struct buf *ret_text);
