// SPDX-License-Identifier: GPL-3.0-or-later
/* A connection to the database: statements that are prepared once, values that are always bound, errors in words. */
#ifndef HISTORY_SQL_H
#define HISTORY_SQL_H

#include <pthread.h>
#include <sqlite3.h>

#include "backproof/base.h"

enum query {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK,
	SQL_ADD_RUN, SQL_ADD_REASON, SQL_ADD_FILE, SQL_ADD_SKETCH, SQL_TOUCH_CHUNKS, SQL_ADD_CHUNKS,
	SQL_PRUNE_RUNS, SQL_PRUNE_SKETCHES, SQL_PRUNE_CHUNKS,
	SQL_EACH, SQL_EACH_OF_HOST, SQL_REASONS, SQL_FILES, SQL_NEXT_HOST,
	SQL_FULL_PROOF, SQL_CHUNKS, SQL_FIRST_SEEN, SQL_SAME_SHA256, SQL_SAME_FSVERITY,
	SQL_ADD_PATCH, SQL_ADD_PATCH_FILE, SQL_UPDATE_PATCH, SQL_PRUNE_PATCHES,
	SQL_PATCHES, SQL_PATCHES_OF_HOST, SQL_PATCH, SQL_PATCH_FILES,
	SQL_ADD_WAIVER, SQL_SIGN_WAIVER, SQL_END_WAIVERS, SQL_PRUNE_WAIVERS, SQL_WAIVERS, SQL_WAIVERS_OF_HOST,
	SQL_EXPIRE_LEASES, SQL_COUNT_LEASES, SQL_ADD_LEASE, SQL_FIRST_LEASE, SQL_RENEW_LEASE, SQL_DROP_LEASE,
	SQL_ADD_SUSPECT, SQL_SUSPECT, SQL_COUNT
};

struct sql {
	sqlite3 *db;
	char *path; /* for messages */
	pthread_mutex_t lock;
	sqlite3_stmt *ready[SQL_COUNT];
	int64_t deadline; /* of what runs now: a hostile file makes nothing hang */
};

/* Hardened, and nothing is written by it. flags: of sqlite3_open_v2. */
int sql_open(struct sql *s, const char *path, int flags, struct error *e) must_check;
void sql_close(struct sql *s);
/* Error of the last call, in words and with its class. Returns -1. */
int sql_fail(struct sql *s, const char *doing, struct error *e);
/* Statements without values. */
int sql_run(struct sql *s, const char *text, struct error *e) must_check;
/* The one number that a statement gives. */
int sql_number(struct sql *s, const char *text, int64_t *out, struct error *e) must_check;

/* The lock is held from here to sql_leave; what takes longer than a minute is ended. */
void sql_enter(struct sql *s);
void sql_leave(struct sql *s);
void sql_more_time(struct sql *s); /* another minute from now */

/* A prepared statement on its way: values are bound in their order, then rows are taken. */
struct ask {
	struct sql *sql;
	sqlite3_stmt *stmt; /* NULL: it could not be prepared */
	int next, rc;	    /* the first failure of binding */
};
/* The statement is reset by ask_end, which every ask needs (or the cleanup attribute). */
struct ask sql_ask(struct sql *s, enum query q);
void ask_end(struct ask *a);
#define autoask autodestroy(ask_end) struct ask
void ask_int(struct ask *a, int64_t v);
void ask_real(struct ask *a, double v); /* what is no number is 0 */
void ask_text(struct ask *a, const char *v); /* NULL is; v stays until ask_end */
void ask_blob(struct ask *a, const void *v, size_t len); /* the same */
void ask_null(struct ask *a);
/* 1: a row, 0: no more. */
int ask_row(struct ask *a, struct error *e) must_check;
/* To the end, for what gives no rows. */
int ask_done(struct ask *a, struct error *e) must_check;

/* Columns of a row. Text longer than any of ours, or with a NUL inside, is CORRUPT. *out NULL for NULL. */
int row_text(struct ask *a, int column, char **out, struct error *e) must_check;
int64_t row_int(struct ask *a, int column);
bool row_is_null(struct ask *a, int column);
/* CORRUPT unless it is NULL (false) or of that length. */
int row_digest(struct ask *a, int column, bool *has, uint8_t out[32], struct error *e) must_check;

#endif
