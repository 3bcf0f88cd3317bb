// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Leases: one transaction that nobody else writes in removes the expired, counts, and adds. Ids are never used again,
 * so that who was gone for too long can't take another's lease for his own.
 */
#include "backproof/ledger.h"
#include "record.h"
#include "store.h"

/*
 * A clock that is set back makes no lease eternal: one that ends further ahead than this was taken by another clock.
 * One more LEASE_SECONDS than any can have, for clocks that differ a little: who still renews loses nothing by that.
 */
#define MOST_AHEAD (2 * LEASE_SECONDS)

void lease_free(struct lease *l)
{
	if (!l)
		return;
	free(l->name);
	free(l->holder);
	memset(l, 0, sizeof *l);
}

struct taking {
	const char *name, *holder;
	unsigned most;
	int64_t now;
	struct lease *out;
};

static int remove_expired(struct sql *s, int64_t now, struct error *e)
{
	autoask a = sql_ask(s, SQL_EXPIRE_LEASES);
	ask_int(&a, now);
	ask_int(&a, now + MOST_AHEAD);
	return ask_done(&a, e);
}

static int count_taken(struct sql *s, const struct taking *t, int64_t *count, struct error *e)
{
	autoask a = sql_ask(s, SQL_COUNT_LEASES);
	ask_text(&a, t->name);
	ask_int(&a, t->most);
	int rc = ask_row(&a, e);
	if (rc == 1)
		*count = row_int(&a, 0);
	return rc < 0 ? -1 : 0;
}

/* The one that ends first: why there is no place. */
static int read_first(struct sql *s, const struct taking *t, struct error *e)
{
	struct lease *out = t->out;
	autoask a = sql_ask(s, SQL_FIRST_LEASE);
	ask_text(&a, t->name);
	int rc = ask_row(&a, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", s->path);
	out->id = row_int(&a, 0);
	out->taken_at = row_int(&a, 3);
	out->expires_at = row_int(&a, 4);
	if (row_text(&a, 1, &out->name, e) < 0 || row_text(&a, 2, &out->holder, e) < 0)
		return -1;
	if (!out->name || strcmp(out->name, t->name) || !out->holder || out->id < 1 ||
	    !record_is_time(out->taken_at) || !record_is_time(out->expires_at))
		return record_bad(&a, "lease", e);
	return 0;
}

static int take_lease(struct sql *s, void *ctx, struct error *e)
{
	const struct taking *t = ctx;
	struct lease *out = t->out;
	int64_t taken = t->most;
	if (remove_expired(s, t->now, e) < 0 || count_taken(s, t, &taken, e) < 0)
		return -1;
	if (taken < 0 || taken >= t->most)
		return read_first(s, t, e);
	out->name = strdup(t->name);
	out->holder = strdup(t->holder);
	if (!out->name || !out->holder)
		return error_nomem(e);
	out->taken_at = t->now;
	out->expires_at = t->now + LEASE_SECONDS;
	autoask a = sql_ask(s, SQL_ADD_LEASE);
	ask_text(&a, out->name);
	ask_text(&a, out->holder);
	ask_int(&a, out->taken_at);
	ask_int(&a, out->expires_at);
	if (ask_done(&a, e) < 0)
		return -1;
	out->id = sqlite3_last_insert_rowid(s->db);
	return 1;
}

static int check_time(int64_t now, struct error *e)
{
	if (now > 0 && now < HISTORY_TIME_END - MOST_AHEAD)
		return 0;
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "a lease at a time that can't be");
}

int history_lease_take(struct history *h, const char *name, unsigned most, const char *holder, int64_t now,
		       struct lease *out, struct error *e)
{
	struct taking t = {name, holder, most, now, out};
	memset(out, 0, sizeof *out);
	if (!most)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: a lease of nothing", name);
	if (check_time(now, e) < 0)
		return -1;
	int rc = store_change(h, take_lease, &t, e);
	if (rc < 0)
		lease_free(out);
	return rc;
}

struct renewal {
	const struct lease *l;
	int64_t until;
};

static int renew(struct sql *s, void *ctx, struct error *e)
{
	const struct renewal *r = ctx;
	autoask a = sql_ask(s, SQL_RENEW_LEASE);
	ask_int(&a, r->until);
	ask_int(&a, r->l->id);
	ask_text(&a, r->l->name);
	ask_text(&a, r->l->holder);
	return ask_done(&a, e) < 0 ? -1 : sqlite3_changes(s->db) == 1;
}

/* One that has expired and is still there was nobody else's meanwhile: who takes one removes it first. */
int history_lease_renew(struct history *h, struct lease *l, int64_t now, struct error *e)
{
	struct renewal r = {.l = l};
	if (check_time(now, e) < 0)
		return -1;
	r.until = now + LEASE_SECONDS;
	int rc = store_change(h, renew, &r, e);
	if (rc == 1)
		l->expires_at = r.until;
	return rc;
}

static int drop(struct sql *s, void *ctx, struct error *e)
{
	const struct lease *l = *(const struct lease **)ctx;
	autoask a = sql_ask(s, SQL_DROP_LEASE);
	ask_int(&a, l->id);
	ask_text(&a, l->name);
	ask_text(&a, l->holder);
	return ask_done(&a, e);
}

int history_lease_drop(struct history *h, const struct lease *l, struct error *e)
{
	return store_change(h, drop, &l, e);
}
