// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof rollback HOST: how to get behind a patch. It restores nothing. */
#include <strings.h>

#include "backproof/rollback.h"
#include "commands.h"
#include "history_file.h"
#include "output.h"

struct search {
	const struct patch_record *patch; /* that the rest belongs to */
	struct patch_record *to;
	struct waiver *waiver;
	struct strings *reasons;
};

/* A visitor's record is its own: the patch is asked for by its id. */
static int note_id(void *ctx, const struct patch_record *r, struct error *e)
{
	int64_t *id = ctx;
	(void)e;
	*id = r->id;
	return 1;
}

static int note_waiver(void *ctx, const struct waiver *w, struct error *e)
{
	struct search *s = ctx;
	if (w->id != s->patch->waiver)
		return 0;
	s->waiver->id = w->id;
	return string_copy(&s->waiver->user, w->user) < 0 || string_copy(&s->waiver->reason, w->reason) < 0 ||
			       string_copy(&s->waiver->ticket, w->ticket) < 0
		       ? error_nomem(e)
		       : 1;
}

/* The verdict that the patch began with. */
static int note_reasons(void *ctx, const struct history_record *r, struct error *e)
{
	struct search *s = ctx;
	if (r->checked_at < s->patch->checked_at - 86400)
		return 1;
	if (r->checked_at != s->patch->checked_at || r->waiver != s->patch->waiver || r->code != s->patch->code)
		return 0;
	for (size_t i = 0; i < r->reasons.count; i++)
		if (strings_add(s->reasons, r->reasons.items[i]) < 0)
			return error_nomem(e);
	return 1;
}

/* 1: *out; 0: *e says that there is none. */
static int find(struct history *h, const struct options *o, struct patch_record *out, int64_t *newest, struct error *e)
{
	const char *host = o->arguments.items[0];
	if (history_patches(h, host, 1, note_id, newest, e) < 0)
		return -1;
	int64_t id = o->patch ? o->patch : *newest;
	int rc = id ? history_patch(h, id, out, e) : 0;
	if (rc < 0)
		return -1;
	if (rc == 1 && !strcasecmp(out->host, host))
		return 1;
	if (rc == 1)
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "patch %lld is of %.100s, not of %.100s", (long long)id,
			  out->host, host);
	else if (o->patch)
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "no patch %lld is remembered", (long long)id);
	else
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "no patch of %.100s is remembered", host);
	return 0;
}

static int plan(struct history *h, struct rollback *r, struct waiver *w, char **suspect, struct error *e)
{
	const struct patch_record *p = r->patch;
	struct error why;
	struct search s = {.patch = p, .waiver = w, .reasons = &r->reasons};
	if (p->waiver && history_waivers(h, p->host, 0, note_waiver, &s, e) < 0)
		return -1;
	/* Somebody has to restore now: what else is broken in the history is no reason to say nothing. */
	if (p->waiver && history_each(h, p->host, 0, note_reasons, &s, &why) < 0 &&
	    strings_add(s.reasons, why.text) < 0)
		return error_nomem(e);
	r->waiver = w->id ? w : NULL;
	/* It may have been found out since. */
	if (history_suspect(h, p->host, p->label, p->taken_at, suspect, &why) < 0 &&
	    !(*suspect = text_format("whether it is can't be told: %s", why.text)))
		return error_nomem(e);
	r->suspect = p->suspect ? p->suspect : *suspect;
	return rollback_look(r, e) < 0 ? -1 : rollback_plan(r, e);
}

static int show(struct rollback *r, const struct options *o)
{
	autotext struct text out = {0};
	struct report_options settings = report_settings(o, false);
	if (o->format && !strcmp(o->format->name, "json"))
		rollback_json(&out, r);
	else
		rollback_text(&out, r, &settings);
	if (out.failed)
		return complain(CODE_INTERNAL, "out of memory");
	int status = output_show(&out);
	return status ? status : (int)rollback_code(r);
}

static int run(struct options *o, const char *path)
{
	struct error e = {0};
	int64_t newest = 0;
	struct patch_record patch = {0};
	struct waiver w = {0};
	struct rollback r = {.patch = &patch};
	autofree char *suspect = NULL;
	struct history *h = history_open(path, HISTORY_READ, &e);
	int status, rc = h ? find(h, o, &patch, &newest, &e) : -1;
	if (rc == 1) {
		r.later = newest > patch.id ? newest : 0;
		rc = plan(h, &r, &w, &suspect, &e) < 0 ? -1 : 1;
	}
	if (rc < 0)
		status = complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	else
		status = rc == 0 ? complain(CODE_NO_BACKUP, e.text) : show(&r, o);
	rollback_free(&r);
	waiver_free(&w);
	patch_record_free(&patch);
	history_destroy(h);
	return status;
}

int command_rollback(struct options *o)
{
	struct config config;
	int status = CODE_CANNOT_TELL;
	if (o->arguments.count != 1)
		return complain(CODE_USAGE, o->arguments.count ? "rollback takes one HOST; there is a stray argument"
							       : "rollback needs a HOST: backproof rollback HOST");
	if (!*o->arguments.items[0])
		return complain(CODE_USAGE, "the HOST is empty");
	if (o->format && strcmp(o->format->name, "text") && strcmp(o->format->name, "json"))
		return complain(CODE_USAGE, "rollback writes text or json");
	if (load_config(o, &config) < 0)
		return CODE_CONFIG;
	const char *path = history_path_of(o, &config, &status);
	if (path)
		status = run(o, path);
	config_free(&config);
	return status;
}
