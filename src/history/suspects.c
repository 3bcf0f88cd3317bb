// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Restore points that must not be trusted for a clean restore. What was said of one is never pruned: the backup may be
 * kept for longer than any verdict, and would look clean then.
 */
#include <strings.h>

#include "backproof/ledger.h"
#include "record.h"
#include "store.h"

struct mark {
	const char *host, *label, *reason, *user;
	int64_t at;
};

static int add(struct sql *s, void *ctx, struct error *e)
{
	const struct mark *m = ctx;
	autoask a = sql_ask(s, SQL_ADD_SUSPECT);
	ask_text(&a, m->host);
	ask_text(&a, m->label);
	ask_text(&a, m->reason);
	ask_text(&a, m->user);
	ask_int(&a, m->at);
	return ask_done(&a, e);
}

int history_suspect_add(struct history *h, const char *host, const char *label, const char *reason, const char *user,
			int64_t now, struct error *e)
{
	struct mark m = {host, label ? label : "", reason, user, record_is_time(now) ? now : 0};
	if (!host || !reason)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "a suspect without a host or a reason");
	return store_change(h, add, &m, e);
}

static int find(struct sql *s, const char *host, const char *label, int64_t taken_at, char **reason, struct error *e)
{
	autofree char *whose = NULL, *which = NULL;
	autoask a = sql_ask(s, SQL_SUSPECT);
	ask_text(&a, host);
	ask_text(&a, label);
	int rc = ask_row(&a, e);
	if (rc != 1)
		return rc;
	if (row_text(&a, 0, &whose, e) < 0 || row_text(&a, 1, &which, e) < 0 || row_text(&a, 2, reason, e) < 0)
		return -1;
	/* What SQLite said is in an index is held against what we asked for. */
	if (!whose || !which || strcasecmp(whose, host) || strcmp(which, label))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", s->path);
	int64_t marked = row_int(&a, 3);
	if (!record_is_time(marked))
		return record_bad(&a, "time", e);
	if (!*reason)
		return record_bad(&a, "reason", e);
	return !marked || taken_at - SUSPECT_SLACK <= marked;
}

int history_suspect(struct history *h, const char *host, const char *label, int64_t taken_at, char **reason,
		    struct error *e)
{
	*reason = NULL;
	sql_enter(&h->reader);
	int rc = find(&h->reader, host, label ? label : "", record_is_time(taken_at) ? taken_at : 0, reason, e);
	sql_leave(&h->reader);
	if (rc != 1)
		free(take(*reason));
	return rc;
}
