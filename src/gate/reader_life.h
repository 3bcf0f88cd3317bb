// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_READER_LIFE_H
#define GATE_READER_LIFE_H

#include "reader.h"

/* A reader sees a deadline itself, and has so long to tell; and so long to go when it has told all. */
#define GRACE_NS (INT64_C(10) * 1000000000)

/* A reader that is alive, and how it came to its end. */
struct reader_life {
	/* By whoever wants one: */
	const struct restore_point *point;
	const struct check_parameters *p;
	struct reader_request request; /* task and what belongs to it; the rest is filled in */
	int target;		       /* a directory, for READER_EXTRACT; else -1 */
	/* Takes a result apart. -1: it is none, and *e says why. */
	int (*take_result)(struct reader_life *r, const void *data, size_t length, struct error *e);
	/* Takes what comes meanwhile; NULL: nothing may. -1: it can't be passed on, and *e says why. */
	int (*take_output)(struct reader_life *r, bool bytes, const char *data, size_t length, struct error *e);
	void *ctx;
	/* What comes of it: */
	struct confinement confinement;
	struct reader_file *files;
	struct reader_keeper *keeper;
	pid_t pid;
	int fd;
	bool told_to_stop;
	int64_t kill_at; /* CLOCK_MONOTONIC, ns; 0: never */
	int64_t look_at; /* when the room it takes is looked at again */
	uint64_t kernel_bytes;
	bool has_result, counted;
	bool moved; /* a file was changed while it was read */
	struct error why; /* class NONE: nothing went wrong */
};

/* From beginning to end. What was no good of it is in r->why. reader_life_free in any case. */
void reader_life_run(struct reader_life *r);
void reader_life_free(struct reader_life *r);

/* What the kernel has given it to read, in bytes. Asked while it waits for DONE. */
void reader_life_count(struct reader_life *r);
/* Whether it takes no more room than it may. Now and then. -1: r->why. */
int reader_life_watch(struct reader_life *r, int64_t now) must_check;
/* Waits for its end, and sees to it. Why it was no good one is in r->why. */
void reader_life_reap(struct reader_life *r);
/* What is to be said of it in the findings, beside what it has said itself. sample: of chunks, or NULL. */
void reader_life_judge(struct reader_life *r, struct findings *f, const struct chunk_sample *sample);

#endif
