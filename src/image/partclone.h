// SPDX-License-Identifier: GPL-3.0-or-later
/* Partclone images: what partclone.c and partclone_verify.c share. */
#ifndef IMAGE_PARTCLONE_H
#define IMAGE_PARTCLONE_H

#include "backproof/image.h"

struct partclone {
	struct source *src;
	uint64_t blocks, used;	 /* of the volume; those of them that are stored */
	uint32_t block;		 /* bytes */
	uint64_t data;		 /* offset of the first block stored */
	uint32_t strip;		 /* blocks that one checksum follows; 0: no checksums */
	bool reseed;		 /* each checksum covers its strip alone, not all before it too */
	uint64_t *bits;		 /* one a block, the first in the lowest bit */
	uint64_t *ranks;	 /* blocks stored before every PARTCLONE_RANK-th */
};
#define PARTCLONE_RANK 4096u
#define PARTCLONE_SUM 4u

/* CRC-32 without the inversion at the end. Goes on from crc; the first time that is PARTCLONE_SEED. */
#define PARTCLONE_SEED UINT32_MAX
uint32_t partclone_crc(uint32_t crc, const void *p, size_t len);
int partclone_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		     struct error *e) must_check;

#endif
