/* SPDX-License-Identifier: MIT */
/* Fields of .by that no attribute holds: .by/type/pdf, .by/lang/en, .by/tier/cold. A value has the files that a query of it alone
 * finds (type:pdf). Types are listed by their second half ("pdf" of application/pdf, "tar" of application/x-tar); whatever
 * a query takes for one is a folder as well, when a file has it. The last one, "concept", has values only that are asked for
 * (view_searches.c).
 *
 * They go before a field of the same name, as they do in queries. */
#pragma once

#include "fs/virtual/view.h"

#define COMPUTED_FIELDS 4u
extern const char *const view_computed_names[COMPUTED_FIELDS];
/* The view of a field. 1. 0: it is none of these. */
int view_computed_field(const char *name, struct view *ret_v);
