// SPDX-License-Identifier: GPL-3.0-or-later
#include "record.h"
#include "store.h"

/* As it is read: a file may claim to be from before 1970. */
static int64_t time_of(int64_t t)
{
	return record_is_time(t) ? t : 0;
}

static void bind_run(struct ask *a, const struct history_record *r)
{
	ask_text(a, r->host);
	ask_text(a, r->label);
	ask_text(a, r->policy);
	ask_int(a, time_of(r->checked_at));
	ask_int(a, time_of(r->taken_at));
	ask_int(a, r->code);
	ask_int(a, r->depth);
	ask_int(a, (int64_t)r->seed);
	ask_blob(a, r->proofs, sizeof r->proofs);
	ask_int(a, (int64_t)r->bytes);
	ask_int(a, (int64_t)r->bytes_read);
	ask_int(a, (int64_t)r->bytes_decoded);
	ask_int(a, (int64_t)r->image_data);
	ask_int(a, (int64_t)r->files_sampled);
	ask_int(a, (int64_t)r->files_restored);
	ask_int(a, (int64_t)r->files_witnessed);
	ask_int(a, (int64_t)r->bytes_restored);
	ask_real(a, r->restore_seconds);
	ask_real(a, r->duration_seconds);
	ask_text(a, r->hostname);
	ask_text(a, r->machine_id);
	ask_text(a, r->system);
	ask_int(a, (int64_t)r->entries);
	if (r->opaque_known)
		ask_int(a, r->opaque);
	else
		ask_null(a);
	ask_int(a, r->confidence);
	ask_int(a, r->damage);
	ask_int(a, r->evidence);
	ask_int(a, record_may_be_waived(r->code) ? r->waiver : 0);
}

static int add_reasons(struct sql *s, const struct history_record *r, int64_t id, struct error *e)
{
	for (size_t i = 0; i < r->reasons.count; i++) {
		autoask a = sql_ask(s, SQL_ADD_REASON);
		ask_int(&a, id);
		ask_int(&a, (int64_t)i);
		ask_text(&a, r->reasons.items[i]);
		if (ask_done(&a, e) < 0)
			return -1;
	}
	return 0;
}

/* One copy a digest and host, counted as of the newest run that proved it. */
static int add_chunks(struct sql *s, const char *host, const struct history_file *f, int64_t id, struct error *e)
{
	size_t len;
	{
		autoask a = sql_ask(s, SQL_TOUCH_CHUNKS);
		ask_text(&a, host);
		ask_int(&a, id);
		ask_blob(&a, f->fsverity, sizeof f->fsverity);
		ask_int(&a, (int64_t)f->size);
		if (ask_done(&a, e) < 0)
			return -1;
		if (sqlite3_changes(s->db))
			return 0;
	}
	autofree uint8_t *packed = chunks_pack(f->chunks, &len, e);
	if (!packed)
		return -1;
	autoask a = sql_ask(s, SQL_ADD_CHUNKS);
	ask_int(&a, id);
	ask_text(&a, host);
	ask_blob(&a, f->fsverity, sizeof f->fsverity);
	ask_int(&a, (int64_t)f->size);
	ask_blob(&a, packed, len);
	return ask_done(&a, e);
}

static void bind_digest(struct ask *a, bool has, const uint8_t digest[32])
{
	if (has)
		ask_blob(a, digest, 32);
	else
		ask_null(a);
}

void store_ask_file(struct ask *a, const struct history_file *f)
{
	ask_text(a, f->path ? f->path : "");
	ask_int(a, (int64_t)f->size);
	ask_int(a, (int64_t)f->device);
	ask_int(a, (int64_t)f->inode);
	ask_int(a, f->mtime_ns);
	ask_int(a, f->ctime_ns);
	bind_digest(a, f->has_sha256, f->sha256);
	bind_digest(a, f->has_fsverity, f->fsverity);
	ask_int(a, f->read_whole);
}

static int add_files(struct sql *s, const struct history_record *r, int64_t id, struct error *e)
{
	for (size_t i = 0; i < r->files.count; i++) {
		const struct history_file *f = &r->files.items[i];
		autoask a = sql_ask(s, SQL_ADD_FILE);
		ask_int(&a, id);
		ask_int(&a, (int64_t)i);
		store_ask_file(&a, f);
		if (ask_done(&a, e) < 0)
			return -1;
		if (f->chunks && f->has_fsverity && add_chunks(s, r->host, f, id, e) < 0)
			return -1;
	}
	return 0;
}

static int add_sketch(struct sql *s, const struct history_record *r, int64_t id, struct error *e)
{
	uint8_t data[SKETCH_SIZE * 8];
	if (!r->sketch || !r->sketch_count || r->sketch_count > SKETCH_SIZE)
		return 0;
	for (size_t i = 0; i < r->sketch_count * 8; i++)
		data[i] = (uint8_t)(r->sketch[i / 8] >> 8 * (i % 8));
	autoask a = sql_ask(s, SQL_ADD_SKETCH);
	ask_int(&a, id);
	ask_text(&a, r->host);
	ask_blob(&a, data, r->sketch_count * 8);
	return ask_done(&a, e);
}

static int prune(struct sql *s, const struct history_record *r, struct error *e)
{
	static const enum query queries[] = {SQL_PRUNE_RUNS, SQL_PRUNE_SKETCHES, SQL_PRUNE_CHUNKS};
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		autoask a = sql_ask(s, queries[i]);
		ask_text(&a, r->host);
		if (queries[i] == SQL_PRUNE_RUNS)
			ask_int(&a, r->checked_at - HISTORY_KEEP_SECONDS);
		if (ask_done(&a, e) < 0)
			return -1;
	}
	return 0;
}

static int add_one(struct sql *s, struct history_record *r, struct error *e)
{
	{
		autoask a = sql_ask(s, SQL_ADD_RUN);
		bind_run(&a, r);
		if (ask_done(&a, e) < 0)
			return -1;
	}
	int64_t id = sqlite3_last_insert_rowid(s->db);
	if (add_reasons(s, r, id, e) < 0 || add_files(s, r, id, e) < 0 || add_sketch(s, r, id, e) < 0)
		return -1;
	r->id = id;
	return prune(s, r, e);
}

struct batch {
	struct history_record *const *records;
	size_t count;
};

static int add_batch(struct sql *s, void *ctx, struct error *e)
{
	const struct batch *b = ctx;
	for (size_t i = 0; i < b->count; i++)
		if (add_one(s, b->records[i], e) < 0)
			return -1;
	return 0;
}

int add_records(struct history *h, struct history_record *const *records, size_t count, struct error *e)
{
	struct batch b = {records, count};
	return store_change(h, add_batch, &b, e);
}

int history_add(struct history *h, struct history_record *r, struct error *e)
{
	return add_records(h, &r, 1, e);
}
