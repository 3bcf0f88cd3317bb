// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of a VHDX in memory: vhdx_log.c finds what is to be replayed, vhdx_replay.c does it. */
#ifndef IMAGE_VHDX_LOG_H
#define IMAGE_VHDX_LOG_H

#include "vhdx.h"

/* An entry that could begin at a sector of the log. */
struct vhdx_slot {
	uint64_t sequence;
	uint32_t length, tail;
	bool valid;
};

struct vhdx_log {
	uint32_t length, sectors;
	uint8_t *bytes; /* the log twice, so that an entry that goes round is in one piece */
	struct vhdx_slot *slots;
	uint32_t tail, head; /* offsets of the first and the last entry of the active sequence */
	uint32_t behind;     /* ... and of what comes after it */
};

static inline const struct vhdx_slot *vhdx_slot_at(const struct vhdx_log *l, uint32_t at)
{
	return &l->slots[at / VHDX_LOG_SECTOR];
}
/* Where the descriptors of an entry end and its data sectors begin. */
static inline uint64_t vhdx_descriptor_bytes(uint32_t count)
{
	return (64 + UINT64_C(32) * count + VHDX_LOG_SECTOR - 1) / VHDX_LOG_SECTOR * VHDX_LOG_SECTOR;
}

/* Builds v->view from the active sequence. */
int vhdx_apply(struct vhdx *v, const struct vhdx_log *l, const struct image_context *c, struct error *e) must_check;

#endif
