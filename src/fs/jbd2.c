// SPDX-License-Identifier: GPL-3.0-or-later
/* The log's blocks and superblock; replay in three passes: find the end, collect revokes, replay. */
#ifdef HAVE_EXT2FS
#include "jbd2_self.h"

#include <ext2fs/ext2fs.h>

#include "backproof/crc32c.h"

#define REVOKES_MAX (8u * 1024 * 1024)

uint64_t jbd2_place(const struct jbd2 *j, uint32_t at)
{
	size_t low = 0, high = j->log->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct jbd2_run *r = &j->log->runs[mid];
		if (at < r->logical)
			high = mid;
		else if (at >= r->logical + r->count)
			low = mid + 1;
		else
			return (r->physical + (at - r->logical)) * j->log->block_size;
	}
	return UINT64_MAX;
}

int jbd2_read(const struct jbd2 *j, uint32_t at, uint8_t *to, struct error *e)
{
	uint64_t place = jbd2_place(j, at);
	if (place == UINT64_MAX)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the log has a hole at its block %u", at);
	if (source_read_at(j->log->src, place, to, j->log->block_size, e) < 0)
		return error_prefix(e, "log block %u", at);
	return 0;
}

unsigned jbd2_type(const uint8_t *block, uint32_t sequence)
{
	if (get_be32(block) != JBD2_MAGIC || get_be32(block + 8) != sequence)
		return 0;
	return get_be32(block + 4);
}

bool jbd2_tail_sound(const struct jbd2 *j, const uint8_t *block)
{
	static const uint8_t zero[4];
	size_t body = j->log->block_size - 4;
	if (!jbd2_sums(j))
		return true;
	uint32_t crc = crc32c_update(j->seed, block, body);
	return crc32c_update(crc, zero, 4) == get_be32(block + body);
}

bool jbd2_tag_sound(const struct jbd2 *j, const struct jbd2_tag *tag, uint32_t sequence,
		    const uint8_t *data)
{
	if (!jbd2_sums(j))
		return true;
	uint8_t number[4] = {(uint8_t)(sequence >> 24), (uint8_t)(sequence >> 16),
			     (uint8_t)(sequence >> 8), (uint8_t)sequence};
	uint32_t crc = crc32c_update(j->seed, number, 4);
	crc = crc32c_update(crc, data, j->log->block_size);
	return j->incompat & JBD2_CSUM3 ? crc == tag->sum : (crc & 0xffff) == tag->sum;
}

int jbd2_tags(const struct jbd2 *j, const uint8_t *block, uint32_t at, uint32_t *next,
	      jbd2_tag_fn *fn, void *ctx, struct error *e)
{
	size_t end = j->log->block_size - (jbd2_sums(j) ? 4 : 0), size = 8;
	if (j->incompat & JBD2_CSUM3) {
		size = 16;
	} else {
		/* The second generation of checksums makes tags two bytes longer than they need to be. */
		size += j->incompat & JBD2_CSUM2 ? 2 : 0;
		size += j->incompat & JBD2_64BIT ? 4 : 0;
	}
	uint64_t data = (uint64_t)at + 1;
	for (size_t pos = 12; pos + size <= end;) {
		const uint8_t *p = block + pos;
		struct jbd2_tag tag = {.block = get_be32(p)};
		if (j->incompat & JBD2_CSUM3) {
			tag.flags = get_be32(p + 4);
			tag.sum = get_be32(p + 12);
		} else {
			tag.sum = get_be16(p + 4);
			tag.flags = get_be16(p + 6);
		}
		if (j->incompat & JBD2_64BIT)
			tag.block |= (uint64_t)get_be32(p + 8) << 32;
		pos += size + (tag.flags & JBD2_SAME_UUID ? 0 : 16);
		int rc = fn ? fn(ctx, &tag, jbd2_wrap(j, data), e) : 0;
		if (rc)
			return rc;
		data++;
		if (tag.flags & JBD2_LAST)
			break;
	}
	*next = jbd2_wrap(j, data);
	return 0;
}

