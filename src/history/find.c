// SPDX-License-Identifier: GPL-3.0-or-later
/* Questions. */
#include <strings.h>

#include "backproof/policy.h"
#include "record.h"
#include "store.h"

/* Rows of a file that was made to have no end. */
#define MOST_ROWS 2000000

static int each(struct history *h, const char *host, size_t limit, history_visit_fn *visit, void *ctx, struct error *e)
{
	int rc;
	int64_t last = INT64_MAX;
	struct sql *s = &h->reader;
	autoask a = sql_ask(s, host ? SQL_EACH_OF_HOST : SQL_EACH);
	if (host)
		ask_text(&a, host);
	for (size_t n = 0; (rc = ask_row(&a, e)) == 1; n++) {
		struct history_record r;
		if (n >= MOST_ROWS)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too many records", s->path);
		rc = record_read(&a, &r, e);
		if (rc == 0 && r.id >= last)
			rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is out of order", s->path);
		last = r.id;
		if (rc == 0)
			rc = record_read_rest(s, &r, e);
		if (rc == 0)
			rc = visit(ctx, &r, e);
		history_record_free(&r);
		if (rc || n + 1 == limit)
			return rc < 0 ? -1 : 0;
		sql_more_time(s);
	}
	return rc;
}

int history_each(struct history *h, const char *host, size_t limit, history_visit_fn *visit, void *ctx,
		 struct error *e)
{
	sql_enter(&h->reader);
	int rc = each(h, host, limit, visit, ctx, e);
	sql_leave(&h->reader);
	return rc;
}

static int next_host(struct sql *s, const char *after, char **name, struct error *e)
{
	autoask a = sql_ask(s, SQL_NEXT_HOST);
	ask_text(&a, after ? after : "");
	int rc = ask_row(&a, e);
	if (rc == 1 && row_text(&a, 0, name, e) < 0)
		return -1;
	if (rc == 1 && (!*name || strcasecmp(*name, after ? after : "") <= 0)) {
		free(take(*name));
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is out of order", s->path);
	}
	return rc;
}

int history_next_host(struct history *h, const char *after, char **name, struct error *e)
{
	*name = NULL;
	sql_enter(&h->reader);
	int rc = next_host(&h->reader, after, name, e);
	sql_leave(&h->reader);
	return rc;
}

int history_hosts(struct history *h, history_host_fn *visit, void *ctx, struct error *e)
{
	autofree char *name = NULL;
	for (;;) {
		char *next = NULL;
		int rc = history_next_host(h, name, &next, e);
		if (rc <= 0)
			return rc;
		free(name);
		name = next;
		rc = visit(ctx, name, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
}

/* What SQLite said is in an index is held against what we asked for: an index can lie. */
static int take_file(struct ask *a, const struct history_file *now, struct history_file *out, int64_t *checked_at,
		     struct error *e)
{
	int rc = ask_row(a, e);
	if (rc != 1)
		return rc;
	if (record_read_file(a, out, e) < 0)
		return -1;
	*checked_at = row_int(a, 9);
	if (strcmp(out->path, now->path) || out->size != now->size || out->mtime_ns != now->mtime_ns ||
	    !out->read_whole)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", a->sql->path);
	return 1;
}

static void bind_name(struct ask *a, const char *host, const struct history_file *now)
{
	ask_text(a, host);
	ask_int(a, (int64_t)now->size);
	ask_text(a, now->path);
	ask_int(a, now->mtime_ns);
}

/* They have to give the digest that they are kept for. */
static int load_chunks(struct sql *s, const char *host, struct history_file *f, struct error *e)
{
	uint8_t digest[MERKLE_HASH];
	autoask a = sql_ask(s, SQL_CHUNKS);
	ask_text(&a, host);
	ask_blob(&a, f->fsverity, sizeof f->fsverity);
	ask_int(&a, (int64_t)f->size);
	int rc = ask_row(&a, e);
	if (rc != 1)
		return rc;
	const void *data = sqlite3_column_blob(a.stmt, 0);
	f->chunks = chunks_unpack(data, (size_t)sqlite3_column_bytes(a.stmt, 0), e);
	if (!f->chunks || chunks_digest(f->chunks, f->size, digest, e) < 0)
		return error_prefix(e, "%s: chunks", s->path);
	if (memcmp(digest, f->fsverity, sizeof digest))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: the chunks of %s do not give its digest",
				 s->path, f->path);
	return 0;
}

static int full_proof(struct sql *s, const char *host, const struct history_file *now, struct history_file *out,
		      int64_t *checked_at, struct error *e)
{
	autoask a = sql_ask(s, SQL_FULL_PROOF);
	bind_name(&a, host, now);
	ask_int(&a, now->ctime_ns);
	ask_int(&a, (int64_t)now->device);
	ask_int(&a, (int64_t)now->inode);
	ask_int(&a, DEPTH_FULL);
	int rc = take_file(&a, now, out, checked_at, e);
	if (rc == 1 && (out->ctime_ns != now->ctime_ns || out->device != now->device || out->inode != now->inode))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", s->path);
	if (rc == 1 && out->has_fsverity && load_chunks(s, host, out, e) < 0)
		return -1;
	return rc;
}

static int first_seen(struct sql *s, const char *host, const struct history_file *now, struct history_file *out,
		      int64_t *checked_at, struct error *e)
{
	autoask a = sql_ask(s, SQL_FIRST_SEEN);
	bind_name(&a, host, now);
	return take_file(&a, now, out, checked_at, e);
}

static int same_content(struct sql *s, enum query q, const char *host, const struct history_file *now, char **label,
			int64_t *checked_at, struct error *e)
{
	autoask a = sql_ask(s, q);
	ask_text(&a, host);
	ask_int(&a, (int64_t)now->size);
	ask_int(&a, now->mtime_ns);
	ask_blob(&a, q == SQL_SAME_SHA256 ? now->sha256 : now->fsverity, 32);
	ask_text(&a, now->path);
	int rc = ask_row(&a, e);
	if (rc != 1)
		return rc;
	*checked_at = row_int(&a, 1);
	if (row_text(&a, 0, label, e) < 0)
		return -1;
	if (!*label && !(*label = strdup("")))
		return error_nomem(e);
	return 1;
}

int history_full_proof(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e)
{
	memset(out, 0, sizeof *out);
	sql_enter(&h->reader);
	int rc = full_proof(&h->reader, host, now, out, checked_at, e);
	sql_leave(&h->reader);
	if (rc != 1)
		history_file_free(out);
	return rc;
}

int history_first_seen(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e)
{
	memset(out, 0, sizeof *out);
	sql_enter(&h->reader);
	int rc = first_seen(&h->reader, host, now, out, checked_at, e);
	sql_leave(&h->reader);
	if (rc != 1)
		history_file_free(out);
	return rc;
}

int history_same_content(struct history *h, const char *host, const struct history_file *now, char **label,
			 int64_t *checked_at, struct error *e)
{
	*label = NULL;
	if (!now->has_sha256 && !now->has_fsverity)
		return 0;
	sql_enter(&h->reader);
	int rc = same_content(&h->reader, now->has_fsverity ? SQL_SAME_FSVERITY : SQL_SAME_SHA256, host, now, label,
			      checked_at, e);
	sql_leave(&h->reader);
	return rc;
}
