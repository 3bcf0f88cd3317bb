// SPDX-License-Identifier: GPL-3.0-or-later
/* The trial restore from file systems: the critical files, then a seeded sample of every volume. */
#include "backproof/pool.h"
#include "draw.h"
#include "parts.h"

/* The volumes besides the root, of which the names are known. */
struct others {
	struct task task; /* first: task is others */
	struct draw *draws;
	size_t count;
};

static void try_others(struct task *t)
{
	struct others *o = (struct others *)t;
	for (size_t i = 0; i < o->count; i++)
		draw_try(&o->draws[i]);
}

static bool is_root(const struct subject_volume *v)
{
	return v->mount && !strcmp(v->mount, "/");
}

/*
 * Each volume gets a share of the files, so that none goes untried; the root comes last and gets what they leave: that
 * is known when their names are, so that they come out while the root's names are gone through.
 */
static void try_all(struct subject *s, const struct check_parameters *p, uint32_t readable, struct draw *draws,
		    bool *met, struct databases *databases, struct findings *f)
{
	size_t count = s->volumes.count;
	uint32_t share = readable > 1 ? p->policy->sample_files / (2 * (readable - 1)) : 0;
	uint64_t left = p->policy->sample_files > s->sample.drawn ? p->policy->sample_files - s->sample.drawn : 0;
	struct others others = {{.run = try_others}, draws, count};
	for (int roots = 0; roots < 2; roots++) {
		if (roots)
			task_begin(&others.task);
		for (size_t i = 0; i < count; i++) {
			struct subject_volume *v = &s->volumes.items[i];
			struct draw *d = &draws[roots ? count + i : i];
			if (!v->fs || is_root(v) != roots)
				continue;
			draw_begin(d, s, i, p, roots || readable == 1 ? (uint32_t)left : share, databases);
			left -= d->sample.drawn < left ? d->sample.drawn : left;
		}
	}
	/* Every draw holds for itself. */
	if (!databases->files.count)
		subject_done(s);
	for (size_t i = 0; i < count; i++)
		draw_try(&draws[count + i]);
	task_wait(&others.task);
	for (size_t i = 0; i < 2 * count; i++)
		draw_end(&draws[i], s, met, f);
}

void subject_trial(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct databases databases = {.numbers = 0};
	uint32_t readable = 0;
	autofree bool *met = calloc(p->policy->critical.count + 1, sizeof *met);
	autofree struct draw *draws = calloc(2 * s->volumes.count + 1, sizeof *draws);
	vec_each(&s->volumes, v) readable += v->fs != NULL;
	f->lost |= !met || !draws;
	if (!met || !draws || !readable) {
		subject_done(s);
		return;
	}
	try_all(s, p, readable, draws, met, &databases, f);
	databases_check(&databases, s, p, f);
	if (databases.files.count)
		subject_done(s);
	databases_free(&databases);
	for (size_t i = 0; i < p->policy->critical.count; i++)
		if (!met[i] && p->policy->critical_given) {
			struct finding_text more = {.blame = BLAME_INCOMPLETE};
			finding_add(f, PROOF_RESTORE, "restore.critical", p->policy->critical.items[i],
				    OUTCOME_BROKEN, &more, "required by policy (critical), and not in the backup");
		}
}
