// SPDX-License-Identifier: GPL-3.0-or-later
#include "btrfs.h"
int btrfs_scrub(void *self, const char *subject, struct findings *f, const struct budget *b, struct error *e)
{
	(void)self, (void)subject, (void)f, (void)b;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "btrfs: not scrubbed yet");
}
