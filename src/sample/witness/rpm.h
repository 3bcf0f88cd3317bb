// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef WITNESS_RPM_H
#define WITNESS_RPM_H

#include "package.h"

/*
 * Adds the files of one package: its header as the database keeps it, from the counts on, without the magic in front.
 * -1: no header (CORRUPT), or memory.
 */
int rpm_add_header(struct vouchers *v, const uint8_t *blob, size_t len, struct error *e) must_check;

#endif
