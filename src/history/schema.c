// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A step takes the file from one version to the next. Steps that were released are never changed: a new version is a
 * new row. Numbers that have no sign elsewhere are kept as SQLite's of 64 bits with the same bits.
 */
#include "schema.h"

static const char *const steps[] = {
	/* 1: verdicts and files */
	"CREATE TABLE run(id INTEGER PRIMARY KEY, host TEXT NOT NULL, label TEXT, policy TEXT, "
	"checked_at INTEGER NOT NULL, taken_at INTEGER NOT NULL, code INTEGER NOT NULL, depth INTEGER NOT NULL, "
	"seed INTEGER NOT NULL, proofs BLOB NOT NULL, bytes INTEGER NOT NULL, bytes_read INTEGER NOT NULL, "
	"bytes_decoded INTEGER NOT NULL, image_data INTEGER NOT NULL, files_sampled INTEGER NOT NULL, "
	"files_restored INTEGER NOT NULL, files_witnessed INTEGER NOT NULL, bytes_restored INTEGER NOT NULL, "
	"restore_seconds REAL NOT NULL, duration_seconds REAL NOT NULL, hostname TEXT, machine_id TEXT, system TEXT);"
	"CREATE INDEX run_host ON run(host, id);"
	"CREATE TABLE reason(run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, line INTEGER NOT NULL, "
	"text TEXT NOT NULL, PRIMARY KEY(run, line)) WITHOUT ROWID;"
	"CREATE TABLE file(run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, position INTEGER NOT NULL, "
	"path TEXT NOT NULL, size INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, "
	"mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sha256 BLOB, fsverity BLOB, "
	"read_whole INTEGER NOT NULL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	"CREATE INDEX file_path ON file(path, run);"
	"CREATE INDEX file_sha256 ON file(sha256, run) WHERE sha256 IS NOT NULL;"
	"CREATE INDEX file_fsverity ON file(fsverity, run) WHERE fsverity IS NOT NULL;",
	/* 2: what a sample is held against, and what anomalies are told from */
	"ALTER TABLE run ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN opaque INTEGER;"
	"ALTER TABLE run ADD COLUMN confidence INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN damage INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN evidence INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE sketch(run INTEGER PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE, host TEXT NOT NULL, "
	"data BLOB NOT NULL);"
	"CREATE INDEX sketch_host ON sketch(host, run);"
	"CREATE TABLE chunks(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, "
	"host TEXT NOT NULL, fsverity BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL, "
	"UNIQUE(host, fsverity, size));"
	"CREATE INDEX chunks_run ON chunks(run);",
	/* 3: what is done with verdicts */
	"ALTER TABLE run ADD COLUMN waiver INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE patch(id INTEGER PRIMARY KEY, host TEXT NOT NULL, policy TEXT, code INTEGER NOT NULL, "
	"waiver INTEGER NOT NULL, label TEXT, suspect TEXT, checked_at INTEGER NOT NULL, taken_at INTEGER NOT NULL, "
	"formats TEXT NOT NULL, command TEXT NOT NULL, state INTEGER NOT NULL, status INTEGER NOT NULL, "
	"started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, post TEXT, post_state INTEGER NOT NULL, "
	"post_status INTEGER NOT NULL, post_ended_at INTEGER NOT NULL, user TEXT);"
	"CREATE INDEX patch_host ON patch(host, id);"
	"CREATE TABLE patch_file(patch INTEGER NOT NULL REFERENCES patch(id) ON DELETE CASCADE, "
	"position INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, device INTEGER NOT NULL, "
	"inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sha256 BLOB, fsverity BLOB, "
	"read_whole INTEGER NOT NULL, PRIMARY KEY(patch, position)) WITHOUT ROWID;"
	"CREATE TABLE waiver(id INTEGER PRIMARY KEY, host TEXT NOT NULL, reason TEXT NOT NULL, ticket TEXT, "
	"user TEXT NOT NULL, login TEXT, terminal TEXT, origin TEXT, uid INTEGER NOT NULL, "
	"recorded_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, ended_at INTEGER NOT NULL DEFAULT 0, ended_by TEXT, "
	"envelope TEXT);"
	"CREATE INDEX waiver_host ON waiver(host, ends_at);"
	"CREATE TABLE lease(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, holder TEXT NOT NULL, "
	"taken_at INTEGER NOT NULL, expires_at INTEGER NOT NULL);"
	"CREATE INDEX lease_name ON lease(name, expires_at);"
	"CREATE TABLE suspect(host TEXT NOT NULL, label TEXT NOT NULL, reason TEXT NOT NULL, user TEXT, "
	"recorded_at INTEGER NOT NULL, PRIMARY KEY(host, label)) WITHOUT ROWID;",
	/* 4: a host is one, written in capitals or not; its name stays as it was written */
	"DROP INDEX run_host;"
	"CREATE INDEX run_host ON run(host COLLATE NOCASE, id);"
	"DROP INDEX sketch_host;"
	"CREATE INDEX sketch_host ON sketch(host COLLATE NOCASE, run);"
	"CREATE INDEX chunks_host ON chunks(host COLLATE NOCASE, fsverity, size);"
	"DROP INDEX patch_host;"
	"CREATE INDEX patch_host ON patch(host COLLATE NOCASE, id);"
	"DROP INDEX waiver_host;"
	"CREATE INDEX waiver_host ON waiver(host COLLATE NOCASE, ends_at);"
	"CREATE INDEX suspect_host ON suspect(host COLLATE NOCASE, label);",
};

