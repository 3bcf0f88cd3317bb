// SPDX-License-Identifier: GPL-3.0-or-later
/* From the superblock to the log, and what its state means for the view. */
#ifdef HAVE_EXT2FS
#include "ext.h"
#include "jbd2.h"

#define REPLAY_MAX GIB

static bool external(const struct ext_super *s)
{
	const struct ext2_super_block *sb = (const void *)s->raw;
	return !sb->s_journal_inum && (sb->s_journal_dev || !is_zero(sb->s_journal_uuid, 16));
}

static int find_log(struct ext *x, struct ext_runs *runs, struct error *e)
{
	struct ext_inode in;
	uint32_t number = x->fs->super->s_journal_inum;
	if (ext_inode_read(x, number, &in, e) < 0)
		return error_prefix(e, "journal");
	if (!LINUX_S_ISREG(in.mode) || !in.links)
		return error_set(e, ERROR_CORRUPT, (int64_t)in.place,
				 "journal: inode %u is no file", number);
	if (ext_map_all(x, &in, runs, e) < 0)
		return error_prefix(e, "journal");
	for (size_t i = 0; i < runs->count; i++)
		if (runs->items[i].unwritten)
			return error_set(e, ERROR_CORRUPT, (int64_t)in.place,
					 "journal: inode %u has blocks that were never written",
					 number);
	return 0;
}

static void runs_free(struct ext_runs *r)
{
	free(r->items);
}

static void judge(const struct jbd2_result *r, const char *subject, struct findings *f,
		  struct fs_info *info)
{
	info->journal = r->newest;
	info->errors |= r->errors;
	if (r->errors)
		finding_add(f, PROOF_STRUCTURE, "jbd2.state", subject, OUTCOME_UNPROVEN, NULL,
			    "the kernel noted an error in the log");
	if (r->state == JBD2_STALE)
		info->stale_view = true;
	else
		finding_add(f, PROOF_STRUCTURE, "jbd2.replay", subject, OUTCOME_HELD, NULL,
			    "%u transactions replayed in memory: %llu blocks, %llu revoked",
			    r->transactions, (unsigned long long)r->replayed,
			    (unsigned long long)r->revoked);
}

int ext_log_replay(struct ext *x, const struct ext_super *s, const char *subject,
		   struct findings *f, struct fs_info *info, struct error *e)
{
	struct ext2_super_block *sb = x->fs->super;
	bool recover = ext2fs_has_feature_journal_needs_recovery(sb), dirty = false;
	struct ext_runs runs autodestroy(runs_free) = {0};
	struct jbd2_result result;
	struct error why;
	(void)e;
	if (!ext2fs_has_feature_journal(sb)) {
		if (!recover)
			return 0;
		info->stale_view = true;
		finding_add(f, PROOF_STRUCTURE, "jbd2.state", subject, OUTCOME_BROKEN, NULL,
			    "the superblock asks for recovery, but there is no journal");
		return 0;
	}
	if (external(s)) {
		info->stale_view = recover;
		finding_add(f, PROOF_STRUCTURE, "jbd2.external", subject,
			    recover ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED, NULL,
			    "its journal is on another device%s",
			    recover ? " and is needed: the newest changes are not seen" : "");
		return 0;
	}
	if (find_log(x, &runs, &why) < 0) {
		info->stale_view = recover;
		finding_error(f, PROOF_STRUCTURE, "jbd2.superblock", subject, &why);
		return 0;
	}
	/* The two kinds of runs differ in one field only, which is false in all of these. */
	autofree struct jbd2_run *copy = calloc(runs.count + 1, sizeof *copy);
	if (!copy)
		return error_nomem(e);
	for (size_t i = 0; i < runs.count; i++)
		copy[i] = (struct jbd2_run){runs.items[i].logical, runs.items[i].physical,
					    runs.items[i].count};
	struct jbd2_log log = {
		.src = x->base,
		.block_size = x->block_size,
		.blocks = x->blocks,
		.runs = copy,
		.count = runs.count,
		.mounted = info->mounted,
		.max_bytes = REPLAY_MAX,
	};
	if (!recover) {
		if (jbd2_is_dirty(&log, &dirty, &why) < 0)
			finding_error(f, PROOF_STRUCTURE, "jbd2.superblock", subject, &why);
		else if (dirty)
			finding_add(
				f, PROOF_STRUCTURE, "jbd2.state", subject, OUTCOME_BROKEN, NULL,
				"the log holds transactions, but the superblock says that it is empty");
		else
			finding_add(f, PROOF_STRUCTURE, "jbd2.superblock", subject, OUTCOME_HELD,
				    NULL, "the log is empty");
		info->stale_view = dirty;
		return 0;
	}
	if (jbd2_replay(&log, subject, f, &x->overlay, &result, &why) < 0) {
		info->stale_view = true;
		error_prefix(&why, "the log could not be replayed");
		finding_error(f, PROOF_STRUCTURE, "jbd2.replay", subject, &why);
		return 0;
	}
	info->replayed = x->overlay != NULL;
	judge(&result, subject, f, info);
	return 0;
}
#endif
