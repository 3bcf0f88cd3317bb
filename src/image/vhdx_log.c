// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * [MS-VHDX] 2.3: the log is a ring of entries, each with a checksum. The newest one names the oldest that
 * still has to be applied; that run is the active sequence. What lies behind it is looked at as well: an
 * entry that was complete once and is damaged now held changes that are lost, which the rules for replay
 * would pass over in silence.
 */
#include "vhdx_log.h"

#include "backproof/crc32c.h"

#define LOG_MOST (64 * MIB)
#define SUMMED_MOST (4 * GIB) /* bytes under checksums: entries that claim much, again and again */

enum entry_state { ENTRY_NONE, ENTRY_VALID, ENTRY_TORN, ENTRY_DAMAGED };

/* Do descriptors and data sectors carry the number of their entry? A torn write leaves older sectors. */
static bool parts_belong(const uint8_t *p, uint32_t length, uint32_t count, uint64_t sequence)
{
	uint64_t data = vhdx_descriptor_bytes(count);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *d = p + 64 + 32 * (size_t)i;
		if (get_le64(d + 24) != sequence)
			return false;
		if (!memcmp(d, "zero", 4)) {
			if (get_le64(d + 8) % VHDX_LOG_SECTOR || get_le64(d + 16) % VHDX_LOG_SECTOR)
				return false;
			continue;
		}
		if (memcmp(d, "desc", 4) || get_le64(d + 16) % VHDX_LOG_SECTOR || data + VHDX_LOG_SECTOR > length)
			return false;
		const uint8_t *s = p + data;
		if (memcmp(s, "data", 4) || get_le32(s + 4) != sequence >> 32 ||
		    get_le32(s + VHDX_LOG_SECTOR - 4) != (uint32_t)sequence)
			return false;
		data += VHDX_LOG_SECTOR;
	}
	return true;
}

static bool sum_holds(const uint8_t *p, uint32_t length)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c_update(crc32c_update(~0u, p, 4), zero, 4);
	return ~crc32c_update(crc, p + 8, length - 8) == get_le32(p + 4);
}

/* Fills *s when there is the header of an entry of this log. *summed counts what is under checksums. */
static enum entry_state look(const struct vhdx_log *l, uint32_t at, const uint8_t *guid, struct vhdx_slot *s,
			     uint64_t *summed)
{
	const uint8_t *p = l->bytes + at;
	uint32_t count = get_le32(p + 24);
	if (memcmp(p, "loge", 4) || memcmp(p + 32, guid, VHDX_GUID))
		return ENTRY_NONE;
	*s = (struct vhdx_slot){.sequence = get_le64(p + 16), .length = get_le32(p + 8), .tail = get_le32(p + 12)};
	if (!s->length || s->length % VHDX_LOG_SECTOR || s->length > l->length || s->tail % VHDX_LOG_SECTOR ||
	    s->tail >= l->length || !s->sequence || vhdx_descriptor_bytes(count) > s->length)
		return ENTRY_DAMAGED;
	*summed += s->length;
	if (*summed > SUMMED_MOST || !parts_belong(p, s->length, count, s->sequence))
		return ENTRY_TORN;
	return sum_holds(p, s->length) ? ENTRY_VALID : ENTRY_DAMAGED;
}

/* The longest run of entries from `start` on. 0 when its last one does not lie behind its own tail. */
static uint64_t run_from(const struct vhdx_log *l, uint32_t start, uint32_t *head, uint32_t *behind)
{
	uint64_t total = 0, sequence = 0;
	uint32_t at = start;
	for (;;) {
		const struct vhdx_slot *s = vhdx_slot_at(l, at);
		if (!s->valid || (total && s->sequence != sequence + 1) || total + s->length > l->length)
			break;
		*head = at;
		sequence = s->sequence;
		total += s->length;
		at = (uint32_t)((at + (uint64_t)s->length) % l->length);
	}
	*behind = at;
	uint32_t tail = total ? vhdx_slot_at(l, *head)->tail : 0;
	for (uint64_t seen = 0; seen < total;) {
		at = (uint32_t)((start + seen) % l->length);
		if (at == tail)
			return sequence;
		seen += vhdx_slot_at(l, at)->length;
	}
	return 0;
}

/* [MS-VHDX] 2.3.3. The number of the newest entry of the active sequence, 0 when there is none. */
static uint64_t find_active(struct vhdx_log *l)
{
	uint64_t best = 0;
	for (uint32_t start = 0;;) {
		uint32_t head = 0, behind = 0;
		uint64_t sequence = run_from(l, start, &head, &behind);
		if (sequence > best) {
			best = sequence;
			l->head = head;
			l->tail = vhdx_slot_at(l, head)->tail;
			l->behind = behind;
		}
		uint32_t next = sequence ? behind : start + VHDX_LOG_SECTOR;
		if (next <= start || next >= l->length)
			return best;
		start = next;
	}
}

