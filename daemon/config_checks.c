/* SPDX-License-Identifier: MIT */
/* What a text must look like, and which values must fit together. Messages say what is allowed; of what may
 * hold a credential they repeat nothing. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "daemon/config_impl.h"
#include "index/words/stem.h"
#include "tiers/move/classes.h"
#include "tiers/move/window.h"

/* What these are when they are not set: capacity.h, tiers/s3. */
#define CAPACITY_HIGH 85
#define CAPACITY_LOW 80
#define CONNECTIONS_MAX 64

#define CREDENTIALS                                                                                \
	"credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from the AWS profile file"

int config_check_languages(const char *value, char **ret_why)
{
	struct languages *l = NULL;
	int r = languages_new(value, &l, ret_why);

	languages_free(l);
	return r;
}

int config_check_tags(const char *value, char **ret_why)
{
	const char *at = value;
	struct list_item item;

	return list_next(&at, value + strlen(value), ',', &item) ? 0 :
		config_complain(ret_why, "tags are wanted, separated by commas");
}

int config_check_window(const char *value, char **ret_why)
{
	struct time_windows w;
	int r = windows_parse(value, &w);

	if (r == 0 && w.n > 0)
		return 0;
	return config_complain(
		ret_why,
		"'%.*s' is not what is allowed: times with days before them or without, separated by "
		"commas: 01:00-06:00, Sat-Sun 00:00-24:00 (at most %u)",
		CONFIG_SHOWN_MAX, value, WINDOWS_MAX);
}

int config_check_timezone(const char *value, char **ret_why)
{
	int32_t offset;

	if (strcmp(value, "local") == 0 || windows_parse_offset(value, &offset) == 0)
		return 0;
	return config_complain(ret_why,
			       "'%.*s' is not allowed; allowed are local, UTC, +02:00, -05:30 and the like",
			       CONFIG_SHOWN_MAX, value);
}

/* ---- the cold tier */

static bool is_bucket(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    !strchr(".-_", name[i]))
			return false;
	return len >= 3 && len <= 63;
}

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 127)
			return false;
	return true;
}

int config_check_url(const char *value, char **ret_why)
{
	const char *bucket = value + strlen("s3://");

	if (strchr(value, '@'))
		return config_complain(ret_why, "no sign @ is allowed in it; " CREDENTIALS);
	if (strncmp(value, "file:///", strlen("file:///")) == 0 && value[strlen("file:///")])
		return 0;
	if (strncmp(value, "s3://", strlen("s3://")) == 0 && is_bucket(bucket, strcspn(bucket, "/")) &&
	    is_visible(bucket))
		return 0;
	return config_complain(
		ret_why,
		"'%.*s' is not what is allowed: s3://bucket/prefix (of a bucket, 3 to 63 small "
		"letters, digits, - . and _), or file:///folder",
		CONFIG_SHOWN_MAX, value);
}

int config_check_endpoint(const char *value, char **ret_why)
{
	const char *host = strstr(value, "://");

	if (strchr(value, '@'))
		return config_complain(ret_why, "no sign @ is allowed in it; " CREDENTIALS);
	host = host ? host + 3 : "";
	if ((strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0) &&
	    isalnum((unsigned char)(*host == '[' ? host[1] : *host)) && is_visible(host) &&
	    !strpbrk(host, "/?#"))
		return 0;
	return config_complain(ret_why,
			       "'%.*s' is not what is allowed: http:// or https://, host, and perhaps :port",
			       CONFIG_SHOWN_MAX, value);
}

int config_check_region(const char *value, char **ret_why)
{
	const char *at = value;

	while (isalnum((unsigned char)*at) || *at == '-' || *at == '_')
		at++;
	if (at > value && !*at && at - value <= CONFIG_SHOWN_MAX)
		return 0;
	return config_complain(ret_why,
			       "'%.*s' is not what is allowed: letters, digits and - as in eu-central-1",
			       CONFIG_SHOWN_MAX, value);
}

int config_check_absolute(const char *value, char **ret_why)
{
	return value[0] == '/' ? 0
			       : config_complain(ret_why, "'%.*s' is not what is allowed: a path from / on",
						 CONFIG_SHOWN_MAX, value);
}

int config_check_currency(const char *value, char **ret_why)
{
	size_t len = strlen(value);

	return len >= 1 && len <= 8 ? 0 : config_complain(ret_why, "allowed are 1 to 8 bytes, as USD");
}

bool config_is_secret(const char *key)
{
	static const char *const parts[] = { "secret",	   "access_key", "accesskey", "password",
					     "passphrase", "token",	 "credential" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(key, parts[i]))
			return true;
	return strcasecmp(key, "key") == 0;
}

/* ---- together */

static const struct config_field *field_at(size_t offset)
{
	const struct config_field *f = config_fields;

	while (f->offset != offset)
		f++;
	return f;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static const struct config_field *check_capacity(const struct config *c, char **ret_why)
{
	uint64_t high = or_default(c->tiers.capacity_high, CAPACITY_HIGH);
	uint64_t low = or_default(c->tiers.capacity_low, CAPACITY_LOW);

	if (low < high)
		return NULL;
	(void) config_complain(ret_why, "capacity_low is %llu; allowed is less than capacity_high, %llu",
			       (unsigned long long)low, (unsigned long long)high);
	return field_at(c->tiers.capacity_low ? offsetof(struct config, tiers.capacity_low) :
						offsetof(struct config, tiers.capacity_high));
}

/* Its lines were good, each for itself. */
static const struct config_field *check_windows(const struct config *c, char **ret_why)
{
	struct time_windows w;

	if (windows_parse(c->tiers.window, &w) == 0)
		return NULL;
	(void) config_complain(ret_why, "window: there are too many; allowed are %u", WINDOWS_MAX);
	return field_at(offsetof(struct config, tiers.window));
}

static const struct config_field *check_cold(const struct config *c, char **ret_why)
{
	uint64_t most = or_default(c->cold.connections_max, CONNECTIONS_MAX);

	if (c->cold.connections_min > most) {
		(void) config_complain(ret_why,
				       "connections_min is %llu; allowed is at most connections_max, %llu",
				       (unsigned long long)c->cold.connections_min, (unsigned long long)most);
		return field_at(c->cold.connections_max ? offsetof(struct config, cold.connections_max) :
							  offsetof(struct config, cold.connections_min));
	}
	if (c->cold.endpoint && !c->cold.url) {
		(void) config_complain(
			ret_why, "endpoint stands without url; allowed is both: url = s3://bucket/prefix");
		return field_at(offsetof(struct config, cold.endpoint));
	}
	return NULL;
}

const struct config_field *config_check_whole(const struct config *c, char **ret_why)
{
	const struct config_field *f = check_capacity(c, ret_why);

	if (!f)
		f = check_windows(c, ret_why);
	return f ? f : check_cold(c, ret_why);
}
