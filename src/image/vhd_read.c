// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads dynamic and differencing disks. A sector whose bit is not set was never written: it is the
 * parent's, or zeros. Most blocks are written in full: of those the bitmap is read once.
 */
#include "vhd_map.h"

#include "backing.h"

#define RUN_BLOCKS 32768 /* looked at in one call of extent_at */
#define PIECE 512	 /* bytes of a bitmap read at once */

static uint64_t block_length(const struct vhd_map *m, uint32_t b)
{
	uint64_t left = m->size - (uint64_t)b * m->block_size;
	return left < m->block_size ? left : m->block_size;
}

static bool bit_set(const uint8_t *bits, size_t i)
{
	return bits[i / 8] & 0x80 >> i % 8;
}

/* Is every sector of the block that lies on the disk marked as written? */
static int learn(struct vhd_map *m, uint32_t b, struct error *e)
{
	uint8_t bits[PIECE];
	uint64_t at = (uint64_t)m->bat[b] * VHD_SECTOR;
	size_t sectors = (size_t)((block_length(m, b) + VHD_SECTOR - 1) / VHD_SECTOR);
	for (size_t done = 0; done < sectors; done += PIECE * 8) {
		size_t n = sectors - done < PIECE * 8 ? sectors - done : PIECE * 8, whole = n / 8;
		if (source_read_at(m->file, at + done / 8, bits, (n + 7) / 8, e) < 0)
			return -1;
		for (size_t i = 0; i < whole; i++)
			if (bits[i] != 0xff) {
				m->state[b] = VHD_MIXED;
				return 0;
			}
		for (size_t i = whole * 8; i < n; i++)
			if (!bit_set(bits, i)) {
				m->state[b] = VHD_MIXED;
				return 0;
			}
	}
	m->state[b] = VHD_FULL;
	return 0;
}

static int read_mixed(struct vhd_map *m, uint32_t b, uint64_t in, uint8_t *to, size_t len, struct error *e)
{
	uint8_t bits[PIECE];
	uint64_t at = (uint64_t)m->bat[b] * VHD_SECTOR, start = (uint64_t)b * m->block_size;
	uint64_t from = 0, have = 0; /* the sectors that bits are of */
	while (len) {
		uint64_t sector = in / VHD_SECTOR, end = (in + len - 1) / VHD_SECTOR + 1, next = sector + 1;
		if (sector < from || sector >= from + have) {
			size_t n = m->bitmap_size - (size_t)(sector / 8);
			from = sector / 8 * 8;
			n = n < PIECE ? n : PIECE;
			if (source_read_at(m->file, at + from / 8, bits, n, e) < 0)
				return -1;
			have = n * 8;
		}
		bool here = bit_set(bits, (size_t)(sector - from));
		while (next < end && next < from + have && bit_set(bits, (size_t)(next - from)) == here)
			next++;
		size_t n = next * VHD_SECTOR - in < len ? (size_t)(next * VHD_SECTOR - in) : len;
		if ((here ? source_read_at(m->file, at + m->bitmap_size + in, to, n, e)
			  : backing_read(m->parent, start + in, to, n, e)) < 0)
			return -1;
		in += n;
		to += n;
		len -= n;
	}
	return 0;
}

/* How many blocks from b on are free, at most `most`. */
static uint32_t free_run(const struct vhd_map *m, uint32_t b, uint32_t most)
{
	uint32_t n = 0;
	while (n < most && b + n < m->blocks && m->bat[b + n] == VHD_FREE)
		n++;
	return n;
}

static int map_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct vhd_map *m = self;
	uint8_t *to = buf;
	while (len) {
		uint32_t b = (uint32_t)(off / m->block_size);
		uint64_t in = off % m->block_size, left = m->block_size - in;
		uint32_t run = free_run(m, b, RUN_BLOCKS);
		if (run)
			left += (uint64_t)(run - 1) * m->block_size;
		size_t n = left < len ? (size_t)left : len;
		int rc;
		if (run) {
			rc = backing_read(m->parent, off, to, n, e);
		} else {
			rc = m->state[b] == VHD_UNKNOWN ? learn(m, b, e) : 0;
			if (!rc && m->state[b] == VHD_FULL)
				rc = source_read_at(m->file, (uint64_t)m->bat[b] * VHD_SECTOR + m->bitmap_size + in,
						    to, n, e);
			else if (!rc)
				rc = read_mixed(m, b, in, to, n, e);
		}
		if (rc < 0)
			return -1;
		off += n;
		to += n;
		len -= n;
	}
	return 0;
}

static int map_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct vhd_map *m = self;
	uint32_t b = (uint32_t)(off / m->block_size), run = free_run(m, b, RUN_BLOCKS);
	uint64_t left = m->block_size - off % m->block_size;
	if (run)
		return backing_extent(m->parent, off, left + (uint64_t)(run - 1) * m->block_size, out, e);
	for (run = 1; run < RUN_BLOCKS && b + run < m->blocks && m->bat[b + run] != VHD_FREE; run++)
		;
	*out = (struct extent){.length = left + (uint64_t)(run - 1) * m->block_size};
	return 0;
}

static const struct source_ops map_ops = {"VHD", map_read_at, map_extent_at, NULL};

struct source *vhd_map_source(struct vhd_map *m, const char *name, struct error *e)
{
	return source_new(&map_ops, m, m->size, name, e);
}
