/* SPDX-License-Identifier: MIT */
/* `brainy tier PATH hot`: the setting, and the recall that makes it so at once. */
#pragma once

/* Returns an exit status, having complained. */
int come_back(const char *path);
/* A recall of `path` that is under way ends: it is not to be hot any more. What hinders that is no error. */
void stay_away(const char *path);
