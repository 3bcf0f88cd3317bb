// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Witnesses: content that proves itself. Two kinds: a file whose own bytes carry a check (gzip, PNG,
 * SQLite, ELF...), and a package database in the image that knows the digests of other files.
 */
#ifndef BACKPROOF_WITNESS_H
#define BACKPROOF_WITNESS_H

#include "backproof/digest.h"
#include "backproof/finding.h"
#include "backproof/stream.h"

/*
 * A file restored into scratch, looked at in place. fd is open for reading (seekable); path is its name in the
 * image. Returns HELD or BROKEN (with e filled: what is wrong, and the offset), UNPROVEN when the
 * check could not be carried out, SKIPPED when the file is not of this kind after all.
 */
struct witness {
	const char *name; /* "gzip": the check id is "witness.gzip" */
	/* By the first bytes (head, at least 16 unless the file is shorter) and the path. */
	bool (*recognise)(const char *path, const uint8_t *head, size_t len);
	enum outcome (*check)(int fd, uint64_t size, const char *path, struct error *e);
};
const struct witness *const *witness_rows(size_t *count);
/* The first row that recognises the file, or NULL. */
const struct witness *witness_for(const char *path, const uint8_t *head, size_t len);

/* One file that a package database vouches for. */
struct vouched {
	char *path;    /* as in fs.h: no leading slash; diversions already applied */
	uint8_t digest[DIGEST_MAX];
	enum digest_kind kind;
	bool conffile; /* the administrator may change it: a mismatch is no damage */
	int64_t installed; /* a file with a later mtime was changed on purpose; 0 when not known */
	int64_t built;     /* when the package was: it brought nothing younger; 0 when not known */
	int64_t mtime; /* the mtime the package gave it, INT64_MIN when not known */
	int64_t size;  /* -1 when not known */
};
struct vouchers {
	struct vouched *items;
	size_t count, capacity;
	const char *database; /* "dpkg", "pacman", "apk", "rpm": a literal */
};
void vouchers_free(struct vouchers *v);

/*
 * How a package database is read: by asking for named files and for the names in a directory.
 * read: 1 and an owned, NUL-terminated buffer; 0 no such file; -1 error. list: names in a directory.
 */
struct tree_reader {
	void *ctx;
	int (*read)(void *ctx, const char *path, size_t max, char **data, size_t *len,
		    int64_t *mtime, struct error *e);
	int (*list)(void *ctx, const char *path, struct strings *names, struct error *e);
};
struct package_database {
	const char *name;
	/* 1 found and read, 0 not in this tree, -1 error. Adds to v. */
	int (*load)(const struct tree_reader *t, struct vouchers *v, struct error *e);
	/* The files and directories (prefixes) the database needs, for readers that see a tree once. */
	const char *const *wants;
};
const struct package_database *const *package_databases(size_t *count);

/*
 * What a mismatch of digest means for one vouched file: BROKEN when its times say that nobody wrote it since
 * it was installed, SKIPPED when it was changed on purpose (conffile, later mtime or ctime).
 * use_ctime is false for trees whose change times say nothing (restored or copied ones).
 */
enum outcome vouched_mismatch(const struct vouched *v, int64_t mtime, int64_t ctime, bool use_ctime);

#endif
