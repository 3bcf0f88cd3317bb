// SPDX-License-Identifier: GPL-3.0-or-later
/* Shared by the rooms of jbd2: the open log and its blocks. */
#ifndef FS_JBD2_SELF_H
#define FS_JBD2_SELF_H

#include "jbd2.h"

#define JBD2_MAGIC 0xc03b3998u
enum { JBD2_DESCRIPTOR = 1, JBD2_COMMIT, JBD2_SUPER_V1, JBD2_SUPER_V2, JBD2_REVOKE };
enum { /* incompatible features */
       JBD2_HAS_REVOKE = 1,
       JBD2_64BIT = 2,
       JBD2_ASYNC = 4,
       JBD2_CSUM2 = 8,
       JBD2_CSUM3 = 0x10,
       JBD2_FAST = 0x20,
};
enum { JBD2_ESCAPED = 1, JBD2_SAME_UUID = 2, JBD2_DELETED = 4, JBD2_LAST = 8 };

struct jbd2 {
	const struct jbd2_log *log;
	const char *subject;
	struct findings *f;
	uint32_t incompat, seed;
	bool sum1; /* the first checksums: crc32 over a transaction, in its commit block */
	uint32_t first, end, fast, start,
		sequence; /* log blocks first .. end-1; fast commits after */
	uint32_t errors;
	uint8_t *block, *data; /* one block each */
};

struct jbd2_tag {
	uint64_t block;
	uint32_t flags, sum;
};
/* Non-zero stops. at: the log block that holds the data. */
typedef int jbd2_tag_fn(void *ctx, const struct jbd2_tag *tag, uint32_t at, struct error *e);

static inline bool jbd2_sums(const struct jbd2 *j)
{
	return j->incompat & (JBD2_CSUM2 | JBD2_CSUM3);
}
static inline uint32_t jbd2_wrap(const struct jbd2 *j, uint64_t n)
{
	while (n >= j->end)
		n -= j->end - j->first;
	return (uint32_t)n;
}
/* Transaction numbers wrap round. */
static inline bool jbd2_not_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* jbd2.c */
uint64_t jbd2_place(const struct jbd2 *j, uint32_t at); /* byte offset, UINT64_MAX when unmapped */
int jbd2_read(const struct jbd2 *j, uint32_t at, uint8_t *to, struct error *e) must_check;
/* The header of a block of the log: its type, or 0 when it has none or another number. */
unsigned jbd2_type(const uint8_t *block, uint32_t sequence);
bool jbd2_tail_sound(const struct jbd2 *j, const uint8_t *block);
bool jbd2_tag_sound(const struct jbd2 *j, const struct jbd2_tag *tag, uint32_t sequence,
		    const uint8_t *data);
/* Visits the tags of a descriptor at log block `at`; *next: the log block after its data. */
int jbd2_tags(const struct jbd2 *j, const uint8_t *block, uint32_t at, uint32_t *next,
	      jbd2_tag_fn *fn, void *ctx, struct error *e) must_check;

/* jbd2_scan.c: finds the end of the log. *end is the first sequence number that is not replayed. */
struct jbd2_span {
	uint32_t end;
	uint32_t head; /* log block after the last whole transaction */
	int64_t newest;
	bool damaged; /* complete transactions lie beyond the end */
};
int jbd2_scan(struct jbd2 *j, struct jbd2_span *out, struct error *e) must_check;

#endif
