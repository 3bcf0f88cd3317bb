// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The records of a log in use, from the last checkpoint on. An LSN is a sequence number and, in its low bits, the
 * record's place in the log in units of 8 bytes. A change is on the disk when the record or index block that it
 * was made to carries its LSN or a newer one, or when the bytes that it wrote are there; everything else counts
 * as owed. Whatever can't be followed is said in ->why, and then the log counts as owing.
 */
#ifdef HAVE_LIBNTFS_3G
#include "ntfs.h"

enum {
	OP_NOOP,
	OP_COMPENSATION,
	OP_WRITE = 8, /* UpdateNonResidentValue */
	OP_BITS_SET = 0x15,
	OP_BITS_CLEAR,
	OP_END_ACTION = 0x18,
	OP_PREPARE,
	OP_COMMIT,
	OP_FORGET,
	OP_OPEN,
	OP_DUMP_ATTRIBUTES,
	OP_DUMP_NAMES,
	OP_DUMP_PAGES,
	OP_DUMP_TRANSACTIONS,
};
#define HEADER 48u
#define TYPE_RECORD 1u
#define TYPE_CHECKPOINT 2u
#define MAX_RECORD (1 * MIB)
#define MAX_OPEN 4096

struct follow {
	struct ntfs *fs;
	const struct ntfs_log *l;
	struct ntfs_owed *o;
	uint32_t *open; /* transactions begun and not ended */
	size_t open_count;
	uint64_t since; /* changes before this are on the disk for certain */
	uint8_t *body;	/* MAX_RECORD bytes: the client's data, gathered */
	size_t length;
};

static uint64_t first_page(const struct ntfs_log *l)
{
	return l->major >= 2 ? UINT64_C(0x22) * l->page : 2ul * l->system_page + 2ul * l->page;
}

static unsigned place_bits(const struct ntfs_log *l)
{
	return 64 - l->sequence_bits;
}

static uint64_t place_of(const struct ntfs_log *l, uint64_t lsn)
{
	return (lsn & ((UINT64_C(1) << place_bits(l)) - 1)) << 3;
}

static bool page_is_whole(const struct ntfs_log *l, uint64_t at)
{
	return at >= first_page(l) && at + l->page <= l->size && !memcmp(l->data + at, "RCRD", 4);
}

/* The page behind that at `at`; *wrapped when it is the first one. */
static uint64_t next_page(const struct ntfs_log *l, uint64_t at, bool *wrapped)
{
	at += l->page;
	if (at + l->page <= l->size)
		return at;
	*wrapped = true;
	return first_page(l);
}

/* The header of the record, or NULL: the log ends before it. */
static const uint8_t *header_at(const struct ntfs_log *l, uint64_t lsn)
{
	uint64_t at = place_of(l, lsn), page = at / l->page * l->page;
	if (!lsn || !page_is_whole(l, page) || at - page < l->data_at || at - page + HEADER > l->page ||
	    get_le64(l->data + at) != lsn)
		return NULL;
	return l->data + at;
}

/* Gathers a record's data. The LSN behind it, 0: torn. */
static uint64_t gather(struct follow *w, uint64_t lsn, const uint8_t *h)
{
	const struct ntfs_log *l = w->l;
	uint64_t at = place_of(l, lsn), page = at / l->page * l->page, in = at - page + HEADER;
	uint64_t sequence = lsn >> place_bits(l);
	size_t left = get_le32(h + 24);
	bool wrapped = false;
	w->length = 0;
	if (left > MAX_RECORD)
		return 0;
	for (;;) {
		size_t n = l->page - in < left ? (size_t)(l->page - in) : left;
		memcpy(w->body + w->length, l->data + page + in, n);
		w->length += n;
		left -= n;
		in += n;
		if (!left)
			break;
		page = next_page(l, page, &wrapped);
		in = l->data_at;
		if (!page_is_whole(l, page))
			return 0;
	}
	in = (in + 7) & ~UINT64_C(7);
	if (l->page - in < l->header) {
		page = next_page(l, page, &wrapped);
		in = l->data_at;
	}
	return (sequence + wrapped) << place_bits(l) | (page + in) >> 3;
}

static void transaction(struct follow *w, uint32_t id, bool ends)
{
	size_t i = 0;
	while (i < w->open_count && w->open[i] != id)
		i++;
	if (ends && i < w->open_count)
		w->open[i] = w->open[--w->open_count];
	else if (!ends && i == w->open_count && i < MAX_OPEN)
		w->open[w->open_count++] = id;
	else if (!ends && i == MAX_OPEN)
		w->o->why = "too many transactions are unfinished";
}

/* Where byte `off` of what a change was made to lies; -1 outside what the record names. */
static int64_t target_at(const struct follow *w, uint64_t off)
{
	const uint8_t *b = w->body;
	uint64_t cluster = w->fs->g.cluster, n = get_le16(b + 14);
	off += get_le16(b + 20) * UINT64_C(512);
	if (off / cluster >= n || 32 + (off / cluster + 1) * 8 > w->length)
		return -1;
	uint64_t lcn = get_le64(b + 32 + off / cluster * 8);
	return lcn < w->fs->g.clusters ? (int64_t)(lcn * cluster + off % cluster) : -1;
}

