// SPDX-License-Identifier: GPL-3.0-or-later
/* The file may be anybody's work: its schema runs nothing, values are bounded, and no question takes for ever. */
#include "sql.h"

#include <math.h>

#include "backproof/budget.h"
#include "queries.h"

#define BUSY_MS 10000
#define PATIENCE_NS (INT64_C(60) * 1000000000)
#define MOST_LENGTH ((int)(192 * MIB)) /* chunks of a file as they are packed, and then some */
#define MOST_TEXT ((int)(1 * MIB))

static enum error_class class_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERROR_BUSY;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
	case SQLITE_INTERRUPT:
		return ERROR_LIMIT;
	case SQLITE_NOMEM:
	case SQLITE_MISUSE:
		return ERROR_INTERNAL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
		return ERROR_IO;
	default: /* corrupt, no database at all, or tables that are not ours */
		return ERROR_CORRUPT;
	}
}

int sql_fail(struct sql *s, const char *doing, struct error *e)
{
	int rc = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
	const char *why = s->db ? sqlite3_errmsg(s->db) : "out of memory";
	enum error_class cls = class_of(rc);
	if (cls == ERROR_BUSY)
		why = "another program has locked it";
	else if ((rc & 0xff) == SQLITE_INTERRUPT)
		why = "it took longer than a minute";
	error_set(e, cls, ERROR_NO_OFFSET, "%s: %s: %s", s->path, doing, why);
	if (e && s->db)
		e->sys = sqlite3_system_errno(s->db);
	return -1;
}

static int is_late(void *ctx)
{
	const struct sql *s = ctx;
	return s->deadline && monotonic_ns() > s->deadline;
}

void sql_more_time(struct sql *s)
{
	s->deadline = monotonic_ns() + PATIENCE_NS;
}

static void harden(sqlite3 *db)
{
	static const struct {
		int what, on;
	} rules[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},	     {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0}, {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
		{SQLITE_DBCONFIG_DQS_DML, 0},	     {SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	};
	static const struct {
		int what, most;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH, MOST_LENGTH}, {SQLITE_LIMIT_SQL_LENGTH, 65536},
		{SQLITE_LIMIT_COLUMN, 100},	    {SQLITE_LIMIT_EXPR_DEPTH, 50},
		{SQLITE_LIMIT_ATTACHED, 0},	    {SQLITE_LIMIT_TRIGGER_DEPTH, 5},
		{SQLITE_LIMIT_WORKER_THREADS, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		sqlite3_db_config(db, rules[i].what, rules[i].on, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(db, limits[i].what, limits[i].most);
}

int sql_open(struct sql *s, const char *path, int flags, struct error *e)
{
	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	s->path = strdup(path);
	if (!s->path)
		return error_nomem(e);
	int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		return sql_fail(s, "opening", e);
	harden(s->db);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_progress_handler(s->db, 20000, is_late, s);
	sql_more_time(s);
	return sql_run(s, "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF", e);
}

void sql_close(struct sql *s)
{
	if (!s->path)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->ready[i]);
	sqlite3_close(s->db);
	free(s->path);
	pthread_mutex_destroy(&s->lock);
	memset(s, 0, sizeof *s);
}

int sql_run(struct sql *s, const char *text, struct error *e)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(s, "preparing", e);
}

int sql_number(struct sql *s, const char *text, int64_t *out, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	int failed = rc == SQLITE_ROW ? 0 : sql_fail(s, "reading", e);
	sqlite3_finalize(stmt);
	return failed;
}

void sql_enter(struct sql *s)
{
	pthread_mutex_lock(&s->lock);
	sql_more_time(s);
}

void sql_leave(struct sql *s)
{
	s->deadline = 0;
	pthread_mutex_unlock(&s->lock);
}

struct ask sql_ask(struct sql *s, enum query q)
{
	struct ask a = {.sql = s};
	if (!s->ready[q])
		a.rc = sqlite3_prepare_v3(s->db, queries[q], -1, SQLITE_PREPARE_PERSISTENT, &s->ready[q], NULL);
	a.stmt = s->ready[q];
	return a;
}

void ask_end(struct ask *a)
{
	if (a->stmt) {
		sqlite3_reset(a->stmt);
		sqlite3_clear_bindings(a->stmt);
	}
	a->stmt = NULL;
}

static void note(struct ask *a, int rc)
{
	if (a->rc == SQLITE_OK)
		a->rc = rc;
}

void ask_int(struct ask *a, int64_t v)
{
	if (a->stmt)
		note(a, sqlite3_bind_int64(a->stmt, ++a->next, v));
}

void ask_real(struct ask *a, double v)
{
	if (a->stmt)
		note(a, sqlite3_bind_double(a->stmt, ++a->next, isfinite(v) && v > 0 ? v : 0));
}

void ask_text(struct ask *a, const char *v)
{
	if (a->stmt)
		note(a, sqlite3_bind_text(a->stmt, ++a->next, v, -1, SQLITE_STATIC));
}

void ask_blob(struct ask *a, const void *v, size_t len)
{
	if (a->stmt)
		note(a, sqlite3_bind_blob64(a->stmt, ++a->next, v, len, SQLITE_STATIC));
}

void ask_null(struct ask *a)
{
	if (a->stmt)
		note(a, sqlite3_bind_null(a->stmt, ++a->next));
}

int ask_row(struct ask *a, struct error *e)
{
	if (!a->stmt || a->rc != SQLITE_OK)
		return sql_fail(a->sql, "asking", e);
	int rc = sqlite3_step(a->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_fail(a->sql, sqlite3_stmt_readonly(a->stmt) ? "reading" : "writing", e);
}

int ask_done(struct ask *a, struct error *e)
{
	int rc = ask_row(a, e);
	ask_end(a);
	return rc < 0 ? -1 : 0;
}

int row_text(struct ask *a, int column, char **out, struct error *e)
{
	const char *text = (const char *)sqlite3_column_text(a->stmt, column);
	*out = NULL;
	if (!text)
		return row_is_null(a, column) ? 0 : error_nomem(e);
	if (sqlite3_column_bytes(a->stmt, column) > MOST_TEXT)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a text that is too long", a->sql->path);
	if (strlen(text) != (size_t)sqlite3_column_bytes(a->stmt, column))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a text with a NUL inside", a->sql->path);
	*out = strdup(text);
	return *out ? 0 : error_nomem(e);
}

int64_t row_int(struct ask *a, int column)
{
	return sqlite3_column_int64(a->stmt, column);
}

bool row_is_null(struct ask *a, int column)
{
	return sqlite3_column_type(a->stmt, column) == SQLITE_NULL;
}

int row_digest(struct ask *a, int column, bool *has, uint8_t out[32], struct error *e)
{
	*has = !row_is_null(a, column);
	if (!*has)
		return 0;
	const void *p = sqlite3_column_blob(a->stmt, column);
	if (!p || sqlite3_column_bytes(a->stmt, column) != 32)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a digest that is none", a->sql->path);
	memcpy(out, p, 32);
	return 0;
}
