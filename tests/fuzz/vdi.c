// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile bytes for the VDI reader: where the map is HELD, every block is read. */
#include "image_tour.h"
#include "mutate.h"

extern const struct format image_vdi;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return image_tour(&image_vdi, data, size, NULL);
}

MUTATE_MAIN(2500, "fixtures/vdi/*.vdi")
