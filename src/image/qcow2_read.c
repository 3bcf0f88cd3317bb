// SPDX-License-Identifier: GPL-3.0-or-later
/* The disk in a qcow2 file as a source. */
#include "packed.h"
#include "qcow2.h"

/* Where the backing disk is shorter than this one, zeros follow it. */
static int read_backing(struct qcow2 *q, uint64_t guest, uint8_t *to, size_t len, struct error *e)
{
	uint64_t size = source_size(q->backing), left = guest < size ? size - guest : 0;
	size_t n = left < len ? (size_t)left : len;
	memset(to + n, 0, len - n);
	return n ? source_read_at(q->backing, guest, to, n, e) : 0;
}

static int read_runs(struct qcow2 *q, uint64_t off, uint8_t *to, size_t len, struct error *e)
{
	while (len) {
		struct qcow2_run run;
		if (qcow2_map(q, off, len, &run, e) < 0)
			return -1;
		size_t n = (size_t)run.length;
		int rc = 0;
		switch (run.kind) {
		case QCOW2_DATA:
			rc = source_read_at(q->data, run.host, to, n, e);
			break;
		case QCOW2_PACKED:
			rc = qcow2_unpack(q, &run, (size_t)(off % q->cluster), to, n, e);
			break;
		case QCOW2_BACKING:
			rc = read_backing(q, off, to, n, e);
			break;
		default:
			memset(to, 0, n);
		}
		if (rc < 0)
			return -1;
		off += n;
		to += n;
		len -= n;
	}
	return 0;
}

static int read_slice(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	return read_runs(self, off, buf, len, e);
}

/* Decompressing takes the time: a long read of compressed clusters is done by all cores. */
static int read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct qcow2 *q = self;
	struct qcow2_run run;
	bool packed = false;
	for (int half = 0; half < 2 && len >= SLICES_FROM && !packed; half++) {
		if (qcow2_map(q, half ? off + len / 2 : off, q->cluster, &run, e) < 0)
			break; /* said again when its turn comes */
		packed = run.kind == QCOW2_PACKED;
	}
	return packed ? slices_read(read_slice, q, off, buf, len, q->cluster, e) : read_runs(q, off, buf, len, e);
}

/* The extent of what lies below, as far as this run goes. */
static int below(struct source *s, uint64_t off, uint64_t length, struct extent *out, struct error *e)
{
	if (source_extent_at(s, off, out, e) < 0)
		return -1;
	if (out->length > length)
		out->length = length;
	return 0;
}

static int extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct qcow2 *q = self;
	struct qcow2_run run;
	if (qcow2_map(q, off, UINT64_MAX, &run, e) < 0)
		return -1;
	*out = (struct extent){run.length, run.kind == QCOW2_ZERO};
	if (run.kind == QCOW2_BACKING) {
		if (off < source_size(q->backing))
			return below(q->backing, off, run.length, out, e);
		out->zero = true;
	}
	if (run.kind == QCOW2_DATA)
		return below(q->data, run.host, run.length, out, e);
	if (run.kind == QCOW2_PACKED) {
		/* Compressed clusters one after the other are one extent, or whoever asks reads them one by one. */
		for (int i = 0; i < 1024 && out->length < q->h.size - off; i++) {
			struct error later;
			if (qcow2_map(q, off + out->length, q->cluster, &run, &later) < 0 || run.kind != QCOW2_PACKED)
				break;
			out->length += run.length;
		}
	}
	return 0;
}

const struct source_ops qcow2_source_ops = {"qcow2", read_at, extent_at, NULL};
