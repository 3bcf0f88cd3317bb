// SPDX-License-Identifier: GPL-3.0-or-later
/* Records, and how they are read. What can't be in a history of ours is CORRUPT: nobody judges a backup by it. */
#include "record.h"

#include <math.h>

#include "backproof/policy.h"
#include "store.h"

/* Of a record that anybody could have written. */
#define MOST_FILES 65536
#define MOST_REASONS 1024

void history_file_free(struct history_file *f)
{
	if (!f)
		return;
	free(f->path);
	chunks_destroy(f->chunks);
	memset(f, 0, sizeof *f);
}

void record_free_files(struct history_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		history_file_free(&files->items[i]);
	vec_free(files);
}

void history_record_free(struct history_record *r)
{
	if (!r)
		return;
	free(r->host);
	free(r->label);
	free(r->policy);
	strings_free(&r->reasons);
	free(r->hostname);
	free(r->machine_id);
	free(r->system);
	free(r->sketch);
	record_free_files(&r->files);
	memset(r, 0, sizeof *r);
}

int record_bad(struct ask *a, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a record whose %s can't be", a->sql->path, what);
}

bool record_is_code(int64_t c)
{
	return c == 0 || (c >= 10 && c <= 13) || c == 20 || c == 21 || c == 64 || c == 70 || c == 78;
}

bool record_may_be_waived(int64_t c)
{
	return record_is_code(c) && c >= 10 && c <= 21;
}

bool record_is_time(int64_t t)
{
	return t >= 0 && t < HISTORY_TIME_END;
}

static int read_sketch(struct ask *a, int column, struct history_record *r, struct error *e)
{
	if (row_is_null(a, column))
		return 0;
	const uint8_t *p = sqlite3_column_blob(a->stmt, column);
	int len = sqlite3_column_bytes(a->stmt, column);
	if (!p || len <= 0 || len % 8 || len > SKETCH_SIZE * 8)
		return record_bad(a, "sketch", e);
	r->sketch = malloc((size_t)len);
	if (!r->sketch)
		return error_nomem(e);
	r->sketch_count = (size_t)len / 8;
	for (size_t i = 0; i < r->sketch_count; i++) {
		r->sketch[i] = get_le64(p + 8 * i);
		if (i && r->sketch[i] <= r->sketch[i - 1])
			return record_bad(a, "sketch", e);
	}
	return 0;
}

static int read_proofs(struct ask *a, int column, struct history_record *r, struct error *e)
{
	const uint8_t *p = sqlite3_column_blob(a->stmt, column);
	if (!p || sqlite3_column_bytes(a->stmt, column) != PROOF_COUNT)
		return record_bad(a, "proofs", e);
	for (int i = 0; i < PROOF_COUNT; i++)
		if (p[i] > OUTCOME_SKIPPED)
			return record_bad(a, "proofs", e);
	memcpy(r->proofs, p, PROOF_COUNT);
	return 0;
}

