// SPDX-License-Identifier: GPL-3.0-or-later
/* What backproof(1) says of the journal, under FILES: names of fields are never changed. */
#include "trace.h"

#include "backproof/journal.h"
#include "backproof/person.h"

#define FIELDS_MOST 24

struct entry {
	struct journal_field fields[FIELDS_MOST];
	char numbers[FIELDS_MOST][32];
	size_t count;
};

static void put(struct entry *n, const char *name, const char *value)
{
	if (value && *value && n->count < FIELDS_MOST)
		n->fields[n->count++] = (struct journal_field){name, value};
}

static void put_number(struct entry *n, const char *name, uint64_t value)
{
	if (n->count == FIELDS_MOST)
		return;
	char *to = n->numbers[n->count];
	snprintf(to, sizeof n->numbers[0], "%llu", (unsigned long long)value);
	put(n, name, to);
}

static void put_time(struct entry *n, const char *name, int64_t at)
{
	if (at && n->count < FIELDS_MOST)
		put(n, name, format_rfc3339(at, n->numbers[n->count]));
}

/* An item a line; an item itself has none, whatever it was given. */
static void join(struct text *out, const struct strings *list)
{
	for (size_t i = 0; i < list->count; i++) {
		text_put(out, i ? "\n" : "");
		text_put_safe(out, list->items[i]);
	}
}

static void put_waiver(struct entry *n, const struct waiver *w)
{
	if (!w)
		return;
	put_number(n, "BACKPROOF_WAIVER", (uint64_t)w->id);
	put(n, "BACKPROOF_WAIVED_BY", w->user);
	put(n, "BACKPROOF_APPROVED_BY", w->approved_by);
	put(n, "BACKPROOF_WAIVER_REASON", w->reason);
	put(n, "BACKPROOF_TICKET", w->ticket);
	put_time(n, "BACKPROOF_WAIVED_UNTIL", w->ends_at);
}

static void put_point(struct entry *n, const struct host_result *r, const char *paths)
{
	if (!r->has_point)
		return;
	put(n, "BACKPROOF_RESTORE_POINT", r->point_label);
	put(n, "BACKPROOF_FILES", paths);
	put_time(n, "BACKPROOF_TAKEN_AT", r->taken_at);
	put_number(n, "BACKPROOF_BYTES", r->bytes);
	put(n, "BACKPROOF_SUSPECT", r->suspect);
}

void trace_verdict(const struct options *o, const char *command, const struct host_result *r, bool reported)
{
	struct entry n = {0};
	autotext struct text reasons = {0}, paths = {0}, message = {0};
	char age[32];
	const char *host = r->host ? r->host : "";
	enum code found = r->verdict.code, real = found == CODE_WAIVED ? r->verdict.waived : found;
	/* Ended by a signal: there is no verdict. */
	if (stop_signal)
		return;
	join(&reasons, &r->verdict.reasons);
	join(&paths, &r->paths);
	if (!reported) {
		found = real = CODE_INTERNAL;
		text_printf(&message, "%s: its report could not be written, so there is no verdict", host);
	} else if (found == CODE_SAFE) {
		text_printf(&message, "%s: safe: %s check of %s", host, depth_name(r->depth),
			    r->point_label ? r->point_label : "its backup");
		if (r->taken_at)
			text_printf(&message, ", taken %s ago", format_duration(r->age, age));
	} else {
		/* A reason begins with its word. */
		text_printf(&message, "%s: %s%s", host, found == CODE_WAIVED ? "waived: " : "",
			    r->verdict.reasons.count ? r->verdict.reasons.items[0] : code_name(real));
	}
	put(&n, "BACKPROOF_COMMAND", command);
	put(&n, "BACKPROOF_HOST", host);
	put(&n, "BACKPROOF_VERDICT", code_name(found));
	put_number(&n, "BACKPROOF_CODE", (uint64_t)exit_status(real, EXIT_PLAIN, false));
	put(&n, "BACKPROOF_REASON", text_str(&reasons));
	put(&n, "BACKPROOF_POLICY", r->policy);
	put(&n, "BACKPROOF_DEPTH", depth_name(r->depth));
	put_time(&n, "BACKPROOF_CHECKED_AT", r->checked_at);
	put_point(&n, r, text_str(&paths));
	put_number(&n, "BACKPROOF_BYTES_READ", r->measures.bytes_read);
	put_waiver(&n, found == CODE_WAIVED ? r->waiver : NULL);
	/* By a time that somebody gave: a test, or one who should be seen. */
	put_time(&n, "BACKPROOF_NOW", o->overrides.now);
	if (reasons.failed || paths.failed || message.failed)
		return;
	(void)journal_send(JOURNAL_VERDICT,
			   found == CODE_SAFE ? JOURNAL_INFO : found == CODE_WAIVED ? JOURNAL_WARNING : JOURNAL_ERR,
			   text_str(&message), n.fields, n.count);
}

