// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What images that hold compressed pieces share: qcow2's clusters, VMDK's grains. Each can be decoded by itself, so
 * that a pass over all of them, and a long read, is work for all cores.
 */
#ifndef IMAGE_PACKED_H
#define IMAGE_PACKED_H

#include "backproof/budget.h"
#include "backproof/source.h"

/* A compressed piece. */
struct packed {
	uint64_t at;	   /* in the file */
	uint64_t guest;	   /* what it is, to the format: an offset of the disk, the number of a grain */
	uint32_t room;	   /* bytes from `at` on that it may take, all of them in the file */
	/* Bytes that it took: filled in. Where that is set before, it is known to be good, and is not decoded again. */
	uint32_t used;
	const char *wrong; /* filled in: a literal; NULL: it is good */
};

struct packed_pass;
struct packed_ops {
	/* What one thread decodes with. NULL: memory. */
	void *(*open)(struct packed_pass *pass, struct error *e);
	void (*close)(struct packed_pass *pass, void *tool);
	/* Any thread. 0: p->wrong or p->used is set; -1 ends the pass. in: room bytes. */
	int (*decode)(struct packed_pass *pass, void *tool, struct packed *p, const uint8_t *in,
		      struct error *e) must_check;
	/* Tells of a piece that is wrong: in the thread of the caller, in the order of the file (of each batch). */
	void (*tell)(struct packed_pass *pass, const struct packed *p);
	bool apart; /* no two pieces may share a byte */
};
struct packed_pass {
	const struct packed_ops *ops;
	void *ctx;
	struct source *src;
	const struct budget *budget; /* may be NULL */
	size_t tool_bytes;	     /* about how much memory a tool takes: bounds how many there are */
	uint64_t good, bad;	     /* counted here */
	VEC(struct packed) pieces;   /* a batch */
};
/* A batch that is full is decoded. */
int packed_add(struct packed_pass *pass, const struct packed *p, struct error *e) must_check;
/* Decodes what is left. */
int packed_finish(struct packed_pass *pass, struct error *e) must_check;
void packed_free(struct packed_pass *pass);

/*
 * A long read, cut at multiples of `align` into slices that are read on all cores. The error is that of the first
 * slice that fails, as if one thread had read them in order.
 */
#define SLICES_FROM (512 * KIB) /* shorter reads are not worth it */
int slices_read(int (*read_at)(void *ctx, uint64_t off, void *buf, size_t len, struct error *e), void *ctx,
		uint64_t off, void *buf, size_t len, uint64_t align, struct error *e) must_check;

#endif
