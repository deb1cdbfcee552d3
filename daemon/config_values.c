/* SPDX-License-Identifier: MIT */
/* One value: read, compared, exchanged. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "daemon/config_impl.h"

#define MILLION 1000000u
#define PRICE_MAX 1000000u

int config_complain(char **ret_why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return *ret_why ? -EINVAL : -ENOMEM;
}

char **config_text(const void *base, const struct config_field *f)
{
	return f->kind >= CONFIG_TEXT ? config_place(base, f) : NULL;
}

/* ---- numbers */

/* "256M": a number with K, M, G or T for powers of 1024. */
static int parse_size(const char *text, uint64_t *ret_value)
{
	static const char units[] = "KMGT";
	char *end;
	const char *unit;
	uint64_t v;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	for (const char *u = units; unit && u <= unit; u++)
		if (__builtin_mul_overflow(v, 1024, &v))
			return -EINVAL;
	*ret_value = v;
	return 0;
}

/* "0.0004": up to six digits after the point, in millionths. */
static int parse_price(const char *text, uint64_t *ret_millionths)
{
	uint64_t whole = 0, part = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && whole <= PRICE_MAX; at++)
		whole = 10 * whole + (uint64_t)(*at - '0');
	if (at == text || whole > PRICE_MAX)
		return -EINVAL;
	if (*at == '.') {
		uint64_t unit = MILLION / 10;

		for (at++; *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10)
			part += unit * (uint64_t)(*at - '0');
		if (at[-1] == '.')
			return -EINVAL;
	}
	if (*at)
		return -EINVAL;
	*ret_millionths = whole * MILLION + part;
	return 0;
}

/* A largest size of 0 would mean any. */
static int parse_range(const char *text, uint64_t ret_range[2])
{
	const char *dots = strstr(text, "..");
	uint64_t low = 0, high = 0;
	char first[32];

	if (text[0] == '>') {
		if (parse_size(text + 1, &low) < 0 || low == UINT64_MAX)
			return -EINVAL;
		low++;
	} else if (text[0] == '<') {
		if (parse_size(text + 1, &high) < 0 || high-- < 2)
			return -EINVAL;
	} else {
		if (!dots || dots - text >= (ptrdiff_t)sizeof(first))
			return -EINVAL;
		(void) snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
		if (parse_size(first, &low) < 0 || parse_size(dots + 2, &high) < 0 || high < low || high == 0)
			return -EINVAL;
	}
	ret_range[0] = low;
	ret_range[1] = high;
	return 0;
}

static int store_number(uint64_t *place, const struct config_field *f, const char *value, char **ret_why)
{
	uint64_t number = CONFIG_NEVER;
	bool never = f->kind == CONFIG_LASTING && strcasecmp(value, "never") == 0;

	if (!never && (parse_size(value, &number) < 0 || number < f->min || number > f->max))
		return config_complain(ret_why, "%s is '%.*s'; allowed is a number from %llu to %llu%s",
				       f->key, CONFIG_SHOWN_MAX, value, (unsigned long long)f->min,
				       (unsigned long long)f->max,
				       f->kind == CONFIG_SIZE	   ? " (K, M, G, T after it multiply)"
				       : f->kind == CONFIG_LASTING ? ", or never"
								   : "");
	*place = number;
	return 0;
}

/* ---- words */

static int store_bool(bool *place, const struct config_field *f, const char *value, char **ret_why)
{
	static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off",
										       "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*place = strcasecmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return config_complain(ret_why, "%s is '%.*s'; allowed are yes and no", f->key, CONFIG_SHOWN_MAX,
			       value);
}

static int store_choice(uint64_t *place, const struct config_field *f, const char *value, char **ret_why)
{
	char words[100] = "";
	size_t used = 0;

	for (size_t i = 0; f->words[i]; i++) {
		if (strcmp(value, f->words[i]) == 0) {
			*place = i + 1;
			return 0;
		}
		used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s", i == 0 ? "" :
					 f->words[i + 1] ? ", " : " and ", f->words[i]);
	}
	return config_complain(ret_why, "%s is '%.*s'; allowed are %s", f->key, CONFIG_SHOWN_MAX, value,
			       words);
}

/* A further line of a list is added to it. */
static int store_text(char **place, const struct config_field *f, const char *value, char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	char *whole = NULL;
	int r = f->check ? f->check(value, &why) : 0;

	if (r == -EINVAL && why)
		return config_complain(ret_why, "%s: %s", f->key, why);
	if (r < 0)
		return r;
	if (asprintf(&whole, "%s%s%s", *place ? *place : "", *place ? f->separator : "", value) < 0)
		return -ENOMEM;
	free(*place);
	*place = whole;
	return 0;
}

int config_store(void *base, const struct config_field *f, const char *value, char **ret_why)
{
	void *place = config_place(base, f);

	switch (f->kind) {
	case CONFIG_BOOL:
		return store_bool(place, f, value, ret_why);
	case CONFIG_CHOICE:
		return store_choice(place, f, value, ret_why);
	case CONFIG_PRICE:
		return parse_price(value, place) == 0
			       ? 0
			       : config_complain(
					 ret_why,
					 "%s is '%.*s'; allowed is a price up to %u with at most six digits "
					 "after the point: 0.0004",
					 f->key, CONFIG_SHOWN_MAX, value, PRICE_MAX);
	case CONFIG_RANGE:
		return parse_range(value, place) == 0 ? 0 :
			config_complain(ret_why, "%s is '%.*s'; allowed is 10K..1M, >1M or <1M", f->key,
					CONFIG_SHOWN_MAX, value);
	case CONFIG_TEXT:
	case CONFIG_LIST:
		return store_text(place, f, value, ret_why);
	default:
		return store_number(place, f, value, ret_why);
	}
}

/* ---- changes */

static size_t value_size(const struct config_field *f)
{
	return f->kind == CONFIG_BOOL ? sizeof(bool) : f->kind == CONFIG_RANGE ? 2 * sizeof(uint64_t) :
	       f->kind >= CONFIG_TEXT ? sizeof(char *) : sizeof(uint64_t);
}

bool config_same(const void *a, const void *b, const struct config_field *f)
{
	const char *text_a, *text_b;

	if (f->kind < CONFIG_TEXT)
		return memcmp(config_place(a, f), config_place(b, f), value_size(f)) == 0;
	text_a = *config_text(a, f);
	text_b = *config_text(b, f);
	return text_a && text_b ? strcmp(text_a, text_b) == 0 : text_a == text_b;
}

void config_exchange(void *a, void *b, const struct config_field *f)
{
	char kept[2 * sizeof(uint64_t)];
	size_t size = value_size(f);

	memcpy(kept, config_place(a, f), size);
	memcpy(config_place(a, f), config_place(b, f), size);
	memcpy(config_place(b, f), kept, size);
}
