// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Other programs: started without a shell, as if whoever started us had started them himself, waited for, and ended
 * when their time is over. Their names are looked up in PATH when they have no slash.
 */
#ifndef BACKPROOF_PROGRAM_H
#define BACKPROOF_PROGRAM_H

#include "backproof/text.h"

/* A program that was started. */
enum program_state {
	PROGRAM_NONE,	   /* there is none, or it was not come to */
	PROGRAM_RUNNING,   /* or whoever waited for it has died */
	PROGRAM_EXITED,	   /* status is its exit status */
	PROGRAM_SIGNALLED, /* status is the signal that ended it */
	PROGRAM_FAILED,	   /* it could not be started: status is errno */
};

/*
 * What was done with signals, how nice we were and how gently disks were asked when this process began: programs get
 * it back, whatever has become of it. Once, first thing in main(). Without it, they get what is so when they start.
 */
void program_note_start(void);

enum program_stream {
	PROGRAM_INHERIT, /* ours */
	PROGRAM_STDERR,	 /* our standard error */
	PROGRAM_NOWHERE,
	PROGRAM_CAPTURE, /* in struct program, both in one when both are */
};

struct program_request {
	const struct strings *words;	   /* the first is the program; at least one */
	const struct strings *environment; /* "NAME=value", in place of what NAME is for us; or NULL */
	bool input;			   /* our standard input; otherwise there is nothing to be read */
	enum program_stream out, err;
	size_t capture_most; /* bytes; what goes beyond is read and left out */
	bool own_group; /* a process group of its own: a terminal's signals are not for it; the whole group is ended */
	int64_t seconds; /* after which program_run ends it; 0: never */
};

/* To be given to program_free when it has ended. Zeroed: there is none. */
struct program {
	enum program_state state;
	int status;
	bool timed_out; /* its time was over, and it was ended */
	bool stopped;	/* it was ended because stop_signal said so */
	bool cut;	/* it had more to say than capture_most */
	struct text output;
	double seconds; /* that it took */
	/* For this module. */
	pid_t pid;
	int pidfd, pipe; /* -1: none */
	bool own_group, ending;
	size_t capture_most;
	int64_t started_ns;
};

/*
 * Starts it and returns: p->state is RUNNING or FAILED (then e, which may be NULL, says why, with the words). No
 * descriptor above 2 is open in it.
 */
int program_start(const struct program_request *r, struct program *p, struct error *e) must_check;
/*
 * Waits, at most so long (-1: for ever), and not beyond a signal that we get; takes what there is to capture. true: it
 * has ended, and state and status are there. What it has started and left behind is not waited for.
 */
bool program_wait(struct program *p, int milliseconds);
/* To it, or to its group where it has one of its own. Nothing when it has ended. Safe in a signal handler. */
void program_signal(const struct program *p, int sig);
/* Both, to the end: its own, or when its time is over or stop_signal is set SIGTERM, and some seconds later SIGKILL. */
void program_run(const struct program_request *r, struct program *p, struct error *e);
void program_free(struct program *p);

/* "exit 3", "ended by SIGTERM", "could not be started: No such file or directory" */
void program_put(enum program_state state, int status, struct text *out);
/* What a shell would make of it: the exit status, 128 and the signal, 127 (not there), 126. RUNNING, NONE: 125. */
int program_shell_status(enum program_state state, int status);

#endif
