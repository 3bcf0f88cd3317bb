// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <sys/stat.h>

#include "place.h"
#include "schema.h"
#include "store.h"

/* Where a WAL can't be had, the rollback journal is as safe, and slower. */
static int choose_journal(struct sql *s, bool network, struct error *e)
{
	sqlite3_stmt *stmt = NULL;
	const char *text = network ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL";
	int rc = sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	bool wal = mode && !strcmp(mode, "wal");
	sqlite3_finalize(stmt);
	if (network && wal)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "%s: it is in use as a WAL, which a network file system can't have", s->path);
	/* Busy: others use it as it is, and that is safe too. */
	if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
		return sql_fail(s, "choosing the journal", e);
	return sql_run(s, "PRAGMA journal_size_limit=67108864", e);
}

/* SQLite would say so too, in words that nobody understands. */
static int may_write(const char *path, struct error *e)
{
	autofree char *directory = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	if (!directory)
		return error_nomem(e);
	if (access(path, W_OK) < 0)
		return error_sys(e, "%s: it can't be written to", path);
	return access(directory, W_OK | X_OK) < 0 ? error_sys(e, "%s: its directory can't be written to", path) : 0;
}

static int open_writer(struct history *h, const struct place *p, struct error *e)
{
	if (may_write(p->path, e) < 0)
		return -1;
	if (sql_open(&h->writer, p->path, SQLITE_OPEN_READWRITE, e) < 0)
		return -1;
	if (sqlite3_db_readonly(h->writer.db, "main") == 1) {
		error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: it can't be written to", p->path);
		if (e)
			e->sys = EACCES;
		return -1;
	}
	sql_enter(&h->writer);
	int rc = schema_upgrade(&h->writer, e);
	if (rc == 0)
		rc = schema_check(&h->writer, e);
	if (rc == 0)
		rc = choose_journal(&h->writer, p->network, e);
	sql_leave(&h->writer);
	return rc;
}

/* As a URI, for the file that nothing can be written beside: immutable asks for no locks and no shared memory. */
static char *immutable_name(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	char *out = malloc(3 * strlen(path) + 32), *at = out;
	if (!out)
		return NULL;
	at = stpcpy(at, "file:");
	for (; *path; path++) {
		if (strchr("?#%", *path)) {
			*at++ = '%';
			*at++ = hex[(unsigned char)*path >> 4];
			*at++ = hex[*path & 15];
		} else {
			*at++ = *path;
		}
	}
	strcpy(at, "?immutable=1");
	return out;
}

/* Nothing of it waits in a WAL. */
static bool is_settled(const char *path)
{
	char wal[4200];
	struct stat st;
	int n = snprintf(wal, sizeof wal, "%s-wal", path);
	return n > 0 && (size_t)n < sizeof wal && (stat(wal, &st) < 0 ? errno == ENOENT : st.st_size == 0);
}

/*
 * Who only reads leaves nothing beside the file that its owner could not write to: files of a WAL are made by those who
 * may write, and are gone when they close.
 */
static int open_reader(struct history *h, const struct place *p, struct error *e)
{
	int rc;
	if (h->writes || access(p->path, W_OK) == 0) {
		rc = sql_open(&h->reader, p->path, SQLITE_OPEN_READWRITE, e);
	} else if (is_settled(p->path)) {
		autofree char *name = immutable_name(p->path);
		rc = name ? sql_open(&h->reader, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e) : error_nomem(e);
	} else {
		rc = sql_open(&h->reader, p->path, SQLITE_OPEN_READONLY, e);
	}
	return rc < 0 ? -1 : sql_run(&h->reader, "PRAGMA query_only=ON", e);
}

/* For READ: what an older program wrote is brought up to date first, by us if we may. */
static int is_current(struct history *h, struct error *e)
{
	int64_t version;
	if (sql_number(&h->reader, "PRAGMA user_version", &version, e) < 0)
		return -1;
	if (version == schema_version())
		return schema_check(&h->reader, e) < 0 ? -1 : 1;
	if (version > schema_version() || version < 0)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s: version %lld is not known here",
				 h->reader.path, (long long)version);
	return 0;
}

static int open_read(struct history *h, const struct place *p, struct error *e)
{
	if (p->empty)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: nothing is in it yet", p->path);
	if (open_reader(h, p, e) < 0)
		return -1;
	sql_enter(&h->reader);
	int rc = is_current(h, e);
	sql_leave(&h->reader);
	if (rc)
		return rc < 0 ? -1 : 0;
	sql_close(&h->reader);
	h->writes = true;
	return open_writer(h, p, e) < 0 || open_reader(h, p, e) < 0 ? -1 : 0;
}

struct history *history_open(const char *path, enum history_mode mode, struct error *e)
{
	struct error own = {0};
	struct place p;
	struct history *h = calloc(1, sizeof *h);
	e = e ? e : &own;
	if (!h) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	h->writes = mode == HISTORY_WRITE;
	int rc = sqlite3_threadsafe()
			 ? place_find(&p, path, h->writes, e)
			 : error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "this SQLite knows no threads");
	if (rc == 0) {
		rc = h->writes ? (open_writer(h, &p, e) < 0 ? -1 : open_reader(h, &p, e)) : open_read(h, &p, e);
		place_free(&p);
	}
	if (rc == 0)
		return h;
	history_destroy(h);
	return NULL;
}

void history_destroy(struct history *h)
{
	if (!h)
		return;
	writer_stop(h);
	sql_close(&h->reader);
	sql_close(&h->writer);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
