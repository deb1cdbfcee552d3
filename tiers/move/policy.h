/* SPDX-License-Identifier: MIT */
/* Where the bytes of a file should lie: statistics in, a move out. Pure: no I/O, no clock, no catalog.
 *
 * The first of these that speaks decides:
 *
 *   1  open             an open file does not move, nor is it deleted
 *   2  pinned           hot; what lies colder comes back
 *   3  user.brainy.tier hot, warm or cold: there, both ways; promotion and retention do not ask (`auto` goes on here)
 *   4  retention        `delete` and old enough: deleted, unless it has one of the hold tags
 *   5  class            one with a `tier` of its own: there, both ways
 *   6  repeated use     on `promote_uses` occasions: hot
 *   7  age              now - max(last use, mtime): hot under hot_days, then warm under warm_days, then cold; down only
 *
 * What was closed a moment ago is neither demoted nor deleted; it may be promoted, as the reading that asks for it has
 * just ended. Age does not bring a file back: one look at a cold file makes it young, and stays a look. Age reaches
 * cold in one move; without a cold tier (`cold_attached`) all that is meant to be cold is warm. Nothing leaves the hot tier
 * before hot_days; when warm_days is not above them, the warm tier is skipped. A time in the future counts as now.
 *
 * A tier that the user set keeps a file from retention, because somebody decided that it shall lie somewhere; a class
 * that has both `tier` and `retention = delete` deletes. Empty files have nowhere to move; retention takes them too.
 *
 * Thread-safety: a policy may be used by several threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From hot to cold; also an index. AUTO: nothing is said. */
enum policy_tier { POLICY_AUTO, POLICY_HOT, POLICY_WARM, POLICY_COLD, POLICY_TIERS };
enum policy_retention { POLICY_INHERIT, POLICY_KEEP, POLICY_DELETE };

/* In days: this never comes. */
#define POLICY_NEVER UINT64_MAX

/* A class: files that are treated in their own way. What is not set (NULL, 0) matches everything. */
struct policy_class_config {
	const char *name;
	const char *path;            /* globs of tiers/move/glob.h, one a line: one of them */
	const char *type;            /* globs of MIME types, separated by commas: one of them */
	const char *tag;             /* tags, separated by commas: one of them */
	const char *owner, *group;   /* numbers of users and groups, separated by commas: one of them */
	uint64_t size_min, size_max; /* bytes, both inclusive; size_max 0: any */
	/* What holds for them; 0: as for all. */
	enum policy_tier tier;
	uint64_t hot_days, warm_days, retention_days; /* or POLICY_NEVER */
	enum policy_retention retention;
};

/* Zero means default everywhere. */
struct policy_config {
	uint64_t hot_days;                /* 7; or POLICY_NEVER */
	uint64_t warm_days;               /* 30; or POLICY_NEVER */
	enum policy_retention retention;  /* keep */
	uint64_t retention_days;          /* 365 */
	const char *hold_tags;            /* separated by commas: none */
	uint64_t settle_s;                /* closed within so many seconds is "a moment ago": 10 */
	uint64_t promote_uses;            /* occasions (uses.h), up to USES_MAX: 4; or POLICY_NEVER */
	uint64_t promote_days;            /* within which they count: 7 */
	const struct policy_class_config *classes; /* the first that matches holds */
	size_t n_classes;
};

struct policy;
struct uses;

/* Copies. -EINVAL with *ret_why, which the caller frees: a class with a bad glob or number. -ENOMEM. */
int policy_new(const struct policy_config *config, struct policy **ret_p, char **ret_why);
struct policy *policy_free(struct policy *p);

/* What holds for all files of a run. */
struct policy_moment {
	int64_t now_s;       /* since 1970 UTC: the clock, or what --now says */
	bool cold_attached;
};

/* A regular file. Pointers are borrowed for the call. */
struct policy_file {
	int64_t last_use_s, mtime_s;  /* since 1970 UTC */
	int64_t closed_s;             /* when it was closed the last time; 0: not known, long ago */
	uint64_t size_bytes;
	uint64_t bytes[POLICY_TIERS]; /* that lie in each tier, plain; holes lie nowhere */
	bool is_open;
	bool is_pinned;               /* the nearest user.brainy.pin */
	enum policy_tier tier;        /* the nearest user.brainy.tier */
	const char *tags;             /* as user.xdg.tags, separated by commas; or NULL */
	size_t tags_len;
	const char *path;             /* relative to the top of the mount */
	size_t path_len;
	const char *type;             /* MIME; NULL: not known */
	uint32_t uid, gid;
	const struct uses *uses;      /* or NULL */
};

/* What of a file makes a difference under this policy, as it costs to find out. */
#define POLICY_NEEDS_PATH 1u
#define POLICY_NEEDS_TYPE 2u
#define POLICY_NEEDS_TAGS 4u
unsigned policy_needs(const struct policy *p);

enum policy_action { POLICY_STAY, POLICY_DEMOTE, POLICY_PROMOTE, POLICY_REMOVE };

enum policy_reason {
	POLICY_IN_PLACE,  /* it lies where it should */
	POLICY_OPEN,
	POLICY_JUST_CLOSED,
	POLICY_PINNED,
	POLICY_SET,       /* user.brainy.tier */
	POLICY_CLASS,     /* the class says where */
	POLICY_USED,      /* on several occasions */
	POLICY_UNUSED,    /* for so long */
	POLICY_NO_COLD,   /* it should be cold, or come from there, and no cold tier is attached */
	POLICY_RETENTION,
	POLICY_HELD,      /* retention would delete it, a hold tag forbids */
	POLICY_EMPTY,
	POLICY_CAPACITY,  /* the disk fills (capacity.h) */
	POLICY_UNFIT,     /* it should go down, but no pack has room for its names and xattrs (gather.h) */
	POLICY_REASONS
};

struct policy_move {
	enum policy_action action;
	enum policy_tier to;               /* of STAY: where most of it lies; of REMOVE: AUTO */
	enum policy_reason reason;
	uint64_t bytes_from[POLICY_TIERS]; /* plain bytes that leave each tier; all others stay */
	int64_t age_s;                     /* since last use or change; not negative */
	int64_t limit_s;                   /* UNUSED, NO_COLD, RETENTION, HELD: the age from which on */
	unsigned occasions;                /* USED */
	const char *class_name;            /* the class that decided a limit or a tier, borrowed from the policy; or NULL */
};

/* Decides for one file. Cannot fail. */
void policy_decide(const struct policy *p, const struct policy_moment *when, const struct policy_file *f,
		   struct policy_move *ret_move);
/* How far down it may go when the disk fills (capacity.h): HOT when it must stay. That is so of what is open, just
 * closed or pinned, what user.brainy.tier or its class say is hot, and of a class with hot_days = never; warm of those
 * whose tier is warm, and of a class with warm_days = never. Days that are `never` for all files do not count here: that is
 * how one has moves by capacity only. */
enum policy_tier policy_coldest(const struct policy *p, const struct policy_moment *when, const struct policy_file *f);
/* In words, for --dry-run: "unused for 12 days: warm after 7". Cuts what does not fit into `size` bytes.
 * Returns `ret_text`. */
char *policy_explain(const struct policy_move *m, char *ret_text, size_t size);
/* "auto", "hot", "warm", "cold". */
const char *policy_tier_name(enum policy_tier t);
/* A value of user.brainy.tier. -EINVAL. */
int policy_parse_tier(const char *text, size_t len, enum policy_tier *ret_t);
/* now - max(last use, mtime), in seconds; not negative. */
int64_t policy_age_s(int64_t now_s, int64_t last_use_s, int64_t mtime_s);
