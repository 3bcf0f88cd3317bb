// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What was found out before: every verdict with its restore point, in SQLite. What it says only ever speaks against a
 * backup, or lets a check read less where it can still prove; that it is missing, locked or broken makes nothing safer
 * and stops no full check.
 */
#ifndef BACKPROOF_HISTORY_H
#define BACKPROOF_HISTORY_H

#include "backproof/chunks.h"
#include "backproof/finding.h"

#define HISTORY_DEFAULT "/var/lib/backproof/history.db"

/* A stored file, as it was when it was read. */
struct history_file {
	char *path; /* absolute, as realpath gives it, so that it is the same file from wherever one looks */
	uint64_t size, device, inode;
	int64_t mtime_ns, ctime_ns;
	bool has_sha256, has_fsverity;
	uint8_t sha256[32], fsverity[32];
	bool read_whole;	/* every byte of it in that run */
	struct chunks *chunks;	/* NULL: not kept. Owned */
};

/* SKETCH_SIZE least hashes of all paths inside, ascending: how alike two trees are can be told from them. */
#define SKETCH_SIZE 512

/* One verdict. Text is untrusted. 0 and NULL: not known. */
struct history_record {
	int64_t id;		/* given by history_add */
	char *host, *label, *policy;
	int64_t checked_at, taken_at; /* seconds UTC */
	int code;		/* enum code */
	int depth;		/* enum depth, as done */
	uint64_t seed;
	uint8_t proofs[PROOF_COUNT]; /* enum outcome */
	int evidence;		/* enum evidence that the policy asked for: a later sample leans on no less */
	struct strings reasons;
	uint64_t bytes;		/* stored */
	uint64_t bytes_read, bytes_decoded, image_data;
	uint64_t files_sampled, files_restored, files_witnessed, bytes_restored;
	double restore_seconds, duration_seconds;
	char *hostname, *machine_id, *system; /* inside */
	uint64_t entries;	/* files inside; 0: not counted */
	uint32_t opaque;	/* millionths of the sampled files' bytes that nothing can compress */
	bool opaque_known;
	uint32_t confidence, damage; /* of a sample of chunks, millionths; 0: none */
	uint64_t *sketch;	/* sketch_count of them, or NULL */
	size_t sketch_count;
	VEC(struct history_file) files;
};
void history_record_free(struct history_record *r);

struct history;
enum history_mode { HISTORY_READ, HISTORY_WRITE };
/*
 * WRITE makes it when it is missing, and brings an older one up to date. MISSING: not there (READ). BUSY: locked for
 * longer than some seconds. CORRUPT: no history of ours, or broken. UNSUPPORTED: of a newer program. Thread-safe; a
 * handle may be used by several threads, a file by several processes.
 */
struct history *history_open(const char *path, enum history_mode mode, struct error *e) must_check;
void history_destroy(struct history *h);
DEFINE_AUTO(struct history, history_destroy)

/* All of it or nothing, and on the disk when it returns. */
int history_add(struct history *h, struct history_record *r, struct error *e) must_check;
/* Newest first; host NULL: all. limit 0: all. Records come without chunks. visit: 0 goes on, 1 ends, -1 fails. */
typedef int history_visit_fn(void *ctx, const struct history_record *r, struct error *e);
int history_each(struct history *h, const char *host, size_t limit, history_visit_fn *visit, void *ctx,
		 struct error *e) must_check;
/*
 * The newest run at depth FULL in which this very file (path, device, inode, size, mtime and ctime the same) was read
 * whole and the verdict was safe, of this host. 1: *out (with chunks, where kept) and *checked_at; 0: none.
 */
int history_full_proof(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e) must_check;
/*
 * The first digest that was ever recorded of a file of this path, size and mtime. 1: *out and *checked_at; 0: none.
 */
int history_first_seen(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e) must_check;
/*
 * Another restore point of this host (another label or taken at another time) that had a file with this digest. 1:
 * *label (allocated) and *checked_at; 0: none.
 */
int history_same_content(struct history *h, const char *host, const struct history_file *now, char **label,
			 int64_t *checked_at, struct error *e) must_check;
void history_file_free(struct history_file *f);

#endif
