// SPDX-License-Identifier: GPL-3.0-or-later
/* The run for one host: find its restore point, open it, check it, decide. */
#ifndef BACKPROOF_GATE_H
#define BACKPROOF_GATE_H

#include "backproof/budget.h"
#include "backproof/config.h"
#include "backproof/seal.h"
#include "backproof/verdict.h"

/* What the command line says over the configuration. Unset values are NULL, 0 or negative. */
struct gate_overrides {
	const char *policy, *hostname, *machine_id, *scratch;
	int depth;		/* enum depth, -1 */
	int64_t max_age;	/* -1 */
	int64_t sample_files, sample_bytes; /* -1 */
	int64_t scratch_limit;	/* -1 */
	bool seed_given;
	uint64_t seed;
	int64_t deadline;	/* seconds, 0: none */
	int64_t now;		/* 0: the clock */
	int64_t valid_for;	/* seconds, 0 */
	const char *history;	/* as in policy, or NULL */
	const struct strings *trusted_keys; /* these besides those of the policy, or NULL */
	int64_t confidence, damage; /* millionths, 0 */
	bool no_confine;
	const char *suspect;	/* why what is judged must not be trusted for a clean restore, or NULL */
};

/*
 * Makes this process as considerate as the policies of the hosts ask: the highest nice and the gentlest ionice of them,
 * for its threads are shared by all; never less than it was started with. Before any other thread is. -1: the kernel
 * refused, which changes no verdict.
 */
int gate_be_polite(const struct config *c, const struct gate_overrides *o, const struct strings *hosts,
		   struct error *e) must_check;

/*
 * From now on each restore point is read by a process of its own, this program: path, executed with the one argument
 * "reader", which does what gate_reader does. What has to be looked into before a restore point is known, such as the
 * head of a qcow2, is looked into by one more, "peeker". NULL (as at first): all by this one. path is borrowed.
 */
void gate_readers(const char *path);
int gate_peeker(void);
/* A reader: what is asked of it comes by descriptors that whoever started it has left open. The exit status. */
int gate_reader(void);

/* What several hosts share: the indexes of repositories, and how fast a policy lets them be read. */
struct gate_indexes;
/* Opens every repository of the configuration once; one that can't be read fails its hosts later. */
struct gate_indexes *gate_indexes_open(const struct config *c, struct error *e) must_check;
void gate_indexes_destroy(struct gate_indexes *x);
/*
 * Of hosts that were checked with it, verdicts go into the history a moment later: waits until all are there. notes:
 * what could not be written.
 */
void gate_history_flush(struct gate_indexes *x, struct strings *notes);

struct gate_request {
	const char *host;
	const struct config *config;
	const struct strings *from; /* NULL or empty: the configuration's repositories */
	const struct gate_overrides *overrides;
	struct gate_indexes *indexes; /* may be NULL */
	struct budget *budget;	      /* for progress; initialised by the caller */
	const char *unreached;	      /* not NULL: nothing is looked at, and this is why: a CANNOT_TELL */
};

/*
 * Never fails: what goes wrong is the verdict (INTERNAL at the worst). A bad policy name is CONFIG. *out is
 * to be freed with host_result_free.
 */
void gate_check(const struct gate_request *r, struct host_result *out);
/*
 * What gate_check has remembered lets a patch begin, and could not be told: the exit status is INTERNAL. The history
 * says so too, as the host's last verdict, or who asks it would go on by what nobody was told. notes: that it can't be.
 */
void gate_unreported(const struct gate_request *r, const struct host_result *of, struct strings *notes);
/*
 * Where a verdict says that there is no backup, or none that is fresh, and policy names a program that makes one
 * (on_missing, on_stale): runs it, once, and takes the verdict that was there (freed) for that of another gate_check.
 * What the program says goes to standard error. When it fails, and when it may not be run for this host, the verdict
 * stays and a note says why. again: does gate_check; say: a line before it is run. Does nothing with r->from.
 * Where such a program is named, what overrides say of `suspect` is of the backup that it makes, not of a stale one.
 */
void gate_back_up(const struct gate_request *r, struct host_result *out, void (*say)(const char *text),
		  void (*again)(void *ctx, const struct gate_request *r, struct host_result *out), void *ctx);

/*
 * The policy of a host: by option, by its section, or the default. NULL: there is none of that name. *history: the path
 * of the history that it has, NULL: none is kept. All borrowed.
 */
const struct policy *gate_policy(const struct config *c, const struct gate_overrides *o, const char *host,
				 const char **history);

struct text;
/*
 * Waivers. PENDING: policy wants it signed by a second person, and nobody has; VOID: it is worth nothing. why: a line
 * for people, where it does not hold. keys: those of the policy. approver: who has signed, allocated, or NULL.
 */
enum waiver_state { WAIVER_HOLDS, WAIVER_PENDING, WAIVER_VOID };
struct trusted_keys;
enum waiver_state waiver_judge(const struct waiver *w, const struct policy *p, const struct trusted_keys *keys,
			       int64_t now, char **approver, struct text *why);