/* Where the next entry would begin: is there what is left of one whose header was hit? */
static bool remains(const struct vhdx_log *l, const uint8_t *guid, uint64_t next)
{
	const uint8_t *p = l->bytes + l->behind, *s = p + VHDX_LOG_SECTOR;
	int signs = !memcmp(p, "loge", 4) + !memcmp(p + 32, guid, VHDX_GUID) + (get_le64(p + 16) == next);
	return signs >= 2 || (!memcmp(s, "data", 4) && get_le32(s + 4) == next >> 32 &&
			      get_le32(s + VHDX_LOG_SECTOR - 4) == (uint32_t)next);
}

/* What newer entries there are that the active sequence does not reach. */
static void judge_rest(const struct vhdx_log *l, const uint8_t *states, const struct vhdx *v, uint64_t newest,
		       const struct image_context *c)
{
	bool told = false;
	for (uint32_t i = 0; i < l->sectors; i++) {
		if (states[i] == ENTRY_NONE || l->slots[i].sequence <= newest)
			continue;
		told = true;
		VHDX_FINDING(c, "vhdx.log", states[i] == ENTRY_TORN ? OUTCOME_UNPROVEN : OUTCOME_BROKEN,
			     v->header.log.at + (uint64_t)i * VHDX_LOG_SECTOR,
			     states[i] == ENTRY_VALID ? "entry %llu can't be applied: those before it are damaged"
			     : states[i] == ENTRY_TORN
				 ? "entry %llu is not complete: it was being written, or it is damaged"
				 : "entry %llu is damaged: its changes are lost",
			     (unsigned long long)l->slots[i].sequence);
	}
	if (!told && remains(l, v->header.log_guid, newest + 1))
		VHDX_FINDING(c, "vhdx.log", OUTCOME_BROKEN, v->header.log.at + l->behind,
			     "what should be entry %llu is damaged: its changes are lost",
			     (unsigned long long)newest + 1);
}

static void log_free(struct vhdx_log *l)
{
	free(l->bytes);
	free(l->slots);
}

static int load(struct vhdx *v, struct vhdx_log *l, struct error *e)
{
	const struct vhdx_region *r = &v->header.log;
	uint64_t end;
	if (v->header.log_version)
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)r->at, "VHDX: a log of version %u has to be replayed",
				 v->header.log_version);
	if (!r->length || r->length % MIB || r->at % MIB || r->at < MIB || add_overflows(r->at, r->length, &end) ||
	    end > source_size(v->stored))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "VHDX: the log has to be replayed, and can't lie at %llu with %llu bytes in a file "
				 "of %llu",
				 (unsigned long long)r->at, (unsigned long long)r->length,
				 (unsigned long long)source_size(v->stored));
	if (r->length > LOG_MOST)
		return error_set(e, ERROR_LIMIT, (int64_t)r->at, "VHDX: a log of more than 64 MiB has to be replayed");
	l->length = (uint32_t)r->length;
	l->sectors = l->length / VHDX_LOG_SECTOR;
	l->bytes = malloc(2 * (size_t)l->length);
	l->slots = calloc(l->sectors, sizeof *l->slots);
	if (!l->bytes || !l->slots)
		return error_nomem(e);
	if (source_read_at(v->stored, r->at, l->bytes, l->length, e) < 0)
		return -1;
	memcpy(l->bytes + l->length, l->bytes, l->length);
	return 0;
}

int vhdx_replay(struct vhdx *v, const struct image_context *c, struct error *e)
{
	autodestroy(log_free) struct vhdx_log l = {0};
	const uint8_t *guid = v->header.log_guid;
	uint64_t summed = 0;
	if (is_zero(guid, VHDX_GUID)) {
		finding_add(c->f, PROOF_STRUCTURE, "vhdx.log", c->subject, OUTCOME_HELD, NULL, "the log is empty");
		return 0;
	}
	if (load(v, &l, e) < 0)
		return -1;
	autofree uint8_t *states = calloc(l.sectors, 1);
	if (!states)
		return error_nomem(e);
	for (uint32_t i = 0; i < l.sectors; i++) {
		states[i] = (uint8_t)look(&l, i * VHDX_LOG_SECTOR, guid, &l.slots[i], &summed);
		l.slots[i].valid = states[i] == ENTRY_VALID;
	}
	if (summed > SUMMED_MOST)
		return error_set(e, ERROR_LIMIT, (int64_t)v->header.log.at, "VHDX: a log of entries that overlap");
	uint64_t newest = find_active(&l);
	if (!newest)
		return error_set(e, ERROR_CORRUPT, (int64_t)v->header.log.at,
				 "VHDX: the log is not empty and can't be replayed: it holds no complete sequence of "
				 "entries");
	judge_rest(&l, states, v, newest, c);
	return vhdx_apply(v, &l, c, e);
}