/* Whether the change is on the disk. */
static bool is_applied(struct follow *w, uint64_t lsn)
{
	const uint8_t *b = w->body;
	unsigned op = get_le16(b), data = get_le16(b + 4), length = get_le16(b + 6);
	unsigned in = get_le16(b + 16) + (unsigned)get_le16(b + 18);
	uint8_t disk[4096];
	struct error e;
	if (op == OP_BITS_SET || op == OP_BITS_CLEAR)
		return true; /* with the records that use the clusters; fs_verify compares both */
	int64_t at = target_at(w, 0), last;
	if (at < 0 || source_read_at(w->fs->disk.src, (uint64_t)at, disk, 16, &e) < 0)
		return false;
	if (!memcmp(disk, "FILE", 4) || !memcmp(disk, "INDX", 4))
		return get_le64(disk + 8) >= lsn;
	if (op != OP_WRITE || !length || length > sizeof disk || data + (size_t)length > w->length)
		return false;
	/* All of it in one piece on the disk, as every page is but on volumes of small clusters. */
	at = target_at(w, in);
	last = target_at(w, in + length - 1u);
	if (at < 0 || last != at + (int64_t)length - 1)
		return false;
	return source_read_at(w->fs->disk.src, (uint64_t)at, disk, length, &e) == 0 && !memcmp(disk, b + data, length);
}

static void take_record(struct follow *w, uint64_t lsn, const uint8_t *h)
{
	if (get_le32(h + 32) != TYPE_RECORD)
		return;
	if (w->length < 32) {
		if (w->length)
			w->o->why = "a record of it is too short";
		return;
	}
	unsigned op = get_le16(w->body);
	switch (op) {
	case OP_FORGET:
		transaction(w, get_le32(h + 36), true);
		return;
	case OP_NOOP:
	case OP_COMPENSATION:
	case OP_END_ACTION:
	case OP_PREPARE:
	case OP_COMMIT:
	case OP_OPEN:
	case OP_DUMP_ATTRIBUTES:
	case OP_DUMP_NAMES:
	case OP_DUMP_PAGES:
	case OP_DUMP_TRANSACTIONS:
		return;
	}
	transaction(w, get_le32(h + 36), false);
	w->o->changes++;
	w->o->owed += !is_applied(w, lsn);
}

/* What the checkpoint itself says was not written then: 0, or what. */
static const char *read_checkpoint(struct follow *w)
{
	const uint8_t *h = header_at(w->l, w->l->restart);
	if (!h || get_le32(h + 32) != TYPE_CHECKPOINT || !gather(w, w->l->restart, h) || w->length < 64)
		return "its last checkpoint can't be found";
	w->since = get_le64(w->body + 8);
	if (get_le64(w->body + 32) && get_le32(w->body + 56))
		return "pages were waiting to be written at its last checkpoint";
	if (get_le64(w->body + 40) && get_le32(w->body + 60))
		return "transactions were unfinished at its last checkpoint";
	if (!w->since || w->since > w->l->restart)
		return "its last checkpoint contradicts itself";
	return NULL;
}

/* The newest record that any page knows of, copies of the last pages included. */
static uint64_t newest(const struct ntfs_log *l)
{
	uint64_t last = 0;
	for (uint64_t at = 2ul * l->system_page; at + l->page <= l->size; at += l->page) {
		const uint8_t *p = l->data + at;
		if (memcmp(p, "RCRD", 4))
			continue;
		/* In a copy the first of both is a place in the log; then it is small. */
		uint64_t end = get_le64(p + 32);
		if (end > last)
			last = end;
	}
	return last;
}

/*
 * The last pages are written beside their place first. A copy that knows more than the page itself, or is whole
 * where that is torn, stands for it.
 */
static void take_copies(const struct ntfs_log *l)
{
	for (uint64_t at = 2ul * l->system_page; at + l->page <= first_page(l) && at + l->page <= l->size;
	     at += l->page) {
		const uint8_t *copy = l->data + at;
		if (memcmp(copy, "RCRD", 4))
			continue;
		uint64_t to = l->major >= 2 ? get_le32(copy + 60) : get_le64(copy + 8);
		if (to % l->page || to < first_page(l) || to > l->size || l->size - to < l->page)
			continue;
		if (!page_is_whole(l, to) || get_le64(l->data + to + 32) < get_le64(copy + 32))
			memcpy(l->data + to, copy, l->page);
	}
}

int ntfs_follow_log(struct ntfs *fs, const struct ntfs_log *l, struct ntfs_owed *o, struct error *e)
{
	autofree uint32_t *open = calloc(MAX_OPEN, sizeof *open);
	autofree uint8_t *body = malloc(MAX_RECORD);
	if (!open || !body)
		return error_nomem(e);
	struct follow w = {.fs = fs, .l = l, .o = o, .open = open, .body = body};
	take_copies(l);
	o->why = read_checkpoint(&w);
	uint64_t lsn = w.since, steps = l->size / HEADER;
	const uint8_t *h = NULL;
	while (!o->why && steps && (h = header_at(l, lsn))) {
		uint64_t after = gather(&w, lsn, h);
		if (!after || after <= lsn) {
			o->why = "a record of it is torn";
			break;
		}
		take_record(&w, lsn, h);
		o->last = lsn;
		lsn = after;
		steps--;
	}
	o->open = w.open_count;
	if (!o->why && (!steps || o->last < l->restart || o->last < newest(l)))
		o->why = "its records can't be followed to the newest one";
	return 0;
}
#endif
