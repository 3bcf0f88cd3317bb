// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile bytes for the qcow2 reader: where all of the map is HELD, every cluster that is not compressed is read. */
#include "image_tour.h"
#include "mutate.h"

extern const struct format image_qcow2;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return image_tour(&image_qcow2, data, size, "decompress");
}

MUTATE_MAIN(2500, "fixtures/qcow2/*.qcow2")
