// SPDX-License-Identifier: GPL-3.0-or-later
/* All that is written goes through here: one transaction, all of it or nothing. */
#include "store.h"

static int step(struct sql *s, enum query q, struct error *e)
{
	autoask a = sql_ask(s, q);
	return ask_done(&a, e);
}

int store_change(struct history *h, store_change_fn *make, void *ctx, struct error *e)
{
	struct sql *s = &h->writer;
	struct error ignored;
	if (!h->writes)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: a history that is only read is written to",
				 h->reader.path);
	sql_enter(s);
	int rc = step(s, SQL_BEGIN, e);
	bool begun = rc == 0;
	if (rc == 0)
		rc = make(s, ctx, e);
	if (rc >= 0 && step(s, SQL_COMMIT, e) < 0)
		rc = -1;
	/* Some failures have rolled it back already. */
	if (rc < 0 && begun && !sqlite3_get_autocommit(s->db))
		(void)!step(s, SQL_ROLLBACK, &ignored);
	sql_leave(s);
	return rc;
}
