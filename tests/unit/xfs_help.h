// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of XFS share with those of ext, and what is their own. */
#ifndef XFS_HELP_H
#define XFS_HELP_H

#include "ext_help.h"

static inline struct image load_xfs(const char *path)
{
	return load_zst(path);
}
static inline void free_image(struct image *im)
{
	free(im->data);
}

static inline struct opened open_xfs(const struct image *im, bool verify)
{
	struct opened o = {.verify = 1};
	struct budget b;
	budget_init(&b);
	NEED(findings_init(&o.f) == 0);
	o.src = source_memory(im->data, im->len, "image", &o.e);
	NEED(o.src);
	o.fs = fs_open("xfs", o.src, "image", &o.f, &o.e);
	if (!o.fs)
		finding_error(&o.f, PROOF_STRUCTURE, "xfs.open", "image", &o.e);
	else if (verify)
		o.verify = fs_verify(o.fs, &o.f, &b, INT64_MAX, &o.newest, &o.e);
	return o;
}

static inline enum outcome judged_xfs(const struct image *im)
{
	struct opened o = open_xfs(im, true);
	enum outcome out = findings_proof(&o.f, PROOF_STRUCTURE);
	if (o.fs && o.verify != 0)
		out = OUTCOME_UNPROVEN;
	close_image(&o);
	return out;
}

static inline void xfs_put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Makes a checksum right again. Of its own, so that the reader's is tested too. */
static inline void xfs_mend(uint8_t *p, size_t len, size_t hole)
{
	uint32_t crc = ~0u;
	memset(p + hole, 0, 4);
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	for (int i = 0; i < 4; i++)
		p[hole + (size_t)i] = (uint8_t)(~crc >> 8 * i);
}

static inline uint64_t xfs_block_at(const struct image *im, uint64_t fsb)
{
	unsigned log = im->data[124];
	return ((fsb >> log) * get_be32(im->data + 84) + (fsb & ((1u << log) - 1)))
	       << im->data[120];
}
static inline uint64_t xfs_inode_at(const struct image *im, uint64_t number)
{
	unsigned log = im->data[123];
	return xfs_block_at(im, number >> log) + ((number & ((1u << log) - 1)) << im->data[122]);
}

struct xfs_log_place {
	uint64_t start, size, tail, used; /* tail .. used: what is still needed */
};
static inline struct xfs_log_place find_xfs_log(const struct image *im)
{
	struct xfs_log_place l = {xfs_block_at(im, get_be64(im->data + 48)),
				  (uint64_t)get_be32(im->data + 96) << im->data[120], 0, 0};
	NEED(l.start + l.size <= im->len);
	/* Of the first round; the kernel stamps what comes next with the one before. */
	for (uint64_t at = 0; at < l.size; at += 512) {
		const uint8_t *p = im->data + l.start + at;
		bool record = get_be32(p) == 0xfeedbabeu;
		if (get_be32(p + (record ? 4 : 0)) != 1)
			continue;
		l.used = at + 512;
		if (record)
			l.tail = (uint64_t)get_be32(p + 28) * 512;
	}
	NEED(l.tail < l.used);
	return l;
}

#endif
