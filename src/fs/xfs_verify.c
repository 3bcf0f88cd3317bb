// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all metadata: what the passes share, their order, and what is said in the end. */
#include "xfs_verify.h"

#include <stdarg.h>

#define PAGE_BITS 32768u
#define PAGE_WORDS (PAGE_BITS / 64)
#define BLOCKS_MAX (UINT64_C(1) << 33) /* 1 GiB of bits */

static const char *const checks[CHECK_COUNT] = {
    [CHECK_GROUPS] = "xfs.groups",    [CHECK_INODES] = "xfs.inodes", [CHECK_CLAIMS] = "xfs.claims",
    [CHECK_DIRS] = "xfs.directories", [CHECK_XATTRS] = "xfs.xattrs", [CHECK_LINKS] = "xfs.links",
    [CHECK_USE] = "xfs.space",
};

/* Of pages that were set in one go. */
static uint64_t full[PAGE_WORDS];
static pthread_once_t full_once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	memset(full, 0xff, sizeof full);
}

void xfs_say(struct xfs_verify *v, enum xfs_check_id check, int64_t offset, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct finding_text where = {
	    .offset = offset, .has_offset = offset >= 0, .error = ERROR_CORRUPT};
	/* What an unreplayed log could mend, or an unknown feature explain, is not known to be
	 * damage. */
	bool known = !v->x->stale && !v->x->foreign;
	v->broken[check]++;
	finding_add(v->f, PROOF_STRUCTURE, checks[check], v->subject,
		    known ? OUTCOME_BROKEN : OUTCOME_UNPROVEN, &where, "%s", text);
}

int xfs_relay(struct xfs_verify *v, enum xfs_check_id check, const struct error *e)
{
	if (e->cls != ERROR_CORRUPT)
		return -1;
	v->unknown++;
	xfs_say(v, check, e->offset, "%s", e->text);
	return 0;
}

/* The bits of word w of a page from bit `from` to bit `to`. */
static uint64_t mask_of(uint64_t w, uint64_t from, uint64_t to)
{
	uint64_t low = w * 64 < from ? from - w * 64 : 0,
		 high = to - w * 64 < 64 ? to - w * 64 : 64;
	uint64_t above = high == 64 ? 0 : UINT64_MAX << high;
	return (UINT64_MAX << low) & ~above;
}

/* Sets count bits; counts those set before and not in `excused`. */
static int set(struct xfs_bits *bits, const struct xfs_bits *excused, uint64_t at, uint64_t count,
	       uint64_t *taken, uint64_t *first, struct error *e)
{
	*taken = 0;
	for (uint64_t end = at + count; at < end;) {
		uint64_t number = at / PAGE_BITS, from = at % PAGE_BITS;
		uint64_t to =
		    end - number * PAGE_BITS < PAGE_BITS ? end - number * PAGE_BITS : PAGE_BITS;
		uint64_t **page = &bits->pages[number],
			 *ok = excused ? excused->pages[number] : NULL;
		at = number * PAGE_BITS + to;
		if (!*page && !from && to == PAGE_BITS) {
			*page = full;
			continue;
		}
		if (!*page && !(*page = calloc(PAGE_WORDS, sizeof **page)))
			return error_nomem(e);
		for (uint64_t w = from / 64; w * 64 < to; w++) {
			uint64_t mask = mask_of(w, from, to),
				 old = (*page)[w] & mask & ~(ok ? ok[w] : 0);
			if (old && !*taken)
				*first =
				    number * PAGE_BITS + w * 64 + (unsigned)__builtin_ctzll(old);
			*taken += (unsigned)__builtin_popcountll(old);
			if (*page != full)
				(*page)[w] |= mask;
		}
	}
	return 0;
}

int xfs_bits_set(struct xfs_bits *bits, uint64_t from, uint64_t count, struct error *e)
{
	uint64_t taken, first;
	return set(bits, NULL, from, count, &taken, &first, e);
}

int xfs_claim(struct xfs_verify *v, uint64_t block, uint64_t count, bool sharing, uint64_t *taken,
	      uint64_t *first, struct error *e)
{
	return set(&v->claims, sharing ? &v->shared : NULL, block, count, taken, first, e);
}

int xfs_claim_own(struct xfs_verify *v, uint64_t block, uint64_t count, const char *what,
		  struct error *e)
{
	uint64_t taken, first;
	if (xfs_claim(v, block, count, false, &taken, &first, e) < 0)
		return -1;
	if (!taken)
		return 1;
	xfs_say(v, CHECK_CLAIMS, (int64_t)(first << v->x->block_log),
		"%s: %llu blocks belong to something else too", what, (unsigned long long)taken);
	return 0;
}

