// SPDX-License-Identifier: GPL-3.0-or-later
/* An open history: one connection that writes and one that reads, so that a question never waits for a disk. */
#ifndef HISTORY_STORE_H
#define HISTORY_STORE_H

#include "backproof/history.h"
#include "sql.h"

#define HISTORY_TIME_END INT64_C(253402300800) /* the year 10000 */

struct record_list {
	struct history_record **items;
	size_t count, capacity;
};

struct history {
	struct sql reader, writer; /* READ: no writer */
	bool writes;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	pthread_t thread;
	bool started, closing, flushing, writing;
	struct record_list queue;
	uint64_t chunks_waiting; /* bytes, about */
	size_t lost;
	struct error first; /* of those lost */
};

/*
 * make writes by s, in one transaction that no other process writes in: < 0 fails and leaves all as it was. What make
 * gave, once it is on the disk.
 */
typedef int store_change_fn(struct sql *s, void *ctx, struct error *e);
int store_change(struct history *h, store_change_fn *make, void *ctx, struct error *e) must_check;
/* FILE_COLUMNS. */
void store_ask_file(struct ask *a, const struct history_file *f);
/* Writes records in one transaction, and takes away what is no longer kept. Their ids are set. */
int add_records(struct history *h, struct history_record *const *records, size_t count, struct error *e) must_check;
/* Waits until nothing is left to write, and ends the thread. */
void writer_stop(struct history *h);

#endif
