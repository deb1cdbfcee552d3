/* SPDX-License-Identifier: MIT */
#include "catalog/verbs.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

const struct known_verb known_verbs[] = {
	{ "causes", "causedBy" },
	{ "cites", "citedBy" },
	{ "contains", "containedIn" },
	{ "continues", "continuedBy" },
	{ "dependsOn", "requiredBy" },
	{ "derivedFrom", "sourceOf" },
	{ "extends", "extendedBy" },
	{ "implements", "implementedBy" },
	{ "mentions", "mentionedBy" },
	{ "partOf", "hasPart" },
	{ "precedes", "follows" },
	{ "references", "referencedBy" },
	{ "replaces", "replacedBy" },
	{ "supersedes", "supersededBy" },
	{ "supports", "supportedBy" },
	{ "contradicts", "contradicts" },
	{ "relatesTo", "relatesTo" },
	{ "sameAs", "sameAs" },
	{ "seeAlso", "seeAlso" },
};
const size_t known_verbs_n = ARRAY_SIZE(known_verbs);

static bool is(const char *known, const char *name, size_t len)
{
	return strlen(known) == len && memcmp(known, name, len) == 0;
}

const char *verb_inverse(const char *name, size_t len)
{
	for (size_t k = 0; k < known_verbs_n; k++) {
		if (is(known_verbs[k].name, name, len))
			return known_verbs[k].inverse;
		if (is(known_verbs[k].inverse, name, len))
			return known_verbs[k].name;
	}
	return NULL;
}
