// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Operations of records, put together to transactions. A transaction can begin, go on and end in
 * different records; a region that did not fit goes on in the next operation of its transaction.
 */
#include "xfs_log.h"

enum {
	OP_START = 1,
	OP_COMMIT = 2,
	OP_CONTINUE = 4,
	OP_WAS_CONTINUED = 8,
	OP_END = 0x10,
	OP_UNMOUNT = 0x20
};

static void drop(struct xlog *l, struct xlog_trans *t)
{
	l->memory -= t->capacity;
	free(t->data);
	vec_free(&t->regions);
	memset(t, 0, sizeof *t);
}

void xlog_forget(struct xlog *l)
{
	vec_each(&l->transactions, t) if (t->used) drop(l, t);
	l->transactions.count = 0;
}

static struct xlog_trans *find(struct xlog *l, uint32_t id)
{
	vec_each(&l->transactions, t) if (t->used && t->id == id) return t;
	return NULL;
}

static int begin(struct xlog *l, uint32_t id, uint64_t sequence, struct error *e)
{
	struct xlog_trans *t = NULL;
	vec_each(&l->transactions, it) if (!it->used) t = it;
	if (!t && l->transactions.count > 4096)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "log: too many transactions at once");
	if (!t)
		t = vec_push(&l->transactions);
	if (!t)
		return error_nomem(e);
	*t = (struct xlog_trans){.id = id, .used = true, .sequence = sequence};
	return 0;
}

static int append(struct xlog *l, struct xlog_trans *t, const uint8_t *p, size_t len,
		  struct error *e)
{
	if (!len)
		return 0;
	if (t->length + len > t->capacity) {
		size_t want = t->capacity * 2 + len + 4096;
		if (l->memory + (want - t->capacity) > XLOG_MEMORY)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "log: a transaction is too large to be replayed here");
		uint8_t *grown = realloc(t->data, want);
		if (!grown)
			return error_nomem(e);
		l->memory += want - t->capacity;
		t->data = grown;
		t->capacity = want;
	}
	memcpy(t->data + t->length, p, len);
	t->length += len;
	return 0;
}

static int add(struct xlog *l, struct xlog_trans *t, const uint8_t *p, uint32_t len, bool more,
	       struct error *e)
{
	if (!len)
		return 0;
	if (t->head_length < sizeof t->head) {
		if (len > sizeof t->head - t->head_length)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "log: a transaction without a header");
		memcpy(t->head + t->head_length, p, len);
		t->head_length += len;
		if (t->head_length == sizeof t->head && get_le32(t->head) != 0x5452414e)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "log: a transaction whose header has no magic");
		return 0;
	}
	if (more) {
		if (!t->regions.count)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "log: a region goes on that never began");
		t->regions.items[t->regions.count - 1].length += len;
		return append(l, t, p, len, e);
	}
	/* Regions begin where numbers of 64 bits may. */
	static const uint8_t pad[8];
	if (append(l, t, pad, -t->length & 7, e) < 0)
		return -1;
	struct xlog_region *r = vec_push(&t->regions);
	if (!r)
		return error_nomem(e);
	*r = (struct xlog_region){t->length, len};
	return append(l, t, p, len, e);
}

static int operation(struct xlog *l, const struct xlog_record *r, const uint8_t *op,
		     const uint8_t *p, uint32_t len, struct error *e)
{
	uint32_t id = get_be32(op);
	unsigned flags = op[9];
	struct xlog_trans *t = find(l, id);
	if (op[8] != 0x69 && op[8] != 0xaa)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "log: an operation of no known client");
	if (!t)
		return flags & OP_START ? begin(l, id, r->sequence, e) : 0;
	flags &= ~(unsigned)OP_END;
	if (flags & OP_WAS_CONTINUED)
		flags &= ~(unsigned)OP_CONTINUE;
	switch (flags) {
	case 0:
	case OP_CONTINUE:
		return add(l, t, p, len, false, e);
	case OP_WAS_CONTINUED:
		return add(l, t, p, len, true, e);
	case OP_COMMIT: {
		int rc = xlog_commit(l, t, e);
		drop(l, t);
		return rc;
	}
	case OP_UNMOUNT:
		drop(l, t);
		return 0;
	default:
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "log: an operation with flags 0x%x", flags);
	}
}

int xlog_operations(struct xlog *l, const struct xlog_record *r, struct error *e)
{
	const uint8_t *p = l->record + (size_t)r->headers * 512, *end = p + r->length;
	for (uint32_t i = 0; i < r->operations && p < end; i++) {
		if (end - p < 12 || (size_t)(end - p) - 12 < get_be32(p + 4))
			return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + r->at * 512),
					 "log: an operation that goes beyond its record");
		uint32_t len = get_be32(p + 4);
		if (operation(l, r, p, p + 12, len, e) < 0) {
			if (e->offset == ERROR_NO_OFFSET)
				e->offset = (int64_t)(l->start + r->at * 512);
			return -1;
		}
		p += 12 + (size_t)len;
	}
	return 0;
}
