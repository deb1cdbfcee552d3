/* SPDX-License-Identifier: MIT */
#pragma once

#include "index/extract/formats.h"

/* Takes the links on the pages of a PDF that lead to files, by qpdf. What is damaged, long or slow to read
 * has fewer, and says so nowhere: its text is what counts. -ENOMEM. */
int pdf_links(const struct input *in, struct document *d);
