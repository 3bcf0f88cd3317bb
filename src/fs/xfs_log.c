// SPDX-License-Identifier: GPL-3.0-or-later
/* From the superblock to the log, and what its state means for the view. */
#include "xfs_log.h"

#define RECORDS XLOG_BUFFERS /* that are written at once: only these may be torn */
#define IN_FLIGHT (2 * XLOG_IN_FLIGHT)

int xlog_read(const struct xlog *l, uint64_t at, uint64_t count, uint8_t *to, struct error *e)
{
	uint64_t n = l->size - at < count ? l->size - at : count;
	if (source_read_at(l->x->base, l->start + at * 512, to, (size_t)n * 512, e) < 0)
		return -1;
	if (n == count)
		return 0;
	return source_read_at(l->x->base, l->start, to + n * 512, (size_t)(count - n) * 512, e);
}

static void xlog_free(struct xlog *l)
{
	xlog_forget(l);
	vec_free(&l->transactions);
	vec_free(&l->intents);
	vec_free(&l->pieces);
	free(l->cancels);
	free(l->record);
	free(l->buffer);
	free(l->block);
	source_destroy(l->overlay);
}

/* 1 when the record says that the file system was unmounted, 0 when not. */
static int is_unmount(struct xlog *l, const struct xlog_record *r, struct error *e)
{
	uint8_t op[512];
	if (r->operations != 1)
		return 0;
	if (xlog_read(l, xlog_wrap(l, r->at + r->headers), 1, op, e) < 0)
		return -1;
	return op[9] & 0x20 ? 1 : 0;
}

/*
 * Of the last records, those that were written at once, the first that is torn ends the log. *torn:
 * how many sectors were cut off.
 */
static int cut_torn(struct xlog *l, uint64_t *head, struct xlog_record *last, uint64_t *torn,
		    struct error *e)
{
	struct xlog_record r[RECORDS];
	int n = 0;
	uint64_t tail = last->tail & UINT32_MAX;
	for (r[n++] = *last; n < RECORDS && r[n - 1].at != tail; n++) {
		int rc = xlog_before(l, r[n - 1].at, IN_FLIGHT, &r[n], e);
		if (rc < 0)
			return -1;
		if (!rc || xlog_end(l, &r[n]) != r[n - 1].at)
			break;
	}
	while (n--) {
		int rc = xlog_load(l, &r[n], e);
		if (rc < 0)
			return -1;
		if (rc)
			continue;
		*torn = *head > r[n].at ? *head - r[n].at : *head + l->size - r[n].at;
		*head = r[n].at;
		rc = xlog_before(l, *head, IN_FLIGHT, last, e);
		if (rc <= 0 || xlog_end(l, last) != *head)
			return rc < 0
				   ? -1
				   : error_set(e, ERROR_CORRUPT, (int64_t)(l->start + *head * 512),
					       "log: no whole record before a torn one");
		return 0;
	}
	return 0;
}

/* Every record from the tail to the head, once. */
static int pass(struct xlog *l, uint64_t tail, uint64_t head, int number, struct error *e)
{
	uint64_t at = tail & UINT32_MAX, left = l->size;
	uint32_t cycle = (uint32_t)(tail >> 32);
	l->pass = number;
	if (at >= l->size)
		return error_set(e, ERROR_CORRUPT, (int64_t)l->start, "log: its tail lies outside");
	while (at != head) {
		struct xlog_record r;
		if (xlog_header(l, at, &r, e) < 0)
			return -1;
		uint64_t sectors = r.headers + (r.length + 511) / 512;
		if (r.cycle != cycle || sectors > left)
			return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + at * 512),
					 "log: a record of another round than its neighbours");
		int rc = xlog_load(l, &r, e);
		if (!rc)
			error_set(e, ERROR_CORRUPT, (int64_t)(l->start + at * 512),
				  "log: a record with a wrong checksum");
		if (rc <= 0 || xlog_operations(l, &r, e) < 0)
			return -1;
		left -= sectors;
		cycle += at + sectors >= l->size;
		at = xlog_end(l, &r);
	}
	xlog_forget(l);
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void judge(struct xlog *l, uint64_t torn, const char *subject, struct findings *f,
		  struct fs_info *info)
{
	size_t views = 0;
	for (size_t i = 0; i < l->intents.count; i++) {
		uint32_t type = l->intents.items[i].type;
		/* What is left to be freed or counted does not change what is seen. */
		views += type != XLOG_EFI && type != XLOG_RUI && type != XLOG_CUI;
	}
	l->x->intents = l->intents.count;
	if (views) {
		info->stale_view = true;
		finding_add(f, PROOF_STRUCTURE, "xfs.replay", subject, OUTCOME_UNPROVEN, NULL,
			    "the log was replayed, but %zu changes of files or attributes were "
			    "begun in it and are left to be "
			    "finished at the next mount",
			    views);
		return;
	}
	if (torn) {
		/* By its cycle numbers it was written whole: more likely damaged since than cut
		 * off. */
		info->stale_view = true;
		finding_add(
		    f, PROOF_STRUCTURE, "xfs.replay", subject, OUTCOME_UNPROVEN, NULL,
		    "the last %llu bytes of the log are damaged or were being written: the newest "
		    "changes are not seen",
		    (unsigned long long)torn * 512);
		return;
	}
	finding_add(f, PROOF_STRUCTURE, "xfs.replay", subject, OUTCOME_HELD, NULL,
		    "%llu transactions replayed in memory: %llu buffers, %llu inodes; %llu were "
		    "newer on the disk",
		    (unsigned long long)l->committed, (unsigned long long)l->buffers,
		    (unsigned long long)l->inodes, (unsigned long long)l->newer);
}

