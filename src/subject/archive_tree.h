// SPDX-License-Identifier: GPL-3.0-or-later
/* What is kept of an archive while it passes by: small files that facts need, digests of package files. */
#ifndef SUBJECT_ARCHIVE_TREE_H
#define SUBJECT_ARCHIVE_TREE_H

#include "backproof/subject.h"

/* A file whose digests were taken in passing. */
struct seen_file {
	char *path;
	char *alias; /* hard link: the path whose data it shares; then there are no digests */
	int64_t mtime;
	uint64_t size;
	size_t order;
	unsigned mask;
	uint8_t md5[16], sha1[20], sha256[32];
};

struct kept_entry {
	char *path;
	char *data; /* NUL-terminated; NULL where only the name is of use */
	size_t length;
	uint64_t size; /* of a file, as stored */
	size_t order;  /* of a path that comes twice, a restore leaves the last */
	int64_t mtime;
	bool directory;
};

struct archive_tree {
	VEC(struct kept_entry) kept;
	VEC(struct seen_file) seen;
	struct strings hosts;  /* what /etc/hostname of each archive says */
	struct strings filled; /* directories up to four levels deep that hold something */
	size_t kept_bytes, next_order;
	bool sorted;
	bool cut;	 /* an archive could not be read to its end: what is missing may be behind that */
	bool incomplete; /* more to keep than memory allows: what is missing proves nothing */
};

bool archive_tree_wants(const char *path, bool *data);
/* Takes data on success. */
int archive_tree_keep(struct archive_tree *t, const struct fs_entry *entry, char *data, size_t len,
		      struct error *e) must_check;
int archive_tree_fill(struct archive_tree *t, const char *path, struct error *e) must_check;
/* The file, following a hard link; NULL when it was not seen. */
const struct seen_file *archive_tree_seen(struct archive_tree *t, const char *path);
void archive_tree_sort(struct archive_tree *t);

#endif
