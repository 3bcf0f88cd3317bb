// SPDX-License-Identifier: GPL-3.0-or-later
/* The machine that shows inside a Windows system volume. */
#ifndef SUBJECT_WINDOWS_H
#define SUBJECT_WINDOWS_H

#include "backproof/subject.h"

/* The volume with the newest SYSTEM hive and a SOFTWARE hive beside it, or NULL. */
struct subject_volume *windows_root(struct subject *s, struct findings *f);
/*
 * Fills s->facts from the registry of that volume, and mounts it as "/" and the volumes that have letters
 * as "/D:". What is damaged in the hives is BROKEN (PROOF_STRUCTURE, "registry.hive"). -1: memory.
 */
int windows_gather(struct subject *s, struct subject_volume *root, struct findings *f, struct error *e) must_check;

/*
 * From the two hives into x; subject names them in findings. A hive that can't be read leaves its facts
 * out and is a finding. -1: memory.
 */
int windows_harvest(struct facts *x, const struct tree_reader *t, const char *subject, struct findings *f,
		    struct error *e) must_check;

/*
 * The GUID in "Volume{GUID}" at the beginning of a name, or behind "\??\", in lower case; what follows it counts for
 * nothing. false: the name is of another kind.
 */
bool windows_volume_name(const char *name, char guid[40]);
/* A link of a volume that has a letter: when it shows another volume, that is kept. -1: it can't be read, or memory. */
int windows_folder_note(struct facts *x, const struct subject_volume *v, struct fs *fs, const struct fs_entry *link,
			struct error *e) must_check;

/* Without a list of the user's: files of a Windows that are restored each time. Paths as in fs.h; case is ignored. */
bool windows_is_critical(const char *path);
/* An event log. */
bool windows_is_log(const char *path);

#endif
