// SPDX-License-Identifier: GPL-3.0-or-later
/* What the kernel says of this machine in small files. */
#ifndef IO_SYSTEM_H
#define IO_SYSTEM_H

#include "backproof/base.h"

/* The number behind a key at the beginning of a line; key "" for the first line. -1: there is none. */
int system_number(const char *path, const char *key, uint64_t *out) must_check;

#endif
