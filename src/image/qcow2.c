// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * qcow2, versions 2 and 3: QEMU's docs/interop/qcow2.txt. Clusters carry no checksum: what can be proven is that the
 * map is whole and consistent with the refcounts, and that compressed clusters decompress. Internal snapshots are
 * not looked at: the disk is its active state.
 */
#include "known.h"
#include "qcow2.h"

#define MAX_CHAIN 256
/* L2 tables that are looked at when the image is opened; larger maps are by verify. */
#define WALK_AT_ONCE (256 * MIB)
/* What was decoded is only noted for so many clusters: 8 MiB of memory. */
#define NOTED (64 * MIB)

static void destroy(void *self)
{
	struct qcow2 *q = self;
	qcow2_unpack_close(q);
	qcow2_map_close(q);
	pthread_mutex_destroy(&q->lock);
	free(q->decoded);
	free(q);
}

/* Content has no checksums; the map has its rules, and so has what is compressed. */
static int verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		  struct error *e)
{
	struct qcow2 *q = im->self;
	*covered = false;
	if (!q->walked && qcow2_walk(q, subject, f, b, e) < 0)
		return -1;
	return q->packed ? qcow2_verify_packed(q, subject, f, b, e) : 0;
}

static const struct image_ops qcow2_ops = {verify, destroy};

static int open_data_file(struct qcow2 *q, const struct image_context *c, struct error *e)
{
	if (!(q->h.incompatible & QCOW2_EXTERNAL))
		return 0;
	if (!q->h.has_data_file)
		return error_set(e, ERROR_MISSING, 72, "qcow2: its data is in another file, which it does not name");
	char plain[sizeof q->h.data_file];
	q->data = companion_bytes(c, companion_qemu(q->h.data_file, plain), e);
	return q->data ? 0 : error_prefix(e, "external data file");
}

static int open_backing(struct qcow2 *q, const struct image_context *c, struct error *e)
{
	static _Thread_local unsigned depth;
	if (!*q->h.backing)
		return 0;
	if (depth >= MAX_CHAIN)
		return error_budget(e, "budget.chain", "a chain of more than %d backing files", MAX_CHAIN);
	depth++;
	bool raw = !strcmp(q->h.backing_format, "raw");
	const struct image *im = companion_image(c, q->h.backing, raw, e);
	depth--;
	if (!im)
		return error_prefix(e, "backing file %s", companion_base(q->h.backing));
	if (!im->disks.count)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "backing file %s: no disk in it",
				 companion_base(q->h.backing));
	q->backing = im->disks.items[0].source;
	return 0;
}

static int tell(const struct qcow2 *q, const struct image_context *c, struct error *e)
{
	const struct qcow2_header *h = &q->h;
	const char *wrong;
	int64_t at;
	if (qcow2_snapshots_check(q->file, h, &wrong, &at, e) < 0)
		return -1;
	finding_add(c->f, PROOF_STRUCTURE, "qcow2.header", c->subject, OUTCOME_HELD, NULL,
		    "version %u, clusters of %llu bytes, %s%s%s%s%s: header and L1 table hold", h->version,
		    (unsigned long long)q->cluster, h->compression ? "zstd" : "zlib",
		    h->incompatible & QCOW2_EXTENDED ? ", subclusters" : "",
		    q->data != q->file ? ", external data" : "",
		    *h->backing ? ", on " : "", *h->backing ? companion_base(h->backing) : "");
	if (h->incompatible & QCOW2_CORRUPT)
		finding_add(c->f, PROOF_STRUCTURE, "qcow2.corrupt", c->subject, OUTCOME_BROKEN,
			    &(struct finding_text){.offset = 72, .has_offset = true, .error = ERROR_CORRUPT},
			    "QEMU found the image to be corrupt, and marked it so");
	/* None of them is needed, but QEMU looks at all when it opens the image. */
	if (wrong)
		finding_add(c->f, PROOF_STRUCTURE, "qcow2.snapshots", c->subject, OUTCOME_BROKEN,
			    &(struct finding_text){.offset = at, .has_offset = true, .error = ERROR_CORRUPT},
			    "the table of internal snapshots %s: QEMU does not open this image", wrong);
	else if (h->snapshots)
		finding_add(c->f, PROOF_STRUCTURE, "qcow2.snapshots", c->subject, OUTCOME_SKIPPED, NULL,
			    "%u internal snapshots: only the active state of the disk is looked at", h->snapshots);
	return 0;
}

static int open_image(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	struct qcow2 *q = calloc(1, sizeof *q);
	if (!q)
		return error_nomem(e);
	pthread_mutex_init(&q->lock, NULL);
	out->self = q;
	out->ops = &qcow2_ops;
	q->file = q->data = src;
	q->file_size = source_size(src);
	if (qcow2_header_read(src, &q->h, e) < 0)
		return -1;
	char plain[sizeof q->h.backing];
	const char *backing = companion_qemu(q->h.backing, plain);
	memmove(q->h.backing, backing, strlen(backing) + 1);
	bool extended = q->h.incompatible & QCOW2_EXTENDED;
	q->cluster = UINT64_C(1) << q->h.cluster_bits;
	q->entry_bytes = extended ? 16 : 8;
	q->entry_bits = q->h.cluster_bits - (extended ? 4 : 3);
	snprintf(out->parent, sizeof out->parent, "%.255s", companion_base(q->h.backing));
	if (qcow2_map_open(q, e) < 0 || open_data_file(q, c, e) < 0 || open_backing(q, c, e) < 0)
		return -1;
	q->data_size = source_size(q->data);
	if (tell(q, c, e) < 0)
		return -1;
	uint64_t tables = 0;
	for (uint64_t i = 0; i < q->l1_count; i++)
		tables += q->l1[i] != 0;
	if (tables * q->cluster <= WALK_AT_ONCE || qcow2_looks_cut(q)) {
		if (qcow2_walk(q, c->subject, c->f, c->budget, e) < 0)
			return -1;
		q->walked = true;
	}
	if (q->packed && q->h.size / q->cluster < NOTED &&
	    !(q->decoded = calloc((size_t)(q->h.size / q->cluster / 64 + 1), sizeof *q->decoded)))
		return error_nomem(e);
	struct source *disk = source_new(&qcow2_source_ops, q, q->h.size, source_name(src), e);
	return disk ? image_add_disk(out, NULL, disk, e) : -1;
}

static int bid(const struct probe *p)
{
	return HEAD_HAS(p, 0, "QFI\xfb") ? 90 : 0;
}

const struct format image_qcow2 = {
    .name = "qcow2",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".qcow2", ".qcow"),
    .bid = bid,
    .checksums = CHECKSUMS_NONE,
    .product = "QEMU disk image (qcow2)",
    .open_image = open_image,
};
