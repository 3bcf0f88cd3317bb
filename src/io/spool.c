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
#include "spool_writer.h"

#define GRAIN SPOOL_GRAIN
#define CHARGE (64 * MIB) /* scratch is charged in steps of this size, and near its limit by what is needed */
#define SHARE 10	  /* of what memory there is, a spool has one part: so much the kernel lets wait by itself */

struct spool {
	struct scratch *scratch;
	struct spool_writer *writer;
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
		uint64_t need = sp->data - sp->charged;
		uint64_t step = scratch_charge(sp->scratch, CHARGE, &sp->reason) == 0 ? CHARGE : need;
		if (step == CHARGE || scratch_charge(sp->scratch, need, &sp->reason) == 0)
			sp->charged += step;
		else
			sp->full = true;
	}
	if (!sp->full)
		spool_writer_put(sp->writer, p, len, off);
}

/* Writes the runs of grains that are not zero. The grains of a piece that does not begin at a multiple of
 * their size are shifted: no harm, only a chance of fewer holes. */
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

static int drain(struct spool *sp, struct stream *upstream, uint64_t stored, struct budget *b, struct error *e)
{
	for (;;) {
		const uint8_t *data;
		ssize_t n = stream_lend(upstream, &data, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return stream_finish(upstream, e);
		keep(sp, data, (size_t)n);
		if (b)
			b->bytes_decoded += (uint64_t)n;
		if (budget_check(b, e) < 0 ||
		    budget_decoded(b, stored, sp->offset, sp->data, BUDGET_SPARE, e) < 0)
			return -1;
	}
}

struct source *spool_stream(struct scratch *s, struct stream *upstream, uint64_t stored, struct budget *b,
			    struct error *e)
{
	struct spool sp = {.scratch = s};
	autoclose int fd = open_unnamed(s, e);
	if (fd < 0 || !(sp.writer = spool_writer_open(fd, scratch_path(s), memory_available() / SHARE, e)))
		return NULL;
	struct source *out = NULL;
	struct error why;
	int rc = drain(&sp, upstream, stored, b, e);
	if (spool_writer_close(sp.writer, &why) < 0 && !sp.full) {
		sp.full = true;
		sp.reason = why;
	}
	if (rc == 0) {
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
	scratch_refund(s, out ? sp.charged - sp.data : sp.charged);
	return out;
}
