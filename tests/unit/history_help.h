// SPDX-License-Identifier: GPL-3.0-or-later
/* A history of its own for each test, also looked at behind its back. */
#ifndef UNIT_HISTORY_HELP_H
#define UNIT_HISTORY_HELP_H

#include <sqlite3.h>

#include "backproof/history.h"
#include "test.h"

static char top[32], path[300];
static struct error e;

static void start(void)
{
	static int n;
	snprintf(path, sizeof path, "%s/%d.db", top, n++);
	memset(&e, 0, sizeof e);
}

static struct history *opened(enum history_mode mode)
{
	struct history *h = history_open(path, mode, &e);
	if (!h)
		fprintf(stderr, "%s\n", e.text);
	NEED(h);
	return h;
}

static void raw(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	NEED(sqlite3_open(path, &db) == SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, why);
	NEED(!why);
	sqlite3_close(db);
}

static long long number(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	NEED(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
	NEED(sqlite3_step(s) == SQLITE_ROW);
	long long n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

#endif
