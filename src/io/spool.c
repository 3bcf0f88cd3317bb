// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Decoded bytes that can't be read at random are kept in a sparse file without a name: what is zero is
 * not written. When it does not fit, decoding goes on to the end all the same: the stored bytes are
 * still proved, and the message can say how much scratch is needed.
 */
#include <errno.h>
#include <fcntl.h>

#include "backproof/scratch.h"
#include "backproof/text.h"

#define CHUNK (1 * MIB)
#define GRAIN (4 * KIB)
#define CHARGE (64 * MIB) /* scratch is charged in steps of this size */

struct spool {
	struct scratch *scratch;
	int fd;
	uint64_t offset, data; /* decoded so far; of it not zero */
	uint64_t charged;
	bool full;
	struct error reason;
};

static int open_unnamed(struct scratch *s, struct error *e)
{
	int fd = openat(scratch_fd(s), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	fd = openat(scratch_fd(s), "spool", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "spool in %s", scratch_path(s));
	if (unlinkat(scratch_fd(s), "spool", 0) < 0) {
		close(fd);
		return error_sys(e, "spool in %s", scratch_path(s));
	}
	return fd;
}

static void write_run(struct spool *sp, const uint8_t *p, size_t len, uint64_t off)
{
	sp->data += len;
	while (!sp->full && sp->charged < sp->data) {
		if (scratch_charge(sp->scratch, CHARGE, &sp->reason) == 0)
			sp->charged += CHARGE;
		else
			sp->full = true;
	}
	while (!sp->full && len) {
		ssize_t n = pwrite(sp->fd, p, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_sys(&sp->reason, "write to scratch %s", scratch_path(sp->scratch));
			sp->full = true;
			return;
		}
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
}

/* Writes the runs of grains that are not zero. */
static void keep(struct spool *sp, const uint8_t *p, size_t len)
{
	size_t start = 0, at = 0;
	bool in_run = false;
	while (at < len) {
		size_t n = len - at < GRAIN ? len - at : GRAIN;
		bool zero = is_zero(p + at, n);
		if (zero && in_run)
			write_run(sp, p + start, at - start, sp->offset + start);
		if (!zero && !in_run)
			start = at;
		in_run = !zero;
		at += n;
	}
	if (in_run)
		write_run(sp, p + start, len - start, sp->offset + start);
	sp->offset += len;
}

static int drain(struct spool *sp, struct stream *upstream, struct budget *b, struct error *e)
{
	autofree uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return error_nomem(e);
	for (;;) {
		/* Whole chunks keep the grains aligned, so that zeros are found. */
		ssize_t n = stream_read_full(upstream, buf, CHUNK, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return stream_finish(upstream, e);
		keep(sp, buf, (size_t)n);
		if (b)
			b->bytes_decoded += (uint64_t)n;
		if (budget_check(b, e) < 0)
			return -1;
	}
}

struct source *spool_stream(struct scratch *s, struct stream *upstream, struct budget *b,
			    struct error *e)
{
	struct spool sp = {.scratch = s};
	autoclose int fd = open_unnamed(s, e);
	if (fd < 0)
		return NULL;
	sp.fd = fd;
	struct source *out = NULL;
	if (drain(&sp, upstream, b, e) == 0) {
		if (sp.full) {
			char need[32];
			*e = sp.reason;
			error_prefix(e, "%s decodes to %s that are not zero", stream_name(upstream),
				     format_size(sp.data, need));
		} else if (ftruncate(fd, (off_t)sp.offset) < 0) {
			error_sys(e, "scratch %s", scratch_path(s));
		} else {
			out = source_open_fd(fd, stream_name(upstream), e);
			if (out)
				fd = -1;
		}
	}
	if (!out)
		scratch_refund(s, sp.charged);
	return out;
}