static int replay(struct xlog *l, uint64_t *torn, bool *clean, struct error *e)
{
	struct xlog_record last;
	struct xfs *x = l->x;
	uint64_t head;
	int rc;
	l->record = malloc(XLOG_RECORD_MAX + XLOG_HEADERS_MAX * 512 + 512);
	if (!l->record)
		return error_nomem(e);
	if (xlog_find_head(l, &head, &last, e) < 0 || xlog_behind(l, head, &last, e) < 0)
		return -1;
	rc = is_unmount(l, &last, e);
	if (rc < 0)
		return -1;
	if (rc) {
		/* mkfs and xfs_repair leave the checksum out. */
		rc = last.crc ? xlog_load(l, &last, e) : 1;
		*clean = true;
		l->x->log_end = xlog_next(head, &last);
		if (!rc)
			return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + last.at * 512),
					 "log: its last record has a wrong checksum");
		return rc < 0 ? -1 : 0;
	}
	if (cut_torn(l, &head, &last, torn, e) < 0)
		return -1;
	rc = is_unmount(l, &last, e);
	if (rc > 0)
		return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + head * 512),
				 "log: what follows an unmount is damaged");
	if (rc)
		return -1;
	if (x->log_incompat & ~1u)
		return error_set(e, ERROR_UNSUPPORTED, 220, "log: features 0x%x are not known here",
				 x->log_incompat);
	l->unit = x->block_size < 4096 ? x->block_size : 4096;
	l->overlay = source_overlay(x->base, l->unit, e);
	l->buffer = malloc(XLOG_RECORD_MAX);
	l->block = malloc(l->unit);
	if (!l->overlay)
		return -1;
	if (!l->buffer || !l->block)
		return error_nomem(e);
	if (!*torn) /* what is torn is told, and may have been whole once */
		l->x->log_end = xlog_next(head, &last);
	if (pass(l, last.tail, head, 1, e) < 0)
		return -1;
	return pass(l, last.tail, head, 2, e);
}

int xfs_log_replay(struct xfs *x, const char *subject, struct findings *f, struct fs_info *info,
		   struct error *e)
{
	struct xlog l autodestroy(xlog_free) = {.x = x};
	struct error why;
	bool clean = false;
	uint64_t torn = 0;
	if (!x->log_start) {
		info->stale_view = true;
		finding_add(f, PROOF_STRUCTURE, "xfs.log", subject, OUTCOME_UNPROVEN, NULL,
			    "its log is on another device: whether it is needed is not known");
		return 0;
	}
	l.start = xfs_fsb_place(x, x->log_start);
	l.size = (uint64_t)x->log_blocks << (x->block_log - 9);
	if (l.size < 64 || l.size > UINT32_MAX)
		return error_set(e, ERROR_CORRUPT, 96,
				 "XFS superblock: the size of its log makes no sense");
	if (replay(&l, &torn, &clean, &why) < 0) {
		info->stale_view = !clean;
		info->clean = clean;
		finding_error(f, PROOF_STRUCTURE, "xfs.log", subject, &why);
		if (!clean)
			finding_add(
			    f, PROOF_STRUCTURE, "xfs.replay", subject, OUTCOME_UNPROVEN, NULL,
			    "the log could not be replayed: the newest changes are not seen");
		return 0;
	}
	info->clean = clean;
	if (clean) {
		finding_add(f, PROOF_STRUCTURE, "xfs.log", subject, OUTCOME_HELD, NULL,
			    "the log ends with an unmount: nothing is left in it");
		return 0;
	}
	info->replayed = true;
	x->overlay = take(l.overlay);
	if (l.pieces.count) {
		qsort(l.pieces.items, l.pieces.count, sizeof *l.pieces.items, by_place);
		x->pieces = take(l.pieces.items);
		x->piece_count = l.pieces.count;
	}
	judge(&l, torn, subject, f, info);
	return 0;
}
