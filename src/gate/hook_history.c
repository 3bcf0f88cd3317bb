// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A hit in the history in the place of a pass: the last verdict of this host, if it was reached a short while ago, is
 * good by the policy as it is now, and its backup is still what was looked at then. Each question that can't be
 * answered speaks against it.
 */
#include <errno.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/gate.h"
#include "backproof/subject.h"
#include "hook.h"

#define LOOK_BACK 32 /* verdicts: those of other policies may be the newest */

static enum code say(struct text *why, enum code code, const char *before, const char *name, const char *after)
{
	text_put(why, before);
	text_put_safe(why, name);
	text_put(why, after);
	return code;
}

static enum code judge_age(const struct history_record *r, const struct policy *p, int64_t most, int64_t now,
			   struct text *why)
{
	char buf[32], limit[32];
	if (r->checked_at > now && r->checked_at - now > p->clock_skew)
		return say(why, CODE_STALE, "its last verdict is of the future, ", format_rfc3339(r->checked_at, buf),
			   ": is the clock of this machine right?");
	if (now - r->checked_at > most) {
		text_printf(why, "its last verdict is %s old, ", format_duration(now - r->checked_at, buf));
		text_printf(why, "and max_verdict_age is %s", format_duration(most, limit));
		return CODE_STALE;
	}
	if (!(p->require & (1u << PROOF_FRESHNESS)))
		return CODE_SAFE;
	if (r->taken_at <= 0)
		return say(why, CODE_CANNOT_TELL, "of the backup that was checked no time is remembered", "", "");
	if (r->taken_at > now && r->taken_at - now > p->clock_skew)
		return say(why, CODE_STALE, "the backup that was checked is of the future, ",
			   format_rfc3339(r->taken_at, buf), "");
	if (now - r->taken_at <= p->max_age)
		return CODE_SAFE;
	text_printf(why, "the backup that was checked is %s old by now, ", format_duration(now - r->taken_at, buf));
	text_printf(why, "and max_age is %s", format_duration(p->max_age, limit));
	return CODE_STALE;
}

/* The policy may ask for more than it did. */
static enum code judge_proofs(const struct history_record *r, const struct policy *p, struct text *why)
{
	for (int i = 0; i < PROOF_COUNT; i++)
		if ((p->require & (1u << i)) && r->proofs[i] != OUTCOME_HELD)
			return say(why, CODE_INCOMPLETE, "the policy requires ", proof_name((enum proof)i),
				   " now, and the last check did not prove that");
	/* Who checks may ask for less than the policy does; nothing that lasts comes of that. */
	if (p->depth == DEPTH_FULL && r->depth != DEPTH_FULL)
		return say(why, CODE_INCOMPLETE, "the policy asks for a full check (depth), and the last was a sample",
			   "", "");
	if (r->evidence < (int)p->integrity_evidence)
		return say(why, CODE_INCOMPLETE, "the policy asks for more evidence now (integrity_evidence)", "", "");
	return CODE_SAFE;
}

enum code hook_record_judge(const struct history_record *r, const struct policy *p, int64_t max_verdict_age,
			    int64_t now, struct text *why)
{
	enum code code = (enum code)r->code;
	if (code != CODE_SAFE) {
		if (!code_can_be_waived(code))
			return say(why, CODE_INTERNAL, "its last verdict is none", "", "");
		return say(why, code, "its last check found: ",
			   r->reasons.count ? r->reasons.items[0] : code_name(code), "");
	}
	if (!r->policy || strcmp(r->policy, p->name))
		return say(why, CODE_INCOMPLETE, "its last verdict is by the policy \"", r->policy ? r->policy : "",
			   "\"");
	if ((code = judge_age(r, p, max_verdict_age, now, why)) != CODE_SAFE ||
	    (code = judge_proofs(r, p, why)) != CODE_SAFE)
		return code;
	if (r->files.count)
		return CODE_SAFE;
	return say(why, CODE_CANNOT_TELL, "of the backup that was checked no files are remembered", "", "");
}

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static enum code judge_file(const struct history_file *f, struct text *why)
{
	struct stat st;
	if (!f->path || *f->path != '/')
		return say(why, CODE_CANNOT_TELL, "a file that was checked has no name", "", "");
	if (stat(f->path, &st) < 0) {
		/* Others may see it (a disk on a network that does not trust our root): it is as with a pass. */
		if (errno == EACCES || errno == EPERM)
			return CODE_SAFE;
		if (errno == ENOENT || errno == ENOTDIR)
			return say(why, CODE_NO_BACKUP,
				   "the backup that was checked is gone, or its disk is not mounted: ", f->path, "");
		text_put_safe(why, f->path);
		return say(why, CODE_CANNOT_TELL, ": ", strerror(errno), "");
	}
	/* Not the device: a disk on a network gets another number each time. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size && (uint64_t)st.st_ino == f->inode &&
	    nanoseconds(&st.st_mtim) == f->mtime_ns && nanoseconds(&st.st_ctim) == f->ctime_ns)
		return CODE_SAFE;
	return say(why, CODE_CANNOT_TELL, "the backup was written to after it was checked: ", f->path, "");
}

enum code hook_files_judge(const struct history_files *files, struct hook_shared *shared, struct text *why)
{
	vec_each(files, f)
	{
		hook_doing(shared, "looking at the backup: ", f->path);
		enum code code = judge_file(f, why);
		if (code != CODE_SAFE)
			return code;
	}
	return CODE_SAFE;
}

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
static enum code find_names(struct history *h, const char *host, struct strings *names, struct text *why,
			    struct error *e)
{
	autofree char *after = NULL;
	for (;;) {
		char *name;
		int rc = history_next_host(h, after, &name, e);
		if (rc <= 0)
			return rc < 0 ? CODE_CANNOT_TELL : CODE_SAFE;
		free(after);
		after = name;
		if (!same_host(name, host))
			continue;
		for (size_t i = 0; i < names->count; i++)
			if (!same_host(name, names->items[i])) {
				text_put(why, "the history knows several hosts of that name: ");
				text_put_safe(why, names->items[i]);
				return say(why, CODE_CANNOT_TELL, " and ", name, "; say which with `host` in [hook]");
			}
		if (strings_add(names, name) < 0) {
			error_nomem(e);
			return CODE_INTERNAL;
		}
	}
}

static enum code judge_machine(const struct hook_job *j, const struct search *s, struct text *why)
{
	char id[33];
	bool self = !j->hook->host || same_host(j->hook->host, j->self);
	if (!self || !*s->machine_id || !machine_id_here(id) || !strcasecmp(id, s->machine_id))
		return CODE_SAFE;
	return say(why, CODE_INCOMPLETE, "the backup is of another machine, ", s->machine_id, "");
}

enum code hook_history(const struct hook_job *j, struct history *h, const struct policy *p, struct text *why)
{
	struct strings names = {0};
	struct search s = {.job = j, .policy = p};
	struct error e = {0};
	enum code code = find_names(h, j->host, &names, why, &e);
	for (size_t i = 0; code == CODE_SAFE && i < names.count; i++)
		if (history_each(h, names.items[i], LOOK_BACK, visit, &s, &e) < 0)
			code = CODE_CANNOT_TELL;
	strings_free(&names);
	if (e.cls != ERROR_NONE && code == CODE_SAFE)
		code = CODE_CANNOT_TELL;
	if (e.cls != ERROR_NONE)
		text_put_safe(why, e.text);
	else if (code == CODE_SAFE && !s.found)
		code = say(why, CODE_STALE, "no verdict of it by the policy \"", p->name, "\" is remembered");
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
