// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A restore point is opened and looked at by a process of its own: a reader, which is this program executed again, and
 * which confines itself before it looks at any byte. It asks for files by their names, and says what it found; whoever
 * started it (the gate) believes none of it unseen, and decides.
 *
 * Both talk over a stream socket: messages of a head (kind, three zeros, length of what follows; little-endian) and a
 * body. The gate says REQUEST first. Then the reader asks, and waits for the answer to each question; it ends with one
 * RESULT, and exits when the gate has said DONE.
 */
#ifndef GATE_READER_H
#define GATE_READER_H

#include <sys/stat.h>

#include "backproof/confine.h"
#include "backproof/gate.h"
#include "backproof/history.h"
#include "backproof/subject.h"
#include "backproof/wire.h"

/* What a reader is for. */
enum reader_task {
	READER_CHECK,
	READER_INSPECT, /* what follows shows a backup to people, or takes files out of it */
	READER_LIST,
	READER_CAT,
	READER_EXTRACT, /* below READER_TARGET */
	READER_SEAL,
	READER_CHUNKS, /* of the seals beside it */
	READER_TASKS
};

enum reader_message {
	/* of the gate */
	READER_REQUEST = 1,
	READER_ANSWER,
	READER_DONE,
	READER_PEEK, /* enum peek_kind; a descriptor comes along */
	/* of the reader */
	READER_OPEN,	 /* how, path -> errno, and if that is 0: number of the file; a descriptor comes along */
	READER_STAT,	 /* follow, path -> errno, struct stat */
	READER_REAL,	 /* path -> errno, path */
	READER_NAMES,	 /* most, path -> errno, names */
	READER_WRITTEN,	 /* number of a file -> is written */
	READER_CACHED,	 /* number of a file, off, granule, count -> a byte each */
	READER_AGAIN,	 /* number of a file -> as READER_OPEN */
	READER_PACE,	 /* bytes -> goes on (0: it is time to stop) */
	READER_PROGRESS, /* bytes read, in all, decoded, stage; no answer */
	READER_OUTPUT,	 /* 1: bytes of a file, 0: lines of text; and these. no answer */
	READER_CONFINED, /* what is in force; no answer */
	READER_RESULT,
	READER_PEEKED, /* class of an error, and if that is 0: names; else its text */
	READER_MESSAGES
};
#define READER_HEAD 8
#define READER_QUESTION_MOST (64 * KIB) /* bytes of any message of a reader but the result */
#define READER_RESULT_MOST (256 * MIB)
#define READER_REQUEST_MOST (512 * MIB)
#define READER_NAMES_MOST 200000
#define READER_CACHED_MOST 64
#define READER_SOCKET 3 /* descriptors of a reader, from its beginning */
#define READER_SCRATCH 4
#define READER_TARGET 5 /* of READER_EXTRACT */

/* Starts this program as "backproof MODE": fds (at most three) are its descriptors from READER_SOCKET on. -1: *e. */
int reader_spawn(const char *mode, const int fds[], size_t count, pid_t *pid, struct error *e) must_check;

/* 0: all of it went. -1: *e. */
int reader_send(int fd, enum reader_message kind, const void *body, size_t length, int passed_fd,
		struct error *e) must_check;
/* 1: exactly length bytes, and a descriptor if one came (else *passed_fd is -1; may be NULL). 0: the end. */
int reader_receive(int fd, void *to, size_t length, int *passed_fd, struct error *e) must_check;
/*
 * In a reader: the body of the next message, which is of that kind and at most so long. A descriptor that came with it
 * is in *fd, or -1 (fd may be NULL). NULL: it is none, or nobody is there any more.
 */
void *reader_hear(enum reader_message wanted, size_t most, size_t *length, int *fd) must_check;
/* The head that was received. -1: it is none. */
int reader_head(const uint8_t head[READER_HEAD], enum reader_message *kind, size_t *length, struct error *e) must_check;