bool trace_waiver(const struct options *o, const char *what, const struct waiver *w, const char *state,
		  const struct person *who)
{
	struct entry n = {0};
	autotext struct text message = {0};
	bool ended = !strcmp(what, "ended");
	text_printf(&message, "%s: waiver %s", w->host, what);
	if (!ended) {
		text_put(&message, " ");
		report_put_waiver(&message, w, 0);
	}
	text_put(&message, ended ? " by " : "; done by ");
	person_put(&message, who->user, who->login, who->terminal, who->origin);
	put(&n, "BACKPROOF_COMMAND", "waive");
	put(&n, "BACKPROOF_HOST", w->host);
	put(&n, "BACKPROOF_WAIVER_STATE", state);
	if (!ended)
		put_waiver(&n, w);
	put(&n, "BACKPROOF_USER", who->user);
	put(&n, "BACKPROOF_LOGIN", who->login);
	put(&n, "BACKPROOF_TERMINAL", who->terminal);
	put(&n, "BACKPROOF_ORIGIN", who->origin);
	put_number(&n, "BACKPROOF_UID", who->uid);
	put_time(&n, "BACKPROOF_NOW", o->overrides.now);
	return !message.failed && journal_send(ended ? JOURNAL_WAIVER_ENDED : JOURNAL_WAIVER_RECORDED, JOURNAL_WARNING,
					       text_str(&message), n.fields, n.count);
}

static void put_program(struct entry *n, const char *name, enum program_state state, int status, struct text *room)
{
	if (state == PROGRAM_NONE)
		return;
	program_put(state, status, room);
	put(n, name, text_str(room));
}

void trace_patch(const struct host_result *r, bool begins)
{
	const struct patch_record *p = r->patch;
	struct entry n = {0};
	autotext struct text command = {0}, message = {0}, how = {0}, after = {0}, paths = {0};
	bool good = p->state == PROGRAM_EXITED && !p->status &&
		    (p->post_state == PROGRAM_NONE || (p->post_state == PROGRAM_EXITED && !p->post_status));
	words_put(&p->command, &command);
	join(&paths, &r->paths);
	put(&n, "BACKPROOF_COMMAND", "run");
	put(&n, "BACKPROOF_HOST", p->host);
	if (p->id)
		put_number(&n, "BACKPROOF_PATCH", (uint64_t)p->id);
	put(&n, "BACKPROOF_PATCH_COMMAND", text_str(&command));
	put(&n, "BACKPROOF_PATCH_BY", p->user);
	put(&n, "BACKPROOF_VERDICT", code_name(r->verdict.code));
	put_point(&n, r, text_str(&paths));
	put_waiver(&n, r->verdict.code == CODE_WAIVED ? r->waiver : NULL);
	if (!begins) {
		put_program(&n, "BACKPROOF_PATCH_RESULT", p->state, p->status, &how);
		put_program(&n, "BACKPROOF_POST_RESULT", p->post_state, p->post_status, &after);
		put(&n, "BACKPROOF_POST", p->post);
	}
	text_printf(&message, "%s: patch %s: %s", p->host, begins ? "begins" : "has ended", text_str(&command));
	if (!begins)
		text_printf(&message, ": %s%s%s", how.length ? text_str(&how) : "it was not run",
			    after.length ? "; the check after it: " : "", text_str(&after));
	if (command.failed || message.failed || paths.failed || how.failed || after.failed)
		return;
	(void)journal_send(begins ? JOURNAL_PATCH_BEGUN : JOURNAL_PATCH_ENDED,
			   begins || good ? JOURNAL_NOTICE : JOURNAL_WARNING, text_str(&message), n.fields, n.count);
}
