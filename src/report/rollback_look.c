// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether what was proved is still there: nothing is read, and nothing of it is proved by this. */
#include <errno.h>
#include <sys/stat.h>

#include "backproof/rollback.h"

void rollback_free(struct rollback *r)
{
	vec_each(&r->steps, s)
	{
		vec_each(&s->lines, l) free(l->text);
		vec_free(&s->lines);
	}
	vec_free(&r->steps);
	vec_free(&r->states);
	strings_free(&r->reasons);
}

const char *rollback_state_name(enum rollback_state s)
{
	static const char *const names[] = {"unchanged", "changed", "missing", "unknown"};
	return (unsigned)s < ARRAY_SIZE(names) ? names[s] : "unknown";
}

static enum rollback_state state_of(const struct history_file *f)
{
	int64_t mtime;
	struct stat st;
	if (stat(f->path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? ROLLBACK_MISSING : ROLLBACK_UNKNOWN;
	/* Nothing was noted of what it was: the size alone is no sign of anything. */
	if (!f->inode && !f->mtime_ns)
		return ROLLBACK_UNKNOWN;
	if (mul_overflows((int64_t)st.st_mtim.tv_sec, INT64_C(1000000000), &mtime) ||
	    add_overflows(mtime, (int64_t)st.st_mtim.tv_nsec, &mtime))
		mtime = 0;
	bool same = (uint64_t)st.st_size == f->size && st.st_ino == f->inode && mtime == f->mtime_ns;
	/* A device has no size of its own. */
	if (S_ISBLK(st.st_mode))
		return ROLLBACK_UNKNOWN;
	return same ? ROLLBACK_UNCHANGED : ROLLBACK_CHANGED;
}

int rollback_look(struct rollback *r, struct error *e)
{
	for (size_t i = 0; i < r->patch->files.count; i++) {
		const struct history_file *f = &r->patch->files.items[i];
		struct stat st;
		enum rollback_state *to = vec_push(&r->states);
		autofree char *seal = text_format("%s.seal", f->path);
		if (!to || !seal)
			return error_nomem(e);
		*to = state_of(f);
		r->is_sealed |= stat(seal, &st) == 0;
	}
	return 0;
}

enum code rollback_code(const struct rollback *r)
{
	size_t counts[4] = {0};
	vec_each(&r->states, it) counts[*it]++;
	if (counts[ROLLBACK_MISSING] == r->states.count) /* none at all, too */
		return CODE_NO_BACKUP;
	return counts[ROLLBACK_UNCHANGED] == r->states.count ? CODE_SAFE : CODE_CANNOT_TELL;
}

static int warn(struct strings *out, char *line)
{
	int rc = line ? strings_add(out, line) : -1;
	free(line);
	return rc;
}

static int warn_of_files(const struct rollback *r, struct strings *out)
{
	static const char *const words[] = {
		[ROLLBACK_CHANGED] = "changed since it was proved: what it is now, nobody knows",
		[ROLLBACK_MISSING] = "not there any more",
		[ROLLBACK_UNKNOWN] = "can't be compared with what was proved",
	};
	if (!r->states.count && r->patch->label)
		return warn(out, strdup("none of the files of this backup was noted: find it by its name"));
	if (!r->states.count)
		return warn(out, strdup("no backup stood behind this patch: there is nothing to restore"));
	if (rollback_code(r) == CODE_NO_BACKUP)
		return warn(out, strdup("NOTHING of this backup is there any more: look for a copy; the digests below "
					"tell whether it is one"));
	for (size_t i = 0; i < r->states.count; i++)
		if (r->states.items[i] != ROLLBACK_UNCHANGED &&
		    warn(out, text_format("%s is %s", r->patch->files.items[i].path, words[r->states.items[i]])) < 0)
			return -1;
	return 0;
}

static int warn_of_waiver(const struct rollback *r, struct strings *out)
{
	const struct waiver *w = r->waiver;
	const char *found = code_name((enum code)r->patch->code);
	int rc;
	if (w)
		rc = warn(out, text_format("this backup was NOT PROVED: it was \"%s\", and %s waived that%s%s: %s",
					   found, w->user, w->ticket ? ", ticket " : "", w->ticket ? w->ticket : "",
					   w->reason));
	else
		rc = warn(out, text_format("this backup was NOT PROVED: it was \"%s\", and waiver %lld, which the "
					   "history no longer has, let the patch pass", found,
					   (long long)r->patch->waiver));
	for (size_t i = 0; i < r->reasons.count && i < 8 && rc == 0; i++)
		rc = warn(out, text_format("what was found then: %s", r->reasons.items[i]));
	return rc;
}

int rollback_warnings(const struct rollback *r, struct strings *out)
{
	if (warn_of_files(r, out) < 0)
		return -1;
	if (r->suspect && warn(out, text_format("this backup is SUSPECT and must not be trusted for a clean restore: "
						"%s", r->suspect)) < 0)
		return -1;
	if (r->patch->waiver && warn_of_waiver(r, out) < 0)
		return -1;
	if (r->later && warn(out, text_format("this is not the last patch: what came after it, up to patch %lld, is "
					      "gone as well", (long long)r->later)) < 0)
		return -1;
	if (r->patch->state == PROGRAM_FAILED)
		return warn(out, strdup("the command of this patch was never started"));
	return 0;
}
