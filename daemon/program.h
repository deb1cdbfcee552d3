/* SPDX-License-Identifier: MIT */
/* Where the program's own files lie: brainy-extract and models/ beside the program (a build folder) or
 * under PREFIX/lib/brainy (installed). */
#pragma once

/* The folder that holds brainy-extract. -ENOENT: neither. */
int program_directory(char **ret_dir);
