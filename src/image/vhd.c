// SPDX-License-Identifier: GPL-3.0-or-later
/* The footers of a VHD, and fixed disks, which have nothing else. */
#include "vhd.h"

#include "known.h"

/* Geometry can't say more: 65535 cylinders, 16 heads, 255 sectors. Then only the size field counts. */
#define CHS_MOST (UINT64_C(65535) * 16 * 255 * VHD_SECTOR)

/* Dynamic and differencing disks begin with a copy of the footer; fixed ones have only the footer. */
static int bid_vhd(const struct probe *p)
{
	return HEAD_HAS(p, 0, "conectix") || TAIL_HAS(p, 512, "conectix") ? 90 : 0;
}

const char *vhd_checksum_flaw(const uint8_t *raw, size_t len, size_t field)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i - field < 4 ? 0 : raw[i];
	return ~sum == get_be32(raw + field) ? NULL : "its checksum does not match";
}

static const char *footer_flaw(const uint8_t *raw)
{
	if (memcmp(raw, "conectix", 8))
		return "it is not there";
	return vhd_checksum_flaw(raw, VHD_FOOTER, 64);
}

void vhd_id_text(const uint8_t id[16], char out[64])
{
	char *to = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		to += snprintf(to, 3, "%02x", id[i]);
	}
}

/*
 * Virtual PC and older QEMU show the disk as large as its geometry says; all others (Hyper-V, Disk2vhd,
 * VirtualBox, XenServer, "qem2") take the size field. Early QEMU rounded the geometry up and not the field.
 */
uint64_t vhd_disk_size(const struct vhd_footer *f, uint64_t capacity)
{
	bool by_chs = !strcmp(f->creator, "vpc ") || !strcmp(f->creator, "qemu");
	return by_chs && f->chs && f->chs != CHS_MOST && f->chs <= capacity ? f->chs : f->current;
}

static int parse_footer(const uint8_t *raw, struct vhd_footer *f, struct error *e)
{
	if (get_be32(raw + 12) >> 16 != 1)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "VHD of version %u.%u",
				 get_be32(raw + 12) >> 16, get_be32(raw + 12) & 0xffff);
	f->header_at = get_be64(raw + 16);
	f->stamp = get_be32(raw + 24);
	memcpy(f->creator, raw + 28, 4);
	f->current = get_be64(raw + 48);
	f->chs = (uint64_t)get_be16(raw + 56) * raw[58] * raw[59] * VHD_SECTOR;
	f->type = get_be32(raw + 60);
	memcpy(f->id, raw + 68, 16);
	f->saved = raw[84] != 0;
	if (f->type < VHD_FIXED || f->type > VHD_DIFFERENCING)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "VHD of type %u", (unsigned)f->type);
	if (!f->current)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "VHD: the footer gives the disk no size");
	return 0;
}

static int open_fixed(struct source *src, const struct image_context *c, const struct vhd_footer *f,
		      struct image *out, struct error *e)
{
	uint64_t room = source_size(src) - VHD_FOOTER, size = vhd_disk_size(f, room);
	if (size > room)
		return error_set(e, ERROR_CORRUPT, (int64_t)room,
				 "VHD: a disk of %llu bytes, but only %llu are stored: parts of the file are missing",
				 (unsigned long long)size, (unsigned long long)room);
	if (room - size >= 2 * MIB)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.size", c->subject, OUTCOME_BROKEN, NULL,
			    "%llu bytes lie between the end of the disk and the footer",
			    (unsigned long long)(room - size));
	struct source *disk = source_window(src, 0, size, source_name(src), e);
	return disk ? image_add_disk(out, NULL, disk, e) : -1;
}

static void say_copy(const struct image_context *c, const char *what, const char *flaw, uint64_t at)
{
	finding_add(c->f, PROOF_STRUCTURE, "vhd.footer", c->subject, OUTCOME_BROKEN,
		    &(struct finding_text){.offset = (int64_t)at, .has_offset = true, .error = ERROR_CORRUPT},
		    "%s is not usable: %s; read by the other one", what, flaw);
}

/* What the two copies say of each other. */
static void judge_copies(const struct image_context *c, const struct vhd_footer *f, const uint8_t *head,
			 const char *head_flaw, const uint8_t *tail, const char *tail_flaw, uint64_t tail_at)
{
	if (tail_flaw)
		say_copy(c, "the footer", tail_flaw, tail_at);
	else if (f->type == VHD_FIXED && !head_flaw && get_be32(head + 60) != VHD_FIXED)
		say_copy(c, "the footer in front", "it says that this is no fixed disk, the one at the end that it is",
			 0);
	else if (f->type != VHD_FIXED && head_flaw)
		say_copy(c, "the copy of the footer in front", head_flaw, 0);
	else if (f->type != VHD_FIXED && memcmp(head, tail, 85))
		say_copy(c, "the copy of the footer in front", "it differs from the footer", 0);
	else
		finding_add(c->f, PROOF_STRUCTURE, "vhd.footer", c->subject, OUTCOME_HELD, NULL,
			    f->type == VHD_FIXED ? "the footer's checksum holds"
						 : "both copies of the footer hold and agree");
	if (f->saved)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.saved-state", c->subject, OUTCOME_SKIPPED, NULL,
			    "the machine was in a saved state: what its memory held is not in this disk");
}

static int open_vhd(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	uint8_t head[VHD_FOOTER], tail[VHD_FOOTER];
	struct vhd_footer f = {0};
	uint64_t size = source_size(src);
	if (size < VHD_FOOTER)
		return error_set(e, ERROR_CORRUPT, 0, "VHD: the file is shorter than a footer");
	uint64_t tail_at = size - VHD_FOOTER;
	if (source_read_at(src, 0, head, sizeof head, e) < 0 ||
	    source_read_at(src, tail_at, tail, sizeof tail, e) < 0)
		return -1;
	const char *head_flaw = footer_flaw(head), *tail_flaw = footer_flaw(tail);
	if (head_flaw && tail_flaw)
		return error_set(e, ERROR_CORRUPT, (int64_t)tail_at,
				 "VHD: no usable footer: at the end %s; in front %s", tail_flaw, head_flaw);
	if (parse_footer(tail_flaw ? head : tail, &f, e) < 0)
		return -1;
	/* Fixed disks have no copy, so what is in front of a cut one is content. */
	if (tail_flaw && f.type == VHD_FIXED)
		return error_set(e, ERROR_CORRUPT, (int64_t)tail_at, "VHD: the footer of a fixed disk: %s", tail_flaw);
	judge_copies(c, &f, head, head_flaw, tail, tail_flaw, tail_at);
	vhd_id_text(f.id, out->id);
	out->made = f.stamp ? VHD_EPOCH + f.stamp : 0;
	out->in_use = true;
	if (f.type == VHD_FIXED)
		return open_fixed(src, c, &f, out, e);
	return vhd_open_dynamic(src, c, &f, tail_flaw ? size : tail_at, out, e);
}

const struct format image_vhd = {
    .name = "vhd",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vhd", ".avhd", ".vpc"),
    .bid = bid_vhd,
    .checksums = CHECKSUMS_METADATA,
    .product = "Microsoft virtual hard disk (VHD)",
    .open_image = open_vhd,
};
