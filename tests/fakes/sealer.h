/* SPDX-License-Identifier: MIT */
/* A sealer for tests of wal/, which may not know crypto/: bytes are hidden and every bit is checked, but
 * anyone could forge them. */
#pragma once

#include "wal/wal.h"

struct wal_sealer fake_sealer(void);
