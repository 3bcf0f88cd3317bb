// SPDX-License-Identifier: GPL-3.0-or-later
/* Walking below a directory: what all file systems have in common, and the whole walk where entries have numbers. */
#ifndef FS_WALK_H
#define FS_WALK_H

#include "backproof/fs.h"
#include "backproof/text.h"

struct walk_level;
struct walk {
	const char *who; /* before what is said: "btrfs: ", or "" */
	size_t path_max; /* a longer path is LIMIT; 0: any length */
	const struct budget *b;
	fs_visit_fn *visit;
	void *ctx;
	struct text path; /* of what is shown now */
	uint64_t entries;
	uint64_t *seen; /* open addressing; 0 is empty */
	size_t slots, used;
	VEC(struct walk_level) levels;
};
void walk_free(struct walk *w);

/* The path begins with that of the directory to start from, less slashes before and behind. */
int walk_start(struct walk *w, const char *path, struct error *e) must_check;
/* One entry more: LIMIT when that is one too many. */
int walk_count(struct walk *w, struct error *e) must_check;
/* Puts a name behind the path. walk_cut goes back. */
int walk_name(struct walk *w, const void *name, size_t len, struct error *e) must_check;
void walk_cut(struct walk *w, size_t length);
/* Remembers that number. 1, 0 when it was remembered before, -1. */
int walk_see(struct walk *w, uint64_t number, struct error *e) must_check;

/* For walk_tree. `at` is the file system's own: the entry shown last, or what it began with. */
struct walk_ops {
	/* Goes to the entry of that number, whose path is w->path; fills *out but for its path. */
	int (*show)(struct walk *w, void *at, uint64_t number, struct fs_entry *out, struct error *e);
	/* Enters the directory that `at` is at, if it was not entered before: walk_keep for each name to be shown. */
	int (*list)(struct walk *w, void *at, struct error *e);
};
int walk_keep(struct walk *w, uint64_t number, const void *name, uint16_t length, struct error *e) must_check;
/* The number of directories around what is shown. */
static inline size_t walk_depth(const struct walk *w)
{
	return w->levels.count;
}
/* All below the directory that `at` is at. 0, also when visit ended it; -1. */
int walk_tree(struct walk *w, const struct walk_ops *ops, void *at, struct error *e) must_check;

#endif
