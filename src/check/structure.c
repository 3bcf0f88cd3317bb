// SPDX-License-Identifier: GPL-3.0-or-later
/* Metadata of every file system; what streams and tables said is in the findings already. */
#include "rows.h"

/* The walk has a file system opened for it alone: others read from the subject's beside it. */
static int walk(struct subject_volume *v, const struct check_parameters *p, struct findings *f, struct error *e)
{
	autodestroy(fs_destroy_auto) struct fs *fs = subject_reopen_whole(v, f, e);
	if (!fs || fs_verify(fs, f, p->budget, p->now + p->policy->clock_skew, &v->newest, e) < 0)
		return -1;
	int scrubbed = fs_scrub(fs, f, p->budget, e);
	v->scrubbed = scrubbed > 0;
	return scrubbed < 0 ? -1 : 0;
}

static void verify(struct subject_volume *v, const struct check_parameters *p, struct findings *f)
{
	const struct fs_info *info = fs_info(v->fs);
	struct error e = {0};
	if (info->errors) {
		struct finding_text more = {.error = ERROR_CORRUPT};
		finding_add(f, PROOF_STRUCTURE, "fs.errors", v->name, OUTCOME_BROKEN, &more,
			    "the kernel had found errors in this file system before it was backed up: it needs fsck");
	}
	if (info->replayed)
		finding_add(f, PROOF_STRUCTURE, "fs.log", v->name, OUTCOME_SKIPPED, NULL,
			    "taken while mounted; its log was replayed in memory");
	if (p->depth != DEPTH_FULL) {
		if (info->unlogged)
			finding_add(f, PROOF_STRUCTURE, "fs.verify", v->name, OUTCOME_UNPROVEN, NULL,
				    "it was mounted when it was copied and has no journal: a full check is needed");
		return;
	}
	if (walk(v, p, f, &e) < 0) {
		finding_error(f, PROOF_STRUCTURE, "fs.verify", v->name, &e);
		return;
	}
	v->scrubbed &= !findings_against(f, PROOF_STRUCTURE, v->name);
	v->verified = findings_against(f, PROOF_STRUCTURE, v->name) == 0 && !info->stale_view;
	v->checksums = info->checksums;
}

static void summarise(const struct subject *s, const struct check_parameters *p, struct findings *f)
{
	size_t file_systems = 0, verified = 0;
	for (size_t i = 0; i < s->volumes.count; i++) {
		file_systems += s->volumes.items[i].fs && !s->volumes.items[i].alias;
		verified += s->volumes.items[i].verified;
	}
	if (!file_systems)
		return;
	finding_add(f, PROOF_STRUCTURE, "structure.summary", s->point->label, OUTCOME_SKIPPED, NULL,
		    p->depth == DEPTH_FULL ? "tables, superblocks and all metadata of %zu of %zu file systems are sound"
					   : "tables and superblocks are sound; metadata was not walked (depth sample)",
		    verified, file_systems);
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	bool any = s->archive;
	vec_each(&s->volumes, v)
	{
		if (!v->fs || v->alias)
			continue;
		any = true;
		verify(v, p, f);
	}
	if (p->depth == DEPTH_FULL)
		mirrors_check(s, p, f);
	subject_done(s);
	summarise(s, p, f);
	if (!any)
		finding_add(f, PROOF_STRUCTURE, "structure.content", s->point->label, OUTCOME_UNPROVEN, NULL,
			    "no file system and no archive in it could be opened");
}

const struct check check_structure = {
	"structure", PROOF_STRUCTURE,
	"Every stream ends cleanly; partition tables, superblocks and all metadata are consistent.", run, true};
