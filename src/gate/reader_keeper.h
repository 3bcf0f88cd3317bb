// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_READER_KEEPER_H
#define GATE_READER_KEEPER_H

#include <sys/stat.h>

#include "reader.h"

struct kept {
	int fd;
	size_t index; /* in the restore point; SIZE_MAX: a sidecar */
	struct stat st;
};

struct reader_keeper {
	const struct restore_point *point;
	const struct strings *keys;
	const char *source;
	struct strings places; /* real paths of directories */
	VEC(struct kept) files;
	size_t opens, beside;
};

#endif
