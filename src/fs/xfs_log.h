// SPDX-License-Identifier: GPL-3.0-or-later
/* Shared by the rooms of the log: records, transactions, and what their items change. */
#ifndef FS_XFS_LOG_H
#define FS_XFS_LOG_H

#include "xfs.h"

#define XLOG_RECORD_MAX (256 * 1024)
#define XLOG_HEADERS_MAX 8
#define XLOG_MEMORY (512 * MIB)
#define XLOG_MAGIC 0xfeedbabeu
#define XLOG_BUFFERS 8	    /* records that can be written at once */
#define XLOG_IN_FLIGHT 4096 /* sectors of these */

enum xlog_type {
	XLOG_EFI = 0x1236,
	XLOG_EFD,
	XLOG_INODE = 0x123b,
	XLOG_BUFFER,
	XLOG_DQUOT,
	XLOG_QUOTAOFF,
	XLOG_ICREATE,
	XLOG_RUI,
	XLOG_RUD,
	XLOG_CUI,
	XLOG_CUD,
	XLOG_BUI,
	XLOG_BUD,
	XLOG_ATTRI,
	XLOG_ATTRD,
	XLOG_XMI,
	XLOG_XMD,
	XLOG_RT_FIRST,
	XLOG_RT_LAST = XLOG_RT_FIRST + 5,
};
enum { XLOG_BUF_INODES = 1, XLOG_BUF_CANCEL = 2, XLOG_BUF_QUOTAS = 4 | 8 | 16 };

/* A record: header blocks, then its operations. Places are in sectors of 512 bytes from the log's
 * beginning. */
struct xlog_record {
	uint64_t at, sequence, tail; /* tail: sequence number of the first record still needed */
	uint32_t cycle, headers, length, operations, crc, size; /* size: of a buffer */
};

struct xlog_region {
	size_t at; /* in the transaction's bytes */
	uint32_t length;
};

struct xlog_trans {
	uint32_t id;
	bool used;
	uint64_t sequence;
	uint8_t head[16];
	unsigned head_length;
	uint8_t *data;
	size_t length, capacity;
	VEC(struct xlog_region) regions;
};

/* A buffer that was freed: what the log holds of it before that is not replayed. */
struct xlog_cancel {
	uint64_t daddr;
	uint32_t length, count; /* length 0: empty slot */
};

struct xlog {
	struct xfs *x;
	uint64_t start, size; /* byte offset; sectors */
	uint8_t *record;      /* one record, headers first */
	VEC(struct xlog_trans) transactions;
	size_t memory;
	struct xlog_cancel *cancels; /* a table of open addressing */
	size_t slots, used;
	VEC(struct {
		uint64_t id;
		uint32_t type;
	})
	intents;
	struct source *overlay;
	uint32_t unit; /* bytes of an overlay block */
	uint8_t *buffer, *block;
	VEC(uint64_t) pieces;
	int pass;
	uint64_t committed, buffers, inodes, newer; /* counts of the second pass */
};

/* xfs_log.c */
int xlog_read(const struct xlog *l, uint64_t at, uint64_t count, uint8_t *to,
	      struct error *e) must_check;
static inline uint64_t xlog_wrap(const struct xlog *l, uint64_t at)
{
	return at >= l->size ? at - l->size : at;
}
static inline uint64_t xlog_end(const struct xlog *l, const struct xlog_record *r)
{
	return xlog_wrap(l, r->at + r->headers + (r->length + 511) / 512);
}
static inline uint32_t xlog_cycle(const uint8_t *sector)
{
	return get_be32(sector) == XLOG_MAGIC ? get_be32(sector + 4) : get_be32(sector);
}
/* The sequence number of what is written next, at head. */
static inline uint64_t xlog_next(uint64_t head, const struct xlog_record *last)
{
	return (uint64_t)(last->cycle + (head <= last->at)) << 32 | head;
}

/* xfs_log_head.c: where the log ends. *head: the sector after the last whole record, which is
 * *last. */
int xlog_find_head(struct xlog *l, uint64_t *head, struct xlog_record *last,
		   struct error *e) must_check;
/* The record that begins closest before `from`. 1 found, 0 none among `limit` sectors. */
int xlog_before(struct xlog *l, uint64_t from, uint64_t limit, struct xlog_record *r,
		struct error *e) must_check;
/* Takes a header apart; CORRUPT or UNSUPPORTED when it is none. */
int xlog_header(const struct xlog *l, uint64_t at, struct xlog_record *r,
		struct error *e) must_check;
/* The same of a header in memory. */
int xlog_parse(const struct xlog *l, const uint8_t *h, uint64_t at, struct xlog_record *r,
	       struct error *e) must_check;
bool xlog_sum_ok(const uint8_t *record, const struct xlog_record *r);
/* Reads a record into l->record. 1 when its checksum is right, 0 when not. */
int xlog_load(struct xlog *l, const struct xlog_record *r, struct error *e) must_check;

/* xfs_log_behind.c: CORRUPT when the log was longer than that, by what lies behind its head. */
int xlog_behind(struct xlog *l, uint64_t head, const struct xlog_record *last,
		struct error *e) must_check;

/* xfs_log_trans.c: the operations of the record in l->record. Commits go to xlog_commit. */
int xlog_operations(struct xlog *l, const struct xlog_record *r, struct error *e) must_check;
void xlog_forget(struct xlog *l); /* transactions that never committed */

/* xfs_log_items.c */
int xlog_commit(struct xlog *l, struct xlog_trans *t, struct error *e) must_check;

/* xfs_log_replay.c: what an item changes. regions: its own. */
struct xlog_item {
	const struct xlog_trans *t;
	const struct xlog_region *regions;
	unsigned count;
};
static inline const uint8_t *xlog_data(const struct xlog_item *it, unsigned i)
{
	return it->t->data + it->regions[i].at;
}
bool xlog_is_cancelled(const struct xlog *l, uint64_t daddr, uint32_t length);
int xlog_replay_buffer(struct xlog *l, const struct xlog_item *it, struct error *e) must_check;
int xlog_replay_inode(struct xlog *l, const struct xlog_item *it, struct error *e) must_check;
int xlog_replay_icreate(struct xlog *l, const struct xlog_item *it, struct error *e) must_check;
int xlog_get(struct xlog *l, uint64_t off, uint8_t *to, size_t len, struct error *e) must_check;
int xlog_put(struct xlog *l, uint64_t off, const uint8_t *from, size_t len,
	     struct error *e) must_check;

#endif
