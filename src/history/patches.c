// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Patches, with the files that were proved before them. Pruned as verdicts are: each is kept for HISTORY_KEEP_SECONDS,
 * the newest HISTORY_KEEP_RUNS of a host however old they are, and its files for as long as it is.
 */
#include <strings.h>

#include "backproof/ledger.h"
#include "backproof/text.h"
#include "record.h"
#include "store.h"

/* Of a file that anybody could have written. */
#define MOST_ROWS 2000000
#define MOST_WORDS 65536
#define MOST_STATUS 4095 /* errno, and more than any signal or exit status */
/* Of a command line nobody reads further, and a text has to be short enough to be read again. */
#define MOST_COMMAND (256 * KIB)

void patch_record_free(struct patch_record *r)
{
	if (!r)
		return;
	free(r->host);
	free(r->policy);
	free(r->label);
	free(r->suspect);
	strings_free(&r->formats);
	record_free_files(&r->files);
	strings_free(&r->command);
	free(r->post);
	free(r->user);
	memset(r, 0, sizeof *r);
}

static bool is_program(int64_t state, int64_t status)
{
	switch (state) {
	case PROGRAM_NONE:
	case PROGRAM_RUNNING:
		return status == 0;
	case PROGRAM_EXITED:
		return status >= 0 && status <= 255;
	case PROGRAM_SIGNALLED:
		return status > 0 && status < 128;
	case PROGRAM_FAILED:
		return status >= 0 && status <= MOST_STATUS;
	default:
		return false;
	}
}

/* Its name, or NULL where all of it can be. Held when it is written and when it is read. */
static const char *impossible(const struct patch_record *r)
{
	if (!r->host || !*r->host)
		return "host";
	if (r->code && !record_may_be_waived(r->code))
		return "verdict";
	/* Nothing is patched on a verdict that is neither safe nor waived. */
	if (r->waiver < 0 || !r->code != !r->waiver)
		return "waiver";
	if (!record_is_time(r->checked_at) || !record_is_time(r->taken_at) || !record_is_time(r->started_at) ||
	    !record_is_time(r->ended_at) || !record_is_time(r->post_ended_at))
		return "time";
	if (!r->command.count)
		return "command";
	if (!is_program(r->state, r->status) || !is_program(r->post_state, r->post_status))
		return "program";
	return NULL;
}

static int refuse(struct sql *s, const char *what, struct error *e)
{
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: a patch whose %s can't be", s->path, what);
}

static void put_words(const struct strings *words, struct text *room)
{
	struct strings some = *words;
	size_t length = 0;
	for (size_t i = 0; i < words->count; i++) {
		length += strlen(words->items[i]);
		if (length > MOST_COMMAND) {
			some.count = i;
			break;
		}
	}
	words_put(&some, room);
	if (some.count < words->count)
		text_put(room, " ...");
}

static int add_row(struct sql *s, const struct patch_record *r, struct error *e)
{
	autotext struct text formats = {0}, command = {0};
	put_words(&r->formats, &formats);
	put_words(&r->command, &command);
	if (formats.failed || command.failed)
		return error_nomem(e);
	autoask a = sql_ask(s, SQL_ADD_PATCH);
	ask_text(&a, r->host);
	ask_text(&a, r->policy);
	ask_int(&a, r->code);
	ask_int(&a, r->waiver);
	ask_text(&a, r->label);
	ask_text(&a, r->suspect);
	ask_int(&a, r->checked_at);
	ask_int(&a, r->taken_at);
	ask_text(&a, text_str(&formats));
	ask_text(&a, text_str(&command));
	ask_int(&a, r->state);
	ask_int(&a, r->status);
	ask_int(&a, r->started_at);
	ask_int(&a, r->ended_at);
	ask_text(&a, r->post);
	ask_int(&a, r->post_state);
	ask_int(&a, r->post_status);
	ask_int(&a, r->post_ended_at);
	ask_text(&a, r->user);
	return ask_done(&a, e);
}

static int begin(struct sql *s, void *ctx, struct error *e)
{
	struct patch_record *r = ctx;
	const char *what = impossible(r);
	if (what)
		return refuse(s, what, e);
	if (add_row(s, r, e) < 0)
		return -1;
	int64_t id = sqlite3_last_insert_rowid(s->db);
	for (size_t i = 0; i < r->files.count; i++) {
		autoask a = sql_ask(s, SQL_ADD_PATCH_FILE);
		ask_int(&a, id);
		ask_int(&a, (int64_t)i);
		store_ask_file(&a, &r->files.items[i]);
		if (ask_done(&a, e) < 0)
			return -1;
	}
	r->id = id;
	autoask a = sql_ask(s, SQL_PRUNE_PATCHES);
	ask_text(&a, r->host);
	ask_int(&a, r->started_at - HISTORY_KEEP_SECONDS);
	return ask_done(&a, e);
}

int history_patch_begin(struct history *h, struct patch_record *r, struct error *e)
{
	r->id = 0;
	int rc = store_change(h, begin, r, e);
	if (rc < 0)
		r->id = 0;
	return rc;
}

