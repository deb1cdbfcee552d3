/* SPDX-License-Identifier: MIT */
/* Where access keys come from, never the volume: the one place that looks at AWS_* in the environment.
 * Thread-safe, as long as nobody changes the environment. */
#pragma once

#include "base/buf.h"
#include "tiers/s3/bucket.h"
#include "tiers/s3/sigv4.h"

/* Loads credentials; `context` is its own. May be called again, from another thread, when the server says that
 * they have expired. On failure *ret_why (may be NULL) tells what was looked for, and where. */
typedef int (*credentials_fn)(void *context, struct s3_credentials *ret_c, struct bucket_error *ret_why);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN from the environment; when there is no
 * AWS_ACCESS_KEY_ID, the profile $AWS_PROFILE ("default") of the file $AWS_SHARED_CREDENTIALS_FILE
 * (~/.aws/credentials). `context`: the name of a profile, which goes before all of the environment; or NULL.
 * -EKEYREJECTED with the reason. -ENOMEM. */
int credentials_load(void *context, struct s3_credentials *ret_c, struct bucket_error *ret_why);
/* The profile of such a file's contents, an INI file: "[NAME]", then aws_access_key_id, aws_secret_access_key and
 * aws_session_token, "=" and the value; other keys are ignored; the last of several counts. -ENOENT: no such
 * profile. -EINVAL: it lacks one of the first two. -ENOMEM. */
int credentials_parse(const char *text, size_t len, const char *profile, struct s3_credentials *ret_c);

/* -ENOMEM. */
int credentials_copy(const struct s3_credentials *c, struct s3_credentials *ret_c);
/* Wipes and frees. */
void credentials_done(struct s3_credentials *c);
