// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to the structures of stored VHD and VHDX images, with checksums made right again for some. What must hold
 * where nothing but HELD is said: every byte can be read; the checksums hold, by sums taken here; blocks and structures
 * lie in the file and in places of their own, by the tables as they are (where no log is to be replayed); the parent is
 * the one that is named; and where only the log was changed, and no checksum mended, it is the content that was stored.
 */
#include <sanitizer/asan_interface.h>

#include "../../src/image/vhdx.h"
#include "../unit/vhd_help.h"
#include "vhd_fields.h"

/* The parent of those that have one, as it was stored; it is never what is changed then. */
struct parent {
	const char *row;
	struct bytes b;
	struct opened_image o;
	bool open;
};

static struct bytes parents[2];

static const struct image *parent_of(void *ctx, const char *name, bool raw, struct error *e)
{
	struct parent *p = ctx;
	(void)raw;
	if (p->open || strncmp(name, "base.", 5)) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", name);
		return NULL;
	}
	p->o = image_of(p->row, &p->b);
	NEED(!p->o.rc);
	p->open = true;
	return &p->o.im;
}

/* What the file says of itself, found again without the reader. */
struct layout {
	const struct patched *p;
	uint8_t *used; /* sectors of the file */
	bool vhdx;
	const char *wrong; /* or NULL */
};

static uint8_t *bytes_at(struct layout *l, uint64_t at, uint64_t len)
{
	if (at <= l->p->size && len <= l->p->size - at)
		return l->p->data + at;
	l->wrong = l->wrong ? l->wrong : "a structure or block lies beyond the end of the file";
	return NULL;
}

static uint8_t *take_place(struct layout *l, uint64_t at, uint64_t len)
{
	uint8_t *p = bytes_at(l, at, len);
	for (uint64_t i = at / 512; p && i < (at + len + 511) / 512; i++) {
		if (l->used[i] && !l->wrong)
			l->wrong = "structures or blocks lie on each other";
		l->used[i] = 1;
	}
	return p;
}

static void need_sum(struct layout *l, uint32_t sum, uint32_t stored)
{
	if (sum != stored && !l->wrong)
		l->wrong = "a checksum does not hold";
}

static void vhd_layout(struct layout *l)
{
	const uint8_t *d = l->p->data, *end = d + l->p->size - 512;
	need_sum(l, vhd_sum(end, 512, 64), get_be32(end + 64));
	if (get_be32(end + 60) == 2)
		return;
	need_sum(l, vhd_sum(d, 512, 64), get_be32(d + 64));
	if (memcmp(d, end, 85) && !l->wrong)
		l->wrong = "the copies of the footer differ";
	const uint8_t *h = bytes_at(l, get_be64(d + 16), 1024);
	if (!h)
		return;
	need_sum(l, vhd_sum(h, 1024, 36), get_be32(h + 36));
	const uint64_t block = get_be32(h + 32), bitmap = (block / 4096 + 511) / 512 * 512;
	/* "qemu" and "vpc " count by the geometry; entries behind the disk's end mean nothing. */
	const bool chs = !memcmp(d + 28, "qemu", 4) || !memcmp(d + 28, "vpc ", 4);
	const uint64_t by_chs = (uint64_t)get_be16(d + 56) * d[58] * d[59] * 512, size = get_be64(d + 48);
	const uint64_t least = chs && by_chs && by_chs < size ? by_chs : size;
	take_place(l, 0, 512);
	take_place(l, l->p->size - 512, 512);
	take_place(l, get_be64(d + 16), 1024);
	const uint64_t count = block ? (least + block - 1) / block : 0;
	const uint8_t *bat = count < 1u << 24 ? take_place(l, get_be64(h + 16), 4 * count) : NULL;
	for (uint64_t i = 0; bat && i < count; i++) {
		uint64_t left = least - i * block;
		if (get_be32(bat + 4 * i) != UINT32_MAX)
			take_place(l, get_be32(bat + 4 * i) * UINT64_C(512), bitmap + (left < block ? left : block));
	}
	if (get_be32(d + 60) == 4 && memcmp(h + 40, parents[0].p + 68, 16) && !l->wrong)
		l->wrong = "the parent is not the one that is named";
}