int record_read(struct ask *a, struct history_record *r, struct error *e)
{
	uint64_t *const numbers[] = {&r->bytes,		 &r->bytes_read,     &r->bytes_decoded,	  &r->image_data,
				     &r->files_sampled, &r->files_restored, &r->files_witnessed, &r->bytes_restored};
	int c = 0;
	memset(r, 0, sizeof *r);
	r->id = row_int(a, c++);
	if (read_sketch(a, c++, r, e) < 0 || row_text(a, c++, &r->host, e) < 0 || row_text(a, c++, &r->label, e) < 0 ||
	    row_text(a, c++, &r->policy, e) < 0)
		return -1;
	r->checked_at = row_int(a, c++);
	r->taken_at = row_int(a, c++);
	int64_t code = row_int(a, c++), depth = row_int(a, c++);
	r->code = (int)code;
	r->depth = (int)depth;
	r->seed = (uint64_t)row_int(a, c++);
	if (read_proofs(a, c++, r, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = (uint64_t)row_int(a, c++);
	r->restore_seconds = sqlite3_column_double(a->stmt, c++);
	r->duration_seconds = sqlite3_column_double(a->stmt, c++);
	if (row_text(a, c++, &r->hostname, e) < 0 || row_text(a, c++, &r->machine_id, e) < 0 ||
	    row_text(a, c++, &r->system, e) < 0)
		return -1;
	r->entries = (uint64_t)row_int(a, c++);
	r->opaque_known = !row_is_null(a, c);
	int64_t opaque = row_int(a, c++), confidence = row_int(a, c++), damage = row_int(a, c++);
	int64_t evidence = row_int(a, c++);
	r->opaque = (uint32_t)opaque;
	r->confidence = (uint32_t)confidence;
	r->damage = (uint32_t)damage;
	r->evidence = (int)evidence;
	r->waiver = row_int(a, c++);
	if (!r->host)
		return record_bad(a, "host", e);
	if (!record_is_code(code))
		return record_bad(a, "verdict", e);
	if (depth < DEPTH_AUTO || depth > DEPTH_FULL)
		return record_bad(a, "depth", e);
	if (!record_is_time(r->checked_at) || !record_is_time(r->taken_at))
		return record_bad(a, "time", e);
	if (!isfinite(r->restore_seconds) || !isfinite(r->duration_seconds) || r->restore_seconds < 0 ||
	    r->duration_seconds < 0 || r->restore_seconds > 1e10 || r->duration_seconds > 1e10)
		return record_bad(a, "duration", e);
	if (opaque < 0 || opaque > 1000000 || confidence < 0 || confidence > 1000000 || damage < 0 || damage > 1000000)
		return record_bad(a, "share", e);
	if (evidence < EVIDENCE_NONE || evidence > EVIDENCE_DIGEST)
		return record_bad(a, "evidence", e);
	if (r->waiver < 0 || (r->waiver && !record_may_be_waived(code)))
		return record_bad(a, "waiver", e);
	return 0;
}

int record_read_file(struct ask *a, struct history_file *f, struct error *e)
{
	memset(f, 0, sizeof *f);
	if (row_text(a, 0, &f->path, e) < 0)
		return -1;
	f->size = (uint64_t)row_int(a, 1);
	f->device = (uint64_t)row_int(a, 2);
	f->inode = (uint64_t)row_int(a, 3);
	f->mtime_ns = row_int(a, 4);
	f->ctime_ns = row_int(a, 5);
	f->read_whole = row_int(a, 8) == 1;
	if (!f->path)
		return record_bad(a, "path", e);
	return row_digest(a, 6, &f->has_sha256, f->sha256, e) < 0 ||
			       row_digest(a, 7, &f->has_fsverity, f->fsverity, e) < 0
		       ? -1
		       : 0;
}

int record_read_files(struct sql *s, enum query q, int64_t id, struct history_files *files, struct error *e)
{
	int rc;
	autoask a = sql_ask(s, q);
	ask_int(&a, id);
	while ((rc = ask_row(&a, e)) == 1) {
		if (files->count >= MOST_FILES)
			return record_bad(&a, "files", e);
		struct history_file *f = vec_push(files);
		if (!f)
			return error_nomem(e);
		if (record_read_file(&a, f, e) < 0)
			return -1;
	}
	return rc;
}

int record_read_rest(struct sql *s, struct history_record *r, struct error *e)
{
	int rc;
	autoask reasons = sql_ask(s, SQL_REASONS);
	ask_int(&reasons, r->id);
	while ((rc = ask_row(&reasons, e)) == 1) {
		char *text = NULL;
		if (r->reasons.count >= MOST_REASONS)
			return record_bad(&reasons, "reasons", e);
		if (row_text(&reasons, 0, &text, e) < 0)
			return -1;
		int failed = text ? strings_add(&r->reasons, text) : 0;
		free(text);
		if (failed < 0)
			return error_nomem(e);
	}
	if (rc < 0)
		return -1;
	return record_read_files(s, SQL_FILES, r->id, &r->files, e);
}
