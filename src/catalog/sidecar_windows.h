// SPDX-License-Identifier: GPL-3.0-or-later
/* Digests as Windows' own tools write them, in lines that the tools of all other systems have. */
#ifndef CATALOG_SIDECAR_WINDOWS_H
#define CATALOG_SIDECAR_WINDOWS_H

#include "backproof/base.h"

/*
 * UTF-16 with a mark becomes UTF-8. What certutil -hashfile and PowerShell's Get-FileHash say becomes a line a digest,
 * with its number. stem: the file that the sidecar stands beside, or "". 1: *out is that, owned; 0: it is neither, and
 * is to be taken as it is. -1: it can't be understood.
 */
int sidecar_from_windows(const char *data, size_t len, const char *stem, char **out, size_t *out_len,
			 struct error *e) must_check;

#endif
