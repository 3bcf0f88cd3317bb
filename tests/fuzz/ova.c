// SPDX-License-Identifier: GPL-3.0-or-later
/* OVA: whatever the input is, opening and reading its disks end, and what is refused says why. */
#include "../unit/vmdk_help.h"
#include "mutate.h"

extern const struct format image_ova;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct files x;
	struct error e = {0};
	bool covered = false;
	if (!x.format) {
		files_init(&x, &image_ova);
		files_add(&x, "input.ova", NULL, 0);
	}
	uint8_t *copy = malloc(size + 1);
	NEED(copy);
	memcpy(copy, data, size);
	x.items[0].p = copy;
	x.items[0].len = size;
	const struct image *im = file_image(&x, "input.ova", false, &e);
	if (!im && (e.cls == ERROR_NONE || e.cls == ERROR_INTERNAL || !*e.text))
		abort();
	if (im) {
		vec_each(&im->disks, d)
		{
			if (source_size(d->source) > 8 * MIB)
				continue;
			uint8_t *p = disk_bytes(d->source, 1 << 20, &e);
			free(p);
		}
		if (im->ops->verify(&x.items[0].image, "x", &x.f, &x.b, &covered, &e) == 0 && covered &&
		    found(&x.f, "ova.manifest", OUTCOME_BROKEN))
			abort();
	}
	files_close(&x);
	x.items[0].p = NULL;
	free(copy);
	return 0;
}

MUTATE_MAIN(3000, "fixtures/ova/*.ova", "fixtures/known/ova.ova")
