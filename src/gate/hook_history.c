// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A hit in the history in the place of a pass: the last verdict of this host, if it was reached a short while ago, is
 * good by the policy as it is now, and its backup is still what was looked at then. Each question that can't be
 * answered speaks against it.
 */
#include <strings.h>

#include "backproof/gate.h"
#include "backproof/subject.h"
#include "hook.h"

#define LOOK_BACK 32 /* verdicts: those of other policies may be the newest */

/* The last verdict that counts, and what it is worth. */
struct search {
	const struct hook_job *job;
	const struct policy *policy;
	bool found;
	enum code code;
	int64_t id, checked_at;
	char machine_id[40];
	struct history_files files; /* of it: path, size, inode, times */
	struct text why;
	/* Of those that were not safe, the one that began last. */
	int64_t bad_at;
	enum code bad;
	struct text bad_why;
};

static void forget(struct search *s)
{
	vec_each(&s->files, it) free(it->path);
	vec_free(&s->files);
	s->why.length = 0;
}

static int keep(struct search *s, const struct history_record *r, struct error *e)
{
	forget(s);
	s->found = true;
	s->id = r->id;
	s->checked_at = r->checked_at;
	s->code = hook_record_judge(r, s->policy, s->job->hook->max_verdict_age, s->job->now, &s->why);
	snprintf(s->machine_id, sizeof s->machine_id, "%s", r->machine_id ? r->machine_id : "");
	vec_each(&r->files, it)
	{
		struct history_file *f = vec_push(&s->files);
		if (!f)
			return error_nomem(e);
		*f = (struct history_file){.size = it->size,
					   .inode = it->inode,
					   .mtime_ns = it->mtime_ns,
					   .ctime_ns = it->ctime_ns};
		if (it->path && !(f->path = strdup(it->path)))
			return error_nomem(e);
	}
	return 0;
}

/*
 * Newest first, as they were recorded. What is safe by another policy, or in the future, says nothing; what is not safe
 * counts whoever asked.
 */
static int visit(void *ctx, const struct history_record *r, struct error *e)
{
	struct search *s = ctx;
	bool safe = r->code == CODE_SAFE;
	bool ahead = r->checked_at > s->job->now && r->checked_at - s->job->now > s->policy->clock_skew;
	bool other = !r->policy || strcmp(r->policy, s->policy->name);
	if (safe && (ahead || other))
		return 0;
	if (!safe && !ahead && (!s->bad_at || r->checked_at > s->bad_at)) {
		s->bad_at = r->checked_at;
		s->bad_why.length = 0;
		s->bad = hook_record_judge(r, s->policy, s->job->hook->max_verdict_age, s->job->now, &s->bad_why);
	}
	return !s->found || r->id > s->id ? keep(s, r, e) : 0;
}

/* The names by which the history knows the host: with and without a domain. */
struct called {
	const char *host;
	struct strings names;
	const char *one, *other; /* of two hosts that are called like it */
};

static int find_name(void *ctx, const char *name, struct error *e)
{
	struct called *c = ctx;
	if (!same_host(name, c->host))
		return 0;
	if (strings_add(&c->names, name) < 0)
		return error_nomem(e);
	for (size_t i = 0; i + 1 < c->names.count; i++)
		if (!same_host(name, c->names.items[i])) {
			c->one = c->names.items[i];
			c->other = c->names.items[c->names.count - 1];
			return 1;
		}
	return 0;
}

static enum code find_names(struct history *h, struct called *c, struct text *why, struct error *e)
{
	if (history_hosts(h, find_name, c, e) < 0)
		return e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
	if (!c->other)
		return CODE_SAFE;
	text_put(why, "the history knows several hosts of that name: ");
	text_put_safe(why, c->one);
	return hook_say(why, CODE_CANNOT_TELL, " and ", c->other, "; say which with `host` in [hook]");
}

static enum code judge_machine(const struct hook_job *j, const struct search *s, struct text *why)
{
	char id[33];
	bool self = !j->hook->host || same_host(j->hook->host, j->self);
	if (!self || !*s->machine_id || !machine_id_here(id) || !strcasecmp(id, s->machine_id))
		return CODE_SAFE;
	return hook_say(why, CODE_INCOMPLETE, "the backup is of another machine, ", s->machine_id, "");
}

enum code hook_history(const struct hook_job *j, struct history *h, const struct policy *p, struct text *why)
{
	struct called called = {.host = j->host};
	struct search s = {.job = j, .policy = p};
	struct error e = {0};
	enum code code = find_names(h, &called, why, &e);
	for (size_t i = 0; code == CODE_SAFE && i < called.names.count; i++)
		if (history_each(h, called.names.items[i], LOOK_BACK, visit, &s, &e) < 0)
			code = CODE_CANNOT_TELL;
	strings_free(&called.names);
	if (e.cls != ERROR_NONE && code == CODE_SAFE)
		code = CODE_CANNOT_TELL;
	if (e.cls != ERROR_NONE)
		text_put_safe(why, e.text);
	else if (code == CODE_SAFE && !s.found)
		code = hook_say(why, CODE_STALE, "no verdict of it by the policy \"", p->name, "\" is remembered");
	else if (code == CODE_SAFE && (code = s.code) != CODE_SAFE)
		text_put(why, text_str(&s.why));
	else if (code == CODE_SAFE && s.bad_at > s.checked_at)
		/* It began later, and was recorded earlier than one that took its time. */
		text_put(why, (code = s.bad, text_str(&s.bad_why)));
	else if (code == CODE_SAFE && (code = judge_machine(j, &s, why)) == CODE_SAFE)
		code = hook_files_judge(&s.files, j->shared, why);
	forget(&s);
	text_free(&s.why);
	text_free(&s.bad_why);
	return code;
}
