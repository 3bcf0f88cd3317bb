// SPDX-License-Identifier: GPL-3.0-or-later
/* Files in a directory of the test's own: it defines `static char dir[]` before it includes this. */
#ifndef UNIT_PLACE_H
#define UNIT_PLACE_H

#include "test.h"

/* The path of a name in it; good until the eighth call from here. */
static char *at(const char *name)
{
	static char buf[8][256];
	static int next;
	char *to = buf[next++ % 8];
	snprintf(to, sizeof buf[0], "%s/%s", dir, name);
	return to;
}

static void write_file(const char *path, const void *data, size_t length)
{
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(data, 1, length, f) == length && fclose(f) == 0);
}

#endif
