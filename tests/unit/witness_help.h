// SPDX-License-Identifier: GPL-3.0-or-later
/* Bytes that a test made, put before the witness that wants them. */
#ifndef WITNESS_HELP_H
#define WITNESS_HELP_H

#include <sys/mman.h>

#include "backproof/witness.h"
#include "fixture.h"

static struct error why;
static const char *row;

/* What a row says of bytes, with `size` bytes in all: zeros follow. */
static inline enum outcome ask_row(const struct witness *w, const char *path, const void *p, size_t len, uint64_t size)
{
	memset(&why, 0, sizeof why);
	int fd = memfd_create("witness", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, p, len) == (ssize_t)len && !ftruncate(fd, (off_t)size));
	enum outcome o = w->check(fd, size, path, &why);
	close(fd);
	return o;
}

/* What the right row says; SKIPPED and row "" when no row wants them. */
static inline enum outcome ask(const char *path, const void *p, size_t len)
{
	const struct witness *w = witness_for(path, p, len < 512 ? len : 512);
	row = w ? w->name : "";
	return w ? ask_row(w, path, p, len, len) : OUTCOME_SKIPPED;
}

static inline const struct witness *row_of(const char *name)
{
	size_t count;
	const struct witness *const *rows = witness_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	NEED(!"such a row");
	return NULL;
}

static inline void put_number(uint8_t *p, uint64_t v, int bytes, bool big)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (big ? bytes - 1 - i : i));
}

#endif