static const uint8_t *newer_header(const uint8_t *d)
{
	return d + (get_le64(d + 128 * KIB + 8) > get_le64(d + 64 * KIB + 8) ? 128 : 64) * KIB;
}

/* Is the identifier of the parent's state in the locator? In any case, as UTF-16. */
static bool names_parent(const uint8_t *locator, size_t len)
{
	char id[64];
	const uint8_t *h = newer_header(parents[1].p);
	vhdx_guid_text(h + 32, id);
	const size_t n = strlen(id);
	for (size_t at = 0; at + 2 * n <= len; at++) {
		size_t same = 0;
		while (same < n && (locator[at + 2 * same] | 0x20) == (id[same] | 0x20) && !locator[at + 2 * same + 1])
			same++;
		if (same == n)
			return true;
	}
	return false;
}

static void vhdx_layout(struct layout *l)
{
	static const uint8_t none[16];
	const uint8_t *d = l->p->data;
	uint64_t bat_at = 0, bat_len = 0, at = 0, len = 0;
	if (memcmp(d, "vhdxfile", 8))
		l->wrong = "the file identifier is another";
	for (size_t i = 0; i < 2; i++) {
		const size_t h = (64 + 64 * i) * KIB, t = (192 + 64 * i) * KIB;
		need_sum(l, vhdx_sum(d + h, 4096, 0, 4096), get_le32(d + h + 4));
		need_sum(l, vhdx_sum(d + t, 64 * KIB, 0, 64 * KIB), get_le32(d + t + 4));
	}
	const uint8_t *h = newer_header(d);
	if (memcmp(h + 48, none, 16)) /* what the tables say is in the log */
		return;
	take_place(l, 0, MIB);
	if (get_le32(h + 68))
		take_place(l, get_le64(h + 72), get_le32(h + 68));
	const uint8_t *r = d + 192 * KIB + 16;
	for (uint32_t i = get_le32(d + 192 * KIB + 8); i; i--, r += 32) {
		if (!memcmp(r, (uint8_t[]){0x66, 0x77, 0xc2, 0x2d}, 4)) {
			bat_at = get_le64(r + 16);
			bat_len = get_le32(r + 24);
		} else if (!memcmp(r, (uint8_t[]){0x06, 0xa2, 0x7c, 0x8b}, 4)) {
			at = get_le64(r + 16);
			len = get_le32(r + 24);
		}
	}
	const uint8_t *bat = take_place(l, bat_at, bat_len), *m = take_place(l, at, len);
	uint64_t size = 0, block = 0, sector = 0, parent = 0;
	for (size_t i = 0; m && i < get_le16(m + 10); i++) {
		const uint8_t *item = m + 32 + 32 * i, *v = m + get_le32(item + 16);
		if (get_le32(item + 24) & 1)
			continue; /* a user's */
		if (*item == 0x37) {
			block = get_le32(v);
			parent = get_le32(v + 4) & 2;
		} else if (*item == 0x24) {
			size = get_le64(v);
		} else if (*item == 0x1d) {
			sector = get_le32(v);
		}
		if (*item == 0x2d && parent && !names_parent(v, get_le32(item + 20)) && !l->wrong)
			l->wrong = "the parent is not in the state that is named";
	}
	const uint64_t ratio = block ? (sector << 23) / block : 0, blocks = ratio ? (size + block - 1) / block : 0;
	const uint64_t groups = blocks ? (blocks - 1) / ratio + 1 : 0;
	for (uint64_t i = 0; bat && i < groups * (ratio + 1) && i < bat_len / 8; i++) {
		const uint64_t e = get_le64(bat + 8 * i), of = i / (ratio + 1) * ratio + i % (ratio + 1);
		const bool bitmap = i % (ratio + 1) == ratio;
		if ((e & 7) < 6 || (bitmap ? !parent : of >= blocks))
			continue;
		take_place(l, e >> 20 << 20, bitmap ? MIB : size - of * block < block ? size - of * block : block);
	}
}

/* Up to eight bytes of the log, by one change. More of an entry may look as if it had never been written. */
static bool only_log(const struct patched *p)
{
	const uint64_t log = get_le64(p->data + 64 * KIB + 72), len = get_le32(p->data + 64 * KIB + 68);
	size_t changed = 0;
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < PATCH_UNIT; k++) {
			size_t at = p->touched[i] + k;
			if (p->saved[i][k] == p->data[at])
				continue;
			changed++;
			if (at < log || at - log >= len)
				return false;
		}
	return p->changes == 1 && changed <= 8;
}

