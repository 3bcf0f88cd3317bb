// SPDX-License-Identifier: GPL-3.0-or-later
/* What to do about a verdict. Plain sentences without names from outside, so that nobody pastes a
 * hostile file name into a shell. */
#include "common.h"

static bool has_error(const struct host_result *r, enum error_class cls)
{
	for (size_t i = 0; i < r->findings.count; i++)
		if (r->findings.items[i].error == cls && r->findings.items[i].outcome != OUTCOME_HELD &&
		    r->findings.items[i].outcome != OUTCOME_SKIPPED)
			return true;
	return false;
}

static bool has_outcome(const struct host_result *r, enum proof p, enum outcome o)
{
	for (size_t i = 0; i < r->findings.count; i++)
		if (r->findings.items[i].proof == p && r->findings.items[i].outcome == o)
			return true;
	return false;
}

static bool lacks_signature(const struct host_result *r)
{
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->outcome == OUTCOME_BROKEN && !strcmp(it->check, "seal.signature"))
			return true;
	}
	return false;
}

static bool is_not_what_was_sealed(const struct host_result *r)
{
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->outcome != OUTCOME_BROKEN)
			continue;
		if (!strcmp(it->check, "seal.digest") || !strcmp(it->check, "seal.size"))
			return true;
	}
	return false;
}

static const char *when_safe(const struct host_result *r)
{
	if (r->older)
		return "The newest restore point is not safe: this is about an older one. Patching falls back on "
		       "the state of that time. Look at the newest one soon.";
	if (host_result_near_max_age(r))
		return "The backup will soon be too old. Patch now, or run the next backup first.";
	return "";
}

static const char *when_incomplete(const struct host_result *r)
{
	const enum outcome *p = r->verdict.proofs;
	if (p[PROOF_IDENTITY] == OUTCOME_BROKEN)
		return "Do not patch. What was found is the backup of another machine: see that the right files are "
		       "named. When the host calls itself something else inside, give --hostname or --machine-id.";
	if (p[PROOF_COVERAGE] == OUTCOME_BROKEN)
		return "Do not patch. Add what is missing to the backup job, run it, and check again.";
	if (p[PROOF_PRESENCE] == OUTCOME_BROKEN)
		return "Do not patch. See that all parts of the restore point are there and are given (each with "
		       "--from, or the directory that they are in), or make a new backup.";
	if (lacks_signature(r))
		return "Do not patch. Have backups sealed where they are written, with a key that is trusted here "
		       "(backproof seal FILE --key KEY); or say whose key is to be trusted: trusted_keys, --trust.";
	return "Do not patch. The policy asks for more than this backup could show: see the lines that are not ok.";
}

static const char *when_cannot_tell(const struct host_result *r)
{
	if (has_error(r, ERROR_INTERNAL) || r->findings.lost)
		return "Do not patch on this. The check itself failed, perhaps for lack of memory: run it again with "
		       "--verbose, and report it if it stays.";
	if (has_error(r, ERROR_LIMIT))
		return "Do not patch yet. A limit was reached: give more time (--deadline) or room "
		       "(--scratch-limit, or --scratch on a larger disk), or raise the key of the policy that the "
		       "reason names, if a backup of this host may be like that; and check again.";
	if (has_error(r, ERROR_IO) || has_outcome(r, PROOF_PRESENCE, OUTCOME_UNREADABLE))
		return "Do not patch yet. Part of the backup could not be read: check permissions, mounts and the "
		       "disk it is on, then check again.";
	if (has_error(r, ERROR_ENCRYPTED))
		return "Do not patch on this. Encrypted content can't be judged without its key: check an unencrypted "
		       "copy, or the image before it is encrypted.";
	if (has_error(r, ERROR_UNSUPPORTED))
		return "Do not patch on this. Something in the backup has no reader here: see backproof inspect. Prove "
		       "that part in another way, or leave that proof out of the policy's require.";
	if (r->verdict.proofs[PROOF_INTEGRITY] == OUTCOME_UNPROVEN && r->sample.total)
		return "Do not patch on this. The sample is not what the policy asks for: check again with more time, "
		       "or with --depth full.";
	if (r->verdict.proofs[PROOF_INTEGRITY] == OUTCOME_UNPROVEN && r->depth == DEPTH_SAMPLE)
		return "Do not patch on this. A sample proves what was sealed (backproof seal, when the backup is "
		       "written) or read whole before: check again with --depth full.";
	if (r->verdict.proofs[PROOF_INTEGRITY] == OUTCOME_UNPROVEN)
		return "Do not patch on this. Nothing vouches for the stored bytes. At backup time, seal it "
		       "(backproof seal FILE), or make a digest: sha256sum FILE > FILE.sha256, or store "
		       "the image in a format with checksums (zstd, xz).";
	if (r->verdict.proofs[PROOF_IDENTITY] == OUTCOME_UNPROVEN)
		return "Do not patch on this. Nothing inside says whose backup it is: give --hostname or --machine-id, "
		       "and see that the root file system is in the backup.";
	if (r->verdict.proofs[PROOF_RESTORE] == OUTCOME_UNPROVEN)
		return "Do not patch on this. No file could be tried: see that the scratch directory can be written, "
		       "and raise --sample-files or --sample-bytes.";
	return "Do not patch on this. See the lines that are not ok, and --verbose for all that was found.";
}

void report_advice(struct text *out, const struct host_result *r)
{
	const char *past = report_advice_past(r);
	if (past && r->verdict.code != CODE_SAFE && r->verdict.code != CODE_WAIVED) {
		text_put(out, past);
		return;
	}
	switch (r->verdict.code) {
	case CODE_SAFE:
		text_put(out, when_safe(r));
		return;
	case CODE_WAIVED:
		text_put(out, "A person has taken it on themselves: the host may be patched, and nothing proves that "
			      "it could be restored. Make a backup first if there is any time for one, and end the "
			      "waiver when it is no longer needed: backproof waive HOST --end.");
		return;
	case CODE_NO_BACKUP:
		text_put(out, "Do not patch. Make an image backup of this host now and check again. If there is one, "
			      "see where it was looked for: backproof config dump, or name it with --from.");
		return;
	case CODE_STALE:
		text_put(out, "Do not patch yet. Run a backup now and check again; then find out why the last one "
			      "did not run, or copied old content.");
		return;
	case CODE_DAMAGED:
		if (is_not_what_was_sealed(r)) {
			text_put(out, "Do not patch. If a new backup was written over one that was sealed, seal it "
				      "(backproof seal) and check again. If not, keep the damaged one aside, and "
				      "make a new one.");
			return;
		}
		text_put(out, "Do not patch. Make a new backup now and check it. Keep the damaged one aside until "
			      "then: parts of it may be of use. An older one may be whole: try it with --from.");
		return;
	case CODE_INCOMPLETE:
		text_put(out, when_incomplete(r));
		return;
	case CODE_BUSY:
		text_put(out, "Do not patch yet. The backup is still being written, or a lock is held: wait until the "
			      "backup job has ended, then check again.");
		return;
	case CODE_CANNOT_TELL:
		text_put(out, when_cannot_tell(r));
		return;
	default:
		text_put(out, "Do not patch on this. The check itself failed: run it again with --verbose, and "
			      "report it if it stays.");
	}
}