struct xfs_chunk *xfs_chunk_of(const struct xfs_verify *v, uint64_t inode)
{
	size_t low = 0, high = v->chunks.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->chunks.items[mid].first <= inode)
			low = mid + 1;
		else
			high = mid;
	}
	struct xfs_chunk *c = low ? &v->chunks.items[low - 1] : NULL;
	return c && inode - c->first < 64 ? c : NULL;
}

static int bits_init(struct xfs_bits *b, uint64_t blocks, struct error *e)
{
	b->count = blocks / PAGE_BITS + 1;
	b->pages = calloc((size_t)b->count, sizeof *b->pages);
	return b->pages ? 0 : error_nomem(e);
}

static void bits_free(struct xfs_bits *b)
{
	for (uint64_t i = 0; b->pages && i < b->count; i++)
		if (b->pages[i] != full)
			free(b->pages[i]);
	free(b->pages);
}

static void verify_free(struct xfs_verify *v)
{
	bits_free(&v->claims);
	bits_free(&v->shared);
	vec_free(&v->chunks);
	vec_free(&v->dirs);
	free(v->block);
}

static int count_unclaimed(struct xfs_verify *v, struct error *e)
{
	(void)e;
	for (uint64_t at = 0; at < v->x->blocks; at += PAGE_BITS) {
		const uint64_t *page = v->claims.pages[at / PAGE_BITS];
		uint64_t to = v->x->blocks - at < PAGE_BITS ? v->x->blocks - at : PAGE_BITS;
		for (uint64_t w = 0; w * 64 < to; w++)
			v->leaked += (unsigned)__builtin_popcountll(mask_of(w, 0, to) &
								    ~(page ? page[w] : 0));
	}
	return 0;
}

#define N(field) ((unsigned long long)v->field)

static void held(struct xfs_verify *v, enum xfs_check_id check, const char *text)
{
	if (!v->broken[check])
		finding_add(v->f, PROOF_STRUCTURE, checks[check], v->subject, OUTCOME_HELD, NULL,
			    "%s", text);
}

static void conclude(struct xfs_verify *v)
{
	char text[300];
	snprintf(text, sizeof text,
		 "%u groups, their headers and %llu blocks of trees, checksums too", v->x->ag_count,
		 N(trees));
	held(v, CHECK_GROUPS, text);
	snprintf(text, sizeof text,
		 "%llu inodes, %zu directories, %llu map blocks, %llu orphans, checksums too",
		 N(inodes), v->dirs.count, N(nodes), N(orphans));
	held(v, CHECK_INODES, text);
	snprintf(text, sizeof text, "%llu extents: no block belongs to two that do not share it",
		 N(extents));
	held(v, CHECK_CLAIMS, text);
	snprintf(text, sizeof text, "%llu entries in %zu directories, %llu index blocks",
		 N(entries), v->dirs.count, N(indexed));
	held(v, CHECK_DIRS, text);
	snprintf(text, sizeof text, "%llu attributes", N(attributes));
	held(v, CHECK_XATTRS, text);
	if (!v->unknown)
		held(v, CHECK_LINKS,
		     "every inode in use is in a directory, with the right link count");
	if (v->leaked)
		finding_add(v->f, PROOF_STRUCTURE, checks[CHECK_USE], v->subject, OUTCOME_SKIPPED,
			    NULL, "%llu blocks are neither free nor in use: space lost, no data",
			    N(leaked));
	else
		held(v, CHECK_USE, "every block is free or belongs to something");
}

int xfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e)
{
	struct xfs_verify v autodestroy(verify_free) = {
	    .x = self, .subject = subject, .f = f, .b = b, .now = now};
	static int (*const passes[])(struct xfs_verify *, struct error *) = {
	    xfs_check_groups, xfs_check_inodes, xfs_check_dirs, xfs_check_links, count_unclaimed,
	};
	pthread_once(&full_once, fill);
	if (v.x->blocks > BLOCKS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "too many blocks to keep account of");
	v.block = malloc(v.x->block_size);
	if (!v.block)
		return error_nomem(e);
	if (bits_init(&v.claims, v.x->blocks, e) < 0 || bits_init(&v.shared, v.x->blocks, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
		if (budget_check(b, e) < 0 || passes[i](&v, e) < 0)
			return -1;
	conclude(&v);
	*newest = v.newest;
	return 0;
}
