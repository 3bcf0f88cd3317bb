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
/* Rows of those, asked for by the id of what they belong to. In any case *files is to be freed. */
int record_read_files(struct sql *s, enum query q, int64_t id, struct history_files *files,
		      struct error *e) must_check;
void record_free_files(struct history_files *files);

/* What can't be in a history of ours: CORRUPT. */
int record_bad(struct ask *a, const char *what, struct error *e);
bool record_is_code(int64_t c);
bool record_may_be_waived(int64_t code);
bool record_is_time(int64_t t);

#endif
