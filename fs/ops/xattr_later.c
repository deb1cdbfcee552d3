/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fs/ops/ops.h"
#include "fs/parking.h"
#include "fs/workers.h"

struct later {
	struct job job;
	struct parked parked;
	fuse_ino_t ino;
	size_t size;
	char name[];
};

static void run(struct job *job)
{
	struct later *l = (struct later *)job;

	ops_getxattr(l->parked.req, l->ino, l->name, l->size);
	free(l);
}

static struct later *later_of(struct parked *p)
{
	return (struct later *)((char *)p - offsetof(struct later, parked));
}

static bool is_loaded(struct parked *p)
{
	return !index_is_loading(ops_fs(p->req)->config.index);
}

static void resume(struct parked *p, int why)
{
	struct later *l = later_of(p);

	if (why == 0) {
		workers_add(ops_fs(p->req)->ask, &l->job);
		return;
	}
	ops_reply_status(p->req, why);
	free(l);
}

int ops_getxattr_later(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	size_t len = strlen(name) + 1;
	struct later *l = calloc(1, sizeof(*l) + len);

	if (!l)
		return -ENOMEM;
	*l = (struct later){ .job.run = run, .ino = ino, .size = size };
	memcpy(l->name, name, len);
	l->parked = (struct parked){
		.req = req,
		.unique = request_unique(),
		.deadline_ms = UINT64_MAX,
		.ready = is_loaded,
		.resume = resume,
	};
	parking_add(ops_fs(req)->parking, &l->parked);
	return 1;
}
