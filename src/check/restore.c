// SPDX-License-Identifier: GPL-3.0-or-later
/* Files come out, and those that can prove themselves do. */
#include <pthread.h>

#include "backproof/text.h"
#include "rows.h"

struct vouching {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
};

static void *vouch(void *arg)
{
	struct vouching *v = arg;
	subject_vouch(v->s, v->p, v->f);
	return NULL;
}

/* Side by side: one reads and digests, the other waits for the scratch disk. Each has readers of its own. */
static void vouch_and_try(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct findings own;
	struct vouching v = {s, p, &own};
	pthread_t thread;
	p->budget->stage = "witnesses";
	bool room = findings_init(&own) == 0;
	f->lost |= !room;
	if (!room || pthread_create(&thread, NULL, vouch, &v) != 0) {
		findings_free(&own);
		subject_vouch(s, p, f);
		subject_trial(s, p, f);
		return;
	}
	subject_trial(s, p, f);
	pthread_join(thread, NULL);
	findings_append(f, &own);
	findings_free(&own);
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
