// SPDX-License-Identifier: GPL-3.0-or-later
/* There is no backup, or only an old one: policy may name a program that makes one now. */
#include "back_up.h"

#include <stdarg.h>

#include "applied.h"
#include "backproof/text.h"
#include "config_keys.h"

#define HOST "{host}"

/* The name becomes a word of a command: what no configuration takes for a host is no host. */
const struct strings *back_up_program(const struct gate_request *r, const struct policy *p, enum code code)
{
	const struct strings *found = code == CODE_NO_BACKUP ? &p->on_missing
				      : code == CODE_STALE   ? &p->on_stale
							     : NULL;
	if (!found || !found->count || (r->from && r->from->count))
		return NULL;
	return config_name_fault(CONFIG_HOST, r->host) ? NULL : found;
}

static void note(struct host_result *r, const char *fmt, ...) printf_like(2, 3);
static void note(struct host_result *r, const char *fmt, ...)
{
	va_list args;
	char *line = NULL;
	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) >= 0 && !strings_has(&r->notes, line))
		(void)!strings_add(&r->notes, line);
	va_end(args);
	free(line);
}

static int replace_host(const char *word, const char *host, struct strings *out)
{
	autotext struct text t = {0};
	for (const char *at; (at = strstr(word, HOST)); word = at + strlen(HOST)) {
		text_put_bytes(&t, word, (size_t)(at - word));
		text_put(&t, host);
	}
	text_put(&t, word);
	return t.failed ? -1 : strings_add(out, text_str(&t));
}

static int make_words(const struct strings *program, const char *host, struct strings *out)
{
	for (size_t i = 0; i < program->count; i++)
		if (replace_host(program->items[i], host, out) < 0)
			return -1;
	return 0;
}

/* Of its own time, and of what --deadline leaves of ours; 0: nothing. */
static int64_t time_left(const struct gate_request *r, const struct policy *p)
{
	if (!r->budget->deadline_ns)
		return p->backup_time_limit;
	int64_t left = (r->budget->deadline_ns - monotonic_ns()) / INT64_C(1000000000);
	return left < 0 ? 0 : left < p->backup_time_limit ? left : p->backup_time_limit;
}

static void announce(const struct gate_request *r, const struct backup_now *b, int64_t seconds,
		     void (*say)(const char *text))
{
	char limit[32];
	autotext struct text words = {0};
	words_put(&b->command, &words);
	autofree char *line = text_format("%s: %s: a backup is made now, within %s: %s", r->host, code_name(b->because),
					  format_duration(seconds, limit), text_str(&words));
	if (line && say)
		say(line);
}

static int run(const struct gate_request *r, struct backup_now *b, int64_t seconds)
{
	struct strings more = {0};
	struct program p;
	autofree char *host = text_format("BACKPROOF_HOST=%s", r->host);
	autofree char *verdict = text_format("BACKPROOF_VERDICT=%s", code_name(b->because));
	int rc = host && verdict && strings_add(&more, host) == 0 && strings_add(&more, verdict) == 0 ? 0 : -1;
	struct program_request q = {.words = &b->command, .environment = &more, .out = PROGRAM_STDERR,
				    .err = PROGRAM_STDERR, .own_group = true, .seconds = seconds};
	if (rc == 0) {
		program_run(&q, &p, NULL);
		b->state = p.state;
		b->status = p.status;
		b->timed_out = p.timed_out;
		b->seconds = p.seconds;
		program_free(&p);
	}
	strings_free(&more);
	return rc;
}

/* true: it says that there is one now. */
static bool make(const struct gate_request *r, const struct policy *p, const struct strings *program,
		 struct host_result *out, void (*say)(const char *text))
{
	struct backup_now *b = out->backup_now = calloc(1, sizeof *b);
	const char *key = program == &p->on_missing ? "on_missing" : "on_stale";
	int64_t seconds = time_left(r, p);
	char limit[32];
	if (!b || make_words(program, r->host, &b->command) < 0) {
		note(out, "%s was not run: out of memory", key);
		return false;
	}
	b->because = out->verdict.code;
	if (!seconds) {
		note(out, "%s was not run: the deadline leaves no time for it", key);
		return false;
	}
	announce(r, b, seconds, say);
	if (run(r, b, seconds) < 0) {
		note(out, "%s was not run: out of memory", key);
		return false;
	}
	autotext struct text how = {0};
	program_put(b->state, b->status, &how);
	if (b->timed_out)
		note(out, "%s was ended: it took longer than %s", key, format_duration(seconds, limit));
	else if (b->state != PROGRAM_EXITED || b->status)
		note(out, "%s has made no backup: %s", key, text_str(&how));
	return b->state == PROGRAM_EXITED && !b->status && !b->timed_out;
}

static bool names_a_program(const struct policy *p, enum code code)
{
	return (code == CODE_NO_BACKUP && p->on_missing.count) || (code == CODE_STALE && p->on_stale.count);
}

void gate_back_up(const struct gate_request *r, struct host_result *out, void (*say)(const char *text),
		  void (*again)(void *ctx, const struct gate_request *r, struct host_result *out), void *ctx)
{
	struct policy policy = {0};
	struct error e;
	if (stop_signal || (out->verdict.code != CODE_NO_BACKUP && out->verdict.code != CODE_STALE))
		return;
	if (policy_applied(r, &policy, &e) < 0)
		return; /* then there would be another verdict */
	const struct strings *program = back_up_program(r, &policy, out->verdict.code);
	const char *fault = config_name_fault(CONFIG_HOST, r->host);
	bool done = program && make(r, &policy, program, out, say);
	if (!program && fault && !(r->from && r->from->count) &&
	    names_a_program(&policy, out->verdict.code))
		note(out, "no backup is made now: the name of the host %s", fault);
	/* Told to stop meanwhile: nobody waits for a verdict. */
	if (done && !stop_signal) {
		struct backup_now *b = take(out->backup_now);
		host_result_free(out);
		again(ctx, r, out);
		out->backup_now = b;
	}
	policy_free(&policy);
}
