// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef HISTORY_RECORD_H
#define HISTORY_RECORD_H

#include "backproof/history.h"
#include "sql.h"

/* A row of SQL_EACH. In any case *r is to be freed. */
int record_read(struct ask *a, struct history_record *r, struct error *e) must_check;
/* Its reasons and files. */
int record_read_rest(struct sql *s, struct history_record *r, struct error *e) must_check;
/* FILE_COLUMNS, from the first column on. In any case *f is to be freed. */
int record_read_file(struct ask *a, struct history_file *f, struct error *e) must_check;

#endif
