// SPDX-License-Identifier: GPL-3.0-or-later
/* What is in the file, by version. */
#ifndef HISTORY_SCHEMA_H
#define HISTORY_SCHEMA_H

#include "sql.h"

#define HISTORY_APPLICATION_ID INT64_C(0x42507266) /* "BPrf" */
int64_t schema_version(void);
/* Makes what is not there yet, in one transaction; an empty file is version 0. UNSUPPORTED: of a newer program. */
int schema_upgrade(struct sql *s, struct error *e) must_check;
/* CORRUPT unless tables and indexes are ours to the letter. */
int schema_check(struct sql *s, struct error *e) must_check;

#endif
