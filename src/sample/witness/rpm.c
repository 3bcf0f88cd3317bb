// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * rpm's databases, each with the headers of the installed packages: in SQLite (RHEL and its kin since 9, Fedora since
 * 33) a row of Packages has one; for the others see rpm_ndb.c and rpm_bdb.c.
 */
#include "rpm.h"

#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#endif

#include "backproof/budget.h"
#include "sqlite_file.h"

#define DATABASE_MAX (512 * MIB)
#define MAX_NS (INT64_C(60) * 1000000000)

/* /var/lib/rpm is a link to one of the others where it is not the place itself. */
static const char *const places[] = {"usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/rpm"};

/* An archive is seen once: of what is kept of it a database would take too much. */
static const char *const wants[] = {NULL};

#ifdef HAVE_SQLITE3

static int read_rows(sqlite3 *db, struct vouchers *v, struct error *e)
{
	int64_t deadline = monotonic_ns() + MAX_NS;
	sqlite3_stmt *q = NULL;
	int rc = 0;
	sqlite_harden(db, &deadline);
	int code = sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &q, NULL);
	while (code == SQLITE_OK && rc == 0 && (code = sqlite3_step(q)) == SQLITE_ROW) {
		const uint8_t *blob = sqlite3_column_blob(q, 0);
		int n = sqlite3_column_bytes(q, 0);
		code = SQLITE_OK;
		if (blob && n > 0)
			rc = rpm_add_header(v, blob, (size_t)n, e);
		else if (sqlite3_errcode(db) == SQLITE_NOMEM)
			rc = error_nomem(e);
		else
			rc = error_set(e, ERROR_CORRUPT, 0, "RPM: a package without a header");
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = sqlite_error(db, code, e);
	sqlite3_finalize(q);
	return rc;
}

/* data is the database alone: bytes 18 and 19, which ask for its WAL, are written over. */
static int read_sqlite(uint8_t *data, size_t len, struct vouchers *v, struct error *e)
{
	sqlite3 *db = NULL;
	if (len < 100 || memcmp(data, "SQLite format 3", 16))
		return error_set(e, ERROR_CORRUPT, 0, "it is no SQLite database");
	data[18] = data[19] = 1;
	int code = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_deserialize(db, "main", data, (sqlite3_int64)len, (sqlite3_int64)len,
					   SQLITE_DESERIALIZE_READONLY);
	int rc = code == SQLITE_OK ? read_rows(db, v, e) : sqlite_error(db, code, e);
	sqlite3_close(db);
	return rc;
}

#endif

/* 1 DIRECTORY/NAME is there and something is in it, or *empty; 0 it is not, -1 it can't be told. */
static int is_there(const struct tree_reader *t, const char *directory, const char *name, bool *empty, struct error *e)
{
	autofree char *data = NULL;
	size_t len;
	int64_t mtime;
	int rc = package_read(t, 0, &data, &len, &mtime, e, "%s/%s", directory, name);
	*empty = rc > 0 && !len;
	return rc < 0 && e->cls == ERROR_LIMIT ? 1 : rc;
}

/* While packages are installed the newest pages are in the WAL, and the database may be half of old ones. */
static int in_use(const struct tree_reader *t, const char *place, struct error *e)
{
	bool empty;
	int rc = is_there(t, place, "rpmdb.sqlite-wal", &empty, e);
	return rc > 0 ? !empty : rc;
}

/* The newest kind first: a system that was upgraded may still have the file of the older one. */
static const struct {
	const char *name;
	int (*read)(uint8_t *data, size_t len, struct vouchers *v, struct error *e);
} kinds[] = {
#ifdef HAVE_SQLITE3
	{"rpmdb.sqlite", read_sqlite},
#else
	{"rpmdb.sqlite", NULL},
#endif
	{"Packages.db", rpm_read_ndb},
	{"Packages", rpm_read_bdb},
};

/* 1 it is there and was read, 0 it is not there, or nothing is in it yet; 2 it can't be read by this build. */
static int load_from(const struct tree_reader *t, const char *place, size_t kind, struct vouchers *v, struct error *e)
{
	autofree char *data = NULL;
	size_t len;
	int64_t mtime;
	const char *name = kinds[kind].name;
	int rc = package_read(t, DATABASE_MAX, &data, &len, &mtime, e, "%s/%s", place, name);
	if (rc <= 0 || !len)
		return rc < 0 ? -1 : 0;
	if (!kinds[kind].read)
		return 2;
	if (kinds[kind].read((uint8_t *)data, len, v, e) < 0) {
		struct error why = {0};
		int used = e->cls == ERROR_CORRUPT ? in_use(t, place, &why) : 0;
		if (used < 0)
			*e = why;
		else if (used > 0)
			e->cls = ERROR_UNSUPPORTED;
		return error_prefix(e, "%s/%s%s", place, name, used > 0 ? " (it was being written to)" : "");
	}
	return 1;
}

static int load(const struct tree_reader *t, struct vouchers *v, struct error *e)
{
	bool empty;
	/* Programs were written over with the addresses of their libraries, and kept their times (RHEL 6). */
	int rc = is_there(t, "etc", "prelink.cache", &empty, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds) && rc == 0; k++)
		for (size_t i = 0; i < ARRAY_SIZE(places) && rc == 0; i++)
			rc = load_from(t, places[i], k, v, e);
	if (rc <= 0 || rc == 2)
		return rc < 0 ? -1 : 0;
	v->database = "rpm";
	vouchers_settle(v);
	return 1;
}

const struct package_database package_rpm = {"rpm", load, wants};