static int log_open(struct jbd2 *j, struct error *e)
{
	uint8_t *s = j->block;
	uint64_t mapped = 0;
	if (jbd2_read(j, 0, s, e) < 0)
		return -1;
	int64_t at = (int64_t)jbd2_place(j, 0);
	uint32_t type = get_be32(s + 4), length = get_be32(s + 16);
	if (get_be32(s) != JBD2_MAGIC || (type != JBD2_SUPER_V1 && type != JBD2_SUPER_V2))
		return error_set(e, ERROR_CORRUPT, at, "the log has no superblock");
	uint32_t compat = type == JBD2_SUPER_V2 ? get_be32(s + 36) : 0;
	j->incompat = type == JBD2_SUPER_V2 ? get_be32(s + 40) : 0;
	j->sum1 = compat & 1;
	if (j->incompat & ~0x3fu)
		return error_set(e, ERROR_UNSUPPORTED, at, "log features 0x%x are not known here",
				 j->incompat);
	if (jbd2_sums(j)) {
		if (s[80] != 4 || (j->incompat & JBD2_CSUM2 && j->incompat & JBD2_CSUM3))
			return error_set(e, ERROR_CORRUPT, at, "log superblock: checksum type %u",
					 s[80]);
		uint32_t sum = get_be32(s + 252);
		memset(s + 252, 0, 4);
		if (crc32c_update(~0u, s, 1024) != sum)
			return error_set(e, ERROR_CORRUPT, at, "log superblock: wrong checksum");
		j->seed = crc32c_update(~0u, s + 48, 16);
	}
	for (size_t i = 0; i < j->log->count; i++)
		mapped = j->log->runs[i].logical + j->log->runs[i].count;
	j->first = get_be32(s + 20);
	j->end = length;
	if (j->incompat & JBD2_FAST) {
		uint32_t fast = get_be32(s + 84) ? get_be32(s + 84) : 256;
		j->fast = fast < length ? length - fast : 0;
		j->end = j->fast;
	}
	j->sequence = get_be32(s + 24);
	j->start = get_be32(s + 28);
	j->errors = get_be32(s + 32);
	if (get_be32(s + 12) != j->log->block_size || length > mapped || !j->first ||
	    j->first >= j->end || j->end - j->first < 16 ||
	    (type == JBD2_SUPER_V2 && get_be32(s + 64) > 1))
		return error_set(e, ERROR_CORRUPT, at,
				 "log superblock: its geometry makes no sense");
	if (j->start && (j->start < j->first || j->start >= j->end))
		return error_set(e, ERROR_CORRUPT, at,
				 "log superblock: it starts at block %u of %u", j->start, j->end);
	return 0;
}

static int log_init(struct jbd2 *j, const struct jbd2_log *log, struct error *e)
{
	*j = (struct jbd2){.log = log};
	j->block = malloc(log->block_size);
	j->data = malloc(log->block_size);
	if (!j->block || !j->data)
		return error_nomem(e);
	return log_open(j, e);
}

static void log_free(struct jbd2 *j)
{
	free(j->block);
	free(j->data);
}

int jbd2_is_dirty(const struct jbd2_log *log, bool *dirty, struct error *e)
{
	struct jbd2 j autodestroy(log_free);
	if (log_init(&j, log, e) < 0)
		return -1;
	*dirty = j.start != 0;
	return 0;
}

struct revoke {
	uint64_t block;
	uint32_t sequence;
};

struct replay {
	struct jbd2 *j;
	VEC(struct revoke) revokes;
	struct source *overlay;
	struct jbd2_result *out;
	uint32_t sequence;
};

static void replay_free(struct replay *r)
{
	vec_free(&r->revokes);
	source_destroy(r->overlay);
}

static int collect_revokes(struct replay *r, const uint8_t *block, uint32_t at, struct error *e)
{
	const struct jbd2 *j = r->j;
	size_t used = get_be32(block + 12), size = j->incompat & JBD2_64BIT ? 8 : 4;
	if (used < 16 || used > j->log->block_size - (jbd2_sums(j) ? 4u : 0u))
		return error_set(e, ERROR_CORRUPT, (int64_t)jbd2_place(j, at),
				 "log block %u: a revoke record of %zu bytes", at, used);
	for (size_t pos = 16; pos + size <= used; pos += size) {
		if (r->revokes.count >= REVOKES_MAX)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "more than %u revoked blocks", REVOKES_MAX);
		struct revoke *it = vec_push(&r->revokes);
		if (!it)
			return error_nomem(e);
		it->block = size == 8 ? get_be64(block + pos) : get_be32(block + pos);
		it->sequence = r->sequence;
	}
	return 0;
}

static int by_block(const void *a, const void *b)
{
	const struct revoke *x = a, *y = b;
	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return (int32_t)(x->sequence - y->sequence) < 0 ? -1 : x->sequence != y->sequence;
}

