// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Committed transactions, item by item. The first pass over the log remembers which buffers were
 * freed later and which intents stay open; the second replays.
 */
#include "xfs_log.h"

static struct xlog_cancel *slot(struct xlog_cancel *table, size_t slots, uint64_t daddr,
				uint32_t length)
{
	struct rng r = {daddr ^ (uint64_t)length << 48};
	for (size_t i = (size_t)rng_next(&r);; i++) {
		struct xlog_cancel *c = &table[i & (slots - 1)];
		if (!c->length || (c->daddr == daddr && c->length == length))
			return c;
	}
}

bool xlog_is_cancelled(const struct xlog *l, uint64_t daddr, uint32_t length)
{
	return l->slots && length && slot(l->cancels, l->slots, daddr, length)->count;
}

static int cancel(struct xlog *l, uint64_t daddr, uint32_t length, struct error *e)
{
	if (!length)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "log: an empty buffer");
	if (l->used * 2 >= l->slots) {
		size_t slots = l->slots ? l->slots * 2 : 256;
		struct xlog_cancel *grown = calloc(slots, sizeof *grown);
		if (!grown)
			return error_nomem(e);
		for (size_t i = 0; i < l->slots; i++)
			if (l->cancels[i].length)
				*slot(grown, slots, l->cancels[i].daddr, l->cancels[i].length) =
				    l->cancels[i];
		free(l->cancels);
		l->cancels = grown;
		l->slots = slots;
	}
	struct xlog_cancel *c = slot(l->cancels, l->slots, daddr, length);
	if (!c->length) {
		*c = (struct xlog_cancel){daddr, length, 0};
		l->used++;
	}
	c->count++;
	return 0;
}

static bool is_intent(unsigned type)
{
	switch (type) {
	case XLOG_EFI:
	case XLOG_RUI:
	case XLOG_CUI:
	case XLOG_BUI:
	case XLOG_ATTRI:
	case XLOG_XMI:
		return true;
	default:
		return type >= XLOG_RT_FIRST && type <= XLOG_RT_LAST &&
		       (type - XLOG_RT_FIRST) % 2 == 0;
	}
}

static int intent(struct xlog *l, const struct xlog_item *it, unsigned type, struct error *e)
{
	if (it->regions[0].length < 16)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "log: an intent that is too short");
	uint64_t id = get_le64(xlog_data(it, 0) + 8);
	if (is_intent(type)) {
		__auto_type n = vec_push(&l->intents);
		if (!n)
			return error_nomem(e);
		n->id = id;
		n->type = type;
		return 0;
	}
	for (size_t i = l->intents.count; i--;)
		if (l->intents.items[i].id == id && l->intents.items[i].type == type - 1) {
			l->intents.items[i] = l->intents.items[--l->intents.count];
			break;
		}
	return 0;
}

static int first_pass(struct xlog *l, const struct xlog_item *it, unsigned type, struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	switch (type) {
	case XLOG_BUFFER:
		if (it->regions[0].length < 20)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "log: a buffer that is too short");
		return get_le16(p + 4) & XLOG_BUF_CANCEL
			   ? cancel(l, get_le64(p + 8), get_le16(p + 6), e)
			   : 0;
	case XLOG_INODE:
	case XLOG_DQUOT:
	case XLOG_QUOTAOFF:
	case XLOG_ICREATE:
		return 0;
	default:
		if (type == XLOG_EFI || type == XLOG_EFD ||
		    (type >= XLOG_RUI && type <= XLOG_RT_LAST))
			return intent(l, it, type, e);
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "log: items of type 0x%x are not known here", type);
	}
}

/* Inodes after the buffers they lie in, lists of unlinked ones after those, and what ends a buffer
 * last of all. */
static unsigned rank(const struct xlog_item *it, unsigned type)
{
	unsigned flags = type == XLOG_BUFFER ? get_le16(xlog_data(it, 0) + 4) : 0;
	if (type == XLOG_ICREATE)
		return 0;
	if (type != XLOG_BUFFER)
		return 1;
	return flags & XLOG_BUF_CANCEL ? 3 : flags & XLOG_BUF_INODES ? 2 : 0;
}

static int second_pass(struct xlog *l, const struct xlog_item *it, unsigned type, struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	switch (type) {
	case XLOG_BUFFER:
		if (get_le16(p + 4) & XLOG_BUF_CANCEL) {
			struct xlog_cancel *c =
			    slot(l->cancels, l->slots, get_le64(p + 8), get_le16(p + 6));
			c->count -= c->count > 0;
			return 0;
		}
		return xlog_replay_buffer(l, it, e);
	case XLOG_INODE:
		return xlog_replay_inode(l, it, e);
	case XLOG_ICREATE:
		return xlog_replay_icreate(l, it, e);
	default:
		return 0; /* quotas are not read */
	}
}

int xlog_commit(struct xlog *l, struct xlog_trans *t, struct error *e)
{
	for (unsigned turn = 0; turn < (l->pass == 1 ? 1 : 4); turn++) {
		for (size_t i = 0; i < t->regions.count;) {
			struct xlog_item it = {.t = t, .regions = &t->regions.items[i]};
			if (it.regions[0].length < 4)
				return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
						 "log: an item that is too short");
			unsigned type = get_le16(xlog_data(&it, 0));
			it.count = get_le16(xlog_data(&it, 0) + 2);
			if (!it.count || it.count > t->regions.count - i)
				return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
						 "log: an item with more parts than there are");
			i += it.count;
			if (l->pass == 1
				? first_pass(l, &it, type, e) < 0
				: rank(&it, type) == turn && second_pass(l, &it, type, e) < 0)
				return -1;
		}
	}
	l->committed += l->pass == 2;
	return 0;
}
