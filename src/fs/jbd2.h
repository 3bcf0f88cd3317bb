// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The log of ext3 and ext4 (and of OCFS2): jbd and jbd2, both checksum generations. An image of a
 * running system is whole only with its log: replay puts the blocks of all complete transactions into
 * an overlay. Linux, Documentation/filesystems/ext4/journal.rst.
 */
#ifndef FS_JBD2_H
#define FS_JBD2_H

#include "backproof/finding.h"
#include "backproof/source.h"

/* Where a run of log blocks lies, in blocks of the file system. */
struct jbd2_run {
	uint64_t logical, physical, count;
};

struct jbd2_log {
	struct source *src; /* the file system as it is stored */
	uint32_t block_size;
	uint64_t blocks;	     /* of the file system: a replayed block lies below */
	const struct jbd2_run *runs; /* in logical order */
	size_t count;
	int64_t mounted; /* when the file system was last mounted: nothing older is part of its log */
	uint64_t max_bytes; /* of replayed blocks kept in memory */
};

enum jbd2_state {
	JBD2_EMPTY,    /* nothing to replay */
	JBD2_REPLAYED, /* all complete transactions are in the overlay */
	JBD2_STALE,    /* there is more than could be replayed; a finding says what */
};

struct jbd2_result {
	enum jbd2_state state;
	bool errors;	/* the kernel noted an error in the log */
	int64_t newest; /* commit time of the last transaction, 0 when none */
	uint32_t transactions;
	uint64_t replayed, revoked; /* blocks */
};

/*
 * Replays into *overlay, made over log->src (NULL stays when nothing is replayed). What is damaged
 * becomes findings "jbd2.*". -1 when the log can't be read at all.
 */
int jbd2_replay(const struct jbd2_log *log, const char *subject, struct findings *f,
		struct source **overlay, struct jbd2_result *out, struct error *e) must_check;
/* Whether the log's superblock says that there is something to replay. */
int jbd2_is_dirty(const struct jbd2_log *log, bool *dirty, struct error *e) must_check;

#endif
