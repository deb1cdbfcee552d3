/* SPDX-License-Identifier: MIT */
/* The table of keys, and how a value is read: between config.c, config_fields.c and config_values.c only. */
#pragma once

#include <stddef.h>

#include "daemon/config.h"

enum config_kind {
	CONFIG_BOOL,
	CONFIG_SIZE,   /* bytes, with K, M, G or T */
	CONFIG_NUMBER,
	CONFIG_LASTING, /* a number, or `never` */
	CONFIG_CHOICE, /* one of `words` */
	CONFIG_PRICE,  /* a decimal number, kept in millionths */
	CONFIG_RANGE,  /* 10K..1M, >1M, <1M: two numbers of bytes */
	CONFIG_TEXT,   /* from here on a char *, owned */
	CONFIG_LIST,   /* the only kind that may stand in several lines, joined by `separator` */
};

/* One row a key: where its value goes and what is allowed. */
struct config_field {
	const char *section, *key; /* section "class": `offset` is into struct config_class */
	enum config_kind kind;
	bool live;                 /* may change under a mount */
	size_t offset;
	uint64_t min, max;
	const char *const *words;  /* of CHOICE; ends with NULL */
	const char *separator;     /* of LIST */
	/* Of texts, for each line's value, or NULL. -EINVAL with *ret_why, without the key. */
	int (*check)(const char *value, char **ret_why);
	bool opens_bucket;         /* when it changes, the bucket is opened anew */
};

#define CONFIG_CLASS "class"

#define CONFIG_FIELDS_MAX 100

/* Of a wrong value, so much is repeated. */
#define CONFIG_SHOWN_MAX 60

extern const struct config_field config_fields[];
extern const size_t config_fields_n;

/* Where the value of `f` lies; `base` is a struct config or config_class. */
static inline void *config_place(const void *base, const struct config_field *f)
{
	return (char *)(uintptr_t)base + f->offset;
}
/* NULL: its value is no text. */
char **config_text(const void *base, const struct config_field *f);
/* -EINVAL with *ret_why: what is allowed. */
int config_store(void *base, const struct config_field *f, const char *value, char **ret_why);
bool config_same(const void *a, const void *b, const struct config_field *f);
void config_exchange(void *a, void *b, const struct config_field *f);
/* Sets *ret_why. Returns -EINVAL, or -ENOMEM. */
int config_complain(char **ret_why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Does this key ask for a credential? */
bool config_is_secret(const char *key);

/* ---- config_checks.c: of texts, see struct config_field */

int config_check_languages(const char *value, char **ret_why);
int config_check_tags(const char *value, char **ret_why);
int config_check_window(const char *value, char **ret_why);
int config_check_timezone(const char *value, char **ret_why);
int config_check_url(const char *value, char **ret_why);
int config_check_endpoint(const char *value, char **ret_why);
int config_check_region(const char *value, char **ret_why);
int config_check_absolute(const char *value, char **ret_why);
int config_check_currency(const char *value, char **ret_why);
/* Keys that contradict each other. Returns the field whose line is to blame, or NULL. *ret_why as above. */
const struct config_field *config_check_whole(const struct config *c, char **ret_why);
