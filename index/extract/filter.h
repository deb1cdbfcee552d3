/* SPDX-License-Identifier: MIT */
/* The system calls that the processes of brainy-extract may use. What is denied is EPERM. */
#pragma once

#include <linux/filter.h>

#include "index/extract/sandbox.h"

/* For a worker, as a program in memory that is kept: it is put up after each fork. */
int filter_build(enum sandbox_role role, struct sock_fprog *ret);
/* For the calling process, the zygote, at once; its children have it too. */
int filter_enter(void);
