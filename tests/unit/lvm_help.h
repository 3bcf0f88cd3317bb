// SPDX-License-Identifier: GPL-3.0-or-later
/* Physical volumes out of metadata that a test writes, every checksum right: only what it says can be wrong then. */
#ifndef LVM_HELP_H
#define LVM_HELP_H

#include "backproof/volume_group.h"
#include "fixture.h"

#define PV_SIZE (128 * KIB)
#define PV_AREA 4096
#define PV_AREA_SIZE (28 * KIB - PV_AREA)
#define PV_START (32 * KIB)
#define PV_TEXT (PV_AREA_SIZE - 512)

static inline uint32_t lvm_sum(const uint8_t *p, size_t len)
{
	uint32_t c = 0xf597a6cf;
	for (; len--; p++) {
		c ^= *p;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return c;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static inline void seal_label(uint8_t *pv)
{
	put32(pv + 512 + 16, lvm_sum(pv + 512 + 20, 492));
}

static inline void seal_area(uint8_t *pv)
{
	put32(pv + PV_AREA, lvm_sum(pv + PV_AREA + 4, 508));
}

/* The text goes behind the header of its area: len bytes, which may hold anything. */
static inline void put_text(uint8_t *pv, const char *text, size_t len, size_t area_size)
{
	NEED(len <= area_size - 512);
	memcpy(pv + PV_AREA + 512, text, len);
	put64(pv + PV_AREA + 32, area_size);
	put64(pv + PV_AREA + 40, 512);
	put64(pv + PV_AREA + 48, len);
	put32(pv + PV_AREA + 56, lvm_sum((const uint8_t *)text, len));
	put32(pv + PV_AREA + 60, 0);
	seal_area(pv);
	put64(pv + 512 + 32 + 40 + 32 + 8, area_size);
	seal_label(pv);
}

/* What is stored: fixtures/lvm/corpus.py. Its text comes out as a string. */
static inline void load_kinds(uint8_t pv[PV_SIZE], char text[PV_TEXT])
{
	size_t size;
	autofree uint8_t *kinds = fixture_file("fixtures/lvm/corpus/kinds", &size);
	NEED(kinds && size == PV_SIZE);
	memcpy(pv, kinds, size);
	uint64_t at = get_le64(pv + PV_AREA + 40), len = get_le64(pv + PV_AREA + 48);
	NEED(len <= PV_TEXT);
	for (uint64_t i = 0; i < len; i++)
		text[i] = (char)pv[PV_AREA + (at + i < PV_AREA_SIZE ? at + i : at + i - PV_AREA_SIZE + 512)];
}

/* The first `old` in text becomes new; NULL: new goes to its end. */
static inline void replace(char text[PV_TEXT], const char *old, const char *new)
{
	char *at = old ? strstr(text, old) : text + strlen(text);
	NEED(at);
	size_t gone = old ? strlen(old) : 0, come = strlen(new);
	NEED(strlen(text) + come < PV_TEXT + gone);
	memmove(at + come, at + gone, strlen(at + gone) + 1);
	memcpy(at, new, come);
}

#endif
