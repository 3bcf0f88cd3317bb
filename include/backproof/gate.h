// SPDX-License-Identifier: GPL-3.0-or-later
/* The run for one host: find its restore point, open it, check it, decide. */
#ifndef BACKPROOF_GATE_H
#define BACKPROOF_GATE_H

#include "backproof/budget.h"
#include "backproof/config.h"
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
};

/*
 * Makes this process as considerate as the policies of the hosts ask: the highest nice and the gentlest ionice of them,
 * for its threads are shared by all; never less than it was started with. Before any other thread is. -1: the kernel
 * refused, which changes no verdict.
 */
int gate_be_polite(const struct config *c, const struct gate_overrides *o, const struct strings *hosts,
		   struct error *e) must_check;

/* What several hosts share: the indexes of repositories, and how fast a policy lets them be read. */
struct gate_indexes;
/* Opens every repository of the configuration once; one that can't be read fails its hosts later. */
struct gate_indexes *gate_indexes_open(const struct config *c, struct error *e) must_check;
void gate_indexes_destroy(struct gate_indexes *x);

struct gate_request {
	const char *host;
	const struct config *config;
	const struct strings *from; /* NULL or empty: the configuration's repositories */
	const struct gate_overrides *overrides;
	struct gate_indexes *indexes; /* may be NULL */
	struct budget *budget;	      /* for progress; initialised by the caller */
};

/*
 * Never fails: what goes wrong is the verdict (INTERNAL at the worst). A bad policy name is CONFIG. *out is
 * to be freed with host_result_free.
 */
void gate_check(const struct gate_request *r, struct host_result *out);

/* Looking into a backup, and taking files out of it. Each returns an exit code, or -1 with *e filled. */
struct browse_request {
	const struct strings *paths; /* of the backup, as for --from */
	const struct strings *files; /* paths in it: files, directories (with all below), globs */
	unsigned fs;		     /* the file system that inspect shows with this number; 0: the whole tree */
	const struct gate_overrides *overrides;
	struct budget *budget;
};
struct text;
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
