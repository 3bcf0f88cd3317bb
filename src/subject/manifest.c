// SPDX-License-Identifier: GPL-3.0-or-later
/* What came out of the volumes and archives of one restore point, as files of one tree: for its seal. */
#include "backproof/text.h"
#include "trial.h"

void manifest_free(struct manifest *m)
{
	vec_each(&m->files, x) free(x->path);
	vec_free(&m->files);
}

void trial_note(struct trial *t, const char *mount, struct manifest *to, struct findings *f)
{
	vec_each(&t->manifest.files, x)
	{
		struct manifest_entry *m = x->path ? vec_push(&to->files) : NULL;
		if (!m) {
			f->lost = true;
			return;
		}
		*m = *x;
		m->path = text_format("%s%s%s", mount, *mount ? "/" : "", x->path);
		f->lost |= !m->path;
	}
}
