// SPDX-License-Identifier: GPL-3.0-or-later
#include "tar_dumpdir.h"

bool tar_dumpdir_feed(struct tar_dumpdir *d, const uint8_t *p, size_t len)
{
	bool left_out = false;
	for (size_t i = 0; i < len && d->runs; i++) {
		if (d->in_name) {
			d->in_name = p[i];
			continue;
		}
		left_out = left_out || p[i] == 'N';
		d->runs = d->in_name = p[i];
	}
	return left_out;
}
