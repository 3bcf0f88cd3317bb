// SPDX-License-Identifier: GPL-3.0-or-later
/* Sampling: which files are tried, and restoring them into scratch. */
#ifndef BACKPROOF_SAMPLE_H
#define BACKPROOF_SAMPLE_H

#include "backproof/budget.h"
#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/scratch.h"

/*
 * A seeded choice of k out of a stream of unknown length, spread over size classes: items are shown one by
 * one; each says in which slot (0..k-1) it is kept, or -1.
 */
struct reservoir {
	struct rng rng;
	uint32_t slots;
	uint64_t seen;
};
void reservoir_init(struct reservoir *r, uint32_t slots, uint64_t seed);
/* -1: not kept. Else the slot that the item takes over from what was there before. */
int64_t reservoir_offer(struct reservoir *r);

/* Paths and globs that are always sampled ("/boot/<glob>"): true when path (no leading slash) matches. */
bool critical_match(const char *pattern, const char *path);

/* One file, directory or link that was written into scratch. */
struct restored {
	char *path;	/* in the image */
	char *name;	/* below the scratch directory */
	uint64_t size;
	uint8_t digest[DIGEST_MAX]; /* SHA-256 of what was written */
	uint32_t mode;
	int64_t mtime;
	enum entry_type type;
};
void restored_free(struct restored *r);

struct restorer;
/* Writes below a directory of scratch of its own. */
struct restorer *restorer_open(struct scratch *s, struct error *e) must_check;
void restorer_destroy(struct restorer *r);
DEFINE_AUTO(struct restorer, restorer_destroy)
/* Gives data of the file being restored: 1..cap bytes, 0 the end, -1 failed. */
typedef ssize_t restore_read_fn(void *ctx, void *buf, size_t cap, struct error *e);
struct restore_input {
	const struct fs_entry *entry;
	const char *link;   /* target of a symbolic link */
	restore_read_fn *read; /* of a regular file */
	void *ctx;
	struct fs *fs;	    /* where its extended attributes are, or NULL */
	const void *native; /* struct archive_entry with them, or NULL */
};
/*
 * Writes one entry with libarchive's disk writer: mode without setuid and setgid, times, link, "user."
 * attributes. -1 LIMIT: scratch is too small; other classes come from read or from the disk.
 */
int restore_entry(struct restorer *r, const struct restore_input *in, struct restored *out,
		  struct error *e) must_check;
/*
 * Puts one copy on the disk. Asked of all first without and then with wait, the disk works on all at once; each
 * by itself, because a sync of the whole file system would write out the spool, which is to be thrown away. After the
 * wait the copy is dropped from memory and read ahead, for restore_read_back.
 */
int restore_flush(struct restorer *r, const struct restored *it, bool wait, struct error *e) must_check;
/*
 * Reads back what was written and compares size, digest, kind and mode. Returns the open descriptor for
 * witnesses (to be closed by the caller), -1 on failure, -2 for what is not a regular file and was found right.
 * Several threads may read back, and remove, different copies at once.
 */
int restore_read_back(struct restorer *r, const struct restored *it, struct error *e) must_check;
/* Ends the writing: what waits for its end (modes and times of directories) is done. */
int restore_end(struct restorer *r, struct error *e) must_check;
void restore_remove(struct restorer *r, const struct restored *it);
/* Seconds spent writing and syncing, bytes written. */
double restore_seconds(const struct restorer *r);
uint64_t restore_bytes(const struct restorer *r);

#endif