/* Reads a disk, of large ones the beginning and the end. False: it can't be read. */
static bool read_disk(struct source *s, uint32_t *crc)
{
	static uint8_t buf[1 << 20];
	const uint64_t size = source_size(s);
	struct error e = {0};
	struct extent x;
	*crc = 0;
	for (uint64_t at = 0, n; at < size; at += n) {
		if (at >= 16 * MIB && size > 24 * MIB && at < size - MIB)
			at = size - MIB;
		n = size - at < sizeof buf ? size - at : sizeof buf;
		if (source_extent_at(s, at, &x, &e) < 0)
			return false;
		n = x.length < n ? x.length : n;
		if (source_read_at(s, at, buf, (size_t)n, &e) < 0)
			return false;
		NEED(!x.zero || is_zero(buf, (size_t)n));
		*crc = crc32c_update(*crc, buf, (size_t)n);
	}
	return true;
}

/* good: nothing but HELD was said. crc: of its content. */
static bool visit(const struct patched *p, uint8_t *data, size_t size, bool *good, uint32_t *crc)
{
	const bool vhdx = is_vhdx(p->path);
	struct parent parent = {.row = vhdx ? "vhdx" : "vhd", .b = parents[vhdx]};
	struct companions companions = {.ctx = &parent, .image = parent_of};
	struct opened_image o = {0};
	NEED(!findings_init(&o.f));
	o.src = source_memory(data, size, "mutant", &o.e);
	NEED(o.src);
	struct image_context c = {.subject = "mutant", .f = &o.f, .companions = &companions};
	o.rc = row_of(parent.row)->open_image(o.src, &c, &o.im, &o.e);
	NEED(o.rc || o.im.disks.count == 1);
	NEED(!o.rc || o.e.cls != ERROR_NONE);
	*good = !o.rc && only_good(&o.f);
	const bool read = !o.rc && read_disk(o.im.disks.items[0].source, crc);
	image_shut(&o);
	if (parent.open)
		image_shut(&parent.o);
	return read;
}

static void not_so(const struct patched *p, const char *what)
{
	fprintf(stderr, "%s: HELD, but not so: %s\n", p->path, what);
	patch_show(p);
	abort();
}

static void look_at(const struct patched *p)
{
	static struct {
		bool known;
		uint32_t crc;
	} truths[256];
	bool good;
	uint32_t crc;
	for (size_t i = 0; i < 2 && !parents[i].p; i++)
		parents[i] = unpacked(i ? "fixtures/vhdx/base.vhdx.zst" : "fixtures/vhd/base.vhd.zst");
	if (!truths[p->which].known) {
		autofree uint8_t *plain = patch_as_stored(p);
		NEED(visit(p, plain, p->stored, &good, &truths[p->which].crc));
		NEED(good || strstr(p->path, "log-torn") || strstr(p->path, "log-longer"));
		truths[p->which].known = true;
	}
	/* A sanitizer sees one byte too many. */
	ASAN_POISON_MEMORY_REGION(p->data + p->size, p->stored - p->size);
	const bool read = visit(p, p->data, p->size, &good, &crc);
	ASAN_UNPOISON_MEMORY_REGION(p->data + p->size, p->stored - p->size);
	if (!good)
		return;
	if (!read)
		not_so(p, "it can't be read");
	struct layout l = {p, calloc(p->size / 512 + 2, 1), is_vhdx(p->path), NULL};
	NEED(l.used);
	if (l.vhdx)
		vhdx_layout(&l);
	else
		vhd_layout(&l);
	free(l.used);
	if (l.wrong)
		not_so(p, l.wrong);
	if (l.vhdx && !p->mended && !p->cut && only_log(p) && crc != truths[p->which].crc)
		not_so(p, "other content than was stored");
}

/* last.avhd and last.avhdx have two parents. */
PATCHES_MAIN(700, "fixtures/vhd/[!l]*.zst", "fixtures/vhdx/[!l]*.zst", "fixtures/vhdx/lo*.zst")
