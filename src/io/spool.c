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

#define GRAIN (4 * KIB)
#define CHARGE (64 * MIB) /* scratch is charged in steps of this size */

/*
 * Two ways to the same file: through the page cache, or past it. Which is faster depends on the machine and
 * changes while it runs (fresh memory can cost more than the disk), so each is timed piece by piece and
 * left when the other did better. Writing past the cache leaves the processors to the decoder and the
 * server's cache as it was: it is left only where it is many times slower.
 */
enum way { CACHED, DIRECT, WAYS };
#define PIECE (64 * MIB)

struct spool {
	struct scratch *scratch;
	int fd[WAYS]; /* DIRECT: -1 where the file system can't */
	enum way way;
	uint64_t written; /* of the present piece, */
	int64_t ns;	  /* and the time it took */
	double cost[WAYS]; /* of the last piece that way, per byte; 0: not tried */
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

/* At the end of a piece: on with the way that did better, or has not been tried. */
static void choose_way(struct spool *sp)
{
	if (sp->written < PIECE || sp->fd[DIRECT] < 0)
		return;
	sp->cost[sp->way] = (double)sp->ns / (double)sp->written * (sp->way == DIRECT ? 0.1 : 1);
	sp->written = 0;
	sp->ns = 0;
	enum way other = sp->way == CACHED ? DIRECT : CACHED;
	if (sp->cost[other] < sp->cost[sp->way])
		sp->way = other;
}

static bool is_aligned(const void *p, size_t len, uint64_t off)
{
	return ((uintptr_t)p | len | off) % GRAIN == 0;
}

static ssize_t write_some(struct spool *sp, const uint8_t *p, size_t len, uint64_t off)
{
	enum way way = sp->way == DIRECT && is_aligned(p, len, off) ? DIRECT : CACHED;
	int64_t started = monotonic_ns();
	ssize_t n = pwrite(sp->fd[way], p, len, (off_t)off);
	if (n < 0 && errno == EINVAL && way == DIRECT) {
		/* This disk has larger sectors than our grains. */
		sp->way = CACHED;
		sp->fd[DIRECT] = -1;
		return pwrite(sp->fd[CACHED], p, len, (off_t)off);
	}
	if (n > 0) {
		sp->ns += monotonic_ns() - started;
		sp->written += (uint64_t)n;
		choose_way(sp);
	}
	return n;
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
		ssize_t n = write_some(sp, p, len, off);
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

static int drain(struct spool *sp, struct stream *upstream, struct budget *b, struct error *e)
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
		if (budget_check(b, e) < 0)
			return -1;
	}
}

/* The same file again, without a name to open it by. */
static int open_direct(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

struct source *spool_stream(struct scratch *s, struct stream *upstream, struct budget *b,
			    struct error *e)
{
	struct spool sp = {.scratch = s};
	autoclose int fd = open_unnamed(s, e);
	if (fd < 0)
		return NULL;
	autoclose int direct = open_direct(fd);
	sp.fd[CACHED] = fd;
	sp.fd[DIRECT] = direct;
	/* What comes first on a disk is mostly metadata, and read again soon. */
	sp.way = CACHED;
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
