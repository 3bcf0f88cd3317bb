// SPDX-License-Identifier: GPL-3.0-or-later
/* PE/COFF: the optional checksum of the whole file, and the bounds of sections and certificates. */
#include "pe.h"

#include "rows.h"

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	static const char *const suffixes[] = {".exe", ".dll", ".sys", ".efi", ".ocx", ".scr",
					       ".cpl", ".drv", ".mui", NULL};
	return len >= 2 && head[0] == 'M' && head[1] == 'Z' && witness_suffix(path, suffixes);
}

struct restored_file {
	int fd;
	uint64_t at, size;
};

static int start(void *ctx, struct error *e)
{
	(void)e;
	((struct restored_file *)ctx)->at = 0;
	return 0;
}

static ssize_t read_some(void *ctx, void *buf, size_t cap, struct error *e)
{
	struct restored_file *f = ctx;
	size_t n = f->size - f->at < cap ? (size_t)(f->size - f->at) : cap;
	if (witness_read(f->fd, f->size, f->at, buf, n, e) < 0)
		return -1;
	f->at += n;
	return (ssize_t)n;
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	struct restored_file file = {fd, 0, size};
	struct pe_reader r = {&file, start, read_some};
	autofree uint8_t *buf = malloc(PE_BUFFER);
	if (!buf) {
		error_nomem(e);
		return OUTCOME_UNPROVEN;
	}
	switch (pe_check(&r, size, path, buf, e)) {
	case PE_HELD:
		return OUTCOME_HELD;
	case PE_BROKEN:
	case PE_UNREAD:
		return witness_failed(path, e);
	default:
		return OUTCOME_SKIPPED;
	}
}

const struct witness witness_pe = {"pe", recognise, check};
