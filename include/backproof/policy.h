// SPDX-License-Identifier: GPL-3.0-or-later
/* What is required of a backup before its host may be patched. */
#ifndef BACKPROOF_POLICY_H
#define BACKPROOF_POLICY_H

#include "backproof/finding.h"

enum depth { DEPTH_AUTO, DEPTH_SAMPLE, DEPTH_FULL };
/* How well the bytes are vouched for, weakest first. */
enum evidence { EVIDENCE_NONE, EVIDENCE_READ, EVIDENCE_WITNESS, EVIDENCE_CHECKSUM, EVIDENCE_DIGEST };
/* Whether a boot loader and a kernel are asked for. AUTO: when the restore point is a machine's. */
enum boot_policy { BOOT_AUTO, BOOT_REQUIRED, BOOT_NO };
/* How disks are asked for what is read. BEST_EFFORT_n: of level n, 0 first; BEST_EFFORT: of the usual one, 4. */
/* Readers of restore points. AUTO: as far as the kernel can; REQUIRED: or not at all; NO: in the same process. */
enum confine_policy { CONFINE_AUTO, CONFINE_REQUIRED, CONFINE_NO };
/* Whether a person may say that a host is patched all the same. SIGNED: by one of waiver_keys who is not who asks. */
enum waiver_policy { WAIVERS_NO, WAIVERS_RECORDED, WAIVERS_SIGNED };
enum io_class { IO_NONE, IO_IDLE, IO_BEST_EFFORT, IO_BEST_EFFORT_0, IO_BEST_EFFORT_7 = IO_BEST_EFFORT_0 + 7 };

struct policy {
	char *name;
	int64_t max_age;	/* seconds */
	int64_t clock_skew;	/* seconds into the future that are forgiven */
	unsigned require;	/* bit (1u << PROOF_...) */
	enum depth depth;
	int64_t full_every;	/* seconds */
	uint32_t sample_files;
	uint64_t sample_bytes;
	struct strings critical; /* absolute paths or globs inside the image */
	bool critical_given;	 /* by the user: then each must be there */
	/* mount points, drive letters ("D:") and folders of Windows that show a volume: they need not be in a backup */
	struct strings exclude;
	char *scratch;
	uint64_t scratch_limit;
	uint64_t rate_limit;	/* stored bytes read in a second, 0: no limit */
	/* Budgets of one restore point, 0: none. See struct budget. */
	uint64_t max_expansion, max_decoded, max_entries;
	uint32_t max_path_depth, max_chain;
	uint64_t memory_limit;	/* private bytes of a reader's process */
	int64_t time_limit;	/* seconds */
	uint32_t nice;		/* the least niceness; 0: as started */
	enum io_class ionice;	/* NONE: as started */
	uint64_t min_size;	/* bytes of all parts together */
	enum evidence integrity_evidence;
	enum boot_policy boot;
	enum confine_policy confine;
	bool fallback;		/* judge an older restore point when the newest is not safe */
	bool unproven_is_incomplete; /* 13 instead of 20 */
	uint32_t confidence, damage; /* of a sample of chunks, millionths: that so much damage would have been seen */
	bool require_signature; /* a seal signed by one of trusted_keys */
	struct strings trusted_keys; /* paths of public keys */
	char *history;		/* path of the history; "none"; NULL: HISTORY_DEFAULT where its directory is there */
	char *pass_key;		/* path of the private key that signs passes, or NULL */
	int64_t valid_for;	/* seconds, of a pass */
	/* Commands that make a backup now, without a shell, with {host} for the host; none: not given. */
	struct strings on_missing, on_stale;
	int64_t backup_time_limit; /* seconds for one of them */
	enum waiver_policy waivers;
	struct strings waiver_keys; /* paths of public keys: one of them must have signed */
	int64_t max_waiver;	/* seconds; 0: no limit */
	/* What speaks against a backup beside the ones before; millionths, 0: not looked at. */
	uint32_t max_shrink;	/* by so much smaller, or with so many fewer files */
	uint32_t max_renamed;	/* share of paths that are gone */
	uint32_t max_opaque;	/* rise of the share that nothing can compress */
	uint32_t max_slowdown;	/* by so much slower restored */
};

/* The embedded defaults. -1: memory. */
int policy_defaults(struct policy *p, const char *name) must_check;
int policy_copy(struct policy *to, const struct policy *from) must_check;
void policy_free(struct policy *p);
const char *depth_name(enum depth d);
const char *evidence_name(enum evidence v);

#endif
