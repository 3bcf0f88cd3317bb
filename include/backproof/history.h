// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What was found out before: every verdict with its restore point, in SQLite. What it says only ever speaks against a
 * backup, or lets a check read less where it can still prove; that it is missing, locked or broken makes nothing safer
 * and stops no full check. A host is the same in capitals or not, as in the configuration; its name comes out as it was
 * written.
 */
#ifndef BACKPROOF_HISTORY_H
#define BACKPROOF_HISTORY_H

#include "backproof/chunks.h"
#include "backproof/finding.h"

#define HISTORY_DIRECTORY "/var/lib/backproof"
#define HISTORY_DEFAULT HISTORY_DIRECTORY "/history.db"
/* Where a history is when nobody says: what BACKPROOF_HISTORY says ("none" is none), else HISTORY_DEFAULT. */
const char *history_usual(void);

/* A stored file, as it was when it was read. */
struct history_file {
	char *path; /* absolute, as realpath gives it, so that it is the same file from wherever one looks */
	uint64_t size, device, inode;
	int64_t mtime_ns, ctime_ns;
	bool has_sha256, has_fsverity;
	uint8_t sha256[32], fsverity[32];
	bool read_whole;	/* every byte of it in that run */
	struct chunks *chunks;	/* NULL: not kept. Owned */
	bool has_known;		/* not kept: the fs-verity digest that a sample of it was held against */
	uint8_t known[32];
};

struct history_files {
	struct history_file *items;
	size_t count, capacity;
};

/* SKETCH_SIZE least hashes of all paths inside, ascending: how alike two trees are can be told from them. */
#define SKETCH_SIZE 512

/* One verdict. Text is untrusted. 0 and NULL: not known. */
struct history_record {
	int64_t id;		/* given by history_add */
	char *host, *label, *policy;
	int64_t checked_at, taken_at; /* seconds UTC */
	int code;		/* enum code: what was found, waived or not */
	int64_t waiver;		/* id of the waiver that was in force for it, 0 for none: see ledger.h */
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
	struct history_files files;
};
void history_record_free(struct history_record *r);

/*
 * What is kept of a host: each verdict for HISTORY_KEEP_SECONDS, and the newest HISTORY_KEEP_RUNS however old they are
 * (a clock that was wrong for a day takes nothing away); sketches of the newest HISTORY_KEEP_SKETCHES, and the chunks
 * of the files of the newest HISTORY_KEEP_CHUNKS runs that had some.
 */
#define HISTORY_KEEP_SECONDS (INT64_C(400) * 86400)
#define HISTORY_KEEP_RUNS 400
#define HISTORY_KEEP_SKETCHES 32
#define HISTORY_KEEP_CHUNKS 3

struct history;
enum history_mode { HISTORY_READ, HISTORY_WRITE };
/*
 * WRITE makes it when it is missing (its directory must be there), and brings an older one up to date. MISSING: not
 * there. BUSY: locked for longer than some seconds. CORRUPT: no history of ours, or broken: it is not written to.
 * UNSUPPORTED: of a newer program. IO: others could put there what they like, or it can't be read or written.
 * Thread-safe; a handle may be used by several threads, a file by several processes.
 */
struct history *history_open(const char *path, enum history_mode mode, struct error *e) must_check;
void history_destroy(struct history *h);
DEFINE_AUTO(struct history, history_destroy)

/* All of it or nothing, and on the disk when it returns. */
int history_add(struct history *h, struct history_record *r, struct error *e) must_check;
/*
 * The same soon after, in a thread of its own, together with what else comes in meanwhile. Takes r in any case
 * (allocated). What could not be written is told by history_flush, which waits until nothing is left to write:
 * *lost records were not, the first of them because of *e.
 */
void history_post(struct history *h, struct history_record *r);
int history_flush(struct history *h, size_t *lost, struct error *e) must_check;

/*
 * Newest first; host NULL: all. limit 0: all. Records come without chunks. visit: 0 goes on, 1 ends, -1 fails; it does
 * not use h.
 */
typedef int history_visit_fn(void *ctx, const struct history_record *r, struct error *e);
int history_each(struct history *h, const char *host, size_t limit, history_visit_fn *visit, void *ctx,
		 struct error *e) must_check;
/*
 * The verdict of a host that counts: the one that was recorded last, unless it is safe and one that began later was
 * quicker to find that it is not. What is dated after `now` is no such one. 1: *id, 0: there is no verdict.
 */
int history_telling(struct history *h, const char *host, int64_t now, int64_t *id, struct error *e) must_check;
/*
 * The hosts that it knows, by name, each once, as it was first written. 1: *name is the next after `after` (allocated;
 * after NULL: the first), 0: none.
 */
int history_next_host(struct history *h, const char *after, char **name, struct error *e) must_check;
/* All of them in that order. visit: 0 goes on, 1 ends, -1 fails; it may use h. */
typedef int history_host_fn(void *ctx, const char *name, struct error *e);
int history_hosts(struct history *h, history_host_fn *visit, void *ctx, struct error *e) must_check;
/*
 * The newest run in which this very file (path, device, inode, size, mtime and ctime the same) was read whole, at full
 * depth, and the verdict was safe with integrity held, of this host. 1: *out (with chunks, where kept; they give its
 * digest) and *checked_at; 0: none.
 */
int history_full_proof(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e) must_check;
/*
 * The first digest that was ever recorded of a file of this path, size and mtime, and did not change while it was read.
 * 1: *out (without chunks) and *checked_at; 0: none.
 */
int history_first_seen(struct history *h, const char *host, const struct history_file *now, struct history_file *out,
		       int64_t *checked_at, struct error *e) must_check;
/*
 * Another restore point of this host that had a file with this digest: one of the same size that was last written at
 * another time, or has another path: whether it is a link to the same is for the caller to see. The newest. 1: *label
 * (allocated) and *checked_at; 0: none.
 */
int history_same_content(struct history *h, const char *host, const struct history_file *now, char **label,
			 int64_t *checked_at, struct error *e) must_check;
void history_file_free(struct history_file *f);

#endif
