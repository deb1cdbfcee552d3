/* SPDX-License-Identifier: MIT */
#include "index/extract/frontmatter_links.h"

#include <ctype.h>
#include <strings.h>

#include "base/cleanup.h"

/* Keys whose value may be a path, compared without '-', '_' and blanks. */
static const char *const relations[] = {
	"attachment", "attachments", "banner",  "child",      "children",     "cite",       "cites",
	"contains",   "continues",   "cover",   "dependson",  "derivedfrom",  "documents",  "extends",
	"haspart",    "image",       "images",  "implements", "isbasedon",    "ispartof",   "link",
	"links",      "next",        "parent",  "parents",    "partof",       "prev",       "previous",
	"references", "related",     "relates", "relatesto",  "replacedby",   "replaces",   "requires",
	"see",        "seealso",     "source",  "sources",    "supersededby", "supersedes", "up",
};

static bool names_relation(struct span key)
{
	char plain[LINK_VERB_MAX + 1];
	size_t n = 0;

	for (const char *at = key.at; at < key.end && n < LINK_VERB_MAX; at++)
		if (!strchr("-_ ", *at))
			plain[n++] = *at;
	plain[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++)
		if (strcasecmp(plain, relations[i]) == 0)
			return true;
	return false;
}

/* Does it say with "./", "../" or "/" that it is a path, or end in ".x", as names of files do? */
static bool is_path(struct span s)
{
	const char *dot = memrchr(s.at, '.', span_len(s));

	if (memmem(s.at, span_len(s), "://", 3) || span_find(s, '\n') < s.end)
		return false;
	if (*s.at == '/' || (span_len(s) > 2 && (memcmp(s.at, "./", 2) == 0 || memcmp(s.at, "..", 2) == 0)))
		return true;
	if (!dot || dot == s.at || s.end - dot < 2 || s.end - dot > 9 || !isalpha((unsigned char)dot[1]))
		return false;
	for (const char *at = dot + 1; at < s.end; at++)
		if (!isalnum((unsigned char)*at))
			return false;
	return true;
}

/* Behind the wiki link at s.at, or NULL. */
static const char *wiki_end(struct span s)
{
	const char *end = span_len(s) > 4 && memcmp(s.at, "[[", 2) == 0
				  ? memmem(s.at + 2, span_len(s) - 2, "]]", 2)
				  : NULL;

	return end ? end + 2 : NULL;
}

/* Nothing but wiki links, with commas or blanks between, perhaps embedded? */
static bool is_wiki_list(struct span s)
{
	bool any = false;

	while (s.at < s.end) {
		const char *end = wiki_end(s);

		if (end)
			any = true;
		else if (!span_is_space(*s.at) && *s.at != ',' && *s.at != '!')
			return false;
		s.at = end ? end : s.at + 1;
	}
	return any;
}

static int add_wiki_list(struct found *f, struct span key, struct span s)
{
	int r = 0;

	while (s.at < s.end && r >= 0) {
		const char *end = wiki_end(s);

		if (end)
			r = found_wiki(f, key, (struct span){ s.at + 2, end - 2 });
		s.at = end ? end : s.at + 1;
	}
	return r;
}

/* The target of "[label](target)" or "[label](<target>)", which is all of `s`; else an empty one. */
static struct span markdown_target(struct span s)
{
	const char *middle = *s.at == '[' ? memmem(s.at, span_len(s), "](", 2) : NULL;
	struct span target = { s.at, s.at };

	if (!middle || s.end[-1] != ')')
		return target;
	target = (struct span){ middle + 2, s.end - 1 };
	if (span_len(target) >= 2 && *target.at == '<' && target.end[-1] == '>')
		return (struct span){ target.at + 1, target.end - 1 };
	if (span_find(target, '(') < target.end || span_find(target, ' ') < target.end)
		target.end = target.at;
	return target;
}

int frontmatter_links(struct found *f, struct span key, struct span value)
{
	struct span target;

	value = span_trim(value);
	if (span_len(value) == 0)
		return 0;
	if (is_wiki_list(value))
		return add_wiki_list(f, key, value);
	target = markdown_target(value);
	if (span_len(target))
		return found_url(f, key, target);
	return names_relation(key) && is_path(value) ? found_link(f, LINK_PATH, key, value) : 0;
}