int64_t schema_version(void)
{
	return (int64_t)ARRAY_SIZE(steps);
}

/* No count(*) anywhere: of a tree that has no end it takes for ever, and can't be stopped. */
static int versions(struct sql *s, int64_t *application, int64_t *user, int64_t *tables, struct error *e)
{
	return sql_number(s, "PRAGMA application_id", application, e) < 0 ||
			       sql_number(s, "PRAGMA user_version", user, e) < 0 ||
			       sql_number(s, "SELECT EXISTS (SELECT 1 FROM sqlite_schema)", tables, e) < 0
		       ? -1
		       : 0;
}

static int upgrade_locked(struct sql *s, struct error *e)
{
	char line[80];
	int64_t application, user, tables;
	if (versions(s, &application, &user, &tables, e) < 0)
		return -1;
	/* Empty: it was made a moment ago, by us or by one who was stopped right then. */
	bool fresh = !application && !user && !tables;
	if (!fresh && application != HISTORY_APPLICATION_ID)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a database of another program", s->path);
	if (user > schema_version())
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "%s: version %lld, of a newer backproof; this one knows up to %lld", s->path,
				 (long long)user, (long long)schema_version());
	if (user < 0 || (!fresh && !user))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: version %lld", s->path, (long long)user);
	for (int64_t i = user; i < schema_version(); i++)
		if (sql_run(s, steps[i], e) < 0)
			return -1;
	if (user == schema_version())
		return 0;
	snprintf(line, sizeof line, "PRAGMA application_id=%lld; PRAGMA user_version=%lld",
		 (long long)HISTORY_APPLICATION_ID, (long long)schema_version());
	return sql_run(s, line, e);
}

#define SCHEMA_LIST                                                                                                    \
	"SELECT type || ' ' || name || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_schema "                  \
	"WHERE name NOT GLOB 'sqlite_stat[14]' ORDER BY name, type"

/* Both lists side by side. sqlite_stat1 and 4 are of an administrator who has said ANALYZE. */
static int compare(struct sql *s, sqlite3_stmt *have, sqlite3_stmt *want, struct error *e)
{
	for (;;) {
		int a = sqlite3_step(have), b = sqlite3_step(want);
		if (a != SQLITE_ROW && a != SQLITE_DONE)
			return sql_fail(s, "reading", e);
		const char *x = a == SQLITE_ROW ? (const char *)sqlite3_column_text(have, 0) : NULL;
		const char *y = b == SQLITE_ROW ? (const char *)sqlite3_column_text(want, 0) : NULL;
		if (a == SQLITE_DONE && b == SQLITE_DONE)
			return 0;
		if (!x || !y || strcmp(x, y))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: its tables are not a history's: %.60s",
					 s->path, x ? x : y ? y : "");
	}
}

int schema_check(struct sql *s, struct error *e)
{
	struct sql model;
	sqlite3_stmt *have = NULL, *want = NULL;
	int rc = sql_open(&model, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
	if (rc == 0)
		rc = upgrade_locked(&model, e);
	if (rc == 0 && sqlite3_prepare_v2(model.db, SCHEMA_LIST, -1, &want, NULL) != SQLITE_OK)
		rc = sql_fail(&model, "comparing", e);
	if (rc == 0 && sqlite3_prepare_v2(s->db, SCHEMA_LIST, -1, &have, NULL) != SQLITE_OK)
		rc = sql_fail(s, "reading", e);
	if (rc == 0)
		rc = compare(s, have, want, e);
	sqlite3_finalize(have);
	sqlite3_finalize(want);
	sql_close(&model);
	return rc;
}

int schema_upgrade(struct sql *s, struct error *e)
{
	struct error ignored;
	int64_t application, user, tables;
	/* The usual case takes no lock. */
	if (versions(s, &application, &user, &tables, e) < 0)
		return -1;
	if (application == HISTORY_APPLICATION_ID && user == schema_version())
		return 0;
	if (sql_run(s, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	/* What would not be a history of ours then stays as it was. */
	if (upgrade_locked(s, e) == 0 && schema_check(s, e) == 0 && sql_run(s, "COMMIT", e) == 0)
		return 0;
	(void)!sql_run(s, "ROLLBACK", &ignored);
	return -1;
}
