// SPDX-License-Identifier: GPL-3.0-or-later
/* The verdict: a pure function of findings, policy and measures. */
#ifndef BACKPROOF_VERDICT_H
#define BACKPROOF_VERDICT_H

#include <sys/stat.h>

#include "backproof/confine.h"
#include "backproof/ledger.h"
#include "backproof/policy.h"

enum code {
	CODE_SAFE = 0,
	CODE_WAIVED = 87, /* not safe, and a person's recorded waiver is in force. Never an exit status */
	CODE_NO_BACKUP = 10,
	CODE_STALE = 11,
	CODE_DAMAGED = 12,
	CODE_INCOMPLETE = 13,
	CODE_CANNOT_TELL = 20,
	CODE_BUSY = 21,
	CODE_USAGE = 64,
	CODE_INTERNAL = 70,
	CODE_CONFIG = 78,
};
const char *code_name(enum code c); /* "no-backup" */
/* What a person may take on themselves: a verdict on a backup. Not SAFE, nor that there was no verdict. */
bool code_can_be_waived(enum code c);

struct history_record;

struct measures {
	uint64_t bytes_read;	/* stored bytes */
	uint64_t bytes_decoded;
	uint64_t files_sampled, files_restored, files_witnessed;
	uint64_t bytes_restored;
	double restore_seconds;
	double duration_seconds;
	uint64_t image_data;	/* bytes in use on all file systems, or in the archive */
};

struct verdict {
	enum code code;
	enum code waived; /* with WAIVED: what it would be */
	enum outcome proofs[PROOF_COUNT]; /* HELD, BROKEN or UNPROVEN */
	struct strings reasons;		  /* one line each, the weightiest first; untrusted text */
};

/*
 * Findings must be sealed. Order within one host: busy (nothing read from a moving file counts), damaged, incomplete,
 * no-backup, stale, cannot-tell. SAFE needs every required proof HELD, bytes read and files restored.
 * Evidence of damage (integrity, structure, restore) counts even where the proof is not required.
 */
void verdict_decide(const struct findings *f, const struct policy *p, const struct measures *m,
		    struct verdict *out);
void verdict_free(struct verdict *v);

/* A stored file of the restore point, and what it was proved to be. */
struct proved_file {
	char *path;
	uint64_t size;
	bool has_sha256, has_fsverity;
	uint8_t sha256[32], fsverity[32];
	/* Its fs-verity digest as a seal or the history has it, against which chunks were held: no proof by itself. */
	bool has_known;
	uint8_t known[32];
	/* The very file that was read, as it was when it was opened. */
	bool is_opened;
	struct stat opened;
};

/* A program that policy names, run because there was no backup that is fresh. */
struct backup_now {
	enum code because; /* NO_BACKUP or STALE */
	struct strings command;
	enum program_state state;
	int status;
	bool timed_out;
	double seconds;
};
void backup_now_free(struct backup_now *b);

/* The sample of chunks that was held against a seal or the history; total 0: none was taken. */
struct chunk_sample {
	uint64_t total, bytes_total; /* chunks and bytes of all files it speaks for */
	uint64_t drawn, bytes_read;  /* by lot, and read */
	uint64_t known;		     /* not drawn, and known all the same: holes, heads and tails */
	uint64_t needed;	     /* to be drawn, for the confidence that policy asks */
	uint64_t bad;
	uint32_t confidence, damage, wanted; /* millionths: reached, of what damage, and asked */
	const char *from;	     /* "seal" or "history" */
	bool stopped;		     /* by the deadline */
};

/* What was found out about the seal of a restore point. */
struct seal_state {
	char *path; /* NULL: it has none */
	bool is_signed, trusted;
	char key_id[65];
	int64_t sealed_at;
};

/* Everything that a report shows of one host. */
struct host_result {
	char *host;
	char *policy;		/* name */
	enum depth depth;	/* as done: SAMPLE or FULL */
	uint64_t seed;
	int64_t checked_at;
	int64_t max_age;	/* of the policy, for "within 20 %" */
	bool has_point;
	char *point_label;
	struct strings paths;
	int64_t taken_at;	/* the oldest clock that counts; 0 when not known */
	int64_t age;		/* seconds; valid with taken_at */
	uint64_t bytes;		/* stored */
	struct strings formats; /* "zstd", "raw", "gpt", "ext4", ... outermost first */
	struct findings findings; /* sealed */
	struct verdict verdict;
	struct measures measures;
	VEC(struct proved_file) files;
	char *hostname, *machine_id, *system; /* found inside; untrusted text; NULL: not found */
	uint8_t policy_digest[32]; /* SHA-256 of the policy as it applied */
	int64_t valid_for;	   /* of a pass, by the policy */
	char *pass_key;		   /* that the policy names, or NULL */
	struct chunk_sample sample;
	struct seal_state seal;
	struct confinement confinement; /* of who read it; all zeros: nobody, or this process */
	struct strings notes;	   /* on what is no part of the verdict: that the history could not be written */
	struct history_record *record; /* what will be remembered, while the run goes on. Owned; may be NULL */
	struct waiver *waiver;	   /* with code WAIVED: by whom, why and until when. Owned */
	struct waiver *standing;   /* with another code: one that is in force all the same. Owned */
	char *suspect;		   /* why this restore point must not be trusted for a clean restore, or NULL */
	struct backup_now *backup_now; /* before this was judged; NULL: none was made. Owned */
	struct patch_record *patch; /* that this is the verdict of; NULL: nobody asked for one. Owned */
	struct host_result *older; /* with fallback: the newer point that was not safe. Owned */
};
/* Frees what r and the chain of `older` hold, and each older; not r itself. NULL is fine. */
void host_result_free(struct host_result *r);
/* Safe by a hair: the age has reached 80 % of the policy's. For exit_status and reports. */
bool host_result_near_max_age(const struct host_result *r);

/* Of several hosts: the first of 70 78 12 13 10 11 20 21 that occurs, else WAIVED if that does, else 0. None: 20. */
enum code codes_combine(const enum code *codes, size_t count);

enum exit_style { EXIT_PLAIN, EXIT_NAGIOS, EXIT_SYSTEMD, EXIT_QUALYS };
/* near_max_age: safe, but within 20 % of it (nagios: warning). */
int exit_status(enum code c, enum exit_style style, bool near_max_age);

#endif
