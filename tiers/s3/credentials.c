/* SPDX-License-Identifier: MIT */
/* Not read by inih: as Debian builds it, it cuts lines after 200 bytes, and session tokens have a thousand. */
#include "tiers/s3/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/s3/bucket_impl.h"

#define FILE_MAX  (1u << 20)
#define VALUE_MAX 8192u

static void wipe_text(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void credentials_done(struct s3_credentials *c)
{
	wipe_text(&c->access_key);
	wipe_text(&c->secret_key);
	wipe_text(&c->session_token);
}

int credentials_copy(const struct s3_credentials *c, struct s3_credentials *ret_c)
{
	struct s3_credentials copy = {
		.access_key = strdup(c->access_key),
		.secret_key = strdup(c->secret_key),
		.session_token = c->session_token ? strdup(c->session_token) : NULL,
	};

	if (!copy.access_key || !copy.secret_key || (c->session_token && !copy.session_token)) {
		credentials_done(&copy);
		return -ENOMEM;
	}
	*ret_c = copy;
	return 0;
}

/* A stretch of text, not terminated. */
struct span {
	const char *at;
	size_t len;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static struct span next_line(struct span *rest)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	struct span line = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t used = line.len + (end ? 1 : 0);

	rest->at += used;
	rest->len -= used;
	return trim(line);
}

static bool says(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool opens_profile(struct span line, const char *profile)
{
	struct span name = { line.at + 1, line.len > 2 ? line.len - 2 : 0 };

	return line.at[line.len - 1] == ']' && says(trim(name), profile);
}

static char **field_of(struct s3_credentials *c, struct span name)
{
	if (says(name, "aws_access_key_id"))
		return &c->access_key;
	if (says(name, "aws_secret_access_key"))
		return &c->secret_key;
	return says(name, "aws_session_token") ? &c->session_token : NULL;
}

/* Values with control characters in them would become header lines of their own. */
static bool printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x21 || (unsigned char)s.at[i] > 0x7e)
			return false;
	return s.len > 0 && s.len <= VALUE_MAX;
}

static int take_setting(struct s3_credentials *c, struct span line)
{
	const char *equals = memchr(line.at, '=', line.len);
	struct span name, value;
	char **field;

	if (!equals)
		return 0;
	name = trim((struct span){ line.at, (size_t)(equals - line.at) });
	value = trim((struct span){ equals + 1, line.len - (size_t)(equals - line.at) - 1 });
	field = field_of(c, name);
	if (!field || !printable(value))
		return 0;
	wipe_text(field);
	*field = strndup(value.at, value.len);
	return *field ? 0 : -ENOMEM;
}

int credentials_parse(const char *text, size_t len, const char *profile, struct s3_credentials *ret_c)
{
	struct s3_credentials c = { 0 };
	struct span rest = { text, len };
	bool ours = false, found = false;
	int r = 0;

	while (rest.len > 0 && r >= 0) {
		struct span line = next_line(&rest);

		if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
			continue;
		if (line.at[0] == '[')
			found |= ours = opens_profile(line, profile);
		else if (ours)
			r = take_setting(&c, line);
	}
	if (r >= 0 && (!c.access_key || !c.secret_key))
		r = found ? -EINVAL : -ENOENT;
	if (r < 0)
		credentials_done(&c);
	else
		*ret_c = c;
	return r;
}

/* The path of the file with profiles; NULL without memory or home. */
static char *profile_path(void)
{
	const char *named = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
	char *path = NULL;

	if (named && *named)
		return strdup(named);
	if (!home || !*home || asprintf(&path, "%s/.aws/credentials", home) < 0)
		return NULL;
	return path;
}

static int load_profile(const char *named, struct s3_credentials *ret_c, struct bucket_error *ret_why)
{
	_cleanup_(buf_wipe) struct buf text = BUF_INIT;
	_cleanup_free_ char *path = profile_path();
	const char *profile = named ? named : getenv("AWS_PROFILE");
	int r;

	profile = profile && *profile ? profile : "default";
	if (!path)
		return bucket_fail(ret_why, BUCKET_CREDENTIALS, 0,
				   "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	r = buf_reserve(&text, 4096);
	if (r >= 0)
		r = io_read_file_at(AT_FDCWD, path, FILE_MAX, &text);
	if (r < 0)
		return bucket_fail(
			ret_why, BUCKET_CREDENTIALS, 0,
			named ? "no credentials: %.200s, of which [cold] profile names a part, cannot be read: %s" :
				"no credentials: AWS_ACCESS_KEY_ID is not set, and %.200s cannot be read: %s", path,
			strerrordesc_np(-r));
	r = credentials_parse((const char *)text.data, text.len, profile, ret_c);
	if (r == -ENOMEM)
		return bucket_fail(ret_why, BUCKET_LOCAL, r, "out of memory");
	if (r < 0)
		return bucket_fail(
			ret_why, BUCKET_CREDENTIALS, 0,
			r == -ENOENT
				? named ? "no credentials: %.200s has no profile [%.60s], which [cold] profile names"
					: "no credentials: %.200s has no profile [%.60s]; AWS_PROFILE names another"
				: "no credentials: %.200s: profile [%.60s] lacks a key or its secret",
			path, profile);
	return 0;
}

int credentials_load(void *context, struct s3_credentials *ret_c, struct bucket_error *ret_why)
{
	const char *key = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = getenv("AWS_SESSION_TOKEN");
	struct span spans[] = {{ key, key ? strlen(key) : 0 }, { secret, secret ? strlen(secret) : 0 }};
	struct s3_credentials c = {.access_key = (char *)(uintptr_t)key,
				   .secret_key = (char *)(uintptr_t)secret};

	if (context || !key || !*key)
		return load_profile(context, ret_c, ret_why);
	if (!printable(spans[0]) || !printable(spans[1]))
		return bucket_fail(
			ret_why, BUCKET_CREDENTIALS, 0, "AWS_ACCESS_KEY_ID is set, but %s",
			secret && *secret ? "it or AWS_SECRET_ACCESS_KEY has characters that keys do not have"
					  : "AWS_SECRET_ACCESS_KEY is not");
	if (token && *token) {
		if (!printable((struct span){ token, strlen(token) }))
			return bucket_fail(ret_why, BUCKET_CREDENTIALS, 0,
					   "AWS_SESSION_TOKEN has characters that tokens do not have");
		c.session_token = (char *)(uintptr_t)token;
	}
	if (credentials_copy(&c, ret_c) < 0)
		return bucket_fail(ret_why, BUCKET_LOCAL, -ENOMEM, "out of memory");
	return 0;
}
