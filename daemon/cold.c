/* SPDX-License-Identifier: MIT */
#include "daemon/cold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/folder.h"
#include "tiers/s3/impatient.h"
#include "tiers/s3/s3.h"

/* "bucket/prefix" in two; the prefix may be empty. */
static char *split(char *bucket)
{
	char *slash = strchr(bucket, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

static int open_s3(const struct config *config, const char *rest, struct bucket **ret_b,
		   struct bucket_error *ret_why)
{
	_cleanup_free_ char *bucket = strdup(rest);
	struct s3_config s3 = {
		.endpoint = config->cold.endpoint, .region = config->cold.region, .bucket = bucket,
		.addressing = config->cold.addressing == CONFIG_VIRTUAL ? S3_VIRTUAL : S3_PATH,
		.ca_file = config->cold.ca_file, .proxy = config->cold.proxy, .profile = config->cold.profile,
		.min_connections = (unsigned)config->cold.connections_min,
		.max_connections = (unsigned)config->cold.connections_max,
		.idle_timeout_ms = (uint32_t)config->cold.idle_timeout_s * 1000,
		.connect_timeout_ms = (uint32_t)config->cold.connect_timeout_ms,
		.request_timeout_ms = (uint32_t)config->cold.request_timeout_ms,
		.overall_timeout_ms = (uint32_t)config->cold.total_timeout_ms,
		.up_bytes_s = config->cold.upload_rate, .down_bytes_s = config->cold.download_rate,
		.requests_s = (unsigned)config->cold.request_rate,
	};

	if (!bucket)
		return -ENOMEM;
	s3.prefix = split(bucket);
	return s3_open(&s3, ret_b, ret_why);
}

/* Perhaps a mounted NAS, which may be away: system calls wait for it for ever. */
static int open_folder(const struct config *config, const char *path, struct bucket **ret_b,
		       struct bucket_error *ret_why)
{
	const struct impatient_config impatient = {
		.path = path,
		.open = folder_open,
		.open_timeout_ms = (uint32_t)config->cold.connect_timeout_ms,
		.request_timeout_ms = (uint32_t)config->cold.request_timeout_ms,
		.transfer_timeout_ms = (uint32_t)config->cold.total_timeout_ms,
	};

	return impatient_open(&impatient, ret_b, ret_why);
}

int cold_open(const struct config *config, struct bucket **ret_b, struct bucket_error *ret_why)
{
	const char *url = config->cold.url;

	*ret_b = NULL;
	if (!url)
		return 0;
	if (strncmp(url, "s3://", 5) == 0)
		return open_s3(config, url + 5, ret_b, ret_why);
	if (strncmp(url, "file://", 7) == 0)
		return open_folder(config, url + 7, ret_b, ret_why);
	*ret_why = (struct bucket_error){ .error = -EINVAL,
					  .text = "[cold] url is neither s3://.. nor file://.." };
	return -EINVAL;
}