/* The keys that a policy trusts with waivers. */
int waiver_keys_load(const struct policy *p, struct trusted_keys *keys, struct error *e) must_check;
/*
 * The waiver that holds for a host now, of several the one that does longest. 1: *out, 0: none, and notes (may be NULL)
 * has a line for each that is there and does not hold; -1: that can't be told, so there is none.
 */
int gate_waiver(struct history *h, const struct policy *p, const char *host, int64_t now, struct waiver *out,
		struct strings *notes, struct error *e) must_check;

/* Passes: see backproof-pass(5). */
struct pass;
/*
 * The path of the private key that the policy of a host names, NULL for none. -1: there is no such policy, or no
 * memory. Owned by the configuration.
 */
int gate_pass_key(const struct config *c, const struct gate_overrides *o, const char *host, const char **out,
		  struct error *e) must_check;
/*
 * What a result says, to be signed: of the restore point that was judged, also where that was an older one.
 * To be freed with pass_free, whatever is returned.
 */
int gate_pass_fill(const struct host_result *r, struct pass *out, struct error *e) must_check;

/* What is asked of a pass. NULL: nothing. */
struct pass_claims {
	const char *host;	/* that it must be for, as given; NULL: this machine */
	const char *self;	/* this machine's host name */
	const char *self_id;	/* its machine id, or NULL */
	const char *machine_id; /* as given: it must say it */
	const char *policy;
	const uint8_t *policy_digest;
	int64_t now;
};
#define PASS_CLOCK_SKEW 300 /* seconds into the future that a pass may have been verified */
/*
 * The code that a pass stands for, and why, one line for people. SAFE lets a patch begin, and so does WAIVED,
 * because a person says so. ours: it is genuine, for this host and policy, and of no later time than now, whatever it
 * says: newer ones are judged beside it.
 */
enum code pass_judge(const struct pass *p, const struct pass_claims *c, bool *ours, struct text *why);
/*
 * Remembers the newest pass of its host in a file. An older one, or another of the same second, is a replay: 1.
 * 0: it is the newest. -1: the file can't be read or written, or is not one that this wrote.
 */
int pass_state_update(const char *path, const struct pass *p, struct error *e) must_check;

struct trusted_keys;
/*
 * The pass of a file, under the keys given. A code and *e for what is none: missing is STALE, for then there is no
 * verdict that is young enough; what is not exactly as a key signed it is INCOMPLETE; what can't be read or is of a
 * version that is not known CANNOT_TELL. SAFE says nothing of what it says. To be freed with pass_free in any case.
 */
enum code pass_load(const char *path, const struct trusted_keys *keys, struct pass *out, struct error *e) must_check;
/*
 * pass_judge for this machine (self and self_id of the claims are filled in), and against replays where a path of a
 * state is given.
 */
enum code pass_check(const struct pass *p, const struct pass_claims *asked, const char *state,
		     struct text *why) must_check;
/* As systemd or D-Bus has written it. */
bool machine_id_here(char id[33]);

/*
 * Sealing: one pass over a restore point at depth full; what holds up is sealed. Freshness is not judged, nor is
 * identity but for a host that is given, nor that nothing vouches for its bytes: that is what the seal is for.
 */
struct seal_request {
	const struct strings *paths; /* as for --from */
	const char *host;	     /* it must be of, or NULL */
	const char *against;	     /* device or file that it was made of, or NULL */
	const struct signer *key;    /* NULL: unsigned */
	const char *output;	     /* path of the seal; NULL: FIRST.seal beside the first file by name */
	const struct gate_overrides *overrides;
	struct budget *budget;
};
struct seal_result {
	enum code code; /* SAFE: it is sealed, and on the disk */
	struct strings reasons, notes; /* why not; what is worth knowing all the same. Untrusted text */
	struct strings files;	       /* paths of the restore point */
	struct seal seal;	       /* path NULL: none was written */
	uint64_t bytes;		       /* of its files */
	size_t measured;	       /* files of which the kernel has measured the same digest */
	double seconds;
};
/* Never fails: what goes wrong is in *out, to be freed with seal_result_free. */
void gate_seal(const struct seal_request *r, struct seal_result *out);
void seal_result_free(struct seal_result *r);

/* Looking into a backup, and taking files out of it. Each returns an exit code, or -1 with *e filled. */
struct browse_request {
	const struct strings *paths; /* of the backup, as for --from */
	const struct strings *files; /* paths in it: files, directories (with all below), globs */
	unsigned fs;		     /* the file system that inspect shows with this number; 0: the whole tree */
	const struct gate_overrides *overrides;
	struct budget *budget;
};
/* Lists what is there. names it lists: the files, or everything when there are none. */
int gate_list(const struct browse_request *r, bool json, struct text *out, struct error *e) must_check;
/* Writes the files, one after the other, to fd. What was wrong goes into log, one line each. */
int gate_cat(const struct browse_request *r, int fd, struct text *log, struct error *e) must_check;
/* Restores them below directory. log: what was done or went wrong, one line each. */
int gate_extract(const struct browse_request *r, const char *directory, struct text *log,
		 struct error *e) must_check;

/* The same opening, for people: used by inspect. See src/gate/inspect.c. */
int gate_inspect(const struct strings *paths, bool json, const struct gate_overrides *o, struct text *out,
		 struct error *e) must_check;

#endif
