// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Confinement of a process that parses what an attacker may have written: what it holds open it keeps, and gets
 * nothing more. Linux only: no_new_privs, another user (when started as root), resource limits, Landlock (kernel 5.13
 * and later, asked for at run time), seccomp.
 */
#ifndef BACKPROOF_CONFINE_H
#define BACKPROOF_CONFINE_H

#include "backproof/text.h"

/* Who a reader becomes that root has started: CONFINE_USER, or nobody where there is no such account. */
#define CONFINE_USER "backproof"
struct confine_account {
	char name[33];
	unsigned uid, gid;
};
/* -1: neither is known, or both are root. Reads the accounts' database: before anything is confined. */
int confine_account(struct confine_account *out, struct error *e) must_check;

struct confine_request {
	int directory;		/* below it, files may be made, written and removed; -1: nowhere. Landlock's rule */
	/*
	 * Files are restored below `target`, too: another such directory. Who is root stays so, to own them, with the
	 * capability to write there whoever the directory belongs to.
	 */
	bool restores;
	int target;
	const struct confine_account *account; /* to become; NULL: stays who it is */
	uint64_t memory;	/* private writable bytes, 0: no limit. Not in builds with a sanitizer */
	uint64_t file_size;	/* bytes of the largest file it writes, 0: no limit */
	unsigned files;		/* descriptors, 0: no limit */
	int64_t cpu_seconds;	/* of processor time, 0: no limit */
};

/* What is in force. */
struct confinement {
	bool no_new_privs, seccomp;
	int landlock;		/* ABI that is used, 0: this kernel has none (or it is switched off) */
	bool landlock_network, landlock_scope; /* its rules on TCP; on signals and abstract sockets */
	struct confine_account account; /* name "": who started it */
	uint64_t memory, file_size;
	unsigned files;
	int64_t cpu_seconds;
	bool reader;		/* in a process of its own at all */
};

/*
 * The last thing before untrusted bytes are looked at, with only one thread alive: this process and all its threads to
 * come are confined for good. Descriptors that are open stay so. -1: something that was asked for, and that this kernel
 * has, was refused: the process must not go on. What this kernel does not have is missing in *out, and no error.
 * A call that no reader has a reason for (exec, sockets, ptrace, another user, ...) ends the process with SIGSYS;
 * others that are not needed fail with EPERM or ENOSYS.
 */
int confine_process(const struct confine_request *r, struct confinement *out, struct error *e) must_check;

/* One line a part, for people: "seccomp: only the calls it needs", "Landlock: ABI 7, scratch only". */
void confinement_text(const struct confinement *c, struct text *out);
/* A JSON object. */
void confinement_json(const struct confinement *c, struct text *out);

#endif
