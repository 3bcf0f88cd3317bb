// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where the log ends. A transaction that was being written when the image was taken ends it and is no
 * damage; one that is damaged, with complete ones after it, is: its changes and all later ones are lost.
 */
#ifdef HAVE_EXT2FS
#include "jbd2_self.h"

#include <ext2fs/ext2fs.h>

#include "backproof/crc32c.h"

struct scan {
	struct jbd2 *j;
	uint32_t sequence, sum1;
	int64_t bad_header; /* byte offset of a descriptor or revoke block with a wrong sum, or -1 */
	int64_t bad_data;   /* the same of a data block */
	bool ours;	    /* a sum of the transaction is right: none of an earlier log's would be */
};

static void broken(struct jbd2 *j, const char *check, enum outcome outcome, int64_t at,
		   uint32_t sequence, const char *what)
{
	struct finding_text where = {.offset = at, .has_offset = at >= 0, .error = ERROR_CORRUPT};
	finding_add(j->f, PROOF_STRUCTURE, check, j->subject, outcome, &where,
		    "log transaction %u: %s", sequence, what);
}

static int check_tag(void *ctx, const struct jbd2_tag *tag, uint32_t at, struct error *e)
{
	struct scan *s = ctx;
	struct jbd2 *j = s->j;
	if (!jbd2_sums(j) && !j->sum1)
		return 0;
	if (jbd2_read(j, at, j->data, e) < 0)
		return -1;
	if (j->sum1)
		s->sum1 = ext2fs_crc32_be(s->sum1, j->data, j->log->block_size);
	bool sound = jbd2_tag_sound(j, tag, s->sequence, j->data);
	s->ours |= sound && jbd2_sums(j);
	if (s->bad_data < 0 && !sound)
		s->bad_data = (int64_t)jbd2_place(j, at);
	return 0;
}

/* A descriptor or revoke block. */
static void check_header(struct scan *s, uint32_t at)
{
	bool sound = jbd2_tail_sound(s->j, s->j->block);
	s->ours |= sound && jbd2_sums(s->j);
	if (s->bad_header < 0 && !sound)
		s->bad_header = (int64_t)jbd2_place(s->j, at);
}

static bool commit_sum3(const struct jbd2 *j, uint8_t *block)
{
	uint32_t sum = get_be32(block + 16);
	memset(block + 16, 0, 4);
	bool sound = crc32c_update(j->seed, block, j->log->block_size) == sum;
	uint8_t back[4] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8),
			   (uint8_t)sum};
	memcpy(block + 16, back, 4);
	return sound;
}

static bool commit_sound(const struct scan *s, uint8_t *block)
{
	uint32_t sum = get_be32(block + 16);
	if (jbd2_sums(s->j))
		return commit_sum3(s->j, block);
	if (!s->j->sum1)
		return true;
	/* Type 1 (CRC-32) in 4 bytes; or all zero, from a kernel that did not sum. */
	return (block[12] == 1 && block[13] == 4 && sum == s->sum1) ||
	       (!block[12] && !block[13] && !sum);
}

/* Whether j->data is the commit block of a complete transaction numbered from `least` on. */
static bool is_lost(struct jbd2 *j, const struct jbd2_span *span, uint32_t least)
{
	const uint8_t head[12] = {0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, JBD2_COMMIT, (uint8_t)(least >> 24),
				  (uint8_t)(least >> 16), (uint8_t)(least >> 8), (uint8_t)least};
	uint32_t sequence = get_be32(j->data + 8);
	int64_t when = (int64_t)get_be64(j->data + 48);
	/* Its sum tells a block of this log; where it has none, leftovers are older. */
	if (!memcmp(j->data, head, 8) && jbd2_not_before(sequence, least) && sequence - least < j->end - j->first &&
	    (jbd2_sums(j) ? commit_sum3(j, j->data) : when >= (span->newest ? span->newest : j->log->mounted)))
		return true;
	/* Its sum tells one whose header is damaged, too; nothing but zeros follows its time. */
	if (!jbd2_sums(j) || !is_zero(j->data + 60, j->log->block_size - 60))
		return false;
	memcpy(j->data, head, sizeof head);
	return commit_sum3(j, j->data);
}

/* Whether a complete transaction numbered from `least` on stands in the log after its end. */
static int lost_beyond(struct jbd2 *j, const struct jbd2_span *span, uint64_t left, uint32_t least, int64_t *at,
		       struct error *e)
{
	/* A transaction takes a quarter of the log at most: its commit block would be in this reach. */
	uint64_t reach = (j->end - j->first) / 2 + 1;
	uint32_t from = span->head;
	*at = -1;
	for (uint64_t i = 0; i < left && i < reach; i++, from = jbd2_wrap(j, (uint64_t)from + 1)) {
		uint64_t place = jbd2_place(j, from);
		struct extent hole;
		if (place == UINT64_MAX)
			continue;
		if (source_extent_at(j->log->src, place, &hole, e) < 0)
			return -1;
		if (hole.zero && hole.length >= j->log->block_size)
			continue;
		if (jbd2_read(j, from, j->data, e) < 0)
			return -1;
		if (!is_lost(j, span, least))
			continue;
		*at = (int64_t)place;
		return 0;
	}
	return 0;
}