/* The last revoke of a block holds for the transactions up to its own. */
static bool revoked(const struct replay *r, uint64_t block)
{
	size_t low = 0, high = r->revokes.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (r->revokes.items[mid].block <= block)
			low = mid + 1;
		else
			high = mid;
	}
	const struct revoke *it = low ? &r->revokes.items[low - 1] : NULL;
	return it && it->block == block && jbd2_not_before(it->sequence, r->sequence);
}

static int replay_tag(void *ctx, const struct jbd2_tag *tag, uint32_t at, struct error *e)
{
	struct replay *r = ctx;
	struct jbd2 *j = r->j;
	if (revoked(r, tag->block)) {
		r->out->revoked++;
		return 0;
	}
	if (tag->block >= j->log->blocks)
		return error_set(e, ERROR_CORRUPT, (int64_t)jbd2_place(j, at),
				 "log block %u is for block %llu, beyond the file system", at,
				 (unsigned long long)tag->block);
	if (jbd2_read(j, at, j->data, e) < 0)
		return -1;
	if (tag->flags & JBD2_ESCAPED)
		memcpy(j->data, "\xc0\x3b\x39\x98", 4);
	if (overlay_put(r->overlay, tag->block, j->data, e) < 0)
		return -1;
	r->out->replayed++;
	if (overlay_count(r->overlay) * j->log->block_size > j->log->max_bytes)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "the log holds more than %llu MiB of blocks to replay",
				 (unsigned long long)(j->log->max_bytes / MIB));
	return 0;
}

/* Walks the transactions before end, already known to be whole. */
static int pass(struct replay *r, uint32_t end, bool revokes, struct error *e)
{
	struct jbd2 *j = r->j;
	uint32_t at = j->start, next;
	r->sequence = j->sequence;
	while (r->sequence != end) {
		if (jbd2_read(j, at, j->block, e) < 0)
			return -1;
		next = jbd2_wrap(j, (uint64_t)at + 1);
		switch (jbd2_type(j->block, r->sequence)) {
		case JBD2_DESCRIPTOR:
			if (jbd2_tags(j, j->block, at, &next, revokes ? NULL : replay_tag, r, e) < 0)
				return -1;
			break;
		case JBD2_REVOKE:
			if (revokes && collect_revokes(r, j->block, at, e) < 0)
				return -1;
			break;
		case JBD2_COMMIT:
			r->sequence++;
			r->out->transactions += revokes;
			break;
		default:
			return error_set(e, ERROR_BUSY, (int64_t)jbd2_place(j, at),
					 "the log changed while it was read");
		}
		at = next;
	}
	return 0;
}

/* Fast commits hold for the transaction that would come next; this reader does not replay them. */
static int fast_commits(const struct jbd2 *j, uint32_t expected, bool *found, struct error *e)
{
	*found = false;
	if (!j->fast)
		return 0;
	for (uint32_t at = j->fast; at <= j->fast + 1; at++) {
		if (jbd2_place(j, at) == UINT64_MAX)
			continue;
		if (jbd2_read(j, at, j->data, e) < 0)
			return -1;
		if (get_le16(j->data) == 9 && get_le16(j->data + 2) >= 8 &&
		    get_le32(j->data + 8) == expected)
			*found = true;
	}
	return 0;
}

int jbd2_replay(const struct jbd2_log *log, const char *subject, struct findings *f,
		struct source **overlay, struct jbd2_result *out, struct error *e)
{
	struct jbd2 j autodestroy(log_free);
	struct replay r autodestroy(replay_free) = {.j = &j, .out = out};
	struct jbd2_span span = {0};
	bool fast;
	memset(out, 0, sizeof *out);
	if (log_init(&j, log, e) < 0)
		return -1;
	j.subject = subject;
	j.f = f;
	out->errors = j.errors != 0;
	if (!j.start)
		return 0;
	if (jbd2_scan(&j, &span, e) < 0 || pass(&r, span.end, true, e) < 0)
		return -1;
	out->newest = span.newest;
	if (r.revokes.count)
		qsort(r.revokes.items, r.revokes.count, sizeof *r.revokes.items, by_block);
	r.overlay = source_overlay(log->src, log->block_size, e);
	if (!r.overlay || pass(&r, span.end, false, e) < 0 ||
	    fast_commits(&j, span.end, &fast, e) < 0)
		return -1;
	if (fast)
		finding_add(
			f, PROOF_STRUCTURE, "jbd2.fast-commit", subject, OUTCOME_UNPROVEN, NULL,
			"the log ends in fast commits, which are not replayed here: the newest changes are not seen");
	out->state = span.damaged || fast ? JBD2_STALE : JBD2_REPLAYED;
	*overlay = take(r.overlay);
	return 0;
}
#endif