/* All that a reader is told. */
struct reader_request {
	struct check_parameters p; /* policy, host, live, previous, known and disks point to what follows */
	struct policy policy;
	struct restore_point point;
	struct catalog previous;
	struct live_mounts live;
	struct strings disks;
	struct known_file *known;
	char *host, *hostname, *machine_id;
	struct confine_account account;
	bool has_account, remember, paced;
	unsigned width;
	uint64_t piece; /* of a pace */
	int64_t deadline_ns, parent;
	uint64_t memory;
	uint64_t ahead; /* of footprint_assume_ahead */
	enum reader_task task;
	bool json;
	struct strings files; /* that people ask for */
	unsigned fs;
	char *against; /* READER_SEAL: the source */
};
void reader_request_put(struct wire_out *w, const struct reader_request *r);
/* To be freed in any case. -1: *e. */
int reader_request_get(const void *data, size_t length, struct reader_request *out, struct error *e) must_check;
void reader_request_free(struct reader_request *r);

/* What a reader's result says of one file beside the digests. */
struct reader_file {
	bool read_whole;
	uint64_t holes; /* bytes of it that are known to be zero without having been read */
};
/*
 * Of the result, what collect, proved_collect and remember_collect fill in. files: point.count of them, or NULL.
 */
void reader_result_put(struct wire_out *w, const struct host_result *r, const struct reader_file *files, size_t count);
/*
 * Into out, for the point that was asked about, where nothing of the kind is yet. files: point->count of them. What
 * can't be is CORRUPT: then out holds nothing of it.
 */
int reader_result_get(const void *data, size_t length, const struct restore_point *point,
		      const struct check_parameters *p, struct host_result *out, struct reader_file *files,
		      struct error *e) must_check;

void reader_policy_put(struct wire_out *w, const struct policy *p);
void reader_policy_get(struct wire_in *w, struct policy *out);
void reader_account_put(struct wire_out *w, const struct confine_account *a);
void reader_account_get(struct wire_in *w, struct confine_account *out);
void reader_confined_put(struct wire_out *w, const struct confinement *c);
void reader_confined_get(struct wire_in *w, struct confinement *out);

/*
 * What of the file system a reader may be given: the files of the restore point, the keys that policy trusts and the
 * source that it is held against (or NULL) as they are, and in their directories, and those above, what can be a
 * sidecar or a seal.
 */
struct reader_keeper;
struct reader_keeper *reader_keeper_new(const struct restore_point *point, const struct policy *policy,
					const char *source, struct error *e) must_check;
void reader_keeper_destroy(struct reader_keeper *k);
DEFINE_AUTO(struct reader_keeper, reader_keeper_destroy)
/* One of the restore point's files, that it has given away. */
bool reader_keeper_has(const struct reader_keeper *k, const struct stat *st);
/* Answers one question. *fd: a descriptor that goes along, for the caller to close; -1: none. -1: no question. */
int reader_keeper_answer(struct reader_keeper *k, enum reader_message kind, struct wire_in *question,
			 struct wire_out *answer, int *fd, struct error *e) must_check;
/* The descriptor of that file of the restore point, the keeper's; -1: it was not asked for. */
int reader_keeper_fd(const struct reader_keeper *k, size_t index);
/* A file of the restore point was opened, and had that size then. What is no regular file has none. */
bool reader_keeper_fits(const struct reader_keeper *k, size_t index, uint64_t size);
/*
 * When the reader has ended: the files are what they were when they were opened (else BUSY), and as many bytes of them
 * were read, by the kernel's count, as the result says (else CORRUPT). -1: *e says what is not so.
 */
int reader_keeper_judge(struct reader_keeper *k, const struct restore_point *point, const struct reader_file *files,
			uint64_t kernel_bytes, struct error *e) must_check;
/* Which files these were: a reader does not say so itself. */
void reader_keeper_note(const struct reader_keeper *k, struct host_result *out);

/* In a reader: the door. Its questions go to fd. */
void reader_door_open(int fd);
void reader_door_progress(const struct budget *b);
/* What is no question: nobody answers, or waits. what is freed. */
void reader_door_say(enum reader_message kind, struct wire_out *what);
bool reader_door_pace(uint64_t bytes);

/* Whether restore points are read by readers at all, for this policy. */
bool reader_wanted(const struct policy *p);
/*
 * Starts a reader for the point, waits for it, and fills out with what it found, as looking at it here would.
 * p->scratch is given to it. What goes wrong is a finding that proves nothing. false: it came to no result.
 */
bool reader_run(const struct restore_point *point, struct check_parameters *p, struct host_result *out);

#endif
