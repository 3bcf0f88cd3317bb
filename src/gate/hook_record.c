// SPDX-License-Identifier: GPL-3.0-or-later
/* One verdict of the history, and the files that it was about: are they worth something now? */
#include <errno.h>
#include <sys/stat.h>

#include "hook.h"

enum code hook_say(struct text *why, enum code code, const char *before, const char *name, const char *after)
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
		return hook_say(why, CODE_STALE, "its last verdict is of the future, ",
				format_rfc3339(r->checked_at, buf), ": is the clock of this machine right?");
	if (now - r->checked_at > most) {
		text_printf(why, "its last verdict is %s old, ", format_duration(now - r->checked_at, buf));
		text_printf(why, "and max_verdict_age is %s", format_duration(most, limit));
		return CODE_STALE;
	}
	if (!(p->require & (1u << PROOF_FRESHNESS)))
		return CODE_SAFE;
	if (r->taken_at <= 0)
		return hook_say(why, CODE_CANNOT_TELL, "of the backup that was checked no time is remembered", "", "");
	if (r->taken_at > now && r->taken_at - now > p->clock_skew)
		return hook_say(why, CODE_STALE, "the backup that was checked is of the future, ",
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
			return hook_say(why, CODE_INCOMPLETE, "the policy requires ", proof_name((enum proof)i),
				   " now, and the last check did not prove that");
	/* Who checks may ask for less than the policy does; nothing that lasts comes of that. */
	if (p->depth == DEPTH_FULL && r->depth != DEPTH_FULL)
		return hook_say(why, CODE_INCOMPLETE,
				"the policy asks for a full check (depth), and the last was a sample", "", "");
	if (r->evidence < (int)p->integrity_evidence)
		return hook_say(why, CODE_INCOMPLETE, "the policy asks for more evidence now (integrity_evidence)", "",
				"");
	return CODE_SAFE;
}

enum code hook_record_judge(const struct history_record *r, const struct policy *p, int64_t max_verdict_age,
			    int64_t now, struct text *why)
{
	enum code code = (enum code)r->code;
	if (code != CODE_SAFE) {
		if (!code_can_be_waived(code))
			return hook_say(why, CODE_INTERNAL, "its last verdict is none", "", "");
		return hook_say(why, code, "its last check found: ",
			   r->reasons.count ? r->reasons.items[0] : code_name(code), "");
	}
	if (!r->policy || strcmp(r->policy, p->name))
		return hook_say(why, CODE_INCOMPLETE, "its last verdict is by the policy \"",
				r->policy ? r->policy : "", "\"");
	if ((code = judge_age(r, p, max_verdict_age, now, why)) != CODE_SAFE ||
	    (code = judge_proofs(r, p, why)) != CODE_SAFE)
		return code;
	if (r->files.count)
		return CODE_SAFE;
	return hook_say(why, CODE_CANNOT_TELL, "of the backup that was checked no files are remembered", "", "");
}

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static enum code judge_file(const struct history_file *f, struct text *why)
{
	struct stat st;
	if (!f->path || *f->path != '/')
		return hook_say(why, CODE_CANNOT_TELL, "a file that was checked has no name", "", "");
	if (stat(f->path, &st) < 0) {
		/* Others may see it (a disk on a network that does not trust our root): it is as with a pass. */
		if (errno == EACCES || errno == EPERM)
			return CODE_SAFE;
		if (errno == ENOENT || errno == ENOTDIR)
			return hook_say(why, CODE_NO_BACKUP,
				   "the backup that was checked is gone, or its disk is not mounted: ", f->path, "");
		text_put_safe(why, f->path);
		return hook_say(why, CODE_CANNOT_TELL, ": ", strerror(errno), "");
	}
	/* Not the device: a disk on a network gets another number each time. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size && (uint64_t)st.st_ino == f->inode &&
	    nanoseconds(&st.st_mtim) == f->mtime_ns && nanoseconds(&st.st_ctim) == f->ctime_ns)
		return CODE_SAFE;
	return hook_say(why, CODE_CANNOT_TELL, "the backup was written to after it was checked: ", f->path, "");
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
