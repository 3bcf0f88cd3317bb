// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile partclone images. The header's checksum is also made right again, so that what is behind it is met.
 * What must hold of any input: what was opened can be read to the end, or a read says why not.
 */
#include "../unit/clone_help.h"
#include "mutate.h"

static void check_one(uint8_t *p, size_t len)
{
	struct bytes b = {p, len};
	struct opened_image o = image_of("partclone", &b);
	char hex[65];
	bool covered = false;
	/* Any size may be claimed of what is all zeros. */
	if (!o.rc && source_size(o.im.disks.items[0].source) < 64 * MIB && disk_digest(o.im.disks.items[0].source, hex))
		abort();
	if (!o.rc && o.im.ops->verify(&o.im, "image", &o.f, NULL, &covered, &o.e))
		abort();
	image_shut(&o);
}

static void repair(uint8_t *h, size_t len)
{
	uint32_t crc = UINT32_MAX;
	if (len < 110)
		return;
	for (size_t i = 0; i < 106; i++) {
		crc ^= h[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < 4; i++)
		h[106 + i] = (uint8_t)(crc >> i * 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *copy = malloc(size + 1);
	NEED(copy);
	memcpy(copy, data, size);
	check_one(copy, size);
	repair(copy, size);
	check_one(copy, size);
	return 0;
}

MUTATE_MAIN(3000, "fixtures/partclone/*.pcl")
