// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is done with verdicts, kept in the history beside them: which backup stood behind which patch, what a person
 * has waived, who is patching right now, and which backups must not be trusted for a clean restore. Text is untrusted.
 * A host may be written in capitals or not (history.h); the name of a lease is taken as it is.
 * All functions: -1 with *e as history.h says (BUSY: locked for longer than some seconds). Times are seconds UTC.
 * Patches and waivers are pruned as verdicts are (history.h); a waiver that a verdict or a patch names is kept as long
 * as that is, and that a restore point is suspect is never forgotten.
 */
#ifndef BACKPROOF_LEDGER_H
#define BACKPROOF_LEDGER_H

#include "backproof/history.h"
#include "backproof/program.h"

/* One patch: the backup that was proved, the command that then ran, the check after it. 0 and NULL: not known. */
struct patch_record {
	int64_t id; /* given by history_patch_begin */
	char *host, *policy;
	int code;	/* enum code of the verdict it began with: safe, or what the waiver covers */
	int64_t waiver; /* id of the waiver, 0 for none */
	char *label, *suspect; /* of the restore point, and why it is suspect */
	int64_t checked_at, taken_at;
	struct strings formats; /* of the restore point, outermost first */
	struct history_files files; /* of the restore point, without chunks; kept for as long as the patch is */
	struct strings command;
	enum program_state state;
	int status;
	int64_t started_at, ended_at;
	char *post; /* the check after it, as it was given */
	enum program_state post_state;
	int post_status;
	int64_t post_ended_at;
	char *user; /* who asked for it */
};
void patch_record_free(struct patch_record *r);
/*
 * Before the command is started: all but what is known when it has ended. INTERNAL unless it has a host and a command,
 * and is safe without a waiver, or not safe (10 to 21) with one.
 */
int history_patch_begin(struct history *h, struct patch_record *r, struct error *e) must_check;
/* State, status, times of the command and of the check after it. */
int history_patch_update(struct history *h, const struct patch_record *r, struct error *e) must_check;
/* Newest first; host NULL: all. limit 0: all. visit as in history.h. */
typedef int history_patch_fn(void *ctx, const struct patch_record *r, struct error *e);
int history_patches(struct history *h, const char *host, size_t limit, history_patch_fn *visit, void *ctx,
		    struct error *e) must_check;
/* 1: *out, 0: there is none with that id. */
int history_patch(struct history *h, int64_t id, struct patch_record *out, struct error *e) must_check;

/* A person says that a host may be patched all the same, until then. */
struct waiver {
	int64_t id; /* given by history_waiver_add */
	char *host, *reason, *ticket; /* ticket: or NULL */
	char *user, *login;   /* who, and who that was at log-in; login may be NULL */
	char *terminal, *origin; /* at which, and from which address; or NULL */
	uint32_t uid;
	int64_t recorded_at, ends_at;
	int64_t ended_at; /* ended early; 0: not */
	char *ended_by;
	char *envelope; /* signed statement (DSSE) of all of the above but id and ending, or NULL: see waiver.h */
	char *approved_by; /* not kept: who else has signed, for reports, filled where it is judged; or NULL */
};
void waiver_free(struct waiver *w);
int history_waiver_add(struct history *h, struct waiver *w, struct error *e) must_check;
/* Replaces its envelope. 1: done, 0: there is none with that id. */
int history_waiver_sign(struct history *h, int64_t id, const char *envelope, struct error *e) must_check;
/* Ends all of a host that are in force at `now` or would come to be. *ended: how many. now is not 0. */
int history_waivers_end(struct history *h, const char *host, int64_t now, const char *by, size_t *ended,
			struct error *e) must_check;
/* Newest first; host NULL: all. now: only those in force then (recorded_at <= now < ends_at, not ended); 0: all. */
typedef int history_waiver_fn(void *ctx, const struct waiver *w, struct error *e);
int history_waivers(struct history *h, const char *host, int64_t now, history_waiver_fn *visit, void *ctx,
		    struct error *e) must_check;

/* A place among those that may patch at the same time. It ends by itself when it is not renewed. */
#define LEASE_SECONDS 120
#define LEASE_RENEW 30 /* seconds after which it should be */
struct lease {
	int64_t id;
	char *name;   /* what is shared: "group mail", "host web01" */
	char *holder; /* who has it, for people: "web01 by root on backup1, pid 4711" */
	int64_t taken_at, expires_at;
};
void lease_free(struct lease *l);
/*
 * At most `most` (not 0) have `name` at a time. 1: *out is ours until now + LEASE_SECONDS; 0: all are taken, and *out
 * is the one that ends first. Expired ones are removed, and those that end more than 2 LEASE_SECONDS from now: of a
 * clock that was wrong.
 */
int history_lease_take(struct history *h, const char *name, unsigned most, const char *holder, int64_t now,
		       struct lease *out, struct error *e) must_check;
/* 1: it is ours for another LEASE_SECONDS; 0: it was lost: somebody else may have the place. */
int history_lease_renew(struct history *h, struct lease *l, int64_t now, struct error *e) must_check;
int history_lease_drop(struct history *h, const struct lease *l, struct error *e) must_check;

/* Restore points that were made after something may have got in: good for patching, not for a clean restore. */
int history_suspect_add(struct history *h, const char *host, const char *label, const char *reason, const char *user,
			int64_t now, struct error *e) must_check;
/*
 * 1: *reason (allocated), 0: it is not suspect. taken_at: of the restore point, its oldest clock; what was made more
 * than SUSPECT_SLACK after the mark is another backup under the same name, and not meant. 0: not known.
 */
#define SUSPECT_SLACK 3600 /* seconds that clocks may differ */
int history_suspect(struct history *h, const char *host, const char *label, int64_t taken_at, char **reason,
		    struct error *e) must_check;

#endif