/* Looks at a commit block. 1: the transaction is whole; 0: the log ends before it. */
static int judge_commit(struct scan *s, struct jbd2_span *out, uint32_t at, bool *torn)
{
	struct jbd2 *j = s->j;
	int64_t when = (int64_t)get_be64(j->block + 48), place = (int64_t)jbd2_place(j, at);
	bool sound = commit_sound(s, j->block);
	if (sound && s->bad_header < 0 && s->bad_data < 0) {
		out->newest = when;
		return 1;
	}
	const bool async = j->incompat & JBD2_ASYNC, bad = s->bad_header >= 0 || s->bad_data >= 0;
	const bool older = (uint64_t)when < (uint64_t)out->newest;
	/* Of an earlier log, in the same place: not part of this one, when nothing before it is. */
	if (older && !sound && !s->ours)
		return 0;
	if (async || !bad || (older && !sound)) {
		*torn = true;
		/* With asynchronous commits a wrong commit block is the end of the log, for every kernel. */
		if (async && !sound)
			return 0;
		if (older)
			broken(j, "jbd2.checksum", OUTCOME_UNPROVEN, place, s->sequence,
			       "begun in this log, but with a wrong checksum and an older time: kernels leave it out");
		else if (!bad)
			broken(j, "jbd2.checksum", OUTCOME_UNPROVEN, place, s->sequence,
			       "a wrong checksum in its commit block: torn or damaged, and no kernel mounts this");
		else
			broken(j, "jbd2.checksum", OUTCOME_UNPROVEN, s->bad_header >= 0 ? s->bad_header : s->bad_data,
			       s->sequence,
			       "committed, but with a wrong checksum: torn or damaged, and no kernel mounts this");
		out->damaged = true;
		return 0;
	}
	out->damaged = true;
	if (s->bad_header >= 0)
		broken(j, "jbd2.checksum", OUTCOME_BROKEN, s->bad_header, s->sequence,
		       "a descriptor or revoke block has a wrong checksum");
	else
		broken(j, "jbd2.checksum", OUTCOME_BROKEN, s->bad_data, s->sequence,
		       "a data block has a wrong checksum");
	return 0;
}

int jbd2_scan(struct jbd2 *j, struct jbd2_span *out, struct error *e)
{
	struct scan s = {j, j->sequence, ~0u, -1, -1, false};
	uint64_t length = j->end - j->first, walked = 0, whole = 0;
	uint32_t at = j->start, next;
	bool torn = false, ended = false;
	*out = (struct jbd2_span){.end = j->sequence, .head = j->start};
	while (!ended && walked < length) {
		if (jbd2_read(j, at, j->block, e) < 0)
			return -1;
		next = jbd2_wrap(j, (uint64_t)at + 1);
		switch (jbd2_type(j->block, s.sequence)) {
		case JBD2_DESCRIPTOR:
			check_header(&s, at);
			if (j->sum1)
				s.sum1 = ext2fs_crc32_be(s.sum1, j->block, j->log->block_size);
			if (jbd2_tags(j, j->block, at, &next, check_tag, &s, e) < 0)
				return -1;
			break;
		case JBD2_REVOKE:
			check_header(&s, at);
			break;
		case JBD2_COMMIT:
			if (!judge_commit(&s, out, at, &torn)) {
				ended = true;
				break;
			}
			out->end = ++s.sequence;
			s.sum1 = ~0u;
			s.bad_header = s.bad_data = -1;
			s.ours = false;
			out->head = next;
			whole = walked + 1;
			break;
		default:
			ended = true;
			break;
		}
		if (ended)
			break;
		walked += next > at ? next - at : length - (at - next);
		at = next;
	}
	/*
	 * With asynchronous commits the commit block may reach the disk before the rest of its
	 * transaction, so only a later one tells; a torn commit block is not its own proof either.
	 * Looked for from the last whole transaction on: a damaged descriptor leads anywhere.
	 */
	uint32_t least = out->end + (torn || j->incompat & JBD2_ASYNC);
	int64_t lost;
	if (lost_beyond(j, out, whole < length ? length - whole : 0, least, &lost, e) < 0)
		return -1;
	if (lost >= 0) {
		out->damaged = true;
		broken(j, torn ? "jbd2.checksum" : "jbd2.sequence", OUTCOME_BROKEN,
		       (int64_t)jbd2_place(j, at), out->end,
		       "it is damaged, and complete transactions after it are cut off");
	}
	return 0;
}
#endif
