// SPDX-License-Identifier: GPL-3.0-or-later
/* What the system itself says, where nobody stands in between. */
#ifndef IO_DOOR_H
#define IO_DOOR_H

#include "backproof/door.h"

void door_look_cached(int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out);

#endif
