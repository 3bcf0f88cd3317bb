// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Waivers. A person's trace: kept for HISTORY_KEEP_SECONDS after it ended, the newest HISTORY_KEEP_RUNS of a host
 * however old they are, and any that a verdict or a patch names for as long as that is kept.
 */
#include <strings.h>

#include "backproof/ledger.h"
#include "record.h"
#include "store.h"

/* Of a file that anybody could have written. */
#define MOST_ROWS 2000000

void waiver_free(struct waiver *w)
{
	if (!w)
		return;
	free(w->host);
	free(w->reason);
	free(w->ticket);
	free(w->user);
	free(w->login);
	free(w->terminal);
	free(w->origin);
	free(w->ended_by);
	free(w->envelope);
	free(w->approved_by);
	memset(w, 0, sizeof *w);
}

/* Its name, or NULL where all of it can be. Held when it is written and when it is read. */
static const char *impossible(const struct waiver *w)
{
	if (!w->host || !*w->host)
		return "host";
	if (!w->reason || !*w->reason)
		return "reason";
	if (!w->user || !*w->user)
		return "user";
	if (!record_is_time(w->recorded_at) || !w->recorded_at || !record_is_time(w->ends_at) ||
	    !record_is_time(w->ended_at) || w->ends_at <= w->recorded_at)
		return "time";
	return NULL;
}

static int add(struct sql *s, void *ctx, struct error *e)
{
	struct waiver *w = ctx;
	const char *what = impossible(w);
	if (what)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: a waiver whose %s can't be", s->path, what);
	{
		autoask a = sql_ask(s, SQL_ADD_WAIVER);
		ask_text(&a, w->host);
		ask_text(&a, w->reason);
		ask_text(&a, w->ticket);
		ask_text(&a, w->user);
		ask_text(&a, w->login);
		ask_text(&a, w->terminal);
		ask_text(&a, w->origin);
		ask_int(&a, w->uid);
		ask_int(&a, w->recorded_at);
		ask_int(&a, w->ends_at);
		ask_int(&a, w->ended_at);
		ask_text(&a, w->ended_by);
		ask_text(&a, w->envelope);
		if (ask_done(&a, e) < 0)
			return -1;
	}
	w->id = sqlite3_last_insert_rowid(s->db);
	autoask a = sql_ask(s, SQL_PRUNE_WAIVERS);
	ask_text(&a, w->host);
	ask_int(&a, w->recorded_at - HISTORY_KEEP_SECONDS);
	return ask_done(&a, e);
}

int history_waiver_add(struct history *h, struct waiver *w, struct error *e)
{
	w->id = 0;
	int rc = store_change(h, add, w, e);
	if (rc < 0)
		w->id = 0;
	return rc;
}

struct signing {
	int64_t id;
	const char *envelope;
};

static int sign(struct sql *s, void *ctx, struct error *e)
{
	const struct signing *to = ctx;
	autoask a = sql_ask(s, SQL_SIGN_WAIVER);
	ask_text(&a, to->envelope);
	ask_int(&a, to->id);
	return ask_done(&a, e) < 0 ? -1 : sqlite3_changes(s->db) == 1;
}

int history_waiver_sign(struct history *h, int64_t id, const char *envelope, struct error *e)
{
	struct signing to = {id, envelope};
	return store_change(h, sign, &to, e);
}

struct ending {
	const char *host, *by;
	int64_t now;
	size_t *ended;
};

static int end(struct sql *s, void *ctx, struct error *e)
{
	struct ending *what = ctx;
	autoask a = sql_ask(s, SQL_END_WAIVERS);
	ask_text(&a, what->host);
	ask_int(&a, what->now);
	ask_text(&a, what->by);
	if (ask_done(&a, e) < 0)
		return -1;
	*what->ended = (size_t)sqlite3_changes(s->db);
	return 0;
}

int history_waivers_end(struct history *h, const char *host, int64_t now, const char *by, size_t *ended,
			struct error *e)
{
	struct ending what = {host, by, now, ended};
	*ended = 0;
	/* 0 would say that none was ended. */
	if (!record_is_time(now) || !now)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "waivers end at a time that can't be");
	int rc = store_change(h, end, &what, e);
	if (rc < 0)
		*ended = 0;
	return rc;
}

/* In any case *w is to be freed. */
static int read_row(struct ask *a, struct waiver *w, struct error *e)
{
	int c = 0;
	memset(w, 0, sizeof *w);
	w->id = row_int(a, c++);
	char **const before[] = {&w->host, &w->reason, &w->ticket, &w->user, &w->login, &w->terminal, &w->origin};
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (row_text(a, c++, before[i], e) < 0)
			return -1;
	int64_t uid = row_int(a, c++);
	w->recorded_at = row_int(a, c++);
	w->ends_at = row_int(a, c++);
	w->ended_at = row_int(a, c++);
	if (row_text(a, c++, &w->ended_by, e) < 0 || row_text(a, c++, &w->envelope, e) < 0)
		return -1;
	if (uid < 0 || uid > UINT32_MAX)
		return record_bad(a, "user", e);
	w->uid = (uint32_t)uid;
	const char *what = w->id < 1 ? "id" : impossible(w);
	return what ? record_bad(a, what, e) : 0;
}

static bool in_force(const struct waiver *w, int64_t now)
{
	return w->recorded_at <= now && now < w->ends_at && !w->ended_at;
}

static int each(struct sql *s, const char *host, int64_t now, history_waiver_fn *visit, void *ctx, struct error *e)
{
	int rc;
	int64_t last = INT64_MAX;
	autoask a = sql_ask(s, host ? SQL_WAIVERS_OF_HOST : SQL_WAIVERS);
	if (host)
		ask_text(&a, host);
	for (size_t n = 0; (rc = ask_row(&a, e)) == 1; n++) {
		struct waiver w;
		if (n >= MOST_ROWS)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too many waivers", s->path);
		rc = read_row(&a, &w, e);
		/* What SQLite said is in an index is held against what we asked for. */
		if (rc == 0 && (w.id >= last || (host && strcasecmp(host, w.host))))
			rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", s->path);
		last = w.id;
		if (rc == 0 && (!now || in_force(&w, now)))
			rc = visit(ctx, &w, e);
		waiver_free(&w);
		if (rc)
			return rc < 0 ? -1 : 0;
		sql_more_time(s);
	}
	return rc;
}

int history_waivers(struct history *h, const char *host, int64_t now, history_waiver_fn *visit, void *ctx,
		    struct error *e)
{
	if (now < 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "waivers of a time before 1970");
	sql_enter(&h->reader);
	int rc = each(&h->reader, host, now, visit, ctx, e);
	sql_leave(&h->reader);
	return rc;
}
