// SPDX-License-Identifier: GPL-3.0-or-later
/* Waivers that are there: approved by a second person, ended, listed. */
#include "waive.h"

#include "backproof/waiver.h"
#include "output.h"
#include "trace.h"

#define JSON_VERSION "1.3"

void waive_json(struct text *out, const struct waiver *w, const char *state, const char *why)
{
	text_put(out, "{\"format_version\":\"" JSON_VERSION "\",\"type\":\"waiver\"");
	text_put_member(out, "host", w->host);
	text_put_member(out, "state", state);
	text_put_member(out, "why_not", why && *why ? why : NULL);
	text_put(out, ",");
	report_put_waiver_members(out, w, NULL);
	text_put(out, "}");
}

struct search {
	const struct waive *x;
	struct waiver found; /* host NULL: none */
};

/* The newest comes first. */
static int find_pending(void *ctx, const struct waiver *w, struct error *e)
{
	struct search *s = ctx;
	autotext struct text why = {0};
	if (waiver_copy(&s->found, w) < 0)
		return error_nomem(e);
	const char *state = waive_state(s->x, &s->found, &why, e);
	if (state && !strcmp(state, "pending"))
		return 1;
	waiver_free(&s->found);
	return state ? 0 : -1;
}

/* Judged as a check will do it: what it would not take is not signed. */
static int approve(struct waive *x, struct waiver *w, const struct signer *key)
{
	struct error e = {0};
	autotext struct text t = {0}, why = {0}, line = {0};
	if (waiver_approve(w, key, &x->who, x->now, &t, &e) < 0)
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	free(w->envelope);
	w->envelope = strdup(text_str(&t));
	const char *state = w->envelope ? waive_state(x, w, &why, &e) : NULL;
	if (!state)
		return complain(CODE_INTERNAL, w->envelope ? e.text : "out of memory");
	if (strcmp(state, "in-force")) {
		autofree char *text = text_format("this approval would not count: %s", text_str(&why));
		return complain(CODE_USAGE, text ? text : "this approval would not count");
	}
	int rc = history_waiver_sign(x->history, w->id, w->envelope, &e);
	if (rc == 0)
		error_set(&e, ERROR_BUSY, ERROR_NO_OFFSET, "the waiver is not there any more");
	if (rc <= 0)
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	bool told = trace_waiver(x->o, "approved", w, state, &x->who);
	text_printf(&line, "%s: WAIVED ", w->host);
	report_put_waiver(&line, w, x->now);
	text_printf(&line, ". Recorded as waiver %lld in %s%s.", (long long)w->id, x->path,
		    told ? ", and in the journal" : "");
	return waive_say(x, w, state, NULL, &line);
}

int waive_approve(struct waive *x)
{
	struct error e = {0};
	struct search s = {.x = x};
	autodestroy(signer_destroy_auto) struct signer *key = signer_load(x->o->keys.items[0], &e);
	if (!key)
		return complain(CODE_USAGE, e.text);
	int status;
	if (history_waivers(x->history, x->host, x->now, find_pending, &s, &e) < 0)
		status = complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	else if (!s.found.host)
		status = complain(CODE_CANNOT_TELL, "no waiver of this host waits for an approval");
	else
		status = approve(x, &s.found, key);
	waiver_free(&s.found);
	return status;
}

int waive_end(struct waive *x)
{
	struct error e = {0};
	size_t ended;
	autotext struct text out = {0};
	struct waiver w = {.host = (char *)(uintptr_t)x->host};
	if (history_waivers_end(x->history, x->host, x->now, x->who.user, &ended, &e) < 0)
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	if (ended)
		(void)trace_waiver(x->o, "ended", &w, "ended", &x->who);
	if (x->json) {
		text_put(&out, "{\"format_version\":\"" JSON_VERSION "\",\"type\":\"waivers-ended\"");
		text_put_member(&out, "host", x->host);
		text_put_member_u64(&out, "ended", ended);
		text_put(&out, "}\n");
		return output_show(&out);
	}
	text_put_safe(&out, x->host);
	if (ended)
		text_printf(&out, ": %zu waiver%s ended: none is in force now\n", ended, ended == 1 ? "" : "s");
	else
		text_put(&out, ": no waiver was in force\n");
	return output_show(&out);
}

struct listing {
	const struct waive *x;
	struct text out;
	size_t count;
};

static int list_one(void *ctx, const struct waiver *w, struct error *e)
{
	struct listing *l = ctx;
	struct waiver copy;
	autotext struct text why = {0}, line = {0};
	if (waiver_copy(&copy, w) < 0)
		return error_nomem(e);
	const char *state = waive_state(l->x, &copy, &why, e);
	if (state && l->x->json) {
		text_put(&l->out, l->count ? ",\n" : "\n");
		waive_json(&l->out, &copy, state, text_str(&why));
	} else if (state) {
		bool holds = !strcmp(state, "in-force");
		text_printf(&line, "%s: %s ", w->host,
			    holds ? "waived" : strcmp(state, "pending") ? "VOID" : "PENDING");
		report_put_waiver(&line, &copy, l->x->now);
		if (!holds)
			text_printf(&line, "; %s", text_str(&why));
		text_put_safe(&l->out, text_str(&line));
		text_put(&l->out, "\n");
	}
	l->count++;
	waiver_free(&copy);
	return state ? (l->out.failed ? error_nomem(e) : 0) : -1;
}

int waive_list(struct waive *x)
{
	struct error e = {0};
	struct listing l = {.x = x};
	int status = 0;
	if (x->json) {
		text_put(&l.out, "{\"format_version\":\"" JSON_VERSION "\",\"type\":\"waivers\",\"file\":");
		text_put_json(&l.out, x->path);
		text_put(&l.out, ",\"waivers\":[");
	}
	if (history_waivers(x->history, x->host, x->now, list_one, &l, &e) < 0)
		status = complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	if (x->json)
		text_put(&l.out, "]}\n");
	else if (!l.count)
		text_put(&l.out, "no waiver is in force\n");
	if (!status)
		status = output_show(&l.out);
	text_free(&l.out);
	return status;
}
