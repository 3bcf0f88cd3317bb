// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef WITNESS_RPM_H
#define WITNESS_RPM_H

#include "package.h"

/*
 * Adds the files of one package: its header as the database keeps it, from the counts on, without the magic in front.
 * -1: no header (CORRUPT), or memory.
 */
int rpm_add_header(struct vouchers *v, const uint8_t *blob, size_t len, struct error *e) must_check;

/*
 * A whole database: those of ndb and of Berkeley DB. data may be written over.
 * -1: CORRUPT, UNSUPPORTED, memory; v has what came before.
 */
int rpm_read_ndb(uint8_t *data, size_t len, struct vouchers *v, struct error *e) must_check;
int rpm_read_bdb(uint8_t *data, size_t len, struct vouchers *v, struct error *e) must_check;

#endif
