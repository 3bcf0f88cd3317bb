// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files of a backup of Windows' own are of the run that its directory is called by. */
#ifndef CATALOG_WINDOWS_RUN_H
#define CATALOG_WINDOWS_RUN_H

#include "backproof/catalog.h"

/* Those of the volumes that the specification (a path) names get since = when, where any file is older than that. */
int windows_run_since(struct restore_point *p, const char *specs, int64_t when, struct error *e) must_check;

#endif
