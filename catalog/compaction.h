/* SPDX-License-Identifier: MIT */
/* For tests: where a compaction has got to, in this order. */
#pragma once

enum compaction_step {
	COMPACTION_BEGUN,   /* the new file is there */
	COMPACTION_COPIED,  /* it holds the state that was when the compaction began */
	COMPACTION_CAUGHT,  /* and what checkpoints changed since then */
	COMPACTION_WRITTEN, /* no checkpoint can begin, and all is there */
	COMPACTION_RENAMED, /* it has the name of the old one, which is not durable yet */
	COMPACTION_STEPS,
};

/* Called at each step, with checkpoint_lock from COMPACTION_WRITTEN on. NULL: nobody is. */
extern void (*compaction_reached)(enum compaction_step step);