static int update(struct sql *s, void *ctx, struct error *e)
{
	const struct patch_record *r = *(const struct patch_record **)ctx;
	const char *what = impossible(r);
	if (what)
		return refuse(s, what, e);
	autoask a = sql_ask(s, SQL_UPDATE_PATCH);
	ask_text(&a, r->host);
	ask_int(&a, r->id);
	ask_int(&a, r->state);
	ask_int(&a, r->status);
	ask_int(&a, r->started_at);
	ask_int(&a, r->ended_at);
	ask_int(&a, r->post_state);
	ask_int(&a, r->post_status);
	ask_int(&a, r->post_ended_at);
	if (ask_done(&a, e) < 0)
		return -1;
	return sqlite3_changes(s->db) == 1 ? 0
					   : error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: patch %lld is not in it",
						       s->path, (long long)r->id);
}

int history_patch_update(struct history *h, const struct patch_record *r, struct error *e)
{
	return store_change(h, update, &r, e);
}

static int read_words(struct ask *a, int column, struct strings *out, struct error *e)
{
	autofree char *text = NULL;
	if (row_text(a, column, &text, e) < 0)
		return -1;
	int rc = text ? words_split(text, out) : -1;
	if (rc == -1 || out->count > MOST_WORDS)
		return record_bad(a, "words", e);
	return rc < 0 ? error_nomem(e) : 0;
}

/* In any case *r is to be freed. */
static int read_row(struct ask *a, struct patch_record *r, struct error *e)
{
	int c = 0;
	memset(r, 0, sizeof *r);
	r->id = row_int(a, c++);
	if (row_text(a, c++, &r->host, e) < 0 || row_text(a, c++, &r->policy, e) < 0)
		return -1;
	int64_t code = row_int(a, c++);
	r->waiver = row_int(a, c++);
	if (row_text(a, c++, &r->label, e) < 0 || row_text(a, c++, &r->suspect, e) < 0)
		return -1;
	r->checked_at = row_int(a, c++);
	r->taken_at = row_int(a, c++);
	if (read_words(a, c++, &r->formats, e) < 0 || read_words(a, c++, &r->command, e) < 0)
		return -1;
	int64_t state = row_int(a, c++), status = row_int(a, c++);
	r->started_at = row_int(a, c++);
	r->ended_at = row_int(a, c++);
	if (row_text(a, c++, &r->post, e) < 0)
		return -1;
	int64_t post_state = row_int(a, c++), post_status = row_int(a, c++);
	r->post_ended_at = row_int(a, c++);
	if (row_text(a, c++, &r->user, e) < 0)
		return -1;
	/* Before they are cut to an int. */
	if (!record_is_code(code))
		return record_bad(a, "verdict", e);
	if (!is_program(state, status) || !is_program(post_state, post_status))
		return record_bad(a, "program", e);
	r->code = (int)code;
	r->state = (enum program_state)state;
	r->status = (int)status;
	r->post_state = (enum program_state)post_state;
	r->post_status = (int)post_status;
	const char *what = r->id < 1 ? "id" : impossible(r);
	return what ? record_bad(a, what, e) : 0;
}

/* What SQLite said is in an index is held against what we asked for. */
static int read_patch(struct ask *a, const char *host, struct patch_record *r, struct error *e)
{
	if (read_row(a, r, e) < 0)
		return -1;
	if (host && strcasecmp(host, r->host))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", a->sql->path);
	return record_read_files(a->sql, SQL_PATCH_FILES, r->id, &r->files, e);
}

static int each(struct sql *s, const char *host, size_t limit, history_patch_fn *visit, void *ctx, struct error *e)
{
	int rc;
	int64_t last = INT64_MAX;
	autoask a = sql_ask(s, host ? SQL_PATCHES_OF_HOST : SQL_PATCHES);
	if (host)
		ask_text(&a, host);
	for (size_t n = 0; (rc = ask_row(&a, e)) == 1; n++) {
		struct patch_record r;
		if (n >= MOST_ROWS)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too many patches", s->path);
		rc = read_patch(&a, host, &r, e);
		if (rc == 0 && r.id >= last)
			rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is out of order", s->path);
		last = r.id;
		if (rc == 0)
			rc = visit(ctx, &r, e);
		patch_record_free(&r);
		if (rc || n + 1 == limit)
			return rc < 0 ? -1 : 0;
		sql_more_time(s);
	}
	return rc;
}

int history_patches(struct history *h, const char *host, size_t limit, history_patch_fn *visit, void *ctx,
		    struct error *e)
{
	sql_enter(&h->reader);
	int rc = each(&h->reader, host, limit, visit, ctx, e);
	sql_leave(&h->reader);
	return rc;
}

static int one(struct sql *s, int64_t id, struct patch_record *out, struct error *e)
{
	autoask a = sql_ask(s, SQL_PATCH);
	ask_int(&a, id);
	int rc = ask_row(&a, e);
	if (rc != 1)
		return rc;
	if (read_patch(&a, NULL, out, e) < 0)
		return -1;
	return out->id == id ? 1 : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: an index is wrong", s->path);
}

int history_patch(struct history *h, int64_t id, struct patch_record *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	sql_enter(&h->reader);
	int rc = one(&h->reader, id, out, e);
	sql_leave(&h->reader);
	if (rc != 1)
		patch_record_free(out);
	return rc;
}
