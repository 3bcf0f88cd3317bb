// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_READING_H
#define GATE_READING_H

#include "reader.h"

/* A reader sees a deadline itself, and has so long to tell; and so long to go when it has told all. */
#define GRACE_NS (INT64_C(10) * 1000000000)

/* A reader that is alive, and how it came to its end. */
struct reading {
	const struct restore_point *point;
	struct check_parameters *p;
	struct host_result *out;
	struct reader_keeper *keeper;
	struct reader_file *files;
	pid_t pid;
	int fd;
	bool told_to_stop;
	int64_t kill_at; /* CLOCK_MONOTONIC, ns; 0: never */
	uint64_t kernel_bytes;
	bool has_result, counted;
	struct error why; /* class NONE: nothing went wrong */
};

/* What the kernel has given it to read, in bytes. Asked while it waits for DONE. */
void reading_count(struct reading *r);
/* Waits for its end, and sees to it. Why it was no good one is in r->why. */
void reading_reap(struct reading *r);
/* What is to be said of it in the findings, beside what it has said itself. */
void reading_judge(struct reading *r);

#endif
