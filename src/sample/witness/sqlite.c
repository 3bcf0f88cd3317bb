// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * SQLite (fileformat2.html): the header against the file, then quick_check. A snapshot may have
 * fallen into a checkpoint: a database in WAL mode is only whole with its WAL, which isn't seen here.
 */
#include "rows.h"
#include "sqlite_file.h"

#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#endif

#define MAX_NS (INT64_C(20) * 1000000000) /* a check of one file must not eat the deadline */

static const char magic[16] = "SQLite format 3";

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	(void)path;
	return len >= 16 && !memcmp(head, magic, 16);
}

struct header {
	uint64_t page_size, pages;
	bool wal;
};

static int read_header(int fd, uint64_t size, struct header *h, struct error *e)
{
	uint8_t b[100];
	if (witness_read(fd, size, 0, b, sizeof b, e) < 0)
		return -1;
	uint32_t ps = get_be16(b + 16);
	h->page_size = ps == 1 ? 65536 : ps;
	h->wal = b[18] == 2 || b[19] == 2;
	if (h->page_size < 512 || (h->page_size & (h->page_size - 1)))
		return error_set(e, ERROR_CORRUPT, 16, "page size %u is none", ps);
	if (b[21] != 64 || b[22] != 32 || b[23] != 32)
		return error_set(e, ERROR_CORRUPT, 21, "the payload fractions are wrong");
	/* The count of pages is only kept by writers that also keep version-valid-for. */
	h->pages = get_be32(b + 24) == get_be32(b + 92) ? get_be32(b + 28) : 0;
	if (h->pages && h->pages > size / h->page_size)
		return error_set(e, ERROR_CORRUPT, (int64_t)size,
				 "cut off: %llu pages of %llu bytes, the file has %llu bytes",
				 (unsigned long long)h->pages, (unsigned long long)h->page_size,
				 (unsigned long long)size);
	/* SQLite would take zeros for the rest of the last page. */
	if (!h->pages && size % h->page_size)
		return error_set(e, ERROR_CORRUPT, (int64_t)size,
				 "cut off in a page: %llu bytes are no whole pages of %llu", (unsigned long long)size,
				 (unsigned long long)h->page_size);
	return 0;
}

#ifdef HAVE_SQLITE3

/*
 * Rows other than "ok" tell of damage, or of rows that break a constraint (NOT NULL, a type). An
 * application can leave the latter behind, a lost block can't.
 */
static int read_result(sqlite3 *db, sqlite3_stmt *q, struct error *e)
{
	bool sound = false;
	int code;
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		const char *row = (const char *)sqlite3_column_text(q, 0);
		if (row && (!strncmp(row, "*** in database", 15) || strstr(row, "malformed") ||
			    strstr(row, "out of order") || strstr(row, "age ")))
			return error_set(e, sqlite_read_failed(db) ? ERROR_IO : ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "quick_check: %.200s", row);
		if (row && !strcmp(row, "ok"))
			sound = true;
		else
			error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "quick_check: %.200s",
				  row ? row : "(nothing)");
	}
	if (code != SQLITE_DONE)
		return sqlite_error(db, code, e);
	return sound ? 0 : -1;
}

static int quick_check(int fd, struct error *e)
{
	int64_t deadline = monotonic_ns() + MAX_NS;
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "quick_check gave no answer");
	int code = sqlite_open_fd(fd, &db), r = -1;
	if (code == SQLITE_OK) {
		sqlite_harden(db, &deadline);
		code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL);
	}
	if (code == SQLITE_OK)
		r = read_result(db, q, e);
	else
		r = sqlite_error(db, code, e);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return r;
}

#else

static int quick_check(int fd, struct error *e)
{
	(void)fd;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "this build can't check SQLite pages");
}

#endif

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	struct header h = {.pages = 0};
	uint8_t head[16];
	if (size < 16 || witness_read(fd, size, 0, head, 16, e) < 0)
		return size < 16 ? OUTCOME_SKIPPED : witness_failed(path, e);
	if (!recognise(path, head, sizeof head))
		return OUTCOME_SKIPPED;
	if (read_header(fd, size, &h, e) == 0 && quick_check(fd, e) == 0)
		return OUTCOME_HELD;
	enum outcome o = witness_failed(path, e);
	return o == OUTCOME_BROKEN && h.wal ? OUTCOME_SKIPPED : o;
}

const struct witness witness_sqlite = {"sqlite", recognise, check};
