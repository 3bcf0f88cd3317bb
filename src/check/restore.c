// SPDX-License-Identifier: GPL-3.0-or-later
/* Files come out, and those that can prove themselves do. */
#include "backproof/text.h"
#include "rows.h"

struct trial {
	struct subject *s;
	const struct check_parameters *p;
};

static void vouch(void *ctx, struct findings *f)
{
	struct trial *t = ctx;
	subject_vouch(t->s, t->p, f);
}

static void try_out(void *ctx, struct findings *f)
{
	struct trial *t = ctx;
	subject_trial(t->s, t->p, f);
}

/* Side by side: one reads and digests, the other waits for the scratch disk. Each has readers of its own. */
static void vouch_and_try(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct trial t = {s, p};
	p->budget->stage = "witnesses";
	findings_beside(f, try_out, &t, vouch, &t);
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	bool readable = false;
	vec_each(&s->volumes, v)
	{
		readable |= v->fs != NULL;
		if (v->fs)
			s->measures.image_data += fs_info(v->fs)->size - fs_info(v->fs)->free;
	}
	if (readable || s->archive)
		vouch_and_try(s, p, f);
	if (s->sample.critical_missing) {
		struct finding_text more = {.blame = BLAME_INCOMPLETE};
		finding_add(f, PROOF_RESTORE, "restore.critical", s->point->label, OUTCOME_BROKEN, &more,
			    "a file that policy requires (critical) is not in the archive");
	}
	if (!s->sample.restored || !s->sample.bytes)
		finding_add(f, PROOF_RESTORE, "restore.files", s->point->label, OUTCOME_UNPROVEN, NULL,
			    s->sample.restored ? "only empty files were restored" : "no file was restored");
	s->traits.opaque_bytes = s->sample.opaque_bytes;
	s->traits.tried_bytes = s->sample.tried_bytes;
	s->traits.tried_files = s->sample.tried_files;
	s->measures.files_sampled = s->sample.chosen;
	s->measures.files_restored = s->sample.restored;
	s->measures.bytes_restored = s->sample.bytes;
	s->measures.restore_seconds = s->sample.seconds;
	char size[32];
	finding_add(f, PROOF_RESTORE, "restore.summary", s->point->label, OUTCOME_SKIPPED, NULL,
		    "%llu files (%s) came out into scratch; %llu files inside proved themselves",
		    (unsigned long long)s->sample.restored, format_size(s->sample.bytes, size),
		    (unsigned long long)(s->vouched.held + s->sample.witnessed));
	s->measures.files_witnessed = s->vouched.held + s->sample.witnessed;
}

const struct check check_restore = {
	"restore", PROOF_RESTORE,
	"Sampled files came out into scratch, and every one that can prove itself did.", run};
